#include "server/statistics/exact_value.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace upswing::statistics {
namespace {

std::uint32_t LimbAt(const ExactValue& value, std::int32_t position) {
  const std::int32_t i = position - value.base;
  return i < 0 || i >= static_cast<std::int32_t>(value.limbs.size())
             ? 0
             : value.limbs[static_cast<std::size_t>(i)];
}

std::int32_t End(const ExactValue& value) {
  return value.base + static_cast<std::int32_t>(value.limbs.size());
}

bool MagnitudeLess(const ExactValue& a, const ExactValue& b) {
  if (End(a) != End(b)) return End(a) < End(b);
  for (std::int32_t i = End(a) - 1; i >= std::min(a.base, b.base); --i)
    if (LimbAt(a, i) != LimbAt(b, i)) return LimbAt(a, i) < LimbAt(b, i);
  return false;
}

// |a| + sign * |b| with the sign of a; needs |a| >= |b| when sign is -1.
ExactValue AddMagnitudes(const ExactValue& a, const ExactValue& b, int sign) {
  ExactValue sum{a.negative, std::min(a.base, b.base), {}};
  const std::int32_t end = std::max(End(a), End(b)) + 1;
  sum.limbs.reserve(static_cast<std::size_t>(end - sum.base));
  std::int64_t carry = 0;
  for (std::int32_t i = sum.base; i < end; ++i) {
    carry +=
        static_cast<std::int64_t>(LimbAt(a, i)) + sign * static_cast<std::int64_t>(LimbAt(b, i));
    sum.limbs.push_back(static_cast<std::uint32_t>(carry & 0xffffffff));
    carry >>= 32;
  }
  return ExactValue::Canonical(std::move(sum));
}

}  // namespace

ExactValue ExactValue::Canonical(ExactValue value) {
  while (!value.limbs.empty() && value.limbs.back() == 0) value.limbs.pop_back();
  const auto first = std::find_if(value.limbs.begin(), value.limbs.end(),
                                  [](std::uint32_t limb) { return limb != 0; });
  value.base += static_cast<std::int32_t>(first - value.limbs.begin());
  value.limbs.erase(value.limbs.begin(), first);
  if (value.limbs.empty()) return {};
  return value;
}

ExactValue ExactValue::FromDouble(double value) {
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(value), &exponent);
  const auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
  const int position = exponent - 53;
  const int base = position >> 5;
  const int shift = position & 31;
  const std::uint64_t high = shift == 0 ? 0 : mantissa >> (64 - shift);
  const std::uint64_t low = mantissa << shift;
  return Canonical({value < 0,
                    base,
                    {static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32),
                     static_cast<std::uint32_t>(high)}});
}

ExactValue ExactValue::FromInteger(std::int64_t value) {
  const std::uint64_t magnitude =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  return Canonical(
      {value < 0,
       0,
       {static_cast<std::uint32_t>(magnitude), static_cast<std::uint32_t>(magnitude >> 32)}});
}

double ExactValue::Round() const {
  if (limbs.empty()) return 0;
  // The top 64 significant bits, the last of which also says whether anything non-zero follows: 11
  // bits more than a double has, so the one rounding is that of the conversion. A result below the
  // normal range is a multiple of 2^-1074 if the terms were doubles, so ldexp does not round again.
  const int unused = std::countl_zero(limbs.back());
  std::uint64_t top = 0;
  int taken = 0;
  std::size_t i = limbs.size();
  while (taken < 64 && i > 0) {
    const std::uint64_t limb = limbs[--i];
    const int bits = taken == 0 ? 32 - unused : 32;
    const int take = std::min(bits, 64 - taken);
    top = (take == 64 ? 0 : top << take) |
          ((limb & (bits == 32 ? 0xffffffffULL : (1ULL << bits) - 1)) >> (bits - take));
    taken += take;
    if (take < bits && (limb & ((1ULL << (bits - take)) - 1)) != 0) top |= 1;
  }
  while (i > 0)
    if (limbs[--i] != 0) top |= 1;
  const int highest = 32 * End(*this) - unused;
  const double magnitude = std::ldexp(static_cast<double>(top), highest - taken);
  return negative ? -magnitude : magnitude;
}

ExactValue operator+(const ExactValue& a, const ExactValue& b) {
  if (a.limbs.empty()) return b;
  if (b.limbs.empty()) return a;
  if (a.negative == b.negative) return AddMagnitudes(a, b, 1);
  return MagnitudeLess(a, b) ? AddMagnitudes(b, a, -1) : AddMagnitudes(a, b, -1);
}

ExactValue operator-(const ExactValue& a, const ExactValue& b) {
  ExactValue minus_b = b;
  minus_b.negative = !b.limbs.empty() && !b.negative;
  return a + minus_b;
}

ExactValue operator*(const ExactValue& a, const ExactValue& b) {
  ExactValue product{a.negative != b.negative, a.base + b.base,
                     std::vector<std::uint32_t>(a.limbs.size() + b.limbs.size(), 0)};
  for (std::size_t i = 0; i < a.limbs.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.limbs.size(); ++j) {
      carry += static_cast<std::uint64_t>(a.limbs[i]) * b.limbs[j] + product.limbs[i + j];
      product.limbs[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    product.limbs[i + b.limbs.size()] = static_cast<std::uint32_t>(carry);
  }
  return ExactValue::Canonical(std::move(product));
}

}  // namespace upswing::statistics
