#include "sdk/wire/time.hpp"

#include <algorithm>

namespace upswing::wire {
namespace {

// Clocks come from outside, so sums must not overflow.
std::int64_t Add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t Subtract(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace

std::int64_t BootOffset(const BatchHeader& header, const std::optional<SentAt>& sent_at,
                        std::int64_t receive_ms) {
  if (sent_at && sent_at->boot_id == header.boot_id) return Subtract(receive_ms, sent_at->boot_ms);
  const std::int64_t at_forming = Subtract(header.wall_ms, header.boot_ms);
  if (!sent_at) return at_forming;
  return Add(at_forming, Subtract(receive_ms, sent_at->wall_ms));
}

std::int64_t ResolveTime(std::int64_t time_ms, TimeKind kind, std::int64_t boot_offset,
                         std::int64_t receive_ms) {
  if (kind == TimeKind::kWall) return time_ms;
  return std::min(Add(time_ms, boot_offset), receive_ms);
}

}  // namespace upswing::wire
