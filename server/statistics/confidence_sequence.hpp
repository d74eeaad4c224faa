#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/statistics/estimate.hpp"

namespace upswing::statistics {

// Boundaries that a martingale crosses, at any time, with probability at most alpha. `variance` is
// the intrinsic time V_t (sum of conditional variances, or its bound), `sum` the martingale S_t.
// Errors: kInvalidArgument for alpha outside (0, 1) or a scale not above 0.
// Source of all: S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon (2021), "Time-uniform,
// nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49(2), arXiv:1810.08240;
// quantiles: S. R. Howard, A. Ramdas (2022), Bernoulli 28(3), arXiv:1906.09712.

/// The normal mixture with the scale that is tightest at `optimum` for `optimum_alpha`.
struct NormalMixture {
  double optimum = 1;
  double optimum_alpha = 0.05;
  bool one_sided = false;

  /// Scale rho = v / (2 log(1/a) + log(1 + 2 log(1/a))), with a = 2 alpha if one-sided.
  double rho() const;
  /// log of the mixture martingale.
  double LogMixture(double sum, double variance) const;
  absl::StatusOr<double> Bound(double variance, double alpha) const;
};

/// Half-width of the confidence sequence for a mean of unit variance after t observations:
/// sqrt(2 (t r + 1) / (t^2 r) log(sqrt(t r + 1) / alpha)), r = `rho_squared`.
double StandardMargin(double t, double rho_squared, double alpha);
/// The r that makes `StandardMargin` smallest at t: (-W_-1(-alpha^2 / e) - 1) / t.
double BestRhoSquared(double t, double alpha);

/// Sub-exponential increments (scale c), one-sided.
absl::StatusOr<double> GammaExponentialBound(double variance, double alpha, double optimum,
                                             double c, double optimum_alpha);

/// A rate from a stream of trials, valid at any time: beta-binomial mixture, inverted.
absl::StatusOr<Interval> BernoulliSequence(std::int64_t successes, std::int64_t trials,
                                           double alpha, double optimum_trials,
                                           double optimum_alpha = 0.05);

/// Polynomial stitching: a closed form that grows like sqrt(V log log V). c is the sub-gamma scale
/// (0: sub-Gaussian); s > 1 and eta > 1 shape it.
absl::StatusOr<double> PolynomialStitching(double variance, double alpha, double variance_min,
                                           double c = 0, double s = 1.4, double eta = 2);

/// Uniform bound of |empirical - true distribution function| after t observations (all t >= t_min):
/// a sqrt((log(1 + log(t / t_min)) + C) / t) with C from the union bound. a > 1 / sqrt 2.
absl::StatusOr<double> EmpiricalProcessBound(double t, double alpha, double t_min, double a = 0.85);

/// Bound, uniform in time and over all quantiles at once, of the count deviation at quantile p.
absl::StatusOr<double> QuantileDoubleStitching(double p, double t, double alpha, double t_optimum,
                                               double delta = 0.5, double s = 1.4, double eta = 2);

/// Always-valid t test of one coefficient of a linear model: Lindon, Ham, Tingley, Bojinov (2022),
/// "Anytime-valid linear models and regression adjusted causal inference", arXiv:2210.08589. With
/// r = g / (g + n) and nu = n - coefficients,
///     log e = (log r) / 2 + (nu + 1) / 2 (log(1 + t^2 / nu) - log(1 + r t^2 / nu)).
struct AnytimeT {
  double log_e_value = 0;
  double p_value = 1;
  /// Half-width of the interval in standard errors; infinite while n is too small.
  double radius = 0;
};
/// Undefined `not_enough_data` unless n > coefficients. kInvalidArgument for g not above 0.
absl::StatusOr<AnytimeT> AnytimeTTest(double t_squared, std::int64_t n, std::int64_t coefficients,
                                      double g, double alpha);
/// The g with the smallest radius at n.
absl::StatusOr<double> BestAnytimeG(std::int64_t n, std::int64_t coefficients, double alpha);

}  // namespace upswing::statistics
