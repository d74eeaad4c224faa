#include "sdk/assignment/number.hpp"

#include <cmath>

namespace upswing::assignment {
namespace {

template <class T>
int Order(T a, T b) {
  return a < b ? -1 : (a > b ? 1 : 0);
}

// `b` is not NaN. Between -2^63 and 2^63 its integral part is an int64 without rounding.
int CompareIntDouble(std::int64_t a, double b) {
  if (b >= 0x1p63) return -1;
  if (b < -0x1p63) return 1;
  const double integral = std::trunc(b);
  const int order = Order(a, static_cast<std::int64_t>(integral));
  return order != 0 ? order : Order(0.0, b - integral);
}

}  // namespace

std::optional<int> Compare(Number a, Number b) {
  if ((a.is_double && std::isnan(a.real)) || (b.is_double && std::isnan(b.real))) return {};
  if (a.is_double && b.is_double) return Order(a.real, b.real);
  if (a.is_double) return -CompareIntDouble(b.integer, a.real);
  if (b.is_double) return CompareIntDouble(a.integer, b.real);
  return Order(a.integer, b.integer);
}

}  // namespace upswing::assignment
