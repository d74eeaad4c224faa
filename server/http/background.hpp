#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace upswing::http {

/// Runs long work (reports, erasures) one after the other on a thread of its own, so that it delays
/// no batch and takes the memory of one. Thread-safe.
class Background {
 public:
  explicit Background(std::size_t waiting);
  /// Finishes what was accepted.
  ~Background();

  /// False if so many wait already: the caller says 503.
  bool Run(std::function<void()> work);

  /// Accepted and not begun.
  std::size_t waiting() const;

 private:
  void Loop();

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;  // with mutex_
  bool stop_ = false;                        // with mutex_
  std::thread thread_;
};

}  // namespace upswing::http
