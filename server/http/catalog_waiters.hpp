#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace upswing::http {

/// Requests that wait for another catalog than the one they know. Each is answered exactly once:
/// when a catalog is published, when its time is up, or when the server drains. Thread-safe.
class CatalogWaiters {
 public:
  /// False, and `answer` is not kept, if so many wait already or the server drains.
  bool Add(std::int64_t deadline_ms, std::function<void()> answer);

  /// Another catalog is in force: answers everybody.
  void Wake();

  /// Answers those whose time is up. Called every second.
  void Expire(std::int64_t now_ms);

  /// Answers everybody and keeps nobody waiting from now on.
  void Drain();

  std::size_t waiting() const;

 private:
  struct Waiter {
    std::int64_t deadline_ms;
    std::function<void()> answer;
  };
  mutable std::mutex mutex_;
  std::vector<Waiter> waiters_;  // with mutex_
  bool draining_ = false;        // with mutex_
};

}  // namespace upswing::http
