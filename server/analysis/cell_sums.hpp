#pragma once

#include <cstdint>
#include <vector>

#include "server/statistics/exact_sum.hpp"
#include "server/statistics/moments.hpp"

namespace upswing::analysis {

/// An exact sum that is quick for small integers (counts, conversions) and right for all doubles.
class FastSum {
 public:
  __extension__ using Wide = __int128;  // 2^63 products of 32-bit numbers fit

  void Add(double value) {
    if (IsSmall(value)) {
      integer_ += static_cast<std::int64_t>(value);
    } else {
      real_.Add(value);
    }
  }
  void AddProduct(double a, double b) {
    if (IsSmall(a) && IsSmall(b)) {
      integer_ += static_cast<Wide>(static_cast<std::int64_t>(a)) * static_cast<std::int64_t>(b);
    } else {
      real_.AddProduct(a, b);
    }
  }
  void Merge(const FastSum& other) {
    integer_ += other.integer_;
    real_.Merge(other.real_);
  }
  void Subtract(const FastSum& other);
  statistics::ExactValue Value() const;
  std::int64_t non_finite() const { return real_.non_finite(); }

 private:
  static bool IsSmall(double value) {
    // Also false for NaN; the conversion is defined for what passes the first test.
    return value > -2147483648.0 && value < 2147483648.0 &&
           static_cast<double>(static_cast<std::int32_t>(value)) == value;
  }

  Wide integer_ = 0;
  statistics::ExactSum real_;
};

/// What `statistics::MomentSums` holds, made for the join: a unit's old value can be taken out
/// again, exactly, when its value of the next day replaces it.
class CellSums {
 public:
  explicit CellSums(std::size_t dimension = 1)
      : sums_(dimension), products_(dimension * (dimension + 1) / 2) {}

  void AddUnits(std::int64_t count) { n_ += count; }
  /// Values of one unit, without counting it. `sign` is 1 or -1.
  void AddValues(const double* values, double sign = 1) {
    const std::size_t dimension = sums_.size();
    std::size_t k = 0;
    for (std::size_t i = 0; i < dimension; ++i) {
      const double value = values[i];
      if (value == 0) {
        k += dimension - i;
        continue;
      }
      sums_[i].Add(sign * value);
      for (std::size_t j = i; j < dimension; ++j, ++k)
        if (values[j] != 0) products_[k].AddProduct(sign * value, values[j]);
    }
  }
  /// Sums of variables, then of their products in the order of `products_`, without units.
  void AddSums(const double* sums) {
    for (FastSum& sum : sums_) sum.Add(*sums++);
    for (FastSum& sum : products_) sum.Add(*sums++);
  }
  void Merge(const CellSums& other);
  void Subtract(const CellSums& other);
  std::int64_t n() const { return n_; }
  std::size_t dimension() const { return sums_.size(); }
  statistics::MomentSums ToMomentSums() const;

 private:
  std::int64_t n_ = 0;
  std::vector<FastSum> sums_;
  std::vector<FastSum> products_;
};

}  // namespace upswing::analysis
