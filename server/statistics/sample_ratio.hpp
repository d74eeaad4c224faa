#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace upswing::statistics {

struct SampleRatioTest {
  double chi_square = 0;
  double degrees_of_freedom = 0;
  double p_value = 1;
  std::vector<double> expected;  ///< counts
  bool exact = false;            ///< `p_value` is that of the exact test.
};

/// Sample ratio mismatch: do the units of the arms fit the planned weights? Pearson's
///
///     X^2 = sum over arms of (observed - expected)^2 / expected,   arms - 1 degrees of freedom
///
/// over the arms of positive weight; an arm of weight 0 adds no degree of freedom. Without any unit
/// nothing contradicts the plan: p is 1. Right for one look; for repeated looks use
/// `SequentialSampleRatio`.
/// Errors: kInvalidArgument if the lengths differ, a weight is negative or not finite, a count is
/// negative, fewer than two arms have positive weight, or an arm of weight 0 has units (that is an
/// error of its own and no matter of chance).
/// Source: A. Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled
/// experiments", KDD.
absl::StatusOr<SampleRatioTest> SampleRatioChiSquare(absl::Span<const std::int64_t> observed,
                                                     absl::Span<const double> weights);

/// One period of constant weights: X^2 and degrees of freedom add over periods.
struct SampleRatioPeriod {
  std::vector<std::int64_t> observed;
  std::vector<double> weights;
};
absl::StatusOr<SampleRatioTest> SampleRatioOverPeriods(absl::Span<const SampleRatioPeriod> periods);

/// The exact multinomial test for small counts: the probability, under the weights, of all outcomes
/// that are at most as likely as the observed one. For up to about a million outcomes (2 arms: a
/// million units; 3 arms: 1,400; 4 arms: 180); beyond, undefined `not_supported`: use the
/// chi-square test.
absl::StatusOr<double> SampleRatioExactP(absl::Span<const std::int64_t> observed,
                                         absl::Span<const double> weights);

/// Below this expected count of an arm `TestSampleRatio` is exact. At 0.001, the level by which
/// health is judged, chi-square raises up to 5.9 times as many false alarms as it promises where a
/// small arm expects 5 units, 1.6 times at 50 and 1.3 times at 100 (tails of the Poisson
/// distribution of the small arm's count, the worst of the sizes around).
inline constexpr double kLeastExpected = 100;

/// The test for one look: exact where an arm expects fewer than `kLeastExpected` units and the
/// exact test can be computed, chi-square elsewhere. Errors as `SampleRatioChiSquare`.
absl::StatusOr<SampleRatioTest> TestSampleRatio(absl::Span<const std::int64_t> observed,
                                                absl::Span<const double> weights);

/// The always-valid test: the Dirichlet-multinomial mixture martingale, which depends on the totals
/// only, so that batches may be of any size.
///
///     log odds = sum (lgamma(a_i + n_i) - lgamma(a_i)) - (lgamma(A + N) - lgamma(A))
///                - sum n_i log w_i,    a_i = concentration w_i,  A = concentration
///
/// Alarm when log odds >= log(1 / alpha); the p-value at a look is exp(-log odds), and the running
/// minimum of these, capped at 1, is the p-value so far. Errors as `SampleRatioChiSquare`.
/// Source: M. Lindon, A. Malek (2022), "Anytime-valid inference for multinomial count data",
/// NeurIPS, arXiv:2011.03567.
absl::StatusOr<double> SampleRatioLogOdds(absl::Span<const std::int64_t> totals,
                                          absl::Span<const double> weights,
                                          double concentration = 100);

}  // namespace upswing::statistics
