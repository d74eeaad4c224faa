#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>  // Boost 1.74's Asio needs it first.
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "server/http/http_server.hpp"

namespace upswing::http {

/// One open connection. Any thread may call.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  virtual ~Connection() = default;

  /// Begins to read. Call once.
  virtual void Start() = 0;

  /// An idle connection closes now; one whose request has begun to arrive after its answer.
  virtual void CloseSoon() = 0;

  /// Closes now, unless the handler has its request: then after the answer.
  virtual void GiveWay() = 0;

  /// Closes now if it is late.
  virtual void CloseIfLate() = 0;

  /// Milliseconds of a clock that only goes forward.
  static std::int64_t Now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

  /// Whether the time has passed that the last `Expire` gave the client.
  bool late(std::int64_t now) const { return now > deadline_ms_.load(std::memory_order_relaxed); }

 protected:
  // A timer for each wait would cost more than a small request does: the server looks at all
  // connections now and then.
  void Expire(std::chrono::milliseconds after) {
    deadline_ms_.store(Now() + after.count(), std::memory_order_relaxed);
  }
  void ExpireNever() {
    deadline_ms_.store(std::numeric_limits<std::int64_t>::max(), std::memory_order_relaxed);
  }

 private:
  friend class Connections;
  // With the mutex of `Connections`.
  std::list<Connection*>::iterator waiting_at_;
  bool waiting_ = false;
  bool leaving_ = false;

  std::atomic<std::int64_t> deadline_ms_{std::numeric_limits<std::int64_t>::max()};
};

/// The connections that are open. One enters when it is accepted and leaves when it is destroyed.
/// While the server waits for its client (between requests, while a request arrives, while an
/// answer is taken) it may be closed for another: when there are too many, the one that the server
/// has waited for longest gives way. Whoever opens connections and says nothing, or sends or reads
/// slowly, keeps nobody else out.
class Connections {
 public:
  explicit Connections(std::size_t limit) : limit_(limit) {}

  /// False, and the connection is not counted, if there are too many and all are busy.
  bool Enter(Connection* connection) {
    std::shared_ptr<Connection> oldest;
    {
      const std::lock_guard lock(mutex_);
      if (open_.size() - leaving_ >= limit_) {
        if (waiting_.empty() || leaving_ >= kMostLeaving) return false;
        Connection* const victim = waiting_.front();
        Remove(victim);
        victim->leaving_ = true;
        ++leaving_;
        oldest = victim->weak_from_this().lock();
      }
      open_.insert(connection);
      Add(connection);
    }
    if (oldest != nullptr) oldest->GiveWay();
    return true;
  }

  /// From now on the server waits for the client of `connection`.
  void Wait(Connection* connection) {
    const std::lock_guard lock(mutex_);
    Remove(connection);
    if (!connection->leaving_) Add(connection);
  }

  /// The handler has a request of `connection`.
  void Busy(Connection* connection) {
    const std::lock_guard lock(mutex_);
    Remove(connection);
  }

  void Leave(Connection* connection) {
    const std::lock_guard lock(mutex_);
    if (open_.erase(connection) == 0) return;
    Remove(connection);
    if (connection->leaving_) --leaving_;
    if (open_.empty()) empty_.notify_all();
  }

  /// The open connections. One that is being destroyed, and waits in `Leave`, is not among them.
  std::vector<std::shared_ptr<Connection>> Open() {
    std::vector<std::shared_ptr<Connection>> alive;
    const std::lock_guard lock(mutex_);
    for (Connection* connection : open_) {
      if (auto held = connection->weak_from_this().lock()) alive.push_back(std::move(held));
    }
    return alive;
  }

  /// Those that are late.
  std::vector<std::shared_ptr<Connection>> Late() {
    std::vector<std::shared_ptr<Connection>> late;
    const std::int64_t now = Connection::Now();
    const std::lock_guard lock(mutex_);
    for (Connection* connection : open_) {
      if (!connection->late(now)) continue;
      if (auto held = connection->weak_from_this().lock()) late.push_back(std::move(held));
    }
    return late;
  }

  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return open_.size();
  }

  void WaitUntilEmpty(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    empty_.wait_for(lock, limit, [this] { return open_.empty(); });
  }

 private:
  // Beyond the limit, while they close.
  static constexpr std::size_t kMostLeaving = 256;

  void Add(Connection* connection) {
    connection->waiting_at_ = waiting_.insert(waiting_.end(), connection);
    connection->waiting_ = true;
  }
  void Remove(Connection* connection) {
    if (!connection->waiting_) return;
    waiting_.erase(connection->waiting_at_);
    connection->waiting_ = false;
  }

  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable empty_;         // with mutex_
  std::unordered_set<Connection*> open_;  // with mutex_
  std::list<Connection*> waiting_;        // with mutex_; the one waited for longest first
  std::size_t leaving_ = 0;               // with mutex_; of `open_`, those that gave way
};

/// What all connections of a server share; outlives them.
struct ConnectionContext {
  const ServerOptions* options = nullptr;
  const Handler* handler = nullptr;
  std::shared_ptr<Connections> open;
};

std::shared_ptr<Connection> MakePlainConnection(boost::asio::ip::tcp::socket socket,
                                                const ConnectionContext& context);

/// `tls` lives as long as the connection: after a reload others use another.
std::shared_ptr<Connection> MakeTlsConnection(boost::asio::ip::tcp::socket socket,
                                              std::shared_ptr<boost::asio::ssl::context> tls,
                                              const ConnectionContext& context);

}  // namespace upswing::http
