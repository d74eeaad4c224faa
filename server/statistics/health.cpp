#include "server/statistics/health.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "sdk/base/hash.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/meta_analysis.hpp"
#include "server/statistics/multiple_testing.hpp"
#include "server/statistics/sample_ratio.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {

absl::StatusOr<std::vector<SampleRatioCause>> RankSampleRatioCauses(
    absl::Span<const SampleRatioCell> cells, absl::Span<const double> weights) {
  double weight = 0;
  for (const double w : weights) weight += w;
  std::map<std::string, double> cells_of;
  for (const SampleRatioCell& cell : cells) cells_of[cell.dimension] += 1;
  std::vector<SampleRatioCause> causes;
  for (const SampleRatioCell& cell : cells) {
    const auto test = SampleRatioChiSquare(cell.observed, weights);
    if (!test.ok()) return test.status();
    const auto log_odds = SampleRatioLogOdds(cell.observed, weights);
    if (!log_odds.ok()) return log_odds.status();
    SampleRatioCause cause{cell.dimension,
                           cell.value,
                           *log_odds,
                           std::min(1.0, test->p_value * cells_of[cell.dimension]),
                           0,
                           0};
    for (const std::int64_t count : cell.observed) cause.units += count;
    if (cause.units > 0)
      cause.share_gap = static_cast<double>(cell.observed[0]) / static_cast<double>(cause.units) -
                        weights[0] / weight;
    causes.push_back(std::move(cause));
  }
  std::stable_sort(causes.begin(), causes.end(),
                   [](const auto& a, const auto& b) { return a.log_e_value > b.log_e_value; });
  return causes;
}

absl::StatusOr<NegativeControl> RunNegativeControls(absl::Span<const ControlUnit> units, int splits,
                                                    std::uint64_t seed) {
  if (splits < 10) return absl::InvalidArgumentError("splits: must be at least 10");
  if (units.size() < 100) return Undefined(reason::kNotEnoughData);
  // Centred first, so that plain sums keep their digits; a shift and a scale change no z statistic.
  double sum_n = 0;
  double sum_d = 0;
  for (const ControlUnit& unit : units) {
    sum_n += unit.numerator;
    sum_d += unit.denominator;
  }
  if (!std::isfinite(sum_n) || !std::isfinite(sum_d)) return Undefined(reason::kNonFiniteInput);
  if (sum_d == 0) return Undefined(reason::kZeroDenominator);
  const double ratio = sum_n / sum_d;
  NegativeControl control;
  double squares = 0;
  for (int split = 0; split < splits; ++split) {
    const std::uint64_t salt =
        base::Mix(seed * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(split));
    double n[2] = {0, 0};
    double sum[2] = {0, 0};
    double square[2] = {0, 0};
    double denominator[2] = {0, 0};
    for (const ControlUnit& unit : units) {
      const std::size_t arm = base::Mix(unit.randomisation_hash ^ salt) >> 63;
      const double residual = unit.numerator - ratio * unit.denominator;
      n[arm] += 1;
      sum[arm] += residual;
      square[arm] += residual * residual;
      denominator[arm] += unit.denominator;
    }
    double variance = 0;
    double value[2] = {0, 0};
    for (const std::size_t arm : {std::size_t{0}, std::size_t{1}}) {
      if (n[arm] < 2 || denominator[arm] == 0) return Undefined(reason::kNotEnoughData);
      const double scale = denominator[arm] / n[arm];
      value[arm] = sum[arm] / denominator[arm];
      variance +=
          (square[arm] - sum[arm] * sum[arm] / n[arm]) / (n[arm] - 1) / n[arm] / (scale * scale);
    }
    if (!(variance > 0)) return Undefined(reason::kZeroVariance);
    const double z = (value[1] - value[0]) / std::sqrt(variance);
    control.z_scores.push_back(z);
    squares += z * z;
  }
  control.splits = splits;
  control.variance_ratio = squares / splits;
  control.p_value = std::min(
      1.0, 2 * std::min(ChiSquareSurvival(squares, splits), ChiSquareCdf(squares, splits)));
  control.flagged = control.p_value < 0.001;
  return control;
}

absl::StatusOr<std::vector<std::optional<LiftAt>>> LiftsToCompare(
    absl::Span<const Contrast> places) {
  if (places.empty()) return Undefined(reason::kNotEnoughData);
  double w = 0, wb = 0;
  for (const Contrast& at : places) {
    if (!(at.base_variance > 0 && at.difference_variance > 0)) continue;
    w += 1 / at.base_variance;
    wb += at.base / at.base_variance;
  }
  // |wb / w| / sqrt(1 / w) standard errors from 0.
  if (!(std::fabs(wb) >= 5 * std::sqrt(w)) || w == 0)
    return Undefined(reason::kControlMeanNearZero);
  const double sign = wb < 0 ? -1 : 1;

  struct Residual {
    double e = 0, v = 0, base = 0;
  };
  const auto residual = [&](const Contrast& at, double lift) -> Residual {
    const double covariance = sign * at.covariance - lift * at.base_variance;
    const double v =
        at.difference_variance - 2 * lift * sign * at.covariance + lift * lift * at.base_variance;
    const double e = at.difference - lift * sign * at.base;
    if (!(at.base_variance > 0 && at.difference_variance > 0 && v > 0)) return {};
    return {e, v, sign * at.base - covariance / v * e};
  };
  double lift = 0;
  for (int step = 0; step < 100; ++step) {
    double above = 0, below = 0;
    for (const Contrast& at : places) {
      const Residual r = residual(at, lift);
      if (!(r.base > 0)) continue;
      above += r.base * at.difference / r.v;
      below += r.base * sign * at.base / r.v;
    }
    if (!(below > 0)) return Undefined(reason::kControlMeanNearZero);
    const double next = above / below;
    const bool settled = std::fabs(next - lift) <= 1e-12 * (1 + std::fabs(next));
    lift = next;
    if (settled) break;
  }
  std::vector<std::optional<LiftAt>> lifts;
  lifts.reserve(places.size());
  for (const Contrast& at : places) {
    const Residual r = residual(at, lift);
    if (!(r.base > 0)) {
      lifts.emplace_back();
    } else {
      lifts.push_back(LiftAt{lift + r.e / r.base, r.v / (r.base * r.base)});
    }
  }
  return lifts;
}

absl::StatusOr<AgeTrend> EffectTrend(absl::Span<const EffectAtAge> effects) {
  if (effects.size() < 3) return Undefined(reason::kNotEnoughData);
  double w = 0, wx = 0, wy = 0;
  double first = effects[0].age;
  double last = effects[0].age;
  for (const EffectAtAge& at : effects) {
    if (!(at.variance > 0)) return absl::InvalidArgumentError("variance: must be above 0");
    w += 1 / at.variance;
    wx += at.age / at.variance;
    wy += at.effect / at.variance;
    first = std::min(first, at.age);
    last = std::max(last, at.age);
  }
  double sxx = 0, sxy = 0;
  for (const EffectAtAge& at : effects) {
    const double x = at.age - wx / w;
    sxx += x * x / at.variance;
    sxy += x * (at.effect - wy / w) / at.variance;
  }
  if (!(sxx > 0)) return Undefined(reason::kNotEnoughData);
  AgeTrend trend;
  trend.slope = sxy / sxx;
  trend.standard_error = 1 / std::sqrt(sxx);
  trend.p_value = 2 * NormalSurvival(std::fabs(trend.slope) / trend.standard_error);
  trend.first_effect = wy / w + trend.slope * (first - wx / w);
  trend.last_effect = wy / w + trend.slope * (last - wx / w);
  return trend;
}

namespace {

Moments Without(const Moments& moments, double value) {
  if (moments.n < 2) return {0, {0}, {0}};
  const auto n = static_cast<double>(moments.n);
  const double gap = value - moments.mean[0];
  return {moments.n - 1,
          {moments.mean[0] - gap / (n - 1)},
          {std::max(0.0, moments.centred[0] - gap * gap * n / (n - 1))}};
}

}  // namespace

absl::StatusOr<OutlierInfluence> InfluenceOfLargest(const Moments& control, double largest_control,
                                                    const Moments& treatment,
                                                    double largest_treatment, double alpha) {
  const auto judge = [&](const Moments& c, const Moments& t,
                         double* p) -> absl::StatusOr<Estimate> {
    const auto contrast = ContrastOf(c, t, {}, Adjustment::kNone);
    if (!contrast.ok()) return contrast.status();
    const Estimate effect = AbsoluteEffect(contrast->contrast);
    const auto inference = Infer(effect, {.alpha = alpha});
    if (!inference.ok()) return inference.status();
    *p = inference->p_value;
    return effect;
  };
  OutlierInfluence influence;
  const auto all = judge(control, treatment, &influence.p_with_all);
  if (!all.ok()) return all.status();
  const auto rest = judge(Without(control, largest_control), Without(treatment, largest_treatment),
                          &influence.p_without_largest);
  if (!rest.ok()) return rest.status();
  influence.with_all = all->estimate;
  influence.without_largest = rest->estimate;
  influence.decisive = (influence.p_with_all <= alpha) != (influence.p_without_largest <= alpha) ||
                       std::fabs(all->estimate - rest->estimate) > all->standard_error;
  return influence;
}

absl::StatusOr<InteractionTest> TestInteraction(const Arm& a0b0, const Arm& a0b1, const Arm& a1b0,
                                                const Arm& a1b1) {
  const auto at_control = CompareArms(a0b0, a1b0);
  if (!at_control.ok()) return at_control.status();
  const auto at_treatment = CompareArms(a0b1, a1b1);
  if (!at_treatment.ok()) return at_treatment.status();
  // Two independent estimates of A's effect are two arms in turn; the degrees of freedom are those
  // of Satterthwaite for the sum of four variances.
  const double v = at_control->difference_variance + at_treatment->difference_variance;
  double squares = 0;
  for (const Arm* arm : {&a0b0, &a0b1, &a1b0, &a1b1}) {
    const double share = arm->variance / static_cast<double>(arm->n) / v;
    squares += share * share / static_cast<double>(arm->n - 1);
  }
  InteractionTest test;
  test.interaction = {at_treatment->difference - at_control->difference, std::sqrt(v), 1 / squares,
                      at_control->units + at_treatment->units};
  const auto inference = Infer(test.interaction, {});
  if (!inference.ok()) return inference.status();
  test.p_value = inference->p_value;
  const std::vector<std::vector<std::int64_t>> table = {{a0b0.n, a0b1.n}, {a1b0.n, a1b1.n}};
  const auto assignment = TestContingency(table);
  if (!assignment.ok()) return assignment.status();
  test.assignment_p = assignment->p_value;
  return test;
}

absl::StatusOr<Heterogeneity> CompareSegments(absl::Span<const double> effects,
                                              absl::Span<const double> variances) {
  const auto combined = CombineEffects(effects, variances);
  if (!combined.ok()) return combined.status();
  Heterogeneity result{combined->q, combined->q_p_value, {}};
  double w = 0;
  double we = 0;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    w += 1 / variances[i];
    we += effects[i] / variances[i];
  }
  std::vector<double> p_values;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    const double rest = w - 1 / variances[i];
    const double others = (we - effects[i] / variances[i]) / rest;
    p_values.push_back(
        2 * NormalSurvival(std::fabs(effects[i] - others) / std::sqrt(variances[i] + 1 / rest)));
  }
  result.differs_p = *AdjustPValues(p_values, Correction::kBenjaminiHochberg);
  return result;
}

absl::StatusOr<double> LossDifferenceP(const Conversions& control, const Conversions& treatment) {
  const auto test = ScoreTest(control, treatment, Alternative::kTwoSided);
  if (!test.ok()) return test.status();
  if (control.n + treatment.n >= 1000) return test->p_value;
  return FisherExactP(control, treatment, Alternative::kTwoSided);
}

}  // namespace upswing::statistics
