#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/proportions.hpp"

namespace upswing::statistics {

/// Wilcoxon, Mann and Whitney's test that a treatment value tends to be larger. It is about order,
/// not about means: never decide on revenue with it.
struct RankTest {
  double u_treatment = 0;  ///< pairs in which treatment is larger, ties counting half
  ZTest asymptotic;        ///< with the variance corrected for ties
  ZTest continuity;        ///< and with a continuity correction of 1/2
};

/// Values must be finite. Undefined: `not_enough_data` for an empty arm, `zero_variance` if all
/// values are equal.
absl::StatusOr<RankTest> MannWhitney(absl::Span<const double> control,
                                     absl::Span<const double> treatment);
/// The exact two-sided p-value, by counting; undefined `not_supported` with ties or more than
/// 10,000 pairs.
absl::StatusOr<double> MannWhitneyExactP(absl::Span<const double> control,
                                         absl::Span<const double> treatment);

/// Definitions of a sample quantile at level q in [0, 1]; all but the first interpolate between
/// order statistics at position (n + 1 - a - b) q + a.
enum class QuantileDefinition {
  kInvertedCdf,     ///< smallest value whose empirical CDF is at least q; caps and reports use this
  kLinear,          ///< a = b = 1 (R type 7)
  kHazen,           ///< a = b = 1/2
  kWeibull,         ///< a = b = 0
  kMedianUnbiased,  ///< a = b = 1/3
};
/// `sorted` ascending and not empty; q in [0, 1].
double SampleQuantile(absl::Span<const double> sorted, double q, QuantileDefinition definition);

/// The values with the lowest share `lower` and the highest share `upper` replaced by the nearest
/// value that stays (floor(share * n) values each); the order of the values is kept.
/// kInvalidArgument for shares outside [0, 1) or that sum to more than 1.
absl::StatusOr<std::vector<double>> Winsorise(absl::Span<const double> values, double lower,
                                              double upper);

}  // namespace upswing::statistics
