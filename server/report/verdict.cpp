#include "server/report/verdict.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/statistics/decision.hpp"

namespace upswing::report {
namespace {

statistics::DecisionMetric EvidenceOf(const Comparison& comparison, const Interval& interval,
                                      const Figure& p_value, double margin) {
  statistics::DecisionMetric metric;
  metric.name = comparison.metric;
  metric.good_is_lower = comparison.good == "down";
  metric.margin = margin;
  metric.defined = interval.estimate.value && p_value.value;
  metric.reason = interval.estimate.value ? p_value.reason : interval.estimate.reason;
  metric.estimate = interval.estimate.value.value_or(0);
  metric.interval = {interval.low.value_or(-INFINITY), interval.high.value_or(INFINITY)};
  metric.p_value = p_value.value.value_or(1);
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
    // An anytime interval holds at every look; without a closed window there is none.
    const bool anytime = input.plan.anytime && comparison.anytime.interval.estimate.value;
    if (comparison.role == "primary") {
      const Interval& lift = anytime ? comparison.anytime.relative : comparison.relative_adjusted;
      const Interval& difference =
          anytime ? comparison.anytime.interval : comparison.absolute_adjusted;
      // Where control is too close to 0 for a lift, the difference itself is judged.
      const bool absolute = !lift.estimate.value;
      question.primary = EvidenceOf(
          comparison, absolute ? difference : lift,
          anytime ? comparison.anytime.p_value_adjusted : comparison.p_value_adjusted, 0);
      question.primary.absolute = absolute;
      question.valid_now = anytime;
    }
    for (const Plan::Guardrail& guardrail : input.plan.guardrails) {
      if (guardrail.metric != comparison.metric) continue;
      const bool absolute = guardrail.absolute_margin.has_value();
      question.guardrails.push_back(EvidenceOf(
          comparison, absolute ? comparison.absolute : comparison.relative,
          comparison.p_value_adjusted,
          absolute ? *guardrail.absolute_margin : guardrail.relative_margin.value_or(0)));
      question.guardrails.back().absolute = absolute;
    }
  }
  question.valid_now = question.valid_now || input.plan.ended;
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
