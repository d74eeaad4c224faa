#include "server/simulation/life.hpp"

#include <algorithm>
#include <numbers>

#include "sdk/base/hash.hpp"

namespace upswing::simulation {
namespace {

constexpr std::array<std::string_view, kKinds> kNames = {"app_open",
                                                         "impression",
                                                         "play",
                                                         "dwell",
                                                         "complete",
                                                         "like",
                                                         "comment",
                                                         "share",
                                                         "follow",
                                                         "product_view",
                                                         "add_to_cart",
                                                         "coupon_issue",
                                                         "checkout",
                                                         "purchase",
                                                         "coupon_use",
                                                         "points_use",
                                                         "member_join",
                                                         "refund",
                                                         "after_sales_ticket",
                                                         "after_sales_reply",
                                                         "live_enter",
                                                         "live_stay",
                                                         "note_view",
                                                         "note_save"};

constexpr std::int64_t kDayMs = 86'400'000;

}  // namespace

std::string_view KindName(Kind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<Kind> KindOf(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Kind>(found - kNames.begin());
}

// 1970-01-01 was a Thursday.
Calendar::Calendar(const World& world)
    : first_(static_cast<int>(((world.start_ms + world.timezone_ms) / kDayMs + 3) % 7)),
      weekend_(world.weekend) {}

SeededLuck::SeededLuck(std::uint64_t seed, std::uint64_t user)
    : state_(base::Mix(base::Mix(seed + 0x5eed) ^ base::Mix(user))) {}

double SeededLuck::Next() {
  state_ += 0x9e3779b97f4a7c15ULL;  // SplitMix64's increment
  return static_cast<double>(base::Mix(state_) >> 11) * 0x1p-53;
}

// Box-Muller. The mean of a log-normal is exp(mu + sigma^2 / 2).
double SeededLuck::Spread(double mean, double sigma) {
  const double radius = std::sqrt(-2 * std::log(1 - Next()));
  const double normal = radius * std::cos(2 * std::numbers::pi * Next());
  return std::round(mean * std::exp(sigma * normal - sigma * sigma / 2) * 100) / 100;
}

}  // namespace upswing::simulation
