#include "server/statistics/multiple_testing.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace upswing::statistics {
namespace {

// Positions of the defined values, from the smallest on.
std::vector<std::size_t> Order(absl::Span<const double> values) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isnan(values[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

double HarmonicSum(double m) {
  double sum = 0;
  for (double i = 1; i <= m; ++i) sum += 1 / i;
  return sum;
}

// Hommel's adjusted p-values by Wright's algorithm (1992), Biometrics 48.
void Hommel(std::vector<double>* sorted) {
  const std::size_t m = sorted->size();
  const std::vector<double> p = *sorted;
  std::vector<double> adjusted = p;
  for (std::size_t size = m; size >= 2; --size) {
    // The upper `size` - 1 p-values bound what the intersection hypotheses of that size reach.
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 2; i <= size; ++i)
      least =
          std::min(least, static_cast<double>(size) * p[m - size + i - 1] / static_cast<double>(i));
    for (std::size_t i = 0; i < m; ++i) {
      const double c =
          i >= m - size + 1 ? least : std::min(least, static_cast<double>(size) * p[i]);
      adjusted[i] = std::max(adjusted[i], c);
    }
  }
  *sorted = adjusted;
}

}  // namespace

absl::StatusOr<std::vector<double>> AdjustPValues(absl::Span<const double> p_values,
                                                  Correction correction) {
  for (const double p : p_values)
    if (p < 0 || p > 1) return absl::InvalidArgumentError("p_values: must be between 0 and 1");
  const std::vector<std::size_t> order = Order(p_values);
  const std::size_t m = order.size();
  std::vector<double> sorted;
  for (const std::size_t i : order) sorted.push_back(p_values[i]);
  const auto rank = [](std::size_t i) { return static_cast<double>(i + 1); };
  const auto count = static_cast<double>(m);
  const auto step_down = [&](const auto& scale) {
    double before = 0;
    for (std::size_t i = 0; i < m; ++i) before = sorted[i] = std::max(before, scale(i));
  };
  const auto step_up = [&](const auto& factor) {
    double after = 1;
    for (std::size_t i = m; i-- > 0;) after = sorted[i] = std::min(after, sorted[i] * factor(i));
  };
  switch (correction) {
    case Correction::kNone:
      break;
    case Correction::kBonferroni:
      for (double& p : sorted) p *= count;
      break;
    case Correction::kHolm:
      step_down([&](std::size_t i) { return sorted[i] * (count - rank(i) + 1); });
      break;
    case Correction::kHolmSidak:
      step_down([&](std::size_t i) {
        return -std::expm1((count - rank(i) + 1) * std::log1p(-sorted[i]));
      });
      break;
    case Correction::kHochberg:
      step_up([&](std::size_t i) { return count - rank(i) + 1; });
      break;
    case Correction::kHommel:
      Hommel(&sorted);
      break;
    case Correction::kBenjaminiHochberg:
      step_up([&](std::size_t i) { return count / rank(i); });
      break;
    case Correction::kBenjaminiYekutieli: {
      const double harmonic = HarmonicSum(count);
      step_up([&](std::size_t i) { return harmonic * count / rank(i); });
      break;
    }
  }
  std::vector<double> adjusted(p_values.begin(), p_values.end());
  for (std::size_t i = 0; i < m; ++i) adjusted[order[i]] = std::min(1.0, sorted[i]);
  return adjusted;
}

std::vector<double> AdjustEValues(absl::Span<const double> log_e_values) {
  std::vector<std::size_t> order = Order(log_e_values);
  std::reverse(order.begin(), order.end());
  std::vector<double> adjusted(log_e_values.begin(), log_e_values.end());
  const double log_m = std::log(static_cast<double>(order.size()));
  double after = 1;
  for (std::size_t k = order.size(); k-- > 0;) {
    after = std::min(
        after, std::exp(log_m - std::log(static_cast<double>(k + 1)) - log_e_values[order[k]]));
    adjusted[order[k]] = after;
  }
  return adjusted;
}

absl::StatusOr<std::vector<double>> IntervalLevels(absl::Span<const double> p_values, double alpha,
                                                   Correction correction) {
  if (!(alpha > 0 && alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  const auto adjusted = AdjustPValues(p_values, correction);
  if (!adjusted.ok()) return adjusted.status();
  double m = 0;
  double rejected = 0;
  double largest_rejected = 0;
  double smallest_kept = 1;
  for (std::size_t i = 0; i < adjusted->size(); ++i) {
    if (std::isnan((*adjusted)[i])) continue;
    m += 1;
    if ((*adjusted)[i] <= alpha) {
      rejected += 1;
      largest_rejected = std::max(largest_rejected, p_values[i]);
    } else {
      smallest_kept = std::min(smallest_kept, p_values[i]);
    }
  }
  std::vector<double> levels;
  for (const double p : *adjusted) {
    double level = alpha / std::max(1.0, m);
    switch (correction) {
      case Correction::kNone:
        level = alpha;
        break;
      case Correction::kBonferroni:
        break;
      case Correction::kHolm:
      case Correction::kHolmSidak:
      case Correction::kHochberg:
      case Correction::kHommel:
        level = p <= alpha ? std::max(alpha / (m - rejected + 1), largest_rejected)
                           : std::min(alpha / std::max(1.0, m - rejected), smallest_kept);
        break;
      case Correction::kBenjaminiYekutieli:
        level /= HarmonicSum(m);
        [[fallthrough]];
      case Correction::kBenjaminiHochberg:
        level *= std::max(1.0, rejected);
        break;
    }
    levels.push_back(level);
  }
  return levels;
}

}  // namespace upswing::statistics
