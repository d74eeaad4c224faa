#include "server/report/build.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "server/report/words.hpp"
#include "server/statistics/compare.hpp"
#include "server/statistics/decision.hpp"
#include "server/statistics/designs.hpp"
#include "server/statistics/multiple_testing.hpp"
#include "server/statistics/sample_ratio.hpp"

namespace upswing::report {
namespace {

// A split this unlikely, or crossovers this uneven, are taken for a defect: DESIGN section 6.
// Source of the level: A. Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online
// controlled experiments", KDD.
constexpr double kHealthAlpha = 0.001;
constexpr double kCrossoverShare = 0.01;

std::string Reason(const absl::Status& status) { return std::string(status.message()); }

Figure ToFigure(const absl::StatusOr<double>& value) {
  if (!value.ok()) return {std::nullopt, Reason(value.status())};
  return {*value, ""};
}

std::optional<double> Finite(double value) {
  return std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
}

Interval ToInterval(const absl::StatusOr<statistics::Effect>& effect,
                    std::string_view method = "") {
  Interval interval;
  interval.method = method;
  if (!effect.ok()) {
    interval.estimate.reason = Reason(effect.status());
    return interval;
  }
  interval.estimate.value = effect->estimate;
  interval.low = Finite(effect->interval.lower);
  interval.high = Finite(effect->interval.upper);
  return interval;
}

Figure PValueOf(const absl::StatusOr<statistics::Effect>& effect) {
  if (!effect.ok()) return {std::nullopt, Reason(effect.status())};
  return {effect->p_value, ""};
}

// One column of the report: a metric, or one step of a funnel.
struct Column {
  const metrics::MetricDefinition* metric = nullptr;
  std::size_t index = 0;      // of the metric in the spec
  std::size_t component = 0;  // first variable of the cell that this column looks at
  std::string name;
  statistics::MetricShape shape;
};

// Only differences between arms enter it; an arm alone has no value.
bool IsIncremental(const metrics::MetricDefinition& metric) {
  return metric.type == metrics::MetricType::kIncrementalRatio;
}

bool IsRatio(const metrics::MetricDefinition& metric) {
  return metric.type == metrics::MetricType::kRatio || metric.type == metrics::MetricType::kMean ||
         metric.type == metrics::MetricType::kPair || IsIncremental(metric);
}

bool IsBinary(const metrics::MetricDefinition& metric) {
  return metric.type == metrics::MetricType::kConversion ||
         metric.type == metrics::MetricType::kRetention ||
         metric.type == metrics::MetricType::kFunnel;
}

// A unit's value can still change as long as no window closes it.
bool IsClosed(const metrics::MetricDefinition& metric) {
  return metric.window_ms.has_value() || metric.type == metrics::MetricType::kRetention;
}

std::vector<Column> Columns(const analysis::ExperimentSpec& spec) {
  std::vector<Column> columns;
  for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
    const metrics::MetricDefinition& metric = spec.metrics[i];
    if (metric.type == metrics::MetricType::kFunnel) {
      for (std::size_t step = 0; step < metric.steps.size(); ++step) {
        const auto& events = metric.steps[step].events;
        columns.push_back(
            {&metric,
             i,
             step,
             absl::StrCat(metric.key, ".", step + 1, events.empty() ? "" : "_" + events[0]),
             {}});
      }
      continue;
    }
    Column column{&metric, i, 0, metric.key, {}};
    // Rows of a cluster design are clusters: sums over observation units, and their number.
    const bool clusters = !spec.observation_unit.empty() && metrics::Components(metric) == 1;
    column.shape.ratio = IsRatio(metric) || clusters;
    if (clusters) {
      columns.push_back(std::move(column));
      continue;
    }
    if (metric.covariate) {
      // The covariate's components come first, then the indicator of units without a full history.
      column.shape.ratio_covariate = column.shape.ratio;
      column.shape.mean_covariates = column.shape.ratio ? 1 : 2;
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

// The variables of `cell` that belong to `column`.
absl::StatusOr<statistics::Moments> MomentsOf(const analysis::Cell& cell, const Column& column) {
  absl::StatusOr<statistics::Moments> moments = cell.sums.Reduce();
  if (!moments.ok() || moments->dimension() == column.shape.dimension()) return moments;
  if (column.component >= moments->dimension())
    return absl::FailedPreconditionError("not_enough_data");
  statistics::Moments part;
  part.n = moments->n;
  part.mean = {moments->mean[column.component]};
  part.centred = {moments->n < 2
                      ? 0.0
                      : moments->Variance(column.component) * static_cast<double>(moments->n - 1)};
  return part;
}

MetricSummary Summarise(const analysis::Cell& cell, const Column& column) {
  MetricSummary summary;
  summary.metric = column.name;
  summary.units = cell.units;
  summary.pending = cell.pending;
  const absl::StatusOr<statistics::Moments> moments = MomentsOf(cell, column);
  if (!moments.ok()) {
    summary.sum.reason = summary.mean.reason = summary.variance.reason = Reason(moments.status());
    return summary;
  }
  summary.sum.value =
      column.component < cell.sums.dimension() ? cell.sums.sum(column.component).Round() : 0;
  if (IsIncremental(*column.metric)) {
    summary.mean.reason = summary.variance.reason = "only_between_variants";
    return summary;
  }
  if (column.shape.ratio) {
    const absl::StatusOr<statistics::Arm> arm = statistics::RatioArm(*moments);
    summary.mean = arm.ok() ? Figure{arm->value, ""} : Figure{std::nullopt, Reason(arm.status())};
    summary.variance =
        arm.ok() ? Figure{arm->variance, ""} : Figure{std::nullopt, Reason(arm.status())};
    return summary;
  }
  if (moments->n > 0) summary.mean.value = moments->mean[0];
  if (moments->n > 1) summary.variance.value = moments->Variance(0);
  if (moments->n < 1) summary.mean.reason = "not_enough_data";
  if (moments->n < 2) summary.variance.reason = "not_enough_data";
  return summary;
}

// The ratio of two differences, tested against 1: what is gained equals what is spent.
void CompareIncrements(const statistics::Moments& control, const statistics::Moments& treatment,
                       double alpha, Comparison* comparison) {
  comparison->method = "fieller";
  const absl::StatusOr<statistics::ReturnOnPromotion> result =
      statistics::PromotionReturn(control, treatment, alpha);
  const std::string reason = result.ok() ? "not_applicable" : Reason(result.status());
  comparison->relative.estimate.reason = comparison->anytime.interval.estimate.reason =
      comparison->anytime.p_value.reason = comparison->bayesian.expected_loss.reason =
          comparison->detectable.reason = reason;
  if (!result.ok()) {
    comparison->absolute.estimate.reason = comparison->p_value.reason =
        comparison->p_value_adjusted.reason = comparison->bayesian.chance_to_win.reason = reason;
    return;
  }
  comparison->absolute.estimate.value = result->ratio;
  if (result->interval.shape == statistics::FiellerLift::Shape::kInterval) {
    comparison->absolute.low = Finite(result->interval.interval.lower);
    comparison->absolute.high = Finite(result->interval.interval.upper);
  }
  comparison->p_value.value = 2 * std::min(result->p_pays, 1 - result->p_pays);
  comparison->p_value_adjusted = comparison->p_value;
  comparison->bayesian.chance_to_win.value = 1 - result->p_pays;
}

Comparison Compare(const analysis::Cell& control, const analysis::Cell& treatment,
                   const Column& column, const std::string& variant, const Plan& plan) {
  Comparison comparison;
  comparison.metric = column.name;
  comparison.variant = variant;
  comparison.good = column.metric->good == metrics::GoodDirection::kDown ? "down"
                    : column.metric->good == metrics::GoodDirection::kUp ? "up"
                                                                         : "neither";
  comparison.method = "welch";
  const auto undefined = [&](const std::string& reason) {
    comparison.absolute.estimate.reason = comparison.relative.estimate.reason =
        comparison.p_value.reason = comparison.p_value_adjusted.reason = reason;
    comparison.anytime.interval.estimate.reason = comparison.anytime.p_value.reason =
        comparison.bayesian.chance_to_win.reason = comparison.bayesian.expected_loss.reason =
            comparison.detectable.reason = reason;
    return comparison;
  };
  const absl::StatusOr<statistics::Moments> c = MomentsOf(control, column);
  if (!c.ok()) return undefined(Reason(c.status()));
  const absl::StatusOr<statistics::Moments> t = MomentsOf(treatment, column);
  if (!t.ok()) return undefined(Reason(t.status()));
  if (IsIncremental(*column.metric)) {
    CompareIncrements(*c, *t, plan.alpha, &comparison);
    return comparison;
  }
  statistics::ComparisonOptions options;
  options.shape = column.shape;
  options.alpha = plan.alpha;
  options.binary = IsBinary(*column.metric) && !column.shape.ratio;
  options.good_is_lower = column.metric->good == metrics::GoodDirection::kDown;
  const absl::StatusOr<statistics::Comparison> result = statistics::Compare(*c, *t, options);
  if (!result.ok()) return undefined(Reason(result.status()));

  comparison.method = result->method;
  comparison.absolute = ToInterval(result->raw.absolute);
  comparison.relative = ToInterval(result->raw.relative, result->raw.relative_method);
  comparison.p_value = PValueOf(result->raw.absolute);
  comparison.p_value_adjusted = comparison.p_value;
  if (IsClosed(*column.metric)) {
    comparison.anytime.interval = ToInterval(result->anytime.absolute);
    comparison.anytime.p_value = PValueOf(result->anytime.absolute);
  } else {
    comparison.anytime.interval.estimate.reason = comparison.anytime.p_value.reason = "open_window";
  }
  if (result->adjusted) {
    CupedResult cuped;
    cuped.absolute = ToInterval(result->adjusted->fixed.absolute);
    cuped.relative =
        ToInterval(result->adjusted->fixed.relative, result->adjusted->fixed.relative_method);
    cuped.p_value = PValueOf(result->adjusted->fixed.absolute);
    cuped.variance_reduction = ToFigure(result->adjusted->variance_reduction);
    comparison.cuped = std::move(cuped);
  }
  if (result->posterior.ok()) {
    comparison.bayesian.chance_to_win.value = result->posterior->chance_to_win;
    comparison.bayesian.expected_loss.value = result->posterior->risk_of_shipping_treatment;
  } else {
    comparison.bayesian.chance_to_win.reason = comparison.bayesian.expected_loss.reason =
        Reason(result->posterior.status());
  }
  comparison.detectable = ToFigure(result->detectable_relative);
  return comparison;
}

std::string Role(const Plan& plan, std::string_view metric) {
  if (metric == plan.primary) return "primary";
  for (const Plan::Guardrail& guardrail : plan.guardrails) {
    if (guardrail.metric == metric) return "guardrail";
  }
  return std::find(plan.secondary.begin(), plan.secondary.end(), metric) != plan.secondary.end()
             ? "secondary"
             : "";
}

// Variants and comparisons of one set of cells; `cell(v, m)` gives the cell of variant v and metric
// m, or null.
template <class CellOf, class UnitsOf>
void Fill(const Input& input, const std::vector<Column>& columns, CellOf cell, UnitsOf units,
          std::vector<VariantSummary>* variants, std::vector<Comparison>* comparisons) {
  const auto& results = input.result->variants;
  std::size_t control = 0;
  for (std::size_t v = 0; v < results.size(); ++v) {
    if (results[v].key == input.control) control = v;
    VariantSummary summary{results[v].key, units(v), {}};
    for (const Column& column : columns) {
      if (const analysis::Cell* c = cell(v, column.index))
        summary.metrics.push_back(Summarise(*c, column));
    }
    variants->push_back(std::move(summary));
  }
  for (const Column& column : columns) {
    const analysis::Cell* c = cell(control, column.index);
    for (std::size_t v = 0; v < results.size(); ++v) {
      const analysis::Cell* t = cell(v, column.index);
      if (v == control || c == nullptr || t == nullptr) continue;
      Comparison comparison = Compare(*c, *t, column, results[v].key, input.plan);
      comparison.role = Role(input.plan, column.metric->key);
      comparisons->push_back(std::move(comparison));
    }
  }
  // Control first.
  std::rotate(variants->begin(), variants->begin() + static_cast<std::ptrdiff_t>(control),
              variants->begin() + static_cast<std::ptrdiff_t>(control) + 1);
}

void CheckSampleRatio(const Input& input, Report* report) {
  std::vector<std::int64_t> observed;
  std::vector<double> weights;
  double total = 0;
  for (const analysis::VariantSpec& variant : input.spec->variants) total += variant.weight;
  for (std::size_t v = 0; v < input.result->variants.size(); ++v) {
    observed.push_back(input.result->variants[v].units_first_variant);
    weights.push_back(input.spec->variants[v].weight);
  }
  for (const VariantSummary& variant : report->variants) {
    for (const analysis::VariantSpec& spec : input.spec->variants) {
      if (spec.key == variant.key)
        report->health.srm_expected.push_back(total > 0 ? spec.weight / total : 0);
    }
  }
  HealthCheck check{"srm",
                    "block",
                    true,
                    {},
                    {},
                    kHealthAlpha,
                    "the units of the variants fit the planned weights"};
  const auto test = statistics::SampleRatioChiSquare(observed, weights);
  if (!test.ok()) {
    check.p_value.reason = report->health.srm_p_value.reason = Reason(test.status());
  } else {
    check.p_value.value = report->health.srm_p_value.value = test->p_value;
    double worst = 0;
    for (std::size_t v = 0; v < observed.size(); ++v) {
      if (!(test->expected[v] > 0)) continue;
      const double effect = static_cast<double>(observed[v]) / test->expected[v] - 1;
      if (std::fabs(effect) > std::fabs(worst)) worst = effect;
      if (test->p_value < kHealthAlpha && effect == worst) {
        check.detail = absl::StrCat(input.result->variants[v].key, " has ", Count(observed[v]),
                                    " units where ", Count(std::llround(test->expected[v])),
                                    " were planned (p = ", PValue(test->p_value), ")");
      }
    }
    check.effect.value = worst;
    check.ok = test->p_value >= kHealthAlpha;
  }
  report->health.checks.push_back(std::move(check));
}

void CheckCrossovers(const Input& input, Report* report) {
  std::vector<std::int64_t> crossed;
  std::vector<double> units;
  std::int64_t all_crossed = 0;
  double all_units = 0;
  for (const analysis::VariantResult& variant : input.result->variants) {
    crossed.push_back(variant.crossovers);
    units.push_back(static_cast<double>(variant.units_first_variant));
    all_crossed += variant.crossovers;
    all_units += units.back();
  }
  HealthCheck check{"crossovers",
                    "block",
                    true,
                    {},
                    {},
                    kCrossoverShare,
                    "few units saw several variants, equally many from each"};
  const double share = all_units > 0 ? static_cast<double>(all_crossed) / all_units : 0;
  check.effect.value = share;
  const auto test = statistics::SampleRatioChiSquare(crossed, units);
  if (test.ok()) check.p_value.value = test->p_value;
  if (!test.ok()) check.p_value.reason = "not_enough_data";
  if (share > kCrossoverShare) {
    check.ok = false;
    check.detail = absl::StrCat(Percent(share), " of the units saw several variants; more than ",
                                Percent(kCrossoverShare), " is a defect of the assignment");
  } else if (check.p_value.value && *check.p_value.value < kHealthAlpha) {
    check.ok = false;
    check.detail = absl::StrCat("units of some variants are left out more often than others' (p = ",
                                PValue(*check.p_value.value), ")");
  }
  report->health.checks.push_back(std::move(check));
}

void CheckData(const Input& input, Report* report) {
  const analysis::AnalysisResult& result = *input.result;
  if (!result.unreadable.empty()) {
    report->health.checks.push_back(
        {"unreadable_data",
         "block",
         false,
         {std::nullopt, "not_applicable"},
         {static_cast<double>(result.unreadable.size()), ""},
         0,
         absl::StrCat("damaged data was left out: ", result.unreadable[0],
                      result.unreadable.size() > 1
                          ? absl::StrCat(" and ", result.unreadable.size() - 1, " more")
                          : "",
                      "; run `upswing store verify`")});
  }
  if (result.unknown_variant_records > 0) {
    report->health.checks.push_back(
        {"unknown_variants",
         "warn",
         false,
         {std::nullopt, "not_applicable"},
         {static_cast<double>(result.unknown_variant_records), ""},
         0,
         absl::StrCat(Count(result.unknown_variant_records),
                      " exposures name a variant that the experiment does not have")});
  }
}

statistics::Correction CorrectionOf(const std::string& name) {
  if (name == "none") return statistics::Correction::kNone;
  if (name == "bonferroni") return statistics::Correction::kBonferroni;
  if (name == "holm") return statistics::Correction::kHolm;
  return statistics::Correction::kBenjaminiHochberg;
}

// One account of questions: p-values of these comparisons are adjusted together.
void AdjustTogether(const std::vector<Comparison*>& family, statistics::Correction correction) {
  std::vector<double> p_values;
  for (const Comparison* comparison : family)
    p_values.push_back(comparison->p_value.value.value_or(NAN));
  const auto adjusted = statistics::AdjustPValues(p_values, correction);
  for (std::size_t i = 0; adjusted.ok() && i < family.size(); ++i) {
    if (!std::isnan((*adjusted)[i])) family[i]->p_value_adjusted.value = (*adjusted)[i];
  }
}

// The primary metric over its variants by Holm; each guardrail by itself, since all of them must
// hold; the rest together as the plan says.
void Adjust(const Plan& plan, std::vector<Comparison>* comparisons) {
  std::vector<Comparison*> primary;
  std::vector<Comparison*> others;
  for (Comparison& comparison : *comparisons) {
    if (comparison.role == "primary") primary.push_back(&comparison);
    if (comparison.role == "secondary" || comparison.role.empty()) others.push_back(&comparison);
  }
  AdjustTogether(primary, statistics::Correction::kHolm);
  AdjustTogether(others, CorrectionOf(plan.correction));
}

// The evidence on one comparison, on the scale of the lift, or of the metric where the margin is
// absolute.
statistics::DecisionMetric EvidenceOf(const Comparison& comparison, bool absolute, double margin) {
  const Interval& interval = absolute ? comparison.absolute : comparison.relative;
  statistics::DecisionMetric metric;
  metric.name = comparison.metric;
  metric.good_is_lower = comparison.good == "down";
  metric.margin = margin;
  metric.defined = interval.estimate.value && comparison.p_value_adjusted.value;
  metric.reason =
      interval.estimate.value ? comparison.p_value_adjusted.reason : interval.estimate.reason;
  metric.estimate = interval.estimate.value.value_or(0);
  metric.interval = {interval.low.value_or(-INFINITY), interval.high.value_or(INFINITY)};
  metric.p_value = comparison.p_value_adjusted.value.value_or(1);
  return metric;
}

statistics::Decision DecideOn(const Input& input, const Report& report,
                              const std::string& variant) {
  statistics::DecisionInput question;
  question.alpha = input.plan.alpha;
  question.planned_end_reached = input.plan.ended;
  question.days = static_cast<std::int64_t>(input.result->days.size());
  question.min_days = static_cast<std::int64_t>(std::ceil(input.plan.min_days));
  for (const HealthCheck& check : report.health.checks) {
    if (!check.ok && check.severity == "block" && !question.unhealthy)
      question.unhealthy = absl::StrCat(check.name, ": ", check.detail);
  }
  for (const VariantSummary& summary : report.variants) question.units += summary.units;
  for (const Comparison& comparison : report.comparisons) {
    if (comparison.variant != variant) continue;
    if (comparison.role == "primary") {
      question.primary = EvidenceOf(comparison, false, 0);
      // An anytime interval holds at every look; it is on the metric's own scale, as is its test.
      if (input.plan.anytime && comparison.anytime.interval.estimate.value) {
        Comparison anytime = comparison;
        anytime.absolute = comparison.anytime.interval;
        anytime.p_value_adjusted = comparison.anytime.p_value;
        question.primary = EvidenceOf(anytime, true, 0);
        question.valid_now = true;
      }
    }
    for (const Plan::Guardrail& guardrail : input.plan.guardrails) {
      if (guardrail.metric != comparison.metric) continue;
      const bool absolute = guardrail.absolute_margin.has_value();
      question.guardrails.push_back(EvidenceOf(
          comparison, absolute,
          absolute ? *guardrail.absolute_margin : guardrail.relative_margin.value_or(0)));
    }
  }
  question.valid_now = question.valid_now || input.plan.ended;
  return statistics::Decide(question);
}

// The variant's decision that matters most: harm before a gain, a gain before waiting, waiting
// before giving up.
Decision DecideAll(const Input& input, const Report& report) {
  if (input.plan.primary.empty() && report.health.ok) {
    return {"keep_running",
            "The plan names no primary metric, so there is no verdict; the numbers are below.", ""};
  }
  static constexpr statistics::DecisionAction kUrgency[] = {
      statistics::DecisionAction::kBlockedUnhealthy, statistics::DecisionAction::kStopHarm,
      statistics::DecisionAction::kShip, statistics::DecisionAction::kKeepRunning,
      statistics::DecisionAction::kStopFutile};
  std::optional<Decision> chosen;
  std::ptrdiff_t best = std::size(kUrgency);
  for (const VariantSummary& variant : report.variants) {
    if (variant.key == input.control) continue;
    const statistics::Decision decision = DecideOn(input, report, variant.key);
    const std::ptrdiff_t rank =
        std::find(std::begin(kUrgency), std::end(kUrgency), decision.action) - std::begin(kUrgency);
    if (rank >= best) continue;
    best = rank;
    chosen = Decision{statistics::NameOf(decision.action), decision.reason, variant.key};
  }
  if (!chosen) return {"keep_running", "There is nothing to compare with the control yet.", ""};
  if (best == 0) chosen->variant.clear();  // It is about the experiment.
  return *chosen;
}

}  // namespace

std::string FormatTime(std::int64_t millis) {
  const absl::Time time = absl::FromUnixMillis(millis);
  return absl::FormatTime(millis % 1000 == 0 ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%E3SZ", time,
                          absl::UTCTimeZone());
}

Report Build(const Input& input) {
  const analysis::ExperimentSpec& spec = *input.spec;
  const analysis::AnalysisResult& result = *input.result;
  Report report;
  report.experiment = spec.experiment;
  report.hypothesis = input.hypothesis;
  report.iteration = spec.iteration;
  report.as_of = FormatTime(spec.as_of_ms);
  report.control = input.control;
  report.confidence = 1 - input.plan.alpha;
  report.records = result.exposures + result.events;
  report.units_in_several_variants = result.crossover_units;
  report.units_forced = result.forced_units;
  report.events_without_unit = result.events_without_unit;

  const std::vector<Column> columns = Columns(spec);
  Fill(
      input, columns,
      [&](std::size_t v, std::size_t m) { return &result.variants[v].metrics[m].total; },
      [&](std::size_t v) { return result.variants[v].units; }, &report.variants,
      &report.comparisons);
  Adjust(input.plan, &report.comparisons);
  for (std::size_t s = 0; !result.variants.empty() && s < result.variants[0].segments.size(); ++s) {
    Segment segment{
        result.variants[0].segments[s].attribute, result.variants[0].segments[s].value, {}, {}};
    Fill(
        input, columns,
        [&](std::size_t v, std::size_t m) -> const analysis::Cell* {
          return s < result.variants[v].segments.size() ? &result.variants[v].segments[s].metrics[m]
                                                        : nullptr;
        },
        [&](std::size_t v) {
          return s < result.variants[v].segments.size()
                     ? result.variants[v].segments[s].units_first_variant
                     : 0;
        },
        &segment.variants, &segment.comparisons);
    report.segments.push_back(std::move(segment));
  }
  for (std::size_t d = 0; d < result.days.size(); ++d) {
    for (const bool cumulative : {true, false}) {
      Day day{result.days[d], cumulative, {}, {}};
      const auto cell = [&](std::size_t v, std::size_t m) -> const analysis::Cell* {
        const auto& cells = cumulative ? result.variants[v].metrics[m].cumulative
                                       : result.variants[v].metrics[m].daily;
        return d < cells.size() ? &cells[d] : nullptr;
      };
      const auto units = [&](std::size_t v) {
        const auto& by_day = result.variants[v].units_by_day;
        std::int64_t sum = 0;
        for (std::size_t i = cumulative ? 0 : d; i <= d && i < by_day.size(); ++i) sum += by_day[i];
        return sum;
      };
      Fill(input, columns, cell, units, &day.variants, &day.comparisons);
      report.days.push_back(std::move(day));
    }
  }

  CheckSampleRatio(input, &report);
  CheckCrossovers(input, &report);
  CheckData(input, &report);
  report.health.ok =
      std::none_of(report.health.checks.begin(), report.health.checks.end(),
                   [](const HealthCheck& check) { return !check.ok && check.severity == "block"; });
  report.decision = DecideAll(input, report);
  return report;
}

}  // namespace upswing::report
