#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace upswing::store {

/// Makes the results of numbered tasks on threads of its own, which have its creator's priority,
/// and hands them in the order of their numbers to the one thread that takes them.
template <typename Result>
class InOrder {
 public:
  /// Called from thread `thread` in [0, threads) for the number of a task.
  using Make = std::function<Result(int thread, std::size_t task)>;

  /// Of the tasks begun and not taken, the costs are `budget` at most, unless it is one alone.
  /// Where the system gives no thread, who takes a result makes it.
  InOrder(std::vector<std::int64_t> costs, std::int64_t budget, int threads, Make make)
      : costs_(std::move(costs)), budget_(budget), make_(std::move(make)), results_(costs_.size()) {
    try {
      for (int t = 0; t < std::min(threads, static_cast<int>(costs_.size())); ++t)
        threads_.emplace_back([this, t] { Work(t); });
    } catch (const std::system_error&) {  // Those that there are do the work.
    }
  }
  /// Begins no more tasks and waits for those begun.
  ~InOrder() {
    {
      const std::lock_guard lock(mutex_);
      begun_ = costs_.size();
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  InOrder(const InOrder&) = delete;
  InOrder& operator=(const InOrder&) = delete;

  /// The next task's result, once it is made; to be called once per task.
  Result Take() {
    if (threads_.empty()) return make_(0, taken_++);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return results_[taken_].has_value(); });
    Result result = *std::move(results_[taken_]);
    results_[taken_].reset();
    cost_ -= costs_[taken_++];
    lock.unlock();
    changed_.notify_all();
    return result;
  }

 private:
  void Work(int thread) {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] {
        return begun_ == costs_.size() || cost_ == 0 || cost_ + costs_[begun_] <= budget_;
      });
      if (begun_ == costs_.size()) return;
      const std::size_t task = begun_++;
      cost_ += costs_[task];
      lock.unlock();
      Result result = make_(thread, task);
      lock.lock();
      results_[task] = std::move(result);
      changed_.notify_all();
    }
  }

  const std::vector<std::int64_t> costs_;
  const std::int64_t budget_;
  const Make make_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t begun_ = 0;  // this and what follows: guarded by mutex_
  std::size_t taken_ = 0;
  std::int64_t cost_ = 0;
  std::vector<std::optional<Result>> results_;

  std::vector<std::thread> threads_;  // last: they use the others
};

}  // namespace upswing::store
