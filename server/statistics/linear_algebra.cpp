#include "server/statistics/linear_algebra.hpp"

#include <cmath>

namespace upswing::statistics {

double Bilinear(const std::vector<double>& a, const Matrix& m, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < m.rows; ++i)
    for (std::size_t j = 0; j < m.columns; ++j) sum += a[i] * m(i, j) * b[j];
  return sum;
}

Matrix Multiply(const Matrix& a, const Matrix& b) {
  Matrix product(a.rows, b.columns);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t k = 0; k < a.columns; ++k)
      for (std::size_t j = 0; j < b.columns; ++j) product(i, j) += a(i, k) * b(k, j);
  return product;
}

Matrix Transpose(const Matrix& a) {
  Matrix transposed(a.columns, a.rows);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < a.columns; ++j) transposed(j, i) = a(i, j);
  return transposed;
}

Cholesky::Cholesky(const Matrix& m) : factor_(m.rows, m.rows), kept_(m.rows, true) {
  for (std::size_t i = 0; i < m.rows; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      if (!kept_[j]) continue;
      double rest = m(i, j);
      for (std::size_t k = 0; k < j; ++k) rest -= factor_(i, k) * factor_(j, k);
      if (i != j) {
        factor_(i, j) = rest / factor_(j, j);
      } else if (rest > 1e-8 * m(i, i) && rest > 0) {
        factor_(i, i) = std::sqrt(rest);
      } else {
        kept_[i] = false;
        ++dropped_;
      }
    }
  }
}

std::vector<double> Cholesky::Solve(const std::vector<double>& b) const {
  const std::size_t n = factor_.rows;
  std::vector<double> x(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    if (!kept_[i]) continue;
    double rest = b[i];
    for (std::size_t k = 0; k < i; ++k)
      if (kept_[k]) rest -= factor_(i, k) * x[k];
    x[i] = rest / factor_(i, i);
  }
  for (std::size_t i = n; i-- > 0;) {
    if (!kept_[i]) continue;
    for (std::size_t k = i + 1; k < n; ++k)
      if (kept_[k]) x[i] -= factor_(k, i) * x[k];
    x[i] /= factor_(i, i);
  }
  return x;
}

Matrix Cholesky::Inverse() const {
  const std::size_t n = factor_.rows;
  Matrix inverse(n, n);
  for (std::size_t j = 0; j < n; ++j) {
    if (!kept_[j]) continue;
    std::vector<double> unit(n, 0.0);
    unit[j] = 1;
    const std::vector<double> column = Solve(unit);
    for (std::size_t i = 0; i < n; ++i) inverse(i, j) = column[i];
  }
  return inverse;
}

}  // namespace upswing::statistics
