#include "server/report/unit_checks.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/report/columns.hpp"
#include "server/report/figures.hpp"
#include "server/report/words.hpp"
#include "server/statistics/health.hpp"

namespace upswing::report {
namespace {

constexpr double kHealthAlpha = 0.001;
constexpr int kMostAges = 28;
constexpr int kLeastAges = 3;
// Funnels, quantiles and the like look at one pair of variables of a unit.
struct Pair {
  double numerator = 0;
  double denominator = 1;
};

// One metric's values of the sampled units, as a ratio of two variables.
class MetricValues {
 public:
  MetricValues(const analysis::UnitSample& sample, const Column& column)
      : values_(sample.metrics[column.index]), column_(column) {
    const bool quantile = column.metric->type == metrics::MetricType::kQuantile;
    ratio_ = (column.shape.ratio || quantile) && values_.width > 1;
    // A quantile's variables are (events, those below it): the share below it is the ratio.
    swapped_ = quantile;
  }

  std::optional<Pair> Of(std::size_t unit) const {
    const double* row = values_.rows.data() + unit * values_.width;
    Pair pair{row[ratio_ ? 0 : std::min(column_.component, values_.width - 1)],
              ratio_ ? row[1] : 1};
    if (swapped_) std::swap(pair.numerator, pair.denominator);
    if (std::isnan(pair.numerator) || std::isnan(pair.denominator)) return std::nullopt;
    return pair;
  }

 private:
  const analysis::UnitSample::Values& values_;
  const Column& column_;
  bool ratio_ = false;
  bool swapped_ = false;
};

bool InPlan(const Plan& plan, const Column& column) {
  return !RoleOf(plan, column.metric->key).empty();
}

UnitChecks::NegativeControl ControlOf(const UnitCheckInput& input, const Column& column) {
  UnitChecks::NegativeControl control;
  control.metric = column.name;
  const MetricValues values(*input.sample, column);
  std::vector<statistics::ControlUnit> units;
  units.reserve(input.sample->units.size());
  for (std::size_t i = 0; i < input.sample->units.size(); ++i) {
    if (const auto pair = values.Of(i))
      units.push_back({input.sample->units[i].key, pair->numerator, pair->denominator});
  }
  control.units = static_cast<std::int64_t>(units.size());
  const auto result = statistics::RunNegativeControls(units, input.splits, input.seed);
  if (!result.ok()) {
    control.p_value.reason = Reason(result.status());
    return control;
  }
  control.splits = result->splits;
  control.variance_ratio = result->variance_ratio;
  control.p_value.value = result->p_value;
  control.flagged = result->flagged;
  // The empirical null: how many of the splits would have been called significant.
  for (const double z : result->z_scores) control.beyond_1_96 += std::fabs(z) > 1.96;
  return control;
}

// An arm's values on the scale of the mean, with the one that is farthest from it.
struct Extremes {
  statistics::Moments moments;
  double farthest = 0;
};

std::optional<Extremes> ExtremesOf(const analysis::UnitSample& sample, const MetricValues& values,
                                   std::int32_t variant) {
  std::vector<Pair> pairs;
  double numerator = 0, denominator = 0;
  for (std::size_t i = 0; i < sample.units.size(); ++i) {
    if (sample.units[i].variant != variant) continue;
    const auto pair = values.Of(i);
    if (!pair) continue;
    numerator += pair->numerator;
    denominator += pair->denominator;
    pairs.push_back(*pair);
  }
  if (pairs.size() < 3 || denominator == 0) return std::nullopt;
  const auto n = static_cast<double>(pairs.size());
  const double ratio = numerator / denominator;
  statistics::MomentSums sums;
  Extremes extremes;
  double gap = -1;
  for (const Pair& pair : pairs) {
    const double influence =
        ratio + (pair.numerator - ratio * pair.denominator) / (denominator / n);
    sums.Add(influence);
    if (std::fabs(influence - ratio) > gap) {
      gap = std::fabs(influence - ratio);
      extremes.farthest = influence;
    }
  }
  const auto moments = sums.Reduce();
  if (!moments.ok()) return std::nullopt;
  extremes.moments = *moments;
  return extremes;
}

std::optional<UnitChecks::Outlier> OutlierOf(const UnitCheckInput& input, const Column& column,
                                             std::int32_t control, std::int32_t variant) {
  const MetricValues values(*input.sample, column);
  const auto c = ExtremesOf(*input.sample, values, control);
  const auto t = ExtremesOf(*input.sample, values, variant);
  if (!c || !t) return std::nullopt;
  const auto influence = statistics::InfluenceOfLargest(c->moments, c->farthest, t->moments,
                                                        t->farthest, input.plan->alpha);
  if (!influence.ok()) return std::nullopt;
  return UnitChecks::Outlier{
      column.name,           input.spec->variants[static_cast<std::size_t>(variant)].key,
      influence->with_all,   influence->without_largest,
      influence->p_with_all, influence->p_without_largest,
      influence->decisive};
}

// The part of a day's components that the column looks at.
absl::StatusOr<statistics::Moments> OfColumn(const statistics::MomentSums& sums,
                                             const Column& column) {
  const auto moments = sums.Reduce();
  if (!moments.ok() || column.shape.ratio || moments->dimension() == 1) return moments;
  const std::size_t variable[] = {column.component};
  return statistics::SelectVariables(*moments, variable);
}

std::optional<UnitChecks::Age> AgeOf(const UnitCheckInput& input, const Column& column,
                                     std::size_t control, std::size_t variant) {
  const auto& by_age = input.sample->by_age[column.index];
  if (by_age.empty()) return std::nullopt;
  std::size_t ages = by_age[control].size();
  if (column.metric->window_ms) {
    const auto window = static_cast<std::size_t>(*column.metric->window_ms / 86'400'000);
    ages = std::min(ages, window);
  }
  if (ages < static_cast<std::size_t>(kLeastAges)) return std::nullopt;
  UnitChecks::Age age;
  age.metric = column.name;
  age.variant = input.spec->variants[variant].key;
  std::vector<int> days;
  std::vector<statistics::Contrast> contrasts;
  for (std::size_t day = 0; day < ages; ++day) {
    const auto c = OfColumn(by_age[control][day], column);
    const auto t = OfColumn(by_age[variant][day], column);
    if (!c.ok() || !t.ok()) continue;
    const auto contrast = statistics::ContrastOf(*c, *t, {.ratio = column.shape.ratio},
                                                 statistics::Adjustment::kNone);
    if (!contrast.ok()) continue;
    days.push_back(static_cast<int>(day));
    contrasts.push_back(contrast->contrast);
    age.units = contrast->contrast.units;
  }
  // What units do falls with the days since the exposure, and a constant lift with it.
  const auto lifts = statistics::LiftsToCompare(contrasts);
  age.of_lifts = lifts.ok();
  std::vector<statistics::EffectAtAge> effects;
  for (std::size_t i = 0; i < days.size(); ++i) {
    double effect = contrasts[i].difference;
    double variance = contrasts[i].difference_variance;
    if (lifts.ok()) {
      if (!(*lifts)[i]) continue;
      effect = (*lifts)[i]->lift;
      variance = (*lifts)[i]->variance;
    }
    age.effects.push_back({days[i], effect, std::sqrt(variance)});
    effects.push_back({static_cast<double>(days[i]), effect, variance});
  }
  const auto trend = statistics::EffectTrend(effects);
  if (!trend.ok()) return std::nullopt;
  age.slope = trend->slope;
  age.p_value = trend->p_value;
  age.first = trend->first_effect;
  age.last = trend->last_effect;
  return age;
}

// Arms by (variant here, variant there).
void AddInteractions(const UnitCheckInput& input, const Column& column, std::int32_t control,
                     const OtherExperiment& other, UnitChecks* checks) {
  const MetricValues values(*input.sample, column);
  std::map<std::pair<std::int32_t, std::int32_t>, statistics::MomentSums> cells;
  std::size_t there = 0;
  for (std::size_t i = 0; i < input.sample->units.size(); ++i) {
    const analysis::UnitSample::Unit& unit = input.sample->units[i];
    while (there < other.units.size() && other.units[there].key < unit.key) ++there;
    if (there == other.units.size()) break;
    const auto pair = values.Of(i);
    if (other.units[there].key != unit.key || !pair) continue;
    cells.try_emplace({unit.variant, other.units[there].variant}, statistics::MomentSums(2))
        .first->second.Add({pair->numerator, pair->denominator});
  }
  const auto arm = [&](std::int32_t a, std::int32_t b) -> absl::StatusOr<statistics::Arm> {
    const auto found = cells.find({a, b});
    if (found == cells.end()) return statistics::Arm{};
    const auto moments = found->second.Reduce();
    if (!moments.ok()) return moments.status();
    return statistics::RatioArm(*moments);
  };
  for (std::int32_t a = 0; a < static_cast<std::int32_t>(input.spec->variants.size()); ++a) {
    if (a == control) continue;
    for (std::int32_t b = 1; b < static_cast<std::int32_t>(other.variants.size()); ++b) {
      const auto c0 = arm(control, 0), c1 = arm(control, b), t0 = arm(a, 0), t1 = arm(a, b);
      if (!c0.ok() || !c1.ok() || !t0.ok() || !t1.ok()) continue;
      const auto test = statistics::TestInteraction(*c0, *c1, *t0, *t1);
      if (!test.ok()) continue;
      UnitChecks::Interaction interaction;
      interaction.experiment = other.key;
      interaction.other_variant = other.variants[static_cast<std::size_t>(b)];
      interaction.metric = column.name;
      interaction.variant = input.spec->variants[static_cast<std::size_t>(a)].key;
      interaction.units = c0->n + c1->n + t0->n + t1->n;
      interaction.estimate = test->interaction.estimate;
      interaction.standard_error = test->interaction.standard_error;
      interaction.p_value = test->p_value;
      interaction.assignment_p_value = test->assignment_p;
      checks->interactions.push_back(std::move(interaction));
    }
  }
}

}  // namespace

int AgesToCompare(const analysis::AnalysisResult& result) {
  std::int64_t all = 0;
  for (const auto& variant : result.variants)
    for (const std::int64_t units : variant.units_by_day) all += units;
  // The last day is not over, and a day is left for late events.
  const auto days = static_cast<int>(result.days.size()) - 2;
  std::int64_t entered = 0;
  for (int day = 0; day < days; ++day) {
    for (const auto& variant : result.variants) {
      if (static_cast<std::size_t>(day) < variant.units_by_day.size())
        entered += variant.units_by_day[static_cast<std::size_t>(day)];
    }
    if (2 * entered < all) continue;
    const int ages = std::min(kMostAges, days - day);
    return ages < kLeastAges ? 0 : ages;
  }
  return 0;
}

UnitChecks CheckUnits(const UnitCheckInput& input) {
  UnitChecks checks;
  checks.units = static_cast<std::int64_t>(input.sample->units.size());
  checks.share = input.sample->share;
  std::size_t control = 0;
  for (std::size_t v = 0; v < input.spec->variants.size(); ++v) {
    if (input.spec->variants[v].key == input.control) control = v;
  }
  for (const Column& column : Columns(*input.spec)) {
    if (column.index >= input.sample->metrics.size()) continue;
    if (!IsIncremental(*column.metric))
      checks.negative_controls.push_back(ControlOf(input, column));
    if (!InPlan(*input.plan, column) || IsIncremental(*column.metric)) continue;
    for (std::size_t v = 0; v < input.spec->variants.size(); ++v) {
      if (v == control) continue;
      if (!IsBinary(*column.metric)) {
        if (auto outlier = OutlierOf(input, column, static_cast<std::int32_t>(control),
                                     static_cast<std::int32_t>(v)))
          checks.outliers.push_back(*std::move(outlier));
      }
      if (auto age = AgeOf(input, column, control, v)) checks.ages.push_back(*std::move(age));
    }
    for (const OtherExperiment& other : input.others)
      AddInteractions(input, column, static_cast<std::int32_t>(control), other, &checks);
  }
  // Each question of an interaction is one of many: Bonferroni.
  const auto tests = static_cast<double>(checks.interactions.size());
  for (UnitChecks::Interaction& interaction : checks.interactions)
    interaction.p_value_adjusted = std::min(1.0, interaction.p_value * tests);
  return checks;
}

void AddUnitChecks(const UnitChecks& checks, Report* report) {
  std::vector<HealthCheck>& list = report->health.checks;
  const std::string of =
      checks.share < 1 ? absl::StrCat(" (a sample of ", Count(checks.units), " units)") : "";
  if (!checks.negative_controls.empty()) {
    HealthCheck check;
    check.name = "negative_controls";
    check.severity = "warn";
    check.threshold = kHealthAlpha;
    const UnitChecks::NegativeControl* worst = nullptr;
    for (const UnitChecks::NegativeControl& control : checks.negative_controls) {
      if (!control.p_value.value) continue;
      if (worst == nullptr || *control.p_value.value < *worst->p_value.value) worst = &control;
      check.ok = check.ok && !control.flagged;
    }
    if (worst == nullptr) {
      check.p_value.reason = check.effect.reason = checks.negative_controls[0].p_value.reason;
      check.detail = "there are too few units to split again";
    } else {
      check.p_value = worst->p_value;
      check.effect.value = worst->variance_ratio - 1;
      check.detail = check.ok ? absl::StrCat(
                                    "splits at random of the same units spread as the standard "
                                    "errors say",
                                    of)
                              : absl::StrCat("in ", worst->splits,
                                             " splits at random the variance of ", worst->metric,
                                             " is ", absl::StrFormat("%.2f", worst->variance_ratio),
                                             " times what its standard error says", of);
    }
    list.push_back(std::move(check));
  }
  for (const UnitChecks::Outlier& outlier : checks.outliers) {
    if (!outlier.decisive) continue;
    HealthCheck check;
    check.name = "outlier";
    check.severity = "warn";
    check.ok = false;
    check.threshold = report->plan.alpha;
    check.p_value.value = outlier.p_without_largest;
    check.effect.value = outlier.without_largest - outlier.with_all;
    check.detail = absl::StrCat(
        "one unit of an arm carries the effect on ", outlier.metric, " of ", outlier.variant,
        ": without the farthest of each it is ", Number(outlier.without_largest),
        " (p = ", PValue(outlier.p_without_largest), ") instead of ", Number(outlier.with_all),
        " (p = ", PValue(outlier.p_with_all), ")", of);
    list.push_back(std::move(check));
  }
  for (const UnitChecks::Age& age : checks.ages) {
    if (RoleOf(report->plan, age.metric) != "primary") continue;
    HealthCheck check;
    check.name = "effect_by_age";
    check.severity = "warn";
    check.ok = age.p_value >= kHealthAlpha;
    check.threshold = kHealthAlpha;
    check.p_value.value = age.p_value;
    check.effect.value = age.slope;
    const bool fades = std::fabs(age.last) < std::fabs(age.first);
    check.detail = check.ok ? absl::StrCat("the effect on ", age.metric, " of ", age.variant,
                                           " does not change with the days since the exposure", of)
                            : absl::StrCat("the effect on ", age.metric, " of ", age.variant,
                                           fades ? " wears off (novelty): " : " grows (primacy): ",
                                           EffectText(age.first, age.of_lifts),
                                           " on the first day after the exposure, ",
                                           EffectText(age.last, age.of_lifts), " on day ",
                                           age.effects.size(), of);
    list.push_back(std::move(check));
  }
  if (!checks.interactions.empty()) {
    const auto worst =
        std::min_element(checks.interactions.begin(), checks.interactions.end(),
                         [](const auto& a, const auto& b) { return a.p_value < b.p_value; });
    HealthCheck check;
    check.name = "interaction";
    check.severity = "warn";
    check.ok = worst->p_value_adjusted >= kHealthAlpha;
    check.threshold = kHealthAlpha;
    check.p_value.value = worst->p_value_adjusted;
    check.effect.value = worst->estimate;
    check.detail =
        check.ok
            ? absl::StrCat("no effect depends on the variant of another experiment", of)
            : absl::StrCat("the effect on ", worst->metric, " of ", worst->variant, " depends on ",
                           worst->experiment, ": it differs by ", Number(worst->estimate),
                           " between ", worst->other_variant, " and its control", of);
    list.push_back(std::move(check));
  }
  report->health.unit_checks = checks;
}

}  // namespace upswing::report
