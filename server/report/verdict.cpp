#include "server/report/verdict.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/statistics/decision.hpp"

namespace upswing::report {
namespace {

// The scale on which the plan decides: that of the margin, else the lift where there is one.
bool OnAbsoluteScale(const Judgement& judged) {
  if (judged.margin) return judged.margin->absolute.has_value();
  return !judged.relative.estimate.value;
}

statistics::DecisionMetric EvidenceOf(const Comparison& comparison) {
  const Judgement& judged = *comparison.judged;
  statistics::DecisionMetric metric;
  metric.name = comparison.metric;
  metric.good_is_lower = comparison.good == "down";
  metric.absolute = OnAbsoluteScale(judged);
  metric.null_value = judged.null_value;
  metric.valid_now = judged.valid_now;
  if (judged.margin)
    metric.margin = judged.margin->absolute.value_or(judged.margin->relative.value_or(0));
  const auto on_scale = [&](const Judgement& of) -> const Interval& {
    return metric.absolute ? of.absolute : of.relative;
  };
  const Interval& interval = on_scale(judged);
  metric.defined = interval.estimate.value && judged.p_value_adjusted.value;
  metric.reason =
      interval.estimate.value ? judged.p_value_adjusted.reason : interval.estimate.reason;
  metric.estimate = interval.estimate.value.value_or(0);
  metric.interval = {interval.low.value_or(-INFINITY), interval.high.value_or(INFINITY)};
  metric.p_value = judged.p_value_adjusted.value.value_or(1);
  // A one-sided test says nothing about harm; its opposite does.
  for (const Judgement& other : judged.opposite) {
    const Interval& opposite = on_scale(other);
    if (!opposite.estimate.value || !other.p_value.value) continue;
    metric.interval.lower = std::fmax(metric.interval.lower, opposite.low.value_or(-INFINITY));
    metric.interval.upper = std::fmin(metric.interval.upper, opposite.high.value_or(INFINITY));
    metric.p_value =
        std::fmin(metric.p_value, other.p_value_adjusted.value.value_or(*other.p_value.value));
  }
  return metric;
}

statistics::Decision DecideOn(const Input& input, const Report& report,
                              const std::string& variant) {
  statistics::DecisionInput question;
  question.alpha = input.plan.alpha;
  question.planned_end_reached = input.plan.ended;
  question.days = static_cast<std::int64_t>(input.result->days.size());
  question.min_units = input.plan.min_units;
  question.min_days = static_cast<std::int64_t>(std::ceil(input.plan.min_days));
  for (const HealthCheck& check : report.health.checks) {
    if (!check.ok && check.severity == "block" && !question.unhealthy)
      question.unhealthy = absl::StrCat(check.name, ": ", check.detail);
  }
  for (const VariantSummary& summary : report.variants) question.units += summary.units;
  for (const Comparison& comparison : report.comparisons) {
    if (comparison.variant != variant) continue;
    if (!comparison.judged) continue;
    if (comparison.role == "primary") {
      question.primary = EvidenceOf(comparison);
      question.valid_now = comparison.judged->valid_now;
      const auto& look = comparison.judged->look;
      if (look && look->number > 0 && look->next_day == 0) question.planned_end_reached = true;
      if (comparison.outlook)
        question.conditional_power = comparison.outlook->conditional_power.value;
    }
    if (comparison.role == "guardrail") question.guardrails.push_back(EvidenceOf(comparison));
  }
  return statistics::Decide(question);
}

}  // namespace

void DecideByPlan(const Input& input, Report* report) {
  if (input.plan.primary.empty() && report->health.ok) {
    report->decision = {"keep_running",
                        "The plan names no primary metric, so there is no "
                        "verdict; the numbers are below.",
                        ""};
    return;
  }
  static constexpr statistics::DecisionAction kUrgency[] = {
      statistics::DecisionAction::kBlockedUnhealthy, statistics::DecisionAction::kStopHarm,
      statistics::DecisionAction::kShip, statistics::DecisionAction::kKeepRunning,
      statistics::DecisionAction::kStopFutile};
  std::ptrdiff_t best = std::size(kUrgency);
  report->decision = {
      "keep_running", "There is nothing to compare with the control yet.", "", "nothing", {}};
  for (const VariantSummary& variant : report->variants) {
    if (variant.key == input.control) continue;
    const statistics::Decision decision = DecideOn(input, *report, variant.key);
    report->decisions.push_back({statistics::NameOf(decision.action), decision.reason, variant.key,
                                 decision.cause, decision.terms});
    const std::ptrdiff_t rank =
        std::find(std::begin(kUrgency), std::end(kUrgency), decision.action) - std::begin(kUrgency);
    if (rank >= best) continue;
    best = rank;
    report->decision = report->decisions.back();
  }
  if (best == 0) report->decision.variant.clear();  // It is about the experiment.
}

}  // namespace upswing::report
