#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace upswing::analysis {

/// How many values lie in [low, high). The bin of 0 has low = high = 0; the outermost bins have
/// infinite ends.
struct HistogramBin {
  double low = 0;
  double high = 0;
  std::int64_t count = 0;
  bool operator==(const HistogramBin&) const = default;
};

/// Counts of values in bins that two share a doubling: for every power of two 2^e the bins
/// [2^e, 1.5 * 2^e) and [1.5 * 2^e, 2^(e+1)), one of 0 alone, and the same mirrored below 0. A
/// value's bin does not depend on the other values, so that counts add up and can be taken out
/// again, exactly.
class Histogram {
 public:
  void Add(double value, std::int64_t times = 1) {
    if (std::isnan(value)) return;
    if (counts_.empty()) counts_.assign(2 * kHalf + 1, 0);
    counts_[IndexOf(value)] += times;
  }
  void Merge(const Histogram& other) { Combine(other, 1); }
  void Subtract(const Histogram& other) { Combine(other, -1); }

  /// The bins that hold something, ascending.
  std::vector<HistogramBin> Bins() const {
    std::vector<HistogramBin> bins;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] == 0) continue;
      const auto place = static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(kHalf);
      HistogramBin bin{0, 0, counts_[i]};
      if (place > 0) bin = {Edge(place - 1), Edge(place), counts_[i]};
      if (place < 0) bin = {-Edge(-place), -Edge(-place - 1), counts_[i]};
      bins.push_back(bin);
    }
    return bins;
  }

 private:
  static constexpr int kLowest = -16;  // 2^-16: what is smaller shares the innermost bin
  static constexpr int kHighest = 48;
  static constexpr std::size_t kHalf = 2 * (kHighest - kLowest);

  static std::size_t IndexOf(double value) {
    if (value == 0) return kHalf;
    int exponent = 0;
    const double mantissa = std::frexp(std::fabs(value), &exponent);  // in [0.5, 1)
    std::ptrdiff_t place = 2 * (exponent - 1 - kLowest) + (mantissa >= 0.75 ? 2 : 1);
    if (std::isinf(value)) place = kHalf;
    place = std::clamp<std::ptrdiff_t>(place, 1, kHalf);
    return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(kHalf) +
                                    (value < 0 ? -place : place));
  }
  // Upper end of the bin at `place` above 0; the lower one of the next.
  static double Edge(std::ptrdiff_t place) {
    if (place == 0) return 0;
    if (place == static_cast<std::ptrdiff_t>(kHalf)) return std::numeric_limits<double>::infinity();
    const int exponent = static_cast<int>(place / 2) + kLowest;
    return std::ldexp(place % 2 == 0 ? 1.0 : 1.5, exponent);
  }
  void Combine(const Histogram& other, std::int64_t sign) {
    if (other.counts_.empty()) return;
    if (counts_.empty()) counts_.assign(2 * kHalf + 1, 0);
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += sign * other.counts_[i];
  }

  std::vector<std::int64_t> counts_;  // empty until there is a value
};

}  // namespace upswing::analysis
