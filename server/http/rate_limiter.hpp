#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace upswing::http {

/// Token buckets by name: `rate` requests a second on average, and a second's worth at once (at
/// least one). Thread-safe.
class RateLimiter {
 public:
  /// Takes a token at `now_ms` (of a clock that does not go back) and returns 0, or returns the
  /// milliseconds after which there is one.
  std::int64_t Take(const std::string& name, double rate, std::int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    const double burst = rate < 1 ? 1 : rate;
    const auto [found, is_new] = buckets_.try_emplace(name, Bucket{burst, now_ms});
    Bucket& bucket = found->second;
    bucket.tokens += rate * static_cast<double>(now_ms - bucket.at_ms) / 1000;
    if (bucket.tokens > burst) bucket.tokens = burst;
    bucket.at_ms = now_ms;
    if (bucket.tokens < 1) return 1 + static_cast<std::int64_t>((1 - bucket.tokens) / rate * 1000);
    bucket.tokens -= 1;
    return 0;
  }

 private:
  struct Bucket {
    double tokens;
    std::int64_t at_ms;
  };
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;  // with mutex_; one per key that is limited
};

}  // namespace upswing::http
