#include "server/statistics/ranks.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "server/statistics/distributions.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {

absl::StatusOr<RankTest> MannWhitney(absl::Span<const double> control,
                                     absl::Span<const double> treatment) {
  if (control.empty() || treatment.empty()) return Undefined(reason::kNotEnoughData);
  std::vector<std::pair<double, bool>> all;
  for (const double x : control) all.emplace_back(x, false);
  for (const double x : treatment) all.emplace_back(x, true);
  for (const auto& value : all)
    if (!std::isfinite(value.first)) return Undefined(reason::kNonFiniteInput);
  std::sort(all.begin(), all.end());
  double rank_sum = 0;
  double ties = 0;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t end = i;
    while (end < all.size() && all[end].first == all[i].first) ++end;
    const double rank = (static_cast<double>(i + 1) + static_cast<double>(end)) / 2;
    for (std::size_t k = i; k < end; ++k) rank_sum += all[k].second ? rank : 0;
    const auto t = static_cast<double>(end - i);
    ties += t * t * t - t;
    i = end;
  }
  const auto n_c = static_cast<double>(control.size());
  const auto n_t = static_cast<double>(treatment.size());
  const double n = n_c + n_t;
  RankTest test;
  test.u_treatment = rank_sum - n_t * (n_t + 1) / 2;
  const double variance = n_c * n_t / 12 * (n + 1 - ties / (n * (n - 1)));
  if (!(variance > 0)) return Undefined(reason::kZeroVariance);
  const double gap = test.u_treatment - n_c * n_t / 2;
  const double se = std::sqrt(variance);
  const double shrunk = std::copysign(std::max(0.0, std::fabs(gap) - 0.5), gap);
  test.asymptotic = {gap / se, 2 * NormalSurvival(std::fabs(gap) / se)};
  // 1/2 is also subtracted when the gap is 0, as usual; the p-value is capped.
  test.continuity = {shrunk / se, std::min(1.0, 2 * NormalSurvival((std::fabs(gap) - 0.5) / se))};
  return test;
}

absl::StatusOr<double> MannWhitneyExactP(absl::Span<const double> control,
                                         absl::Span<const double> treatment) {
  const auto test = MannWhitney(control, treatment);
  if (!test.ok()) return test.status();
  std::vector<double> all(control.begin(), control.end());
  all.insert(all.end(), treatment.begin(), treatment.end());
  std::sort(all.begin(), all.end());
  const std::size_t pairs = control.size() * treatment.size();
  if (pairs > 10'000 || std::adjacent_find(all.begin(), all.end()) != all.end())
    return Undefined(reason::kNotSupported);
  // ways[j][u]: choices of j treatment units among the first i with u pairs won, as shares.
  std::vector<std::vector<double>> ways(treatment.size() + 1, std::vector<double>(pairs + 1, 0.0));
  ways[0][0] = 1;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = std::min(treatment.size(), i + 1); j >= 1; --j) {
      // The j-th treatment unit at position i beats the i - (j - 1) control units before it.
      const std::size_t wins = i - (j - 1);
      if (wins > control.size()) continue;
      for (std::size_t u = wins; u <= pairs; ++u) ways[j][u] += ways[j - 1][u - wins];
    }
  }
  const auto u = static_cast<std::size_t>(test->u_treatment);
  const std::size_t extreme = std::max(u, pairs - u);
  double tail = 0;
  double total = 0;
  for (std::size_t k = 0; k <= pairs; ++k) {
    total += ways[treatment.size()][k];
    if (k >= extreme) tail += ways[treatment.size()][k];
  }
  return std::min(1.0, 2 * tail / total);
}

double SampleQuantile(absl::Span<const double> sorted, double q, QuantileDefinition definition) {
  const auto n = static_cast<double>(sorted.size());
  const auto at = [&](double position) {  // 1-based, clamped
    return sorted[static_cast<std::size_t>(std::clamp(position, 1.0, n)) - 1];
  };
  double a = 1;
  switch (definition) {
    case QuantileDefinition::kInvertedCdf:
      return at(std::ceil(n * q - 1e-12 * n));
    case QuantileDefinition::kLinear:
      break;
    case QuantileDefinition::kHazen:
      a = 0.5;
      break;
    case QuantileDefinition::kWeibull:
      a = 0;
      break;
    case QuantileDefinition::kMedianUnbiased:
      a = 1.0 / 3;
      break;
  }
  const double position = (n + 1 - 2 * a) * q + a;
  const double below = std::floor(position);
  const double lower = at(below);
  return lower + (position - below) * (at(below + 1) - lower);
}

absl::StatusOr<std::vector<double>> Winsorise(absl::Span<const double> values, double lower,
                                              double upper) {
  if (!(lower >= 0) || !(upper >= 0) || !(lower + upper <= 1) || lower == 1 || upper == 1)
    return absl::InvalidArgumentError("limits: must be in [0, 1) and sum to at most 1");
  if (values.empty()) return Undefined(reason::kNotEnoughData);
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<double>(values.size());
  const auto low = static_cast<std::size_t>(lower * n);
  const auto high = static_cast<std::size_t>(upper * n);
  const double floor = sorted[std::min(low, sorted.size() - 1)];
  const double cap = sorted[sorted.size() - 1 - std::min(high, sorted.size() - 1)];
  std::vector<double> capped;
  for (const double value : values) capped.push_back(std::min(std::max(value, floor), cap));
  return capped;
}

}  // namespace upswing::statistics
