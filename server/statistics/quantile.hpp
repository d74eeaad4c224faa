#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/statistics/estimate.hpp"

namespace upswing::statistics {

/// A quantile of the events' (or units') values in one arm, with the order statistics around it.
///
/// The bounds are the values at the levels nu -+ 1.96 sqrt(nu (1 - nu) / n_star); `n_star` is the
/// sample size for which they were taken (the number of events, or a fixed number for sketches).
struct QuantileSummary {
  double nu = 0.5;  ///< level, in (0, 1)
  double estimate = 0;
  double lower = 0;
  double upper = 0;
  double n_star = 0;
  std::int64_t n = 0;  ///< events
};

/// Distance of the bounds' levels from nu: 1.96 sqrt(nu (1 - nu) / n_star), by the 97.5 % quantile.
double QuantileMargin(double nu, double n_star);

/// Woodruff's variance: s^2 = n_star (n - 1) / n ((upper - lower) / (2 * 1.96))^2, for independent
/// values. There is no floor on the variance: a change of the metric's unit changes nothing but the
/// unit. Undefined: `not_enough_data` below 2 values, `quantile_not_identified` if the bounds
/// coincide or if n <= 1.96^2 max(nu / (1 - nu), (1 - nu) / nu), where they leave the sample.
/// Source: R. S. Woodruff (1952), JASA 47(260); growthbook docs on quantiles.
absl::StatusOr<Arm> QuantileArm(const QuantileSummary& summary);

/// The same when the values come in clusters (events of a user): the variance is multiplied by the
/// variance of the share below the quantile with clusters over the one without,
/// var(sum below / sum of sizes) / (nu (1 - nu) / n). `clusters` has the two variables (events at
/// or below the quantile, events) per cluster. Source: A. Deng, U. Knoblich, J. Lu (2018),
/// arXiv:1803.06336, section 4.
absl::StatusOr<Arm> ClusteredQuantileArm(const QuantileSummary& summary, const Moments& clusters);

/// The density at the quantile, as the bounds see it: f = margin / ((upper - lower) / 2), where
/// margin = 1.96 sqrt(nu (1 - nu) / n_star).
absl::StatusOr<double> DensityAt(const QuantileSummary& summary);

/// Turns a quantile into a mean, by its influence function: a unit with D of its events in the
/// sample, M of them at or below the arm's estimate q, counts
///
///     psi = q - (M - nu D) / (f mean_events)
///
/// so that the mean of psi over the arm is q (up to the step of the empirical CDF) and psi's
/// variance is that of the clustered quantile. Covariates, strata, peeking and margins then work as
/// for any mean. `units` has the variables (D, M, covariates...) of the arm or of one stratum of
/// it, `mean_events` is the mean of D in the whole arm; the result has (psi, covariates...).
/// Undefined as `DensityAt`, and `zero_denominator` if mean_events is not above 0.
absl::StatusOr<Moments> QuantileMoments(const QuantileSummary& summary, double mean_events,
                                        const Moments& units);

}  // namespace upswing::statistics
