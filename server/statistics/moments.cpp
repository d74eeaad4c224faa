#include "server/statistics/moments.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

// Row after row of the upper triangle.
std::size_t TriangleIndex(std::size_t dimension, std::size_t i, std::size_t j) {
  if (i > j) std::swap(i, j);
  return i * dimension - i * (i + 1) / 2 + j;
}

}  // namespace

double Moments::Covariance(std::size_t i, std::size_t j) const {
  return centred[TriangleIndex(dimension(), i, j)] / static_cast<double>(n - 1);
}

std::size_t MomentSums::Index(std::size_t i, std::size_t j) const {
  return TriangleIndex(sums_.size(), i, j);
}

void MomentSums::Merge(const MomentSums& other) {
  n_ += other.n_;
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i].Merge(other.sums_[i]);
  for (std::size_t i = 0; i < products_.size(); ++i) products_[i].Merge(other.products_[i]);
}

absl::StatusOr<Moments> MomentSums::Reduce() const {
  Moments moments{n_, std::vector<double>(sums_.size()), std::vector<double>(products_.size())};
  if (n_ == 0) return moments;
  const ExactValue n = ExactValue::FromInteger(n_);
  const auto count = static_cast<double>(n_);
  std::vector<ExactValue> sums;
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    if (sums_[i].non_finite() != 0) return Undefined(reason::kNonFiniteInput);
    sums.push_back(sums_[i].Value());
    moments.mean[i] = sums[i].Round() / count;
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    for (std::size_t j = i; j < sums.size(); ++j) {
      const ExactSum& product = products_[Index(i, j)];
      if (product.non_finite() != 0) return Undefined(reason::kNonFiniteInput);
      moments.centred[Index(i, j)] = (n * product.Value() - sums[i] * sums[j]).Round() / count;
    }
  }
  for (const std::vector<double>* values : {&moments.mean, &moments.centred})
    for (const double value : *values)
      if (!std::isfinite(value)) return Undefined(reason::kNonFiniteInput);
  return moments;
}

MomentSums::State MomentSums::Save() const {
  State state{n_, {}, {}};
  for (const std::vector<ExactSum>* part : {&sums_, &products_}) {
    for (const ExactSum& sum : *part) {
      state.values.push_back(sum.Value());
      state.non_finite.push_back(sum.non_finite());
    }
  }
  return state;
}

absl::StatusOr<MomentSums> MomentSums::Load(const State& state) {
  std::size_t dimension = 0;
  while (dimension + dimension * (dimension + 1) / 2 < state.values.size()) ++dimension;
  MomentSums sums(dimension);
  if (sums.sums_.size() + sums.products_.size() != state.values.size() ||
      state.values.size() != state.non_finite.size())
    return absl::InvalidArgumentError("values: their number fits no dimension");
  sums.n_ = state.n;
  std::size_t k = 0;
  for (std::vector<ExactSum>* part : {&sums.sums_, &sums.products_})
    for (ExactSum& sum : *part) {
      sum = ExactSum::FromValue(state.values[k], state.non_finite[k]);
      ++k;
    }
  return sums;
}

Moments SelectVariables(const Moments& moments, absl::Span<const std::size_t> variables) {
  Moments part{moments.n, {}, {}};
  for (std::size_t i = 0; i < variables.size(); ++i) {
    part.mean.push_back(moments.mean[variables[i]]);
    for (std::size_t j = i; j < variables.size(); ++j)
      part.centred.push_back(
          moments.centred[TriangleIndex(moments.dimension(), variables[i], variables[j])]);
  }
  return part;
}

Moments MomentsFromSums(std::int64_t n, double sum, double sum_squares) {
  const auto count = static_cast<double>(n);
  const ExactValue s = ExactValue::FromDouble(sum);
  const ExactValue scaled = ExactValue::FromInteger(n) * ExactValue::FromDouble(sum_squares);
  return {n, {sum / count}, {std::max(0.0, (scaled - s * s).Round() / count)}};
}

}  // namespace upswing::statistics
