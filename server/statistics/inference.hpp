#pragma once

#include <variant>

#include "absl/status/statusor.h"
#include "server/statistics/estimate.hpp"

namespace upswing::statistics {

/// What the alternative hypothesis says about treatment minus control.
enum class Alternative { kTwoSided, kGreater, kLess };

/// One look, at a size that was fixed in advance.
struct FixedHorizon {};

/// The look of a group-sequential plan whose boundary on the normal scale is `z_bound`
/// (group_sequential.hpp). For a two-sided plan it is the bound of either side.
struct GroupSequentialLook {
  double z_bound = 0;
};

/// Any number of looks at any time: an asymptotic confidence sequence, tightest when about
/// `tuning_units` units are in both arms together. The number must be chosen before the data are
/// seen.
struct Anytime {
  double tuning_units = 5000;
  /// The error level for which it is tuned; 0: that of the rule. A correction over several
  /// questions asks one confidence sequence at several levels, and its tuning must not follow.
  double tuning_alpha = 0;
};

using Look = std::variant<FixedHorizon, GroupSequentialLook, Anytime>;

/// How an estimate is turned into an interval and a p-value. Non-inferiority with a margin m > 0 is
/// `alternative = kGreater, null_value = -m` (or kLess, +m where a low value is good).
struct Rule {
  double alpha = 0.05;  ///< in (0, 1); both tails together if two-sided
  Alternative alternative = Alternative::kTwoSided;
  double null_value = 0;
  Look look = FixedHorizon{};
};

struct Inference {
  Interval interval;  ///< level 1 - alpha; excludes null_value exactly if p_value < alpha
  double p_value = 1;
  double statistic = 0;  ///< (estimate - null_value) / standard_error
  /// Half-width of a two-sided interval in standard errors, or the distance of its finite end.
  double critical_value = 0;
};

/// Fixed horizon: Student's t with the estimate's degrees of freedom.
///
/// Group sequential: as fixed, at the nominal level of the look; the p-value is that nominal one
/// and is significant when it is at most `NormalSurvival(z_bound)` per side (group_sequential.hpp
/// has the p-value that accounts for the earlier looks).
///
/// Anytime: with N = units, rho^2 = `ConfidenceSequenceRhoSquared` and u = N rho^2 + 1
///
///     half width = se sqrt(2 u / (N rho^2) log(sqrt(u) / alpha))           two-sided
///                  se sqrt(2 u / (N rho^2) log(1 + sqrt(u) / (2 alpha)))   one-sided
///     p          = min(1, sqrt(u) exp(-N rho^2 z^2 / (2 u)))               two-sided
///                  min(1, sqrt(u) / (2 (exp(N rho^2 z^2 / (2 u)) - 1)))    one-sided, z > 0
///
/// Errors: kInvalidArgument for alpha outside (0, 1) or tuning_units <= 0; undefined
/// `zero_variance` for a standard error that is 0, `non_finite_input`.
/// Sources: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas (2021), "Time-uniform
/// central limit theory and asymptotic confidence sequences", arXiv:2103.06476; one-sided as in
/// gbstats 0.8.
absl::StatusOr<Inference> Infer(const Estimate& estimate, const Rule& rule);

/// The tuning parameter of the confidence sequence: approximately optimal at `units`,
/// rho^2 = (-2 log a + log(1 - 2 log a)) / units, with a = alpha (two-sided) or 2 alpha
/// (one-sided).
double ConfidenceSequenceRhoSquared(double units, double alpha, Alternative alternative);

/// log of the e-value of `null_value`: the two-sided mixture martingale. May be negative. Valid at
/// any stopping time; e-values of independent looks or metrics combine by e-BH.
absl::StatusOr<double> LogEValue(const Estimate& estimate, const Rule& rule);

}  // namespace upswing::statistics
