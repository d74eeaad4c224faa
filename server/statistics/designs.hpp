#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/estimate.hpp"
#include "server/statistics/proportions.hpp"

namespace upswing::statistics {

/// A promotion's return: the incremental margin per unit of incremental cost, a ratio of two
/// differences between the same arms. Variables per unit: margin (before the cost), cost.
struct ReturnOnPromotion {
  double incremental_margin = 0;  ///< per unit
  double incremental_cost = 0;    ///< per unit
  double ratio = 0;               ///< above 1 the promotion pays
  FiellerLift interval;           ///< set of ratios not rejected at 1 - alpha
  double p_pays = 1;              ///< one-sided: ratio > 1, by margin - cost; small where it pays
  double p_loses = 1;             ///< the other tail, P(Z <= z): small where it does not
};
/// Undefined: `not_enough_data`, `zero_variance`, `control_mean_near_zero` if the costs do not
/// differ.
absl::StatusOr<ReturnOnPromotion> PromotionReturn(const Moments& control, const Moments& treatment,
                                                  double alpha = 0.05);

/// The two-sided randomisation test of a difference of means: re-draws which of the units
/// (clusters, slices) are treated, keeping their numbers. All ways are counted if there are at most
/// 20,000, else `draws` seeded ones ((1 + more extreme) / (1 + draws)). Exact for any distribution;
/// the choice below about 40 clusters. Undefined `not_enough_data` below 2 units in an arm.
absl::StatusOr<double> RandomisationP(absl::Span<const double> control,
                                      absl::Span<const double> treatment, int draws = 9999,
                                      std::uint64_t seed = 1);

/// One time slice of one region in a switchback experiment.
struct Slice {
  std::int64_t region = 0;
  std::int64_t index = 0;  ///< in time, within the region
  bool treated = false;
  double value = 0;  ///< the metric in this slice (a mean or a rate)
};

struct SwitchbackResult {
  double difference = 0;
  Interval interval;   ///< by Student's t over the slices that remain
  double p_value = 1;  ///< randomisation test over the slices that remain
  int slices_used = 0;
  int slices_left_out = 0;  ///< within `burn_in` slices after a change of treatment
  /// Two-sided p-value that slices right after a change differ from later ones of the same
  /// treatment: evidence of carry-over that a longer burn-in would have to cover.
  double carry_over_p = 1;
};
/// Slices whose treatment changed less than `burn_in` slices ago are left out (and the first
/// `burn_in` of each region), so that a carry-over of that many slices cannot bias the result;
/// region means are taken out first. Assumes that treatment was drawn independently per slice or
/// block. Undefined `not_enough_data` below 4 slices of each treatment after that. Source: I.
/// Bojinov, D. Simchi-Levi, J. Zhao (2023), "Design and analysis of switchback experiments",
/// Management Science 69(7).
absl::StatusOr<SwitchbackResult> AnalyseSwitchback(absl::Span<const Slice> slices, int burn_in,
                                                   double alpha = 0.05);

/// Credit that one user gave to each ranker in an interleaved list (clicks or purchases on the
/// items that each team placed).
struct Credit {
  double control = 0;
  double treatment = 0;
};
struct InterleavingResult {
  SignTest signs;         ///< users by who won
  std::int64_t ties = 0;  ///< users without a winner
  Estimate preference;    ///< mean of (t - c) / (t + c) over users with any credit, in [-1, 1]
  Interval preference_interval;
  double preference_p = 1;
};
/// A preference between rankings, not a lift: it says which list users pick from, not what they
/// will spend. Undefined `not_enough_data` below 2 users with credit or without a winner.
/// kInvalidArgument for negative credit. Source: F. Radlinski, M. Kurup, T. Joachims (2008), CIKM;
/// O. Chapelle et al. (2012).
absl::StatusOr<InterleavingResult> CompareRankers(absl::Span<const Credit> users,
                                                  double alpha = 0.05);

/// Team-draft interleaving of two rankings of item ids: who placed each position (true: treatment).
/// The coin of every round comes from the seed, so that the list can be reproduced.
struct InterleavedItem {
  std::int64_t item = 0;
  bool by_treatment = false;
};
std::vector<InterleavedItem> InterleaveTeams(absl::Span<const std::int64_t> control,
                                             absl::Span<const std::int64_t> treatment,
                                             std::size_t length, std::uint64_t seed);

/// Percentile intervals by the Poisson bootstrap of units (weights from a counter-based hash of
/// unit and replicate: reproducible, and the same however the units are sharded). The check on the
/// other methods; O(units x replicates). Undefined `not_enough_data` below 2 units in an arm; the
/// lift also `control_mean_near_zero`.
struct BootstrapIntervals {
  Interval difference;
  absl::StatusOr<Interval> lift;
};
absl::StatusOr<BootstrapIntervals> Bootstrap(absl::Span<const double> control,
                                             absl::Span<const double> treatment,
                                             int replicates = 1000, double alpha = 0.05,
                                             std::uint64_t seed = 1);

}  // namespace upswing::statistics
