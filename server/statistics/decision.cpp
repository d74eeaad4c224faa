#include "server/statistics/decision.hpp"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace upswing::statistics {
namespace {

// Harm is acted on before the planned end of a fixed design only on evidence this strong.
constexpr double kEarlyHarm = 0.001;

std::string Percent(double x) { return absl::StrFormat("%+.2f %%", 100 * x); }

std::string Range(const Interval& interval) {
  return absl::StrCat("[", Percent(interval.lower), ", ", Percent(interval.upper), "]");
}

// The interval with "better" pointing up.
Interval Oriented(const DecisionMetric& metric) {
  if (!metric.good_is_lower) return metric.interval;
  return {-metric.interval.upper, -metric.interval.lower};
}

}  // namespace

const char* NameOf(DecisionAction action) {
  switch (action) {
    case DecisionAction::kShip:
      return "ship";
    case DecisionAction::kKeepRunning:
      return "keep_running";
    case DecisionAction::kStopHarm:
      return "stop_harm";
    case DecisionAction::kStopFutile:
      return "stop_futile";
    case DecisionAction::kBlockedUnhealthy:
      return "blocked_unhealthy";
  }
  return "keep_running";
}

Decision Decide(const DecisionInput& input) {
  if (input.unhealthy) {
    return {
        DecisionAction::kBlockedUnhealthy,
        absl::StrCat("The numbers cannot be trusted until this is resolved: ", *input.unhealthy)};
  }
  const DecisionMetric& primary = input.primary;
  const Interval gain = Oriented(primary);
  const auto trusted = [&](const DecisionMetric& metric) {
    return metric.defined && (input.valid_now || metric.p_value < kEarlyHarm);
  };
  if (trusted(primary) && gain.upper < 0) {
    return {DecisionAction::kStopHarm,
            absl::StrCat(primary.name, " got worse: ", Percent(primary.estimate), " ",
                         Range(primary.interval), ".")};
  }
  for (const DecisionMetric& guardrail : input.guardrails) {
    if (trusted(guardrail) && Oriented(guardrail).upper < -guardrail.margin) {
      return {DecisionAction::kStopHarm,
              absl::StrCat("The guardrail ", guardrail.name, " lost more than its margin of ",
                           Percent(guardrail.margin), ": ", Range(guardrail.interval), ".")};
    }
  }
  if (input.days < input.min_days) {
    return {DecisionAction::kKeepRunning, absl::StrCat("Day ", input.days, " of the at least ",
                                                       input.min_days, " that the plan asks for.")};
  }
  if (input.units < input.min_units) {
    return {DecisionAction::kKeepRunning,
            absl::StrCat(input.units, " units of the at least ", input.min_units,
                         " that the plan asks for.")};
  }
  if (!primary.defined) {
    return {DecisionAction::kKeepRunning,
            absl::StrCat(primary.name, " is not defined yet: ", primary.reason, ".")};
  }
  const bool gained = gain.lower > 0 && primary.p_value <= input.alpha;
  if (gained && input.valid_now) {
    for (const DecisionMetric& guardrail : input.guardrails) {
      if (!guardrail.defined) {
        return {DecisionAction::kKeepRunning,
                absl::StrCat(primary.name, " got better, but the guardrail ", guardrail.name,
                             " is not defined yet: ", guardrail.reason, ".")};
      }
      if (!(Oriented(guardrail).lower > -guardrail.margin)) {
        return {DecisionAction::kKeepRunning,
                absl::StrCat(primary.name, " got better, but the guardrail ", guardrail.name,
                             " is not yet shown to lose less than its margin of ",
                             Percent(guardrail.margin), ": ", Range(guardrail.interval), ".")};
      }
    }
    return {DecisionAction::kShip,
            absl::StrCat(primary.name, " got better: ", Percent(primary.estimate), " ",
                         Range(primary.interval),
                         input.guardrails.empty() ? "." : ", and every guardrail held.")};
  }
  if (input.planned_end_reached) {
    return {DecisionAction::kStopFutile,
            absl::StrCat("The plan is complete and ", primary.name,
                         " shows no gain: ", Range(primary.interval), ".")};
  }
  if (input.conditional_power && *input.conditional_power < input.futile_below) {
    return {
        DecisionAction::kStopFutile,
        absl::StrFormat("Even if the planned effect on %s is true, the chance to show it by the "
                        "end is only %.0f %%.",
                        primary.name, 100 * *input.conditional_power)};
  }
  if (gained) {
    return {DecisionAction::kKeepRunning,
            absl::StrCat(primary.name, " looks better (", Range(primary.interval),
                         "), but this plan is judged at its end, not before.")};
  }
  return {DecisionAction::kKeepRunning, absl::StrCat("No clear effect on ", primary.name,
                                                     " yet: ", Range(primary.interval), ".")};
}

}  // namespace upswing::statistics
