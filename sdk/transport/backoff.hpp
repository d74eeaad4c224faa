#pragma once

#include <cstdint>

namespace upswing::transport {

/// Pauses between attempts: before attempt k (k = 1 is the first retry) uniform in [0, min(longest,
/// 500 ms * 2^k)]. Source: M. Brooker, "Exponential Backoff and Jitter" ("full jitter"), AWS
/// Architecture Blog, 2015.
class Backoff {
 public:
  explicit Backoff(std::int64_t longest_ms) : longest_ms_(longest_ms) {}

  /// The pause after one more failure, in milliseconds. `random` is 64 uniform bits.
  std::int64_t NextMillis(std::uint64_t random);
  void Reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  std::int64_t longest_ms_;
  int failures_ = 0;
};

}  // namespace upswing::transport
