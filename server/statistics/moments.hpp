#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/exact_sum.hpp"

namespace upswing::statistics {

/// Count, means and centred second moments of the units of one arm, for one or more variables per
/// unit: what every method of this folder starts from.
struct Moments {
  std::int64_t n = 0;
  std::vector<double> mean;
  /// sum over units of (x_i - mean_i)(x_j - mean_j), for i <= j, row after row: 00, 01, .., 11, 12,
  /// ..
  std::vector<double> centred;

  std::size_t dimension() const { return mean.size(); }
  /// Variance or covariance with divisor n - 1; needs n >= 2.
  double Covariance(std::size_t i, std::size_t j) const;
  double Variance(std::size_t i) const { return Covariance(i, i); }
};

/// The sums behind `Moments`, exact and mergeable: adding units in any order and merging shards in
/// any order gives the same bits, also where sum(x^2) - sum(x)^2 / n in doubles loses every digit.
///
/// The variables of a unit, by metric: mean, retention, conversion: value. Ratio: numerator,
/// denominator. With covariates: these first, then the covariates in a fixed order.
class MomentSums {
 public:
  explicit MomentSums(std::size_t dimension = 1)
      : sums_(dimension), products_(dimension * (dimension + 1) / 2) {}

  /// One unit; `values` has `dimension()` entries.
  void Add(absl::Span<const double> values) {
    ++n_;
    const std::size_t dimension = sums_.size();
    std::size_t k = 0;
    for (std::size_t i = 0; i < dimension; ++i) {
      const double value = values[i];
      if (value == 0) {
        k += dimension - i;
        continue;
      }
      sums_[i].Add(value);
      for (std::size_t j = i; j < dimension; ++j, ++k)
        if (values[j] != 0) products_[k].AddProduct(value, values[j]);
    }
  }
  void Add(double value) { Add(absl::MakeConstSpan(&value, 1)); }

  /// `count` units that are 0 in every variable (exposed, but without an event).
  void AddZeros(std::int64_t count) { n_ += count; }

  /// Units of `other` join; both have the same dimension.
  void Merge(const MomentSums& other);

  std::int64_t n() const { return n_; }
  std::size_t dimension() const { return sums_.size(); }
  const ExactSum& sum(std::size_t i) const { return sums_[i]; }
  /// sum of x_i x_j.
  const ExactSum& product(std::size_t i, std::size_t j) const { return products_[Index(i, j)]; }

  /// Each mean and each centred moment is computed exactly and rounded once (the centred moment is
  /// (n sum(xy) - sum(x) sum(y)) / n, rounded at the difference and at the quotient).
  /// Undefined: `non_finite_input` if a value was NaN or infinite or a moment leaves the range.
  /// With n = 0 all moments are 0.
  absl::StatusOr<Moments> Reduce() const;

  /// The state as plain numbers, for files: `n`, then the sums, then the products row after row.
  struct State {
    std::int64_t n = 0;
    std::vector<ExactValue> values;
    std::vector<std::int64_t> non_finite;

    bool operator==(const State&) const = default;
  };
  State Save() const;
  /// kInvalidArgument if the number of values fits no dimension.
  static absl::StatusOr<MomentSums> Load(const State& state);

 private:
  std::size_t Index(std::size_t i, std::size_t j) const;

  std::int64_t n_ = 0;
  std::vector<ExactSum> sums_;
  std::vector<ExactSum> products_;
};

/// The moments of some of the variables, in the order given.
Moments SelectVariables(const Moments& moments, absl::Span<const std::size_t> variables);

/// Moments from sums that were rounded already (reference data, other systems): one variable.
/// `sum_squares` must be at least sum^2 / n up to rounding; a difference below 0 becomes 0.
Moments MomentsFromSums(std::int64_t n, double sum, double sum_squares);

}  // namespace upswing::statistics
