#include "server/statistics/designs.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "sdk/base/hash.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/inference.hpp"
#include "server/statistics/ranks.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

// The i-th random number of a stream, uniform in [0, 2^64).
std::uint64_t Draw(std::uint64_t seed, std::uint64_t i) {
  return base::Mix(base::Mix(seed * kGolden + 1) + i * kGolden);
}

double Mean(absl::Span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

absl::StatusOr<ReturnOnPromotion> PromotionReturn(const Moments& control, const Moments& treatment,
                                                  double alpha) {
  if (control.dimension() != 2 || treatment.dimension() != 2)
    return absl::InvalidArgumentError("moments: needs margin and cost per unit");
  if (!(alpha > 0 && alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  if (control.n < 2 || treatment.n < 2) return Undefined(reason::kNotEnoughData);
  const auto variance = [&](std::size_t i, std::size_t j) {
    return control.Covariance(i, j) / static_cast<double>(control.n) +
           treatment.Covariance(i, j) / static_cast<double>(treatment.n);
  };
  // Fieller's set for margin / cost is that of a lift whose base is the incremental cost.
  Contrast contrast;
  contrast.difference = treatment.mean[0] - control.mean[0];
  contrast.base = treatment.mean[1] - control.mean[1];
  contrast.difference_variance = variance(0, 0);
  contrast.base_variance = variance(1, 1);
  contrast.covariance = variance(0, 1);
  if (!(contrast.difference_variance > 0)) return Undefined(reason::kZeroVariance);
  if (contrast.base == 0) return Undefined(reason::kControlMeanNearZero);
  ReturnOnPromotion result;
  result.incremental_margin = contrast.difference;
  result.incremental_cost = contrast.base;
  result.ratio = contrast.difference / contrast.base;
  result.interval = FiellerInterval(contrast, NormalUpperQuantile(alpha / 2));
  if (contrast.base < 0)
    result.interval.interval = {-result.interval.interval.upper, -result.interval.interval.lower};
  const double net = contrast.difference - contrast.base;
  const double net_variance =
      contrast.difference_variance - 2 * contrast.covariance + contrast.base_variance;
  if (!(net_variance > 0)) return Undefined(reason::kZeroVariance);
  const double z = net / std::sqrt(net_variance);
  result.p_pays = NormalSurvival(z);
  result.p_loses = NormalCdf(z);
  return result;
}

absl::StatusOr<double> RandomisationP(absl::Span<const double> control,
                                      absl::Span<const double> treatment, int draws,
                                      std::uint64_t seed) {
  if (control.size() < 2 || treatment.size() < 2) return Undefined(reason::kNotEnoughData);
  std::vector<double> all(control.begin(), control.end());
  all.insert(all.end(), treatment.begin(), treatment.end());
  const std::size_t n = all.size();
  const std::size_t treated = treatment.size();
  const double total = Mean(all) * static_cast<double>(n);
  const auto gap = [&](double sum) {
    return std::fabs(sum / static_cast<double>(treated) -
                     (total - sum) / static_cast<double>(n - treated));
  };
  const double observed = gap(Mean(treatment) * static_cast<double>(treated)) * (1 - 1e-12);
  const double ways = std::exp(LogChoose(static_cast<double>(n), static_cast<double>(treated)));
  double extreme = 0;
  double count = 0;
  if (ways <= 20'000.5) {
    std::vector<char> chosen(n, 0);
    std::fill(chosen.end() - static_cast<std::ptrdiff_t>(treated), chosen.end(), 1);
    do {
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) sum += chosen[i] ? all[i] : 0;
      count += 1;
      extreme += gap(sum) >= observed;
    } while (std::next_permutation(chosen.begin(), chosen.end()));
    return extreme / count;
  }
  std::uint64_t at = 0;
  for (int draw = 0; draw < draws; ++draw) {
    double sum = 0;
    for (std::size_t i = 0; i < treated; ++i) {  // the first steps of a shuffle
      const std::size_t j = i + static_cast<std::size_t>(Draw(seed, at++) % (n - i));
      std::swap(all[i], all[j]);
      sum += all[i];
    }
    extreme += gap(sum) >= observed;
  }
  return (1 + extreme) / (1 + draws);
}

absl::StatusOr<SwitchbackResult> AnalyseSwitchback(absl::Span<const Slice> slices, int burn_in,
                                                   double alpha) {
  if (burn_in < 0) return absl::InvalidArgumentError("burn_in: must not be negative");
  std::map<std::int64_t, std::vector<Slice>> regions;
  for (const Slice& slice : slices) {
    if (!std::isfinite(slice.value)) return Undefined(reason::kNonFiniteInput);
    regions[slice.region].push_back(slice);
  }
  SwitchbackResult result;
  std::vector<double> value[2];     // after the burn-in, by treatment
  std::vector<double> early, late;  // the first slices after a change, and the others
  for (auto& [region, list] : regions) {
    std::sort(list.begin(), list.end(),
              [](const Slice& a, const Slice& b) { return a.index < b.index; });
    double mean = 0;
    for (const Slice& slice : list) mean += slice.value / static_cast<double>(list.size());
    int since_change = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
      since_change = i > 0 && list[i].treated == list[i - 1].treated ? since_change + 1 : 0;
      if (since_change < burn_in) {
        ++result.slices_left_out;
        continue;
      }
      value[list[i].treated ? 1 : 0].push_back(list[i].value - mean);
      // Signed so that carry-over from the other treatment pulls both kinds the same way.
      (since_change == burn_in ? early : late)
          .push_back((list[i].value - mean) * (list[i].treated ? 1 : -1));
    }
  }
  if (value[0].size() < 4 || value[1].size() < 4) return Undefined(reason::kNotEnoughData);
  const auto arm = [](const std::vector<double>& values) {
    MomentSums sums;
    for (const double x : values) sums.Add(x);
    return MeanArm(*sums.Reduce());
  };
  const auto contrast = CompareArms(*arm(value[0]), *arm(value[1]));
  if (!contrast.ok()) return contrast.status();
  const auto inference = Infer(AbsoluteEffect(*contrast), {.alpha = alpha});
  if (!inference.ok()) return inference.status();
  result.difference = contrast->difference;
  result.interval = inference->interval;
  result.slices_used = static_cast<int>(value[0].size() + value[1].size());
  result.p_value = *RandomisationP(value[0], value[1]);
  if (early.size() >= 2 && late.size() >= 2) {
    const auto carry = CompareArms(*arm(early), *arm(late));
    if (carry.ok()) result.carry_over_p = Infer(AbsoluteEffect(*carry), {})->p_value;
  }
  return result;
}

absl::StatusOr<InterleavingResult> CompareRankers(absl::Span<const Credit> users, double alpha) {
  std::int64_t wins_treatment = 0;
  std::int64_t wins_control = 0;
  InterleavingResult result;
  MomentSums sums;
  for (const Credit& credit : users) {
    if (!(credit.control >= 0) || !(credit.treatment >= 0))
      return absl::InvalidArgumentError("credit: must not be negative");
    wins_treatment += credit.treatment > credit.control;
    wins_control += credit.control > credit.treatment;
    result.ties += credit.control == credit.treatment;
    const double total = credit.control + credit.treatment;
    if (total > 0) sums.Add((credit.treatment - credit.control) / total);
  }
  const auto signs = TestSigns(wins_treatment, wins_control, alpha);
  if (!signs.ok()) return signs.status();
  const auto moments = sums.Reduce();
  if (!moments.ok()) return moments.status();
  const auto arm = MeanArm(*moments);
  if (!arm.ok()) return arm.status();
  const auto n = static_cast<double>(arm->n);
  result.signs = *signs;
  result.preference = {arm->value, std::sqrt(arm->variance / n), n - 1, arm->n};
  const auto inference = Infer(result.preference, {.alpha = alpha});
  if (!inference.ok()) return inference.status();
  result.preference_interval = inference->interval;
  result.preference_p = inference->p_value;
  return result;
}

std::vector<InterleavedItem> InterleaveTeams(absl::Span<const std::int64_t> control,
                                             absl::Span<const std::int64_t> treatment,
                                             std::size_t length, std::uint64_t seed) {
  std::vector<InterleavedItem> list;
  std::set<std::int64_t> placed;
  std::size_t next[2] = {0, 0};
  const absl::Span<const std::int64_t> rankings[2] = {control, treatment};
  const auto place = [&](std::size_t team) {
    while (next[team] < rankings[team].size()) {
      const std::int64_t item = rankings[team][next[team]++];
      if (!placed.insert(item).second) continue;
      list.push_back({item, team == 1});
      return true;
    }
    return false;
  };
  for (std::uint64_t round = 0; list.size() < length; ++round) {
    const std::size_t first = Draw(seed, round) >> 63;
    const bool a = place(first);
    const bool b = list.size() < length && place(1 - first);
    if (!a && !b) break;
  }
  return list;
}

absl::StatusOr<BootstrapIntervals> Bootstrap(absl::Span<const double> control,
                                             absl::Span<const double> treatment, int replicates,
                                             double alpha, std::uint64_t seed) {
  if (control.size() < 2 || treatment.size() < 2) return Undefined(reason::kNotEnoughData);
  if (replicates < 100) return absl::InvalidArgumentError("replicates: must be at least 100");
  if (!(alpha > 0 && alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  // Poisson(1) by inversion of a 64-bit hash.
  std::vector<std::uint64_t> thresholds;
  double cdf = 0;
  double term = std::exp(-1.0);
  for (int k = 0; k < 16; ++k) {
    cdf += term;
    term /= k + 1;
    thresholds.push_back(static_cast<std::uint64_t>(std::min(cdf, 1 - 0x1p-53) * 0x1p64));
  }
  const auto mean = [&](absl::Span<const double> values, std::uint64_t stream) {
    double weight_sum = 0;
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint64_t u = Draw(stream, i);
      double weight = 0;
      while (weight < 15 && u >= thresholds[static_cast<std::size_t>(weight)]) weight += 1;
      weight_sum += weight;
      sum += weight * values[i];
    }
    return sum / weight_sum;
  };
  std::vector<double> differences;
  std::vector<double> lifts;
  const double base = Mean(control);
  for (int r = 0; r < replicates; ++r) {
    const std::uint64_t stream = base::Mix(seed) + 2 * static_cast<std::uint64_t>(r);
    const double c = mean(control, stream);
    const double t = mean(treatment, stream + 1);
    if (!std::isfinite(c) || !std::isfinite(t)) return Undefined(reason::kNonFiniteInput);
    differences.push_back(t - c);
    lifts.push_back((t - c) / std::fabs(c));
  }
  const auto interval = [&](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return Interval{SampleQuantile(values, alpha / 2, QuantileDefinition::kLinear),
                    SampleQuantile(values, 1 - alpha / 2, QuantileDefinition::kLinear)};
  };
  BootstrapIntervals result{interval(differences), Undefined(reason::kControlMeanNearZero)};
  bool finite = base != 0;
  for (const double lift : lifts) finite = finite && std::isfinite(lift);
  if (finite) result.lift = interval(lifts);
  return result;
}

}  // namespace upswing::statistics
