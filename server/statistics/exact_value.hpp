#pragma once

#include <cstdint>
#include <vector>

namespace upswing::statistics {

/// A binary number of any length: (-1)^negative * sum_i limbs[i] * 2^(32 (base + i)).
///
/// Every finite double is one, and sums, differences and products of such numbers are exact. The
/// form is canonical (no zero limb at either end; zero has no limbs, base 0 and no sign), so equal
/// numbers have equal members, and the members are what is written to disk.
struct ExactValue {
  bool negative = false;
  std::int32_t base = 0;
  std::vector<std::uint32_t> limbs;

  /// Drops the zero limbs at both ends.
  static ExactValue Canonical(ExactValue value);
  /// `value` must be finite.
  static ExactValue FromDouble(double value);
  static ExactValue FromInteger(std::int64_t value);

  /// The nearest double, ties to even; +-infinity beyond the range of a double.
  double Round() const;

  bool operator==(const ExactValue&) const = default;
};

ExactValue operator+(const ExactValue& a, const ExactValue& b);
ExactValue operator-(const ExactValue& a, const ExactValue& b);
ExactValue operator*(const ExactValue& a, const ExactValue& b);

}  // namespace upswing::statistics
