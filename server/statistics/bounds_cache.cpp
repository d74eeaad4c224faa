#include "server/statistics/bounds_cache.hpp"

#include <utility>

namespace upswing::statistics {
namespace {

std::vector<double> KeyOf(const GroupSequentialPlan& plan, absl::Span<const double> information,
                          absl::Span<const double> spending_time, absl::Span<const double> z) {
  std::vector<double> key = {static_cast<double>(plan.spending),
                             plan.parameter,
                             plan.alpha,
                             plan.two_sided ? 2.0 : 1.0,
                             static_cast<double>(information.size()),
                             static_cast<double>(spending_time.size())};
  for (const absl::Span<const double> part : {information, spending_time, z})
    key.insert(key.end(), part.begin(), part.end());
  return key;
}

}  // namespace

absl::StatusOr<GroupSequentialBounds> BoundsCache::Bounds(const GroupSequentialPlan& plan,
                                                          absl::Span<const double> information,
                                                          absl::Span<const double> spending_time) {
  Key key = KeyOf(plan, information, spending_time, {});
  if (const auto found = bounds_.find(key); found != bounds_.end()) return found->second;
  auto bounds = ComputeBounds(plan, information, spending_time);
  if (!bounds.ok()) return bounds;
  ++misses_;
  if (bounds_.size() >= kMost) bounds_.clear();
  bounds_.emplace(std::move(key), *bounds);
  return bounds;
}

absl::StatusOr<double> BoundsCache::P(const GroupSequentialPlan& plan,
                                      absl::Span<const double> information,
                                      absl::Span<const double> z,
                                      absl::Span<const double> spending_time) {
  Key key = KeyOf(plan, information, spending_time, z);
  if (const auto found = p_values_.find(key); found != p_values_.end()) return found->second;
  const auto p = RepeatedP(plan, information, z, spending_time);
  if (!p.ok()) return p;
  ++misses_;
  if (p_values_.size() >= kMost) p_values_.clear();
  p_values_.emplace(std::move(key), *p);
  return p;
}

}  // namespace upswing::statistics
