#include "server/statistics/regression.hpp"

#include <map>

#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

Matrix Sandwich(const Matrix& bread, const Matrix& meat) {
  return Multiply(Multiply(bread, meat), bread);
}

}  // namespace

absl::StatusOr<Regression> FitLeastSquares(const Matrix& rows, absl::Span<const double> y) {
  if (rows.rows != y.size()) return absl::InvalidArgumentError("y: one value for each row");
  if (rows.rows <= rows.columns) return Undefined(reason::kNotEnoughData);
  Matrix cross(rows.columns, rows.columns);
  std::vector<double> right(rows.columns, 0.0);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    for (std::size_t j = 0; j < rows.columns; ++j) {
      right[j] += rows(i, j) * y[i];
      for (std::size_t k = 0; k < rows.columns; ++k) cross(j, k) += rows(i, j) * rows(i, k);
    }
  }
  const Cholesky factor(cross);
  if (factor.dropped() > 0) return Undefined(reason::kCovariateConstant);
  Regression fit;
  fit.coefficients = factor.Solve(right);
  fit.inverse = factor.Inverse();
  double squares = 0;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    std::vector<double> row(rows.columns);
    double residual = y[i];
    for (std::size_t j = 0; j < rows.columns; ++j) {
      row[j] = rows(i, j);
      residual -= row[j] * fit.coefficients[j];
    }
    fit.residuals.push_back(residual);
    fit.leverages.push_back(Bilinear(row, fit.inverse, row));
    squares += residual * residual;
  }
  fit.residual_variance = squares / static_cast<double>(rows.rows - rows.columns);
  return fit;
}

Matrix CoefficientCovariance(const Matrix& rows, const Regression& fit, RobustVariance kind) {
  const auto n = static_cast<double>(rows.rows);
  const auto k = static_cast<double>(rows.columns);
  Matrix meat(rows.columns, rows.columns);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    double weight = fit.residuals[i] * fit.residuals[i];
    const double rest = 1 - fit.leverages[i];
    switch (kind) {
      case RobustVariance::kClassical:
        weight = fit.residual_variance;
        break;
      case RobustVariance::kHc0:
        break;
      case RobustVariance::kHc1:
        weight *= n / (n - k);
        break;
      case RobustVariance::kHc2:
        weight /= rest;
        break;
      case RobustVariance::kHc3:
        weight /= rest * rest;
        break;
    }
    for (std::size_t a = 0; a < rows.columns; ++a)
      for (std::size_t b = 0; b < rows.columns; ++b) meat(a, b) += weight * rows(i, a) * rows(i, b);
  }
  return Sandwich(fit.inverse, meat);
}

absl::StatusOr<Matrix> ClusteredCovariance(const Matrix& rows, const Regression& fit,
                                           absl::Span<const std::int64_t> cluster,
                                           bool small_sample) {
  if (cluster.size() != rows.rows)
    return absl::InvalidArgumentError("cluster: one value for each row");
  std::map<std::int64_t, std::vector<double>> scores;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    std::vector<double>& score = scores[cluster[i]];
    score.resize(rows.columns, 0.0);
    for (std::size_t j = 0; j < rows.columns; ++j) score[j] += rows(i, j) * fit.residuals[i];
  }
  const auto clusters = static_cast<double>(scores.size());
  if (clusters < 2) return Undefined(reason::kNotEnoughData);
  const auto n = static_cast<double>(rows.rows);
  const double factor =
      small_sample ? clusters / (clusters - 1) * (n - 1) / (n - static_cast<double>(rows.columns))
                   : 1;
  Matrix meat(rows.columns, rows.columns);
  for (const auto& [key, score] : scores)
    for (std::size_t a = 0; a < rows.columns; ++a)
      for (std::size_t b = 0; b < rows.columns; ++b) meat(a, b) += factor * score[a] * score[b];
  return Sandwich(fit.inverse, meat);
}

}  // namespace upswing::statistics
