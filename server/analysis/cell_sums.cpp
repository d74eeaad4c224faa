#include "server/analysis/cell_sums.hpp"

namespace upswing::analysis {

statistics::ExactValue FastSum::Value() const {
  // Exact in two parts: the integer is high * 2^62 + low.
  constexpr int kBits = 62;
  const auto low = static_cast<std::int64_t>(integer_ & ((static_cast<Wide>(1) << kBits) - 1));
  const auto high = static_cast<std::int64_t>(integer_ >> kBits);
  using statistics::ExactValue;
  return ExactValue::FromInteger(high) * ExactValue::FromInteger(std::int64_t{1} << kBits) +
         ExactValue::FromInteger(low) + real_.Value();
}

void FastSum::Subtract(const FastSum& other) {
  integer_ -= other.integer_;
  real_.Merge(statistics::ExactSum::FromValue(
      statistics::ExactValue::FromInteger(0) - other.real_.Value(), -other.real_.non_finite()));
}

void CellSums::Subtract(const CellSums& other) {
  n_ -= other.n_;
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i].Subtract(other.sums_[i]);
  for (std::size_t i = 0; i < products_.size(); ++i) products_[i].Subtract(other.products_[i]);
}

void CellSums::Merge(const CellSums& other) {
  n_ += other.n_;
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i].Merge(other.sums_[i]);
  for (std::size_t i = 0; i < products_.size(); ++i) products_[i].Merge(other.products_[i]);
}

statistics::MomentSums CellSums::ToMomentSums() const {
  statistics::MomentSums::State state;
  state.n = n_;
  for (const auto* list : {&sums_, &products_}) {
    for (const FastSum& sum : *list) {
      state.values.push_back(sum.Value());
      state.non_finite.push_back(sum.non_finite());
    }
  }
  return statistics::MomentSums::Load(state).value_or(statistics::MomentSums(sums_.size()));
}

}  // namespace upswing::analysis
