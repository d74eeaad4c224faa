#pragma once

#include <cstddef>
#include <vector>

namespace upswing::statistics {

/// A small dense matrix, row after row.
struct Matrix {
  Matrix(std::size_t row_count, std::size_t column_count)
      : rows(row_count), columns(column_count), values(row_count * column_count, 0.0) {}

  double& operator()(std::size_t i, std::size_t j) { return values[i * columns + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values[i * columns + j]; }

  std::size_t rows;
  std::size_t columns;
  std::vector<double> values;
};

/// a' M b for a square M.
double Bilinear(const std::vector<double>& a, const Matrix& m, const std::vector<double>& b);

Matrix Multiply(const Matrix& a, const Matrix& b);
Matrix Transpose(const Matrix& a);

/// Cholesky factorisation of a symmetric positive semi-definite matrix that drops dependent
/// variables: variable i is dropped when its pivot is at most 1e-8 of its own variance, i.e. when
/// the earlier variables explain it (or it does not vary at all).
class Cholesky {
 public:
  explicit Cholesky(const Matrix& m);
  /// Solves M x = b over the kept variables; x is 0 for the dropped ones.
  std::vector<double> Solve(const std::vector<double>& b) const;
  /// The inverse over the kept variables, with zeros for the dropped ones.
  Matrix Inverse() const;
  std::size_t dropped() const { return dropped_; }

 private:
  Matrix factor_;
  std::vector<bool> kept_;
  std::size_t dropped_ = 0;
};

}  // namespace upswing::statistics
