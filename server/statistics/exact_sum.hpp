#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "server/statistics/exact_value.hpp"

namespace upswing::statistics {

/// A sum of doubles without any rounding: a superaccumulator. The order of additions and the way
/// they are sharded cannot be seen in the result; it is rounded once, by the reader.
///
/// Memory grows with the spread of the magnitudes, not with their number: 8 bytes per 32 bits of
/// spread, so about 50 bytes for money and counts. An addition costs a few nanoseconds. Not for
/// concurrent use: give every thread its own and `Merge`.
///
/// Source: R. M. Neal (2015), "Fast exact summation using small and large superaccumulators",
/// arXiv:1505.05571; here with chunks split on a 32-bit grid so that carries are rare, and a window
/// of chunks instead of the whole range.
class ExactSum {
 public:
  /// NaN and infinities do not enter the sum; they are counted in `non_finite()`.
  void Add(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    if ((bits << 1) == 0) return;
    const auto exponent = static_cast<std::int32_t>((bits >> 52) & 0x7ff);
    if (exponent == 0x7ff) {
      ++non_finite_;
      return;
    }
    const std::uint64_t fraction = bits & 0xfffffffffffffULL;
    const std::uint64_t mantissa = exponent == 0 ? fraction : fraction | (1ULL << 52);
    // The lowest bit of the mantissa is worth 2^(exponent - 1075), and 1075 = 34 * 32 - 13.
    const std::int32_t position = (exponent == 0 ? 1 : exponent) + 13;
    const std::int32_t index = (position >> 5) - 34 - base_;
    if (static_cast<std::uint32_t>(index) >= room_) {
      AddOutside(value);
      return;
    }
    const int shift = position & 31;
    const std::uint64_t low = mantissa << shift;
    const std::uint64_t high = (mantissa >> 32) >> (32 - shift);
    const std::int64_t sign = static_cast<std::int64_t>(bits) >> 63;  // 0 or -1
    std::int64_t* chunk = chunks_.data() + index;
    chunk[0] += (static_cast<std::int64_t>(low & 0xffffffffULL) ^ sign) - sign;
    chunk[1] += (static_cast<std::int64_t>(low >> 32) ^ sign) - sign;
    chunk[2] += (static_cast<std::int64_t>(high) ^ sign) - sign;
    if (++pending_ == kCarryEvery) Carry();
  }

  /// Adds a * b exactly (its rounded value and the rounding error are two doubles), except that a
  /// product below 2^-969 loses what does not fit a double; also then the sum does not depend on
  /// the order. A product beyond the range of a double counts as not finite.
  void AddProduct(double a, double b) {
    const double product = a * b;
    Add(product);
    if (std::fabs(product) <= 1.7976931348623157e308) Add(std::fma(a, b, -product));
  }

  /// The sum over both sets of terms.
  void Merge(const ExactSum& other);

  /// The sum, exact.
  ExactValue Value() const;
  /// The sum, rounded once. Says nothing about `non_finite()`.
  double Round() const { return Value().Round(); }
  /// How many terms were NaN or infinite.
  std::int64_t non_finite() const { return non_finite_; }

  /// The state is `Value()` and `non_finite()`; this reads it back.
  static ExactSum FromValue(const ExactValue& value, std::int64_t non_finite);

 private:
  // An addition changes a chunk by less than 2^32 and a chunk has 63 bits.
  static constexpr std::uint32_t kCarryEvery = 1u << 30;

  void AddOutside(double value);
  void Carry();
  void Reserve(std::int32_t first, std::int32_t last);

  std::vector<std::int64_t> chunks_;  // sum of chunks_[i] * 2^(32 (base_ + i))
  std::int32_t base_ = 0;
  std::uint32_t room_ = 0;  // max(chunks_.size() - 2, 0): indices at which an addition fits
  std::uint32_t pending_ = 0;
  std::int64_t non_finite_ = 0;
};

}  // namespace upswing::statistics
