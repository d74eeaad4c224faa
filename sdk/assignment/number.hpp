#pragma once

#include <cstdint>
#include <optional>

namespace upswing::assignment {

/// An int64 or a double, compared by mathematical value.
struct Number {
  bool is_double = false;
  std::int64_t integer = 0;
  double real = 0;

  static constexpr Number Int(std::int64_t value) { return {false, value, 0}; }
  static constexpr Number Double(double value) { return {true, 0, value}; }
};

/// Negative, 0 or positive; nothing if either is NaN. Exact: 2^53 + 1 is larger than 2^53 as a
/// double.
std::optional<int> Compare(Number a, Number b);

}  // namespace upswing::assignment
