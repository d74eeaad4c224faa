#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/group_sequential.hpp"

namespace upswing::statistics {

/// Bounds and repeated p-values of group-sequential plans, each computed once for a plan and its
/// looks so far: a report that is asked for again finds them here. Holds at most `kMost` of each
/// and then begins anew. Not thread-safe.
class BoundsCache {
 public:
  static constexpr std::size_t kMost = 10'000;

  /// As `ComputeBounds`.
  absl::StatusOr<GroupSequentialBounds> Bounds(const GroupSequentialPlan& plan,
                                               absl::Span<const double> information,
                                               absl::Span<const double> spending_time);
  /// As `RepeatedP`.
  absl::StatusOr<double> P(const GroupSequentialPlan& plan, absl::Span<const double> information,
                           absl::Span<const double> z, absl::Span<const double> spending_time);

  /// How often something had to be computed.
  std::size_t misses() const { return misses_; }

 private:
  using Key = std::vector<double>;

  std::map<Key, GroupSequentialBounds> bounds_;
  std::map<Key, double> p_values_;
  std::size_t misses_ = 0;
};

}  // namespace upswing::statistics
