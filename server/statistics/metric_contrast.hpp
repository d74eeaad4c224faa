#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/estimate.hpp"
#include "server/statistics/moments.hpp"

namespace upswing::statistics {

/// What the variables of a unit mean, in the order of `Moments`.
///
/// A mean (also a conversion, a count, a retention, a quantile in the form of `QuantileMoments`)
/// has one variable, a ratio two: numerator and denominator. Covariates follow: if
/// `ratio_covariate`, the numerator and the denominator of a ratio, then `mean_covariates`
/// variables.
struct MetricShape {
  bool ratio = false;
  bool ratio_covariate = false;
  std::size_t mean_covariates = 0;

  std::size_t covariates() const { return mean_covariates + (ratio_covariate ? 1 : 0); }
  std::size_t dimension() const {
    return (ratio ? 2 : 1) + mean_covariates + (ratio_covariate ? 2 : 0);
  }
};

/// The units of one stratum (segment, phase of constant weights, ...) in both arms.
struct Stratum {
  Moments control;
  Moments treatment;
};

/// How covariates are used.
enum class Adjustment {
  kNone,
  /// One coefficient vector for both arms. For means it comes from the pooled sample,
  /// theta = S_xx^-1 S_xy; for ratios from the sum of the arms' linearised covariances.
  kCuped,
  /// The point estimate of the regression with interactions: theta = (n_c theta_t + n_t theta_c) /
  /// N from the arms' own coefficients. Never worse than CUPED in large samples; prefer it where
  /// the split is uneven or the treatment changes how the covariate matters.
  kLin,
};

struct MetricContrast {
  Contrast contrast;
  std::vector<double> theta;           ///< one per covariate; 0 for a dropped one
  std::size_t dropped_covariates = 0;  ///< constant or collinear ones
  /// 1 - var(adjusted difference) / var(raw difference); 0 without adjustment.
  double variance_reduction = 0;
  double control_value = 0;  ///< unadjusted (post-stratified if there are strata)
  double treatment_value = 0;
  /// theta times control's covariates: control's value minus this is gbstats' adjusted mean.
  double control_offset = 0;
};

/// The one path of all metrics: every arm's metric and covariates are linearised (delta method) at
/// the arm's means, then adjusted, then post-stratified.
///
/// Post-stratification is what more than one stratum means: with nu_k the share of stratum k among
/// the units of both arms, an arm's mean vector is sum nu_k m_k, and the covariance of all means is
///
///     sum nu_k^2 S_k / n_k + A (diag nu - nu nu') A' / N
///
/// where the second term (A: the strata's means) accounts for the shares being random. With one
/// stratum this is the plain analysis. The degrees of freedom are Satterthwaite's on the arms'
/// total variances (within and between strata), as in gbstats. Strata that have fewer than 2 units
/// in an arm must be merged by the caller (`MergeSmallStrata`).
///
/// `Adjustment::kCuped` and `kLin`: difference = (Y_t - Y_c) - theta (X_t - X_c), variances from
/// the residuals Y - theta X. A covariate that does not vary is dropped, and with no covariate left
/// the result equals the raw one. The coefficient's own noise is of order 1/n and ignored, as
/// everywhere.
///
/// Undefined: `not_enough_data`, `zero_variance`, `zero_denominator`, `non_finite_input`. Error
/// kInvalidArgument if moments have not the dimension of `shape`.
/// Sources: A. Deng, Y. Xu, R. Kohavi, T. Walker (2013), "Improving the sensitivity of online
/// controlled experiments by utilizing pre-experiment data", WSDM; W. Lin (2013), Annals of Applied
/// Statistics 7(1), arXiv:1208.2301; L. W. Miratrix, J. S. Sekhon, B. Yu (2013), JRSS B 75(2).
///
/// `theta`, if given, is used instead of coefficients from these data (one per covariate): to keep
/// the coefficients of an earlier look.
absl::StatusOr<MetricContrast> ContrastOf(absl::Span<const Stratum> strata,
                                          const MetricShape& shape, Adjustment adjustment,
                                          const std::vector<double>* theta = nullptr);

/// As above for one stratum.
absl::StatusOr<MetricContrast> ContrastOf(const Moments& control, const Moments& treatment,
                                          const MetricShape& shape, Adjustment adjustment);

/// Moments of the union of two disjoint sets of units, in doubles (Chan's formula): for
/// post-processing at ordinary scales; `MomentSums::Merge` is the exact one.
Moments MergeMoments(const Moments& a, const Moments& b);

/// Puts strata with fewer than `least` units in an arm together into one, at the end; if that one
/// is still too small, the smallest of the others joins it. Units are never dropped.
std::vector<Stratum> MergeSmallStrata(std::vector<Stratum> strata, std::int64_t least = 2);

}  // namespace upswing::statistics
