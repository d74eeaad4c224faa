#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "server/statistics/inference.hpp"
#include "server/statistics/moments.hpp"
#include "tests/simulation/random.hpp"

namespace upswing::simulation {

/// Moments of up to four variables by plain sums in doubles: enough for simulated values of order
/// 1, and several times as fast as the exact sums (which unit tests compare with the truth).
class Sample {
 public:
  explicit Sample(std::size_t dimension = 1) : dimension_(dimension) {}

  void Add(std::initializer_list<double> values) { Add(values.begin()); }
  void Add(const double* values) {
    ++n_;
    std::size_t k = 0;
    for (std::size_t i = 0; i < dimension_; ++i) {
      sums_[i] += values[i];
      for (std::size_t j = i; j < dimension_; ++j, ++k) products_[k] += values[i] * values[j];
    }
  }
  void AddZeros(std::int64_t count) { n_ += count; }

  std::int64_t n() const { return n_; }
  statistics::Moments Reduce() const {
    statistics::Moments moments;
    moments.n = n_;
    const auto n = static_cast<double>(n_);
    for (std::size_t i = 0; i < dimension_; ++i) moments.mean.push_back(sums_[i] / n);
    std::size_t k = 0;
    for (std::size_t i = 0; i < dimension_; ++i)
      for (std::size_t j = i; j < dimension_; ++j, ++k)
        moments.centred.push_back(products_[k] - sums_[i] * sums_[j] / n);
    return moments;
  }

 private:
  std::size_t dimension_;
  std::int64_t n_ = 0;
  std::array<double, 4> sums_{};
  std::array<double, 10> products_{};
};

inline statistics::Moments NormalSample(Random& random, std::int64_t n, double mean) {
  Sample sample;
  for (std::int64_t i = 0; i < n; ++i) sample.Add({mean + random.Normal()});
  return sample.Reduce();
}

inline bool Outside(const statistics::Interval& interval, double truth) {
  return truth < interval.lower || truth > interval.upper;
}

/// Whether the estimate's interval leaves out the truth; an undefined one leaves out nothing.
inline bool Misses(const absl::StatusOr<statistics::Estimate>& estimate, double truth,
                   const statistics::Rule& rule = {}) {
  if (!estimate.ok()) return false;
  const auto result = statistics::Infer(*estimate, rule);
  return result.ok() && Outside(result->interval, truth);
}

}  // namespace upswing::simulation
