#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/estimate.hpp"
#include "server/statistics/inference.hpp"

namespace upswing::statistics {

/// Units and how many of them converted; 0 <= conversions <= n.
struct Conversions {
  std::int64_t n = 0;
  std::int64_t conversions = 0;
  double rate() const { return static_cast<double>(conversions) / static_cast<double>(n); }
};

struct ZTest {
  double z = 0;
  double p_value = 1;
};

// All tests below compare treatment - control with `null_difference`. Errors: kInvalidArgument for
// conversions outside [0, n]; undefined `not_enough_data` for an arm without units and
// `zero_variance` where the statistic is 0/0 (nobody or everybody converted in both arms).

/// z with the pooled rate under the null hypothesis of no difference: the score test.
absl::StatusOr<ZTest> PooledZTest(const Conversions& control, const Conversions& treatment,
                                  Alternative alternative);
/// z with each arm's own rate (Wald).
absl::StatusOr<ZTest> UnpooledZTest(const Conversions& control, const Conversions& treatment,
                                    Alternative alternative, double null_difference = 0);
/// Where the rates under the null hypothesis come from.
enum class RestrictedRatesBy {
  kMaximumLikelihood,
  /// What statsmodels 0.13.5 computes: its cubic has control's conversions where Miettinen and
  /// Nurminen have control's units, so that the result is not the maximum of the likelihood (for
  /// 900 and 885 of 1,000 and a difference of -0.03: 0.90617 instead of 0.90659). Published
  /// reference values carry the slip; this reproduces them for comparison and is used for nothing
  /// else.
  kStatsmodels013,
};

/// Score test of any difference with the rates' restricted maximum likelihood estimates and the
/// factor N / (N - 1). The test of choice for small counts and non-inferiority.
/// Source: O. Miettinen, M. Nurminen (1985), Statistics in Medicine 4, 213-226.
absl::StatusOr<ZTest> ScoreTest(const Conversions& control, const Conversions& treatment,
                                Alternative alternative, double null_difference = 0,
                                RestrictedRatesBy by = RestrictedRatesBy::kMaximumLikelihood);

/// Fisher's exact test, two-sided by summing the tables that are at most as likely as the observed
/// one. `mid_p` counts half of the observed table's probability (less conservative).
absl::StatusOr<double> FisherExactP(const Conversions& control, const Conversions& treatment,
                                    Alternative alternative, bool mid_p = false);

// Intervals for the difference treatment - control, two-sided, level 1 - alpha.
absl::StatusOr<Interval> WaldDifference(const Conversions& control, const Conversions& treatment,
                                        double alpha);
/// Adds one conversion and one non-conversion to each arm. Source: A. Agresti, B. Caffo (2000), The
/// American Statistician 54(4).
absl::StatusOr<Interval> AgrestiCaffoDifference(const Conversions& control,
                                                const Conversions& treatment, double alpha);
/// Newcombe's hybrid score interval (method 10), defined for every table.
/// Source: R. G. Newcombe (1998), Statistics in Medicine 17, 873-890.
absl::StatusOr<Interval> NewcombeDifference(const Conversions& control,
                                            const Conversions& treatment, double alpha);
/// Inverts `ScoreTest`; defined for every table.
absl::StatusOr<Interval> ScoreDifference(
    const Conversions& control, const Conversions& treatment, double alpha,
    RestrictedRatesBy by = RestrictedRatesBy::kMaximumLikelihood);

// Intervals for the ratio treatment / control.
/// exp(log ratio +- z se). Undefined `mean_not_positive` if an arm has no conversions.
absl::StatusOr<Interval> LogRateRatio(const Conversions& control, const Conversions& treatment,
                                      double alpha);
/// Inverts the score test of a ratio; the upper end is infinite if control has no conversions.
/// Source: P. A. R. Koopman (1984), Biometrics 40; with the factor N / (N - 1) as above.
absl::StatusOr<Interval> ScoreRateRatio(const Conversions& control, const Conversions& treatment,
                                        double alpha);

// Intervals of one rate.
absl::StatusOr<Interval> WilsonInterval(const Conversions& arm, double alpha);
absl::StatusOr<Interval> ClopperPearsonInterval(const Conversions& arm, double alpha);
absl::StatusOr<Interval> JeffreysInterval(const Conversions& arm, double alpha);
absl::StatusOr<Interval> AgrestiCoullInterval(const Conversions& arm, double alpha);

/// Independence of rows and columns. Undefined `not_enough_data` if a row or column sums to 0.
struct ContingencyTest {
  double chi_square = 0;
  double p_value = 1;
  double degrees_of_freedom = 0;
  double g_statistic = 0;
  double g_p_value = 1;
  /// With Yates' continuity correction, for 2 x 2 tables only (else 0 and 1).
  double yates_chi_square = 0;
  double yates_p_value = 1;
};
absl::StatusOr<ContingencyTest> TestContingency(absl::Span<const std::vector<std::int64_t>> table);

/// Tests of a binomial count against a probability. Two-sided sums all counts that are at most as
/// likely as the observed one.
double BinomialTestP(std::int64_t successes, std::int64_t trials, double probability,
                     Alternative alternative, bool mid_p = false);

/// The sign test of an interleaved ranking experiment: does treatment win more than half of the
/// comparisons that have a winner? Undefined `not_enough_data` without any.
struct SignTest {
  double p_value = 1;
  Interval win_share;  ///< Clopper-Pearson, of treatment's share of wins
};
absl::StatusOr<SignTest> TestSigns(std::int64_t wins_treatment, std::int64_t wins_control,
                                   double alpha = 0.05);

}  // namespace upswing::statistics
