#include "sdk/transport/backoff.hpp"

#include <algorithm>

namespace upswing::transport {

std::int64_t Backoff::NextMillis(std::uint64_t random) {
  constexpr std::int64_t kBaseMillis = 500;
  constexpr int kMaxDoublings = 40;  // 500 ms * 2^40 is 17 years and fits.
  failures_ = std::min(failures_ + 1, kMaxDoublings);
  const std::int64_t ceiling = std::min(longest_ms_, kBaseMillis << failures_);
  return static_cast<std::int64_t>(random % (static_cast<std::uint64_t>(ceiling) + 1));
}

}  // namespace upswing::transport
