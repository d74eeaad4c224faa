#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
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

  /// An idle connection closes now, a busy one after its answer.
  virtual void CloseSoon() = 0;

 private:
  friend class Connections;
  // With the mutex of `Connections`.
  std::list<Connection*>::iterator idle_at_;
  bool idle_ = false;
  bool leaving_ = false;
};

/// The connections that are open. One enters when it is accepted and leaves when it is destroyed.
/// Between requests, and while the head of one is still to come, it is idle; when there are too
/// many, the one that has been idle longest gives way, so that whoever opens connections and says
/// nothing keeps nobody else out.
class Connections {
 public:
  explicit Connections(std::size_t limit) : limit_(limit) {}

  /// False, and the connection is not counted, if there are too many and all are busy.
  bool Enter(Connection* connection) {
    std::shared_ptr<Connection> oldest;
    {
      const std::lock_guard lock(mutex_);
      if (open_.size() - leaving_ >= limit_) {
        if (idle_.empty() || leaving_ >= kMostLeaving) return false;
        Connection* const victim = idle_.front();
        RemoveIdle(victim);
        victim->leaving_ = true;
        ++leaving_;
        oldest = victim->weak_from_this().lock();
      }
      open_.insert(connection);
      AddIdle(connection);
    }
    if (oldest != nullptr) oldest->CloseSoon();
    return true;
  }

  void Idle(Connection* connection) {
    const std::lock_guard lock(mutex_);
    RemoveIdle(connection);
    if (!connection->leaving_) AddIdle(connection);
  }

  void Busy(Connection* connection) {
    const std::lock_guard lock(mutex_);
    RemoveIdle(connection);
  }

  void Leave(Connection* connection) {
    const std::lock_guard lock(mutex_);
    if (open_.erase(connection) == 0) return;
    RemoveIdle(connection);
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

  void AddIdle(Connection* connection) {
    connection->idle_at_ = idle_.insert(idle_.end(), connection);
    connection->idle_ = true;
  }
  void RemoveIdle(Connection* connection) {
    if (!connection->idle_) return;
    idle_.erase(connection->idle_at_);
    connection->idle_ = false;
  }

  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable empty_;         // with mutex_
  std::unordered_set<Connection*> open_;  // with mutex_
  std::list<Connection*> idle_;           // with mutex_; the longest idle first
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
