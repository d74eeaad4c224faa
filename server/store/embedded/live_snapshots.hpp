#pragma once

#include <cstdint>
#include <limits>
#include <mutex>
#include <set>

namespace upswing::store {

/// The snapshots of this process that are not released yet, numbered as they were taken. Any thread
/// may call.
class LiveSnapshots {
 public:
  /// To be called before the snapshot reads.
  std::uint64_t Add() {
    const std::lock_guard lock(mutex_);
    live_.insert(next_);
    return next_++;
  }
  void Remove(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    live_.erase(number);
  }
  /// Number of the next snapshot.
  std::uint64_t next() const {
    const std::lock_guard lock(mutex_);
    return next_;
  }
  /// The oldest live one; the largest number there is if there is none.
  std::uint64_t oldest() const {
    const std::lock_guard lock(mutex_);
    return live_.empty() ? std::numeric_limits<std::uint64_t>::max() : *live_.begin();
  }

 private:
  mutable std::mutex mutex_;
  std::uint64_t next_ = 1;        // guarded by mutex_
  std::set<std::uint64_t> live_;  // guarded by mutex_
};

}  // namespace upswing::store
