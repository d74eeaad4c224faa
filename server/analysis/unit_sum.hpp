#pragma once

#include <cmath>
#include <memory>

#include "server/statistics/exact_sum.hpp"

namespace upswing::analysis {

/// The exact sum of a few doubles, rounded once, so that the order of events cannot be seen.
///
/// Keeps the sum as high + low without error by two-sums, and falls back on a superaccumulator when
/// the two parts no longer hold it. Source of the two-sum: D. E. Knuth, The Art of Computer
/// Programming, volume 2, 4.2.2, theorem B.
class UnitSum {
 public:
  void Add(double value) {
    if (exact_ != nullptr) {
      exact_->Add(value);
      return;
    }
    double error;
    const double high = TwoSum(high_, value, &error);
    double lost;
    const double low = TwoSum(low_, error, &lost);
    if (lost != 0 || !std::isfinite(high)) {
      Spill(value);
      return;
    }
    high_ = high;
    low_ = low;
  }
  double Round() const { return exact_ != nullptr ? exact_->Round() : high_ + low_; }
  void Clear() {
    high_ = low_ = 0;
    exact_.reset();
  }

 private:
  static double TwoSum(double a, double b, double* error) {
    const double sum = a + b;
    const double b_part = sum - a;
    const double a_part = sum - b_part;
    *error = (a - a_part) + (b - b_part);
    return sum;
  }
  void Spill(double value) {
    exact_ = std::make_unique<statistics::ExactSum>();
    exact_->Add(high_);
    exact_->Add(low_);
    exact_->Add(value);
  }

  double high_ = 0;
  double low_ = 0;
  std::unique_ptr<statistics::ExactSum> exact_;
};

}  // namespace upswing::analysis
