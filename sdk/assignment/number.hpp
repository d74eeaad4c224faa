#pragma once

#include <cstdint>
#include <optional>

namespace upswing::assignment {

/// An int64 or a double, compared by mathematical value.
struct Number {
  static constexpr Number Int(std::int64_t value) { return {.integer = value, .is_double = false}; }
  static constexpr Number Double(double value) { return {.real = value, .is_double = true}; }

  // Two words, so that a call passes it in registers.
  union {
    std::int64_t integer;
    double real;
  };
  bool is_double;
};

/// Negative, 0 or positive; nothing if either is NaN. Exact: 2^53 + 1 is larger than 2^53 as a
/// double.
std::optional<int> Compare(Number a, Number b);

}  // namespace upswing::assignment
