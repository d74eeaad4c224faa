#include "server/report/judgement.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/report/figures.hpp"
#include "server/statistics/designs.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/power.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::report {
namespace {

using statistics::Alternative;

// The delta method's interval of a skewed lift is too short up to here (docs/reference/
// statistics.md, "Error rates"); the verdict takes Fieller's, which agrees with the test.
constexpr double kFiellerBelow = 10;
// A unit counts one day after its window has closed: events may come late.
constexpr double kLatenessDays = 1;
// Information must grow from look to look; an estimate of it may not.
constexpr double kLeastGrowth = 1.001;

const char* NameOf(Alternative alternative) {
  return alternative == Alternative::kGreater ? "greater"
         : alternative == Alternative::kLess  ? "less"
                                              : "two_sided";
}

Alternative Opposite(Alternative alternative) {
  return alternative == Alternative::kGreater ? Alternative::kLess : Alternative::kGreater;
}

void Undefine(const std::string& reason, Judgement* judgement) {
  judgement->absolute.estimate.reason = judgement->relative.estimate.reason =
      judgement->p_value.reason = reason;
}

void Take(const statistics::EffectPair& pair, bool relative_margin, Judgement* judgement) {
  judgement->absolute = ToInterval(pair.absolute);
  judgement->relative = ToInterval(pair.relative, pair.relative_method);
  judgement->p_value = PValueOf(relative_margin ? pair.relative : pair.absolute);
}

// The extra margin for the extra cost: what is gained equals what is spent at 1.
void JudgeIncrements(const statistics::Stratum& arms, double alpha, Judgement* judgement) {
  const auto result = statistics::PromotionReturn(arms.control, arms.treatment, alpha);
  if (!result.ok()) return Undefine(Reason(result.status()), judgement);
  judgement->null_value = 1;
  judgement->relative.estimate.reason = "not_applicable";
  judgement->absolute.estimate.value = result->ratio;
  if (result->interval.shape == statistics::FiellerLift::Shape::kInterval) {
    judgement->absolute.low = Finite(result->interval.interval.lower);
    judgement->absolute.high = Finite(result->interval.interval.upper);
  }
  judgement->p_value.value = std::min(1.0, 2 * std::min(result->p_pays, result->p_loses));
}

// The plan's looks on the scale of the recursion: z signed so that a gain is positive.
struct History {
  statistics::GroupSequentialPlan plan;
  std::vector<double> information, z, spending_time;
};

double NormalEquivalent(const statistics::Estimate& tested) {
  const double t = tested.estimate / tested.standard_error;
  if (std::isinf(tested.degrees_of_freedom) || std::fabs(t) > 30) return t;
  const double z = statistics::NormalUpperQuantile(
      statistics::StudentTSurvival(std::fabs(t), tested.degrees_of_freedom));
  return std::copysign(z, t);
}

absl::StatusOr<History> HistoryOf(const PlannedQuestion& planned, double alpha) {
  const Plan::GroupSequential& sequential = *planned.plan->group_sequential;
  const Alternative alternative = planned.options.alternative;
  History history;
  history.plan = {sequential.spending, sequential.parameter, alpha,
                  alternative == Alternative::kTwoSided};
  for (const LookData& look : planned.looks) {
    if (!look.strata.ok()) return look.strata.status();
    const auto contrast = statistics::ContrastOf(
        *look.strata, planned.options.shape,
        planned.adjusted ? statistics::Adjustment::kCuped : statistics::Adjustment::kNone);
    // A look that saw too little to tell anything spends nothing.
    if (!contrast.ok() && &look != &planned.looks.back()) continue;
    if (!contrast.ok()) return contrast.status();
    const statistics::Estimate tested =
        statistics::TestedEffect(contrast->contrast, planned.options);
    if (!(tested.standard_error > 0))
      return statistics::Undefined(statistics::reason::kZeroVariance);
    const double information = tested.information();
    history.information.push_back(
        history.information.empty()
            ? information
            : std::max(information, kLeastGrowth * history.information.back()));
    const double z = NormalEquivalent(tested);
    history.z.push_back(alternative == Alternative::kLess ? -z : z);
    history.spending_time.push_back(
        std::min(1.0, static_cast<double>(look.day) / sequential.days.back()));
  }
  // Only what looks say about each other matters.
  for (double& information : history.information) information /= history.information.back();
  return history;
}

void JudgeAtLooks(const PlannedQuestion& planned, double alpha, statistics::BoundsCache* cache,
                  Judgement* judgement) {
  const Plan::GroupSequential& sequential = *planned.plan->group_sequential;
  Judgement::Look& at = judgement->look.emplace(Judgement::Look{});
  at.number = static_cast<int>(planned.looks.size());
  at.of = static_cast<int>(sequential.days.size());
  at.next_day = planned.next_look_day;
  if (planned.looks.empty()) return Undefine("before_first_look", judgement);
  at.day = planned.looks.back().day;
  at.date = planned.looks.back().date;
  const absl::StatusOr<History> history = HistoryOf(planned, alpha);
  if (!history.ok()) return Undefine(Reason(history.status()), judgement);
  const auto bounds = cache->Bounds(history->plan, history->information, history->spending_time);
  // The p-value is the same at every level.
  statistics::GroupSequentialPlan shape = history->plan;
  shape.alpha = planned.plan->alpha;
  const auto p = cache->P(shape, history->information, history->z, history->spending_time);
  if (!bounds.ok() || !p.ok())
    return Undefine(Reason(bounds.ok() ? p.status() : bounds.status()), judgement);
  at.z_bound = bounds->z.back();
  at.z = history->z.back();
  at.alpha_spent = bounds->alpha_spent.back();
  statistics::ComparisonOptions options = planned.options;
  options.alpha = alpha;
  const statistics::Look look = statistics::GroupSequentialLook{at.z_bound};
  const auto& strata = *planned.looks.back().strata;
  const auto pair = statistics::Judge(strata, options, look, planned.adjusted);
  if (!pair.ok()) return Undefine(Reason(pair.status()), judgement);
  Take(*pair, options.relative_margin != 0, judgement);
  if (judgement->p_value.value) judgement->p_value.value = *p;
  if (options.alternative == Alternative::kTwoSided) return;
  options.alternative = Opposite(options.alternative);
  if (const auto other = statistics::Judge(strata, options, look, planned.adjusted); other.ok())
    Take(*other, options.relative_margin != 0, &judgement->opposite.emplace_back());
}

}  // namespace

PlannedQuestion AskByPlan(const Plan& plan, const Question& question, const Column& column,
                          std::string_view role) {
  PlannedQuestion planned;
  planned.question = &question;
  planned.plan = &plan;
  planned.options = question.options;
  planned.options.fieller_below = kFiellerBelow;
  planned.closed = IsClosed(*column.metric);
  planned.adjusted = plan.cuped && column.shape.covariates() > 0;
  if (column.metric->window_ms)
    planned.window_days = static_cast<double>(*column.metric->window_ms) / 86'400'000.0;
  const bool down = column.metric->good == metrics::GoodDirection::kDown;
  const bool neither = !down && column.metric->good != metrics::GoodDirection::kUp;
  if (plan.one_sided && !neither)
    planned.options.alternative = down ? Alternative::kLess : Alternative::kGreater;
  if (role == "primary") planned.margin = plan.non_inferiority;
  for (const Plan::Guardrail& guardrail : plan.guardrails) {
    if (role == "guardrail" && guardrail.metric == column.metric->key)
      planned.margin = Margin{guardrail.relative_margin, guardrail.absolute_margin};
  }
  if (planned.margin) {
    const double sign = down ? 1 : -1;
    planned.options.relative_margin = sign * planned.margin->relative.value_or(0);
    planned.options.null_value = sign * planned.margin->absolute.value_or(0);
  }
  return planned;
}

Judgement Judge(const PlannedQuestion& planned, double alpha, statistics::BoundsCache* cache) {
  const Plan& plan = *planned.plan;
  const Question& question = *planned.question;
  statistics::BoundsCache own;
  Judgement judgement;
  judgement.alternative = NameOf(planned.options.alternative);
  judgement.margin = planned.margin;
  judgement.confidence = 1 - alpha;
  // What is not defined at every look is judged once, at the end.
  const bool anytime = plan.anytime && planned.closed && !question.increments;
  const bool looks =
      plan.group_sequential && planned.closed && !question.increments && planned.no_looks.empty();
  judgement.looks = anytime ? "anytime" : looks ? "group_sequential" : "fixed";
  judgement.valid_now = anytime || looks || plan.ended;
  if (!question.strata.ok()) {
    Undefine(Reason(question.strata.status()), &judgement);
    return judgement;
  }
  if (question.increments) {
    judgement.alternative = "two_sided";
    JudgeIncrements(question.strata->front(), alpha, &judgement);
    return judgement;
  }
  judgement.cuped = planned.adjusted;
  if (looks) {
    JudgeAtLooks(planned, alpha, cache == nullptr ? &own : cache, &judgement);
    return judgement;
  }
  statistics::ComparisonOptions options = planned.options;
  options.alpha = alpha;
  statistics::Look look = statistics::FixedHorizon{};
  if (anytime) look = statistics::Anytime{plan.tuning_units, plan.alpha};
  const auto pair = statistics::Judge(*question.strata, options, look, planned.adjusted);
  if (!pair.ok()) {
    Undefine(Reason(pair.status()), &judgement);
    return judgement;
  }
  Take(*pair, options.relative_margin != 0, &judgement);
  if (options.alternative == Alternative::kTwoSided) return judgement;
  options.alternative = Opposite(options.alternative);
  if (const auto other = statistics::Judge(*question.strata, options, look, planned.adjusted);
      other.ok())
    Take(*other, options.relative_margin != 0, &judgement.opposite.emplace_back());
  return judgement;
}

Outlook LookAhead(const PlannedQuestion& planned, statistics::BoundsCache* cache) {
  const Plan& plan = *planned.plan;
  statistics::BoundsCache own;
  Outlook outlook;
  const auto undefined = [&](const std::string& reason) {
    outlook.power_now.reason = outlook.units_needed.reason = outlook.conditional_power.reason =
        outlook.information.reason = reason;
    return outlook;
  };
  if (!plan.mde && !planned.margin) return undefined("no_planned_effect");
  const Question& question = *planned.question;
  if (!question.strata.ok()) return undefined(Reason(question.strata.status()));
  if (question.increments) return undefined("not_applicable");
  const auto contrast = statistics::ContrastOf(
      *question.strata, planned.options.shape,
      planned.adjusted ? statistics::Adjustment::kCuped : statistics::Adjustment::kNone);
  if (!contrast.ok()) return undefined(Reason(contrast.status()));
  const double base = std::fabs(contrast->contrast.base);
  const double sign = planned.options.good_is_lower ? -1 : 1;
  // A trial of non-inferiority without a planned effect is planned for none.
  const Margin mde = plan.mde.value_or(Margin{});
  const double effect = sign * (mde.absolute.value_or(0) + mde.relative.value_or(0) * base);
  statistics::PlanningRule rule{
      .alpha = plan.alpha, .power = plan.power, .alternative = planned.options.alternative};
  if (planned.margin) {
    rule.margin =
        planned.margin->absolute.value_or(0) + planned.margin->relative.value_or(0) * base;
    // A two-sided interval beyond the margin is a one-sided test at half the level.
    if (rule.alternative == Alternative::kTwoSided) {
      rule.alpha /= 2;
      rule.alternative = planned.options.good_is_lower ? Alternative::kLess : Alternative::kGreater;
    }
  }
  if (plan.anytime && planned.closed) rule.anytime_tuning_units = plan.tuning_units;
  if (plan.group_sequential && planned.no_looks.empty()) {
    const std::vector<int>& days = plan.group_sequential->days;
    std::vector<double> times;
    for (const int day : days) times.push_back(static_cast<double>(day) / days.back());
    const auto bounds =
        (cache == nullptr ? &own : cache)
            ->Bounds({plan.group_sequential->spending, plan.group_sequential->parameter, rule.alpha,
                      rule.alternative == Alternative::kTwoSided},
                     times, times);
    if (!bounds.ok()) return undefined(Reason(bounds.status()));
    rule.z_bound = bounds->z.back();
  }
  const statistics::Estimate estimate = statistics::AbsoluteEffect(contrast->contrast);
  const auto power = statistics::PowerSoFar(estimate, rule, effect);
  if (!power.ok()) return undefined(Reason(power.status()));
  outlook.effect = effect;
  outlook.power_now.value = power->power_now;
  outlook.units_needed.value =
      std::ceil(static_cast<double>(estimate.units) * (1 + power->units_more));
  // Values count once their window has closed, at the end as now.
  const double wait = planned.closed ? planned.window_days + kLatenessDays : 0;
  const double end =
      plan.group_sequential ? plan.group_sequential->days.back() : plan.max_days.value_or(0);
  const double information = (planned.days - wait) / (end - wait);
  if (!(end > wait && information > 0)) {
    outlook.conditional_power.reason = outlook.information.reason =
        end > 0 ? "window_not_complete" : "no_planned_end";
    return outlook;
  }
  outlook.information.value = std::min(1.0, information);
  if (information >= 1) {
    outlook.conditional_power.reason = "planned_end_reached";
    return outlook;
  }
  outlook.conditional_power =
      ToFigure(statistics::ConditionalPower(estimate, information, rule, effect));
  return outlook;
}

}  // namespace upswing::report
