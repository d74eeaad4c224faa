#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/linear_algebra.hpp"

namespace upswing::statistics {

/// Ordinary least squares over per-unit rows, for samples and designs that do not reduce to
/// moments.
struct Regression {
  std::vector<double> coefficients;
  Matrix inverse{0, 0};  ///< (X'X)^-1
  std::vector<double> residuals;
  std::vector<double> leverages;  ///< x_i' (X'X)^-1 x_i
  double residual_variance = 0;   ///< sum of squares / (n - k)
};

/// `rows` is n x k. Undefined: `not_enough_data` unless n > k, `covariate_constant` if the columns
/// are linearly dependent. kInvalidArgument if the lengths differ.
absl::StatusOr<Regression> FitLeastSquares(const Matrix& rows, absl::Span<const double> y);

/// Heteroscedasticity-consistent variances of the coefficients: HC0 e^2; HC1 e^2 n / (n - k);
/// HC2 e^2 / (1 - h); HC3 e^2 / (1 - h)^2. kClassical assumes equal variances.
/// Source: J. G. MacKinnon, H. White (1985), Journal of Econometrics 29.
enum class RobustVariance { kClassical, kHc0, kHc1, kHc2, kHc3 };
Matrix CoefficientCovariance(const Matrix& rows, const Regression& fit, RobustVariance kind);

/// Clustered: sum over clusters of (X_g' e_g)(X_g' e_g)'; with `small_sample` times
/// G / (G - 1) (n - 1) / (n - k) (CR1). Judge with G - 1 degrees of freedom, and below about 40
/// clusters prefer the randomisation test. Undefined `not_enough_data` below 2 clusters.
absl::StatusOr<Matrix> ClusteredCovariance(const Matrix& rows, const Regression& fit,
                                           absl::Span<const std::int64_t> cluster,
                                           bool small_sample);

}  // namespace upswing::statistics
