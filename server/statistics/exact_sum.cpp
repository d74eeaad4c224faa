#include "server/statistics/exact_sum.hpp"

#include <algorithm>
#include <utility>

namespace upswing::statistics {

// Makes chunks_ cover the positions [first, last].
void ExactSum::Reserve(std::int32_t first, std::int32_t last) {
  if (chunks_.empty()) {
    base_ = first;
    chunks_.assign(static_cast<std::size_t>(last - first + 1), 0);
  } else {
    if (first < base_) {
      chunks_.insert(chunks_.begin(), static_cast<std::size_t>(base_ - first), 0);
      base_ = first;
    }
    const auto size = static_cast<std::size_t>(last - base_ + 1);
    if (size > chunks_.size()) chunks_.resize(size, 0);
  }
  room_ = chunks_.size() < 3 ? 0 : static_cast<std::uint32_t>(chunks_.size() - 2);
}

void ExactSum::AddOutside(double value) {
  const ExactValue exact = ExactValue::FromDouble(value);
  // Three chunks on the grid of `Add`, which may start one below the lowest non-zero limb.
  const auto exponent =
      static_cast<std::int32_t>((std::bit_cast<std::uint64_t>(value) >> 52) & 0x7ff);
  const std::int32_t first = (((exponent == 0 ? 1 : exponent) + 13) >> 5) - 34;
  Reserve(first, first + 2);
  for (std::size_t i = 0; i < exact.limbs.size(); ++i) {
    const auto at = static_cast<std::size_t>(exact.base - base_) + i;
    chunks_[at] += exact.negative ? -static_cast<std::int64_t>(exact.limbs[i]) : exact.limbs[i];
  }
  if (++pending_ == kCarryEvery) Carry();
}

// Brings every chunk but the last into [0, 2^32) and the last into [-2^31, 2^31).
void ExactSum::Carry() {
  pending_ = 0;
  if (chunks_.empty()) return;
  std::int64_t carry = 0;
  for (std::size_t i = 0; i + 1 < chunks_.size(); ++i) {
    chunks_[i] += carry;
    carry = chunks_[i] >> 32;
    chunks_[i] &= 0xffffffff;
  }
  chunks_.back() += carry;
  while (chunks_.back() < -(1LL << 31) || chunks_.back() >= (1LL << 31)) {
    const std::int64_t over = chunks_.back() >> 32;
    chunks_.back() &= 0xffffffff;
    chunks_.push_back(over);
  }
  room_ = chunks_.size() < 3 ? 0 : static_cast<std::uint32_t>(chunks_.size() - 2);
}

void ExactSum::Merge(const ExactSum& other) {
  non_finite_ += other.non_finite_;
  if (other.chunks_.empty()) return;
  if (&other == this || pending_ + static_cast<std::uint64_t>(other.pending_) + 2 >= kCarryEvery) {
    ExactSum copy = other;
    copy.non_finite_ = 0;
    copy.Carry();
    Carry();
    Merge(copy);
    return;
  }
  Reserve(std::min(other.base_, chunks_.empty() ? other.base_ : base_),
          other.base_ + static_cast<std::int32_t>(other.chunks_.size()) - 1);
  for (std::size_t i = 0; i < other.chunks_.size(); ++i)
    chunks_[static_cast<std::size_t>(other.base_ - base_) + i] += other.chunks_[i];
  pending_ += other.pending_ + 1;  // a carried chunk is as large as one addition
}

ExactValue ExactSum::Value() const {
  ExactSum carried = *this;
  carried.Carry();
  // Now at most the last chunk is negative. Below zero, negate first so that it is not.
  const bool negative = !carried.chunks_.empty() && carried.chunks_.back() < 0;
  if (negative) {
    for (std::int64_t& chunk : carried.chunks_) chunk = -chunk;
    carried.Carry();
  }
  ExactValue value{negative, carried.base_, {}};
  for (const std::int64_t chunk : carried.chunks_)
    value.limbs.push_back(static_cast<std::uint32_t>(chunk));
  return ExactValue::Canonical(std::move(value));
}

ExactSum ExactSum::FromValue(const ExactValue& value, std::int64_t non_finite) {
  ExactSum sum;
  sum.non_finite_ = non_finite;
  if (value.limbs.empty()) return sum;
  sum.Reserve(value.base, value.base + static_cast<std::int32_t>(value.limbs.size()) - 1);
  for (std::size_t i = 0; i < value.limbs.size(); ++i)
    sum.chunks_[i] = value.negative ? -static_cast<std::int64_t>(value.limbs[i]) : value.limbs[i];
  sum.pending_ = 1;
  return sum;
}

}  // namespace upswing::statistics
