#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/statistics/moments.hpp"

namespace upswing::statistics {

/// [lower, upper]; an end may be infinite (one-sided intervals).
struct Interval {
  double lower = 0;
  double upper = 0;
};

/// One arm of an experiment, reduced: the value of its metric and the variance that one unit
/// contributes, so that the value's squared standard error is `variance / n`.
struct Arm {
  std::int64_t n = 0;
  double value = 0;
  double variance = 0;
};

/// Mean of variable `i`; its variance has divisor n - 1. Undefined: `not_enough_data` if n < 2.
absl::StatusOr<Arm> MeanArm(const Moments& moments, std::size_t i = 0);

/// Ratio of the means of the variables 0 and 1, r = N / D, by the delta method:
///
///     variance = (s_NN - 2 r s_ND + r^2 s_DD) / D^2
///
/// where s_ab is the covariance between units with divisor n - 1. The units are those that were
/// randomised; events inside a unit may depend on each other as they like.
/// Undefined: `not_enough_data` if n < 2, `zero_denominator`.
/// Source: A. Deng, U. Knoblich, J. Lu (2018), "Applying the delta method in metric analytics",
/// KDD, arXiv:1803.06336.
absl::StatusOr<Arm> RatioArm(const Moments& moments);

/// The difference between two arms together with the value it is relative to: what raw, covariate
/// adjusted and post-stratified analyses of every kind of metric reduce to.
struct Contrast {
  double difference = 0;           ///< treatment - control, adjusted if so asked
  double base = 0;                 ///< control's value, never adjusted
  double raw_difference = 0;       ///< treatment - control, never adjusted
  double difference_variance = 0;  ///< of the estimate `difference`
  double base_variance = 0;        ///< of the estimate `base`
  double covariance = 0;           ///< of the estimates `difference` and `base`
  double degrees_of_freedom = 0;   ///< of `difference_variance`; may be infinite
  std::int64_t units = 0;          ///< of both arms: the time of confidence sequences
};

/// Independent arms of unequal variance, v_a = variance_a / n_a:
///
///     difference_variance = v_c + v_t
///     degrees_of_freedom  = (v_c + v_t)^2 / (v_c^2 / (n_c - 1) + v_t^2 / (n_t - 1))
///
/// Undefined: `not_enough_data` below 2 units in an arm; `zero_variance` if an arm does not vary
/// (its true variance is then unknown, not 0: 0 conversions of 100 are no proof of a rate of 0; use
/// the exact methods of proportions.hpp); `non_finite_input`. Source: B. L. Welch (1947),
/// Biometrika 34, 28-35; F. E. Satterthwaite (1946), Biometrics Bulletin 2(6), 110-114.
absl::StatusOr<Contrast> CompareArms(const Arm& control, const Arm& treatment);

/// Student's two-sample t with a common variance, n_c + n_t - 2 degrees of freedom. For comparison
/// with other tools; `CompareArms` is right also when the variances differ. Undefined as
/// `CompareArms`.
struct Estimate;
absl::StatusOr<Estimate> PooledDifference(const Arm& control, const Arm& treatment);

/// A number to be judged. Everything that is tested reduces to it.
struct Estimate {
  double estimate = 0;
  double standard_error = 0;
  double degrees_of_freedom = 0;  ///< infinite: normal
  std::int64_t units = 0;

  /// Fisher information: 1 / standard_error^2.
  double information() const { return 1 / (standard_error * standard_error); }
};

/// The difference in the metric's own unit.
Estimate AbsoluteEffect(const Contrast& contrast);

/// The lift d / |b| (0.05 is +5 %) by the delta method, b being the control's value:
///
///     variance = (var d - 2 (e / b) cov(d, b) + (e / b)^2 var b) / b^2
///
/// with e the raw difference (equal to d unless a covariate adjusts it; then the two differ by a
/// term of second order, and e is the choice of the reference library gbstats). Dividing by |b|
/// keeps the sign: from -10 to -5 is +50 %. Undefined: `control_mean_near_zero` if b = 0. For b
/// within a few standard errors of 0 the approximation is poor: see `FiellerLift`.
absl::StatusOr<Estimate> RelativeLift(const Contrast& contrast);

/// The logarithm of the ratio of two positive values, by the delta method; exp(estimate) - 1 is the
/// lift. Variance sum of v_a / value_a^2, degrees of freedom by Satterthwaite on these.
/// Undefined: `mean_not_positive`, and as `CompareArms`.
absl::StatusOr<Estimate> LogRatio(const Arm& control, const Arm& treatment);

/// Fieller's confidence set for the lift: all lifts L for which d - L |b| is not significantly
/// different from 0. Exact if the means are normal, however noisy the control is.
struct FiellerLift {
  enum class Shape {
    kInterval,   ///< [lower, upper]
    kTwoRays,    ///< everything but (lower, upper): the control mean may be 0
    kEverything  ///< the data say nothing about the lift
  };
  Shape shape = Shape::kInterval;
  Interval interval;
};

/// `critical_value` is the quantile that goes with the standard error, e.g. 1.96 for 95 %. With
/// A = b^2 - z^2 var b, B = |b| d - z^2 sign(b) cov(d, b), C = d^2 - z^2 var d the set is
/// {L: A L^2 - 2 B L + C <= 0}; it is an interval when A > 0, that is when b is significant.
/// Source: E. C. Fieller (1954), JRSS B 16, 175-185.
FiellerLift FiellerInterval(const Contrast& contrast, double critical_value);

}  // namespace upswing::statistics
