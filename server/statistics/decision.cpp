#include "server/statistics/decision.hpp"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace upswing::statistics {
namespace {

// Harm is acted on before the planned end of a fixed design only on evidence this strong.
constexpr double kEarlyHarm = 0.001;

std::string Shown(const DecisionMetric& metric, double x) {
  if (std::isinf(x)) return x < 0 ? "no lower end" : "no upper end";
  return metric.absolute ? absl::StrFormat("%+.4g", x) : absl::StrFormat("%+.2f %%", 100 * x);
}

// A margin is what somebody chose: without a sign, and without digits that say nothing.
std::string ShownMargin(const DecisionMetric& metric) {
  return metric.absolute ? absl::StrFormat("%g", metric.margin)
                         : absl::StrFormat("%g %%", 100 * metric.margin);
}

std::string Range(const DecisionMetric& metric) {
  return absl::StrCat("[", Shown(metric, metric.interval.lower), ", ",
                      Shown(metric, metric.interval.upper), "]");
}

// The interval of the gain: "better" points up, and no effect is 0.
Interval Oriented(const DecisionMetric& metric) {
  const double lower = metric.interval.lower - metric.null_value;
  const double upper = metric.interval.upper - metric.null_value;
  if (!metric.good_is_lower) return {lower, upper};
  return {-upper, -lower};
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
        absl::StrCat("The numbers cannot be trusted until this is resolved: ", *input.unhealthy),
        "unhealthy",
        {*input.unhealthy}};
  }
  const DecisionMetric& primary = input.primary;
  const Interval gain = Oriented(primary);
  const std::string effect = Shown(primary, primary.estimate);
  const std::string range = Range(primary);
  const auto trusted = [&](const DecisionMetric& metric) {
    return metric.defined && ((input.valid_now && metric.valid_now) || metric.p_value < kEarlyHarm);
  };
  if (trusted(primary) && gain.upper < -primary.margin) {
    return {DecisionAction::kStopHarm,
            absl::StrCat(primary.name, " got worse: ", effect, " ", range, "."),
            "primary_harm",
            {primary.name, effect, range}};
  }
  for (const DecisionMetric& guardrail : input.guardrails) {
    if (trusted(guardrail) && Oriented(guardrail).upper < -guardrail.margin) {
      const std::string margin = ShownMargin(guardrail);
      return {DecisionAction::kStopHarm,
              absl::StrCat("The guardrail ", guardrail.name, " lost more than its margin of ",
                           margin, ": ", Range(guardrail), "."),
              "guardrail_harm",
              {guardrail.name, margin, Range(guardrail)}};
    }
  }
  if (input.days < input.min_days) {
    return {DecisionAction::kKeepRunning,
            absl::StrCat("Day ", input.days, " of the at least ", input.min_days,
                         " that the plan asks for."),
            "too_early",
            {absl::StrCat(input.days), absl::StrCat(input.min_days)}};
  }
  if (input.units < input.min_units) {
    return {DecisionAction::kKeepRunning,
            absl::StrCat(input.units, " units of the at least ", input.min_units,
                         " that the plan asks for."),
            "too_few",
            {absl::StrCat(input.units), absl::StrCat(input.min_units)}};
  }
  if (!primary.defined) {
    return {DecisionAction::kKeepRunning,
            absl::StrCat(primary.name, " is not defined yet: ", primary.reason, "."),
            "undefined",
            {primary.name, primary.reason}};
  }
  const bool gained = gain.lower > -primary.margin && primary.p_value <= input.alpha;
  const char* won = primary.margin > 0 ? " is within its margin" : " got better";
  if (gained && input.valid_now) {
    for (const DecisionMetric& guardrail : input.guardrails) {
      if (!guardrail.defined || !guardrail.valid_now) {
        const std::string why = guardrail.defined ? "not_valid_before_the_end" : guardrail.reason;
        return {DecisionAction::kKeepRunning,
                absl::StrCat(primary.name, won, ", but the guardrail ", guardrail.name,
                             " is not defined yet: ", why, "."),
                "guardrail_undefined",
                {primary.name, guardrail.name, why}};
      }
      if (!(Oriented(guardrail).lower > -guardrail.margin)) {
        const std::string margin = ShownMargin(guardrail);
        return {DecisionAction::kKeepRunning,
                absl::StrCat(primary.name, won, ", but the guardrail ", guardrail.name,
                             " is not yet shown to lose less than its margin of ", margin, ": ",
                             Range(guardrail), "."),
                "guardrail_open",
                {primary.name, guardrail.name, margin, Range(guardrail)}};
      }
    }
    if (primary.margin > 0) {
      const std::string margin = ShownMargin(primary);
      return {DecisionAction::kShip,
              absl::StrCat(primary.name, " is shown to lose less than its margin of ", margin, ": ",
                           effect, " ", range,
                           input.guardrails.empty() ? "." : ", and every guardrail held."),
              "not_inferior",
              {primary.name, margin, effect, range}};
    }
    return {DecisionAction::kShip,
            absl::StrCat(primary.name, " got better: ", effect, " ", range,
                         input.guardrails.empty() ? "." : ", and every guardrail held."),
            "gain",
            {primary.name, effect, range}};
  }
  if (input.planned_end_reached && primary.margin > 0) {
    const std::string margin = ShownMargin(primary);
    return {
        DecisionAction::kStopFutile,
        absl::StrCat("The plan is complete and ", primary.name,
                     " is not shown to lose less than its margin of ", margin, ": ", range, "."),
        "not_shown",
        {primary.name, margin, range}};
  }
  if (input.planned_end_reached) {
    return {DecisionAction::kStopFutile,
            absl::StrCat("The plan is complete and ", primary.name, " shows no gain: ", range, "."),
            "no_gain",
            {primary.name, range}};
  }
  if (input.conditional_power && *input.conditional_power < input.futile_below) {
    const std::string chance = absl::StrFormat("%.0f %%", 100 * *input.conditional_power);
    return {DecisionAction::kStopFutile,
            absl::StrCat("Even if the planned effect on ", primary.name,
                         " is true, the chance to show it by the end is only ", chance, "."),
            "futile",
            {primary.name, chance}};
  }
  if (gained) {
    return {DecisionAction::kKeepRunning,
            absl::StrCat(primary.name, " looks better (", range,
                         "), but this plan is judged at its end, not before."),
            "not_at_end",
            {primary.name, range}};
  }
  return {DecisionAction::kKeepRunning,
          absl::StrCat("No clear effect on ", primary.name, " yet: ", range, "."),
          "unclear",
          {primary.name, range}};
}

}  // namespace upswing::statistics
