#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

#include "sdk/base/hash.hpp"
#include "server/statistics/distributions.hpp"

namespace upswing::simulation {

/// Random numbers of one simulated experiment: a function of the cell's name, the run and a
/// counter, so that every number of the table can be reproduced on its own.
class Random {
 public:
  Random(std::string_view cell, std::uint64_t run)
      : state_(base::Mix(base::Hash64(cell) + run * 0x9e3779b97f4a7c15ULL)) {}

  std::uint64_t Bits() { return base::Mix(state_ += 0x9e3779b97f4a7c15ULL); }
  /// In (0, 1).
  double Uniform() { return (static_cast<double>(Bits() >> 11) + 0.5) * 0x1p-53; }
  bool Chance(double p) { return Uniform() < p; }
  /// Marsaglia's polar method.
  double Normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    double u = 0, v = 0, s = 0;
    do {
      u = 2 * Uniform() - 1;
      v = 2 * Uniform() - 1;
      s = u * u + v * v;
    } while (s >= 1 || s == 0);
    const double factor = std::sqrt(-2 * std::log(s) / s);
    spare_ = v * factor;
    has_spare_ = true;
    return u * factor;
  }
  /// Number of successes of n trials; exact by counting, so for n p up to a few thousands.
  std::int64_t Binomial(std::int64_t n, double p) {
    // Waiting times between successes are geometric.
    std::int64_t at = 0;
    std::int64_t count = 0;
    const double log_q = std::log1p(-p);
    for (;;) {
      at += 1 + static_cast<std::int64_t>(std::log(Uniform()) / log_q);
      if (at > n) return count;
      ++count;
    }
  }
  std::int64_t Poisson(double mean) {
    double product = Uniform();
    const double limit = std::exp(-mean);
    std::int64_t count = 0;
    while (product > limit) {
      product *= Uniform();
      ++count;
    }
    return count;
  }

 private:
  std::uint64_t state_;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace upswing::simulation
