#include "server/report/question.hpp"

#include <algorithm>

#include "server/report/figures.hpp"
#include "server/statistics/designs.hpp"
#include "server/statistics/shrinkage.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::report {

namespace {

// Every figure of a comparison that may stay without a value.
std::vector<Figure*> FiguresOf(Comparison* comparison) {
  return {&comparison->absolute.estimate,
          &comparison->relative.estimate,
          &comparison->relative_fieller.estimate,
          &comparison->p_value,
          &comparison->p_value_adjusted,
          &comparison->absolute_adjusted.estimate,
          &comparison->relative_adjusted.estimate,
          &comparison->shrunken,
          &comparison->anytime.interval.estimate,
          &comparison->anytime.relative.estimate,
          &comparison->anytime.p_value,
          &comparison->anytime.log_e_value,
          &comparison->anytime.p_value_adjusted,
          &comparison->bayesian.chance_to_win,
          &comparison->bayesian.expected_loss,
          &comparison->detectable};
}

// The ratio of two differences, tested against 1: what is gained equals what is spent.
void CompareIncrements(const statistics::Stratum& arms, double alpha, Comparison* comparison) {
  comparison->method = "fieller";
  const absl::StatusOr<statistics::ReturnOnPromotion> result =
      statistics::PromotionReturn(arms.control, arms.treatment, alpha);
  for (Figure* figure : FiguresOf(comparison))
    figure->reason = result.ok() ? "not_applicable" : Reason(result.status());
  if (!result.ok()) return;
  comparison->absolute.estimate = {result->ratio, ""};
  if (result->interval.shape == statistics::FiellerLift::Shape::kInterval) {
    comparison->absolute.low = Finite(result->interval.interval.lower);
    comparison->absolute.high = Finite(result->interval.interval.upper);
  }
  comparison->absolute_adjusted = comparison->absolute;
  comparison->p_value = {std::min(1.0, 2 * std::min(result->p_pays, result->p_loses)), ""};
  comparison->p_value_adjusted = comparison->p_value;
  comparison->bayesian.chance_to_win = {result->p_loses, ""};
}

}  // namespace

Question Ask(const std::vector<ArmCell>& control, const std::vector<ArmCell>& treatment,
             const Column& column, const Plan& plan) {
  Question question;
  question.options.shape = column.shape;
  question.increments = IsIncremental(*column.metric);
  question.options.alpha = plan.alpha;
  question.options.power = plan.power;
  question.options.tuning_units = plan.tuning_units;
  if (plan.prior) {
    const double sd = plan.prior->standard_deviation;
    question.options.lift_prior = statistics::NormalPrior{plan.prior->mean, sd * sd};
  }
  question.options.binary = IsBinary(*column.metric) && !column.shape.ratio;
  question.options.good_is_lower = column.metric->good == metrics::GoodDirection::kDown;
  for (std::size_t k = 0; k < control.size(); ++k) {
    auto c = MomentsOf(*control[k].cell, *control[k].arm, column);
    auto t = MomentsOf(*treatment[k].cell, *treatment[k].arm, column);
    if (!c.ok() || !t.ok()) {
      question.strata = c.ok() ? t.status() : c.status();
      return question;
    }
    if (c->dimension() < column.shape.dimension())
      question.options.shape = {.ratio = column.shape.ratio};
    question.strata->push_back({*std::move(c), *std::move(t)});
  }
  if (question.strata->size() > 1)
    question.strata = statistics::MergeSmallStrata(*std::move(question.strata));
  return question;
}

Comparison Answer(const Question& question, const Column& column, const std::string& variant) {
  Comparison comparison;
  comparison.metric = column.name;
  comparison.variant = variant;
  comparison.good = GoodOf(*column.metric);
  comparison.method = "welch";
  if (question.increments && question.strata.ok()) {
    CompareIncrements(question.strata->front(), question.options.alpha, &comparison);
    return comparison;
  }
  const absl::StatusOr<statistics::Comparison> result =
      question.strata.ok() ? statistics::Compare(*question.strata, question.options)
                           : question.strata.status();
  if (!result.ok()) {
    const std::string reason = Reason(result.status());
    for (Figure* figure : FiguresOf(&comparison)) figure->reason = reason;
    return comparison;
  }
  comparison.method = question.strata->size() > 1 ? "post_stratified" : result->method;
  comparison.absolute = ToInterval(result->raw.absolute);
  comparison.relative = ToInterval(result->raw.relative, result->raw.relative_method);
  comparison.relative_fieller.method = "fieller";
  if (result->fieller.ok()) {
    comparison.relative_fieller.estimate = comparison.relative.estimate;
    comparison.relative_fieller.low = Finite(result->fieller->lower);
    comparison.relative_fieller.high = Finite(result->fieller->upper);
  } else {
    comparison.relative_fieller.estimate.reason = Reason(result->fieller.status());
  }
  comparison.p_value = PValueOf(result->raw.absolute);
  comparison.p_value_adjusted = comparison.p_value;
  comparison.absolute_adjusted = comparison.absolute;
  comparison.relative_adjusted = comparison.relative;
  if (result->raw.absolute.ok()) comparison.standard_error = result->raw.absolute->standard_error;
  if (result->contrast.ok()) comparison.contrast = *result->contrast;
  if (!result->raw.relative.ok()) {
    comparison.shrunken.reason = Reason(result->raw.relative.status());
  } else {
    comparison.shrunken = ToFigure(statistics::MedianUnbiasedGivenSignificance(
        {result->raw.relative->estimate, result->raw.relative->standard_error, INFINITY, 0},
        question.options.alpha));
    if (comparison.shrunken.reason == statistics::reason::kNotSupported)
      comparison.shrunken.reason = "not_significant";
  }
  AnytimeResult& anytime = comparison.anytime;
  if (IsClosed(*column.metric)) {
    anytime.interval = ToInterval(result->anytime.absolute);
    anytime.relative = ToInterval(result->anytime.relative, result->anytime.relative_method);
    anytime.p_value = PValueOf(result->anytime.absolute);
    anytime.log_e_value = ToFigure(result->log_e_value);
    anytime.p_value_adjusted = anytime.p_value;
  } else {
    for (Figure* figure : {&anytime.interval.estimate, &anytime.relative.estimate, &anytime.p_value,
                           &anytime.log_e_value, &anytime.p_value_adjusted})
      figure->reason = "open_window";
  }
  if (result->adjusted) {
    CupedResult cuped;
    cuped.absolute = ToInterval(result->adjusted->fixed.absolute);
    cuped.relative =
        ToInterval(result->adjusted->fixed.relative, result->adjusted->fixed.relative_method);
    cuped.p_value = PValueOf(result->adjusted->fixed.absolute);
    cuped.balance_p_value = ToFigure(result->adjusted->covariate_balance_p);
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

void AdjustIntervals(const Question& question, double alpha, Comparison* comparison) {
  if (!question.strata.ok() || question.increments || !(alpha > 0 && alpha < 1)) return;
  statistics::ComparisonOptions options = question.options;
  options.alpha = alpha;
  const auto result = statistics::Compare(*question.strata, options);
  if (!result.ok()) return;
  comparison->absolute_adjusted = ToInterval(result->raw.absolute);
  comparison->relative_adjusted = ToInterval(result->raw.relative, result->raw.relative_method);
  comparison->adjusted_confidence = 1 - alpha;
}

IntentToTreat AnswerIntentToTreat(const Question& question) {
  IntentToTreat twin;
  if (question.increments) {
    twin.absolute.estimate.reason = twin.relative.estimate.reason = twin.p_value.reason =
        "not_applicable";
    return twin;
  }
  const absl::StatusOr<statistics::Comparison> result =
      question.strata.ok() ? statistics::Compare(*question.strata, question.options)
                           : question.strata.status();
  if (!result.ok()) {
    twin.absolute.estimate.reason = twin.relative.estimate.reason = twin.p_value.reason =
        Reason(result.status());
    return twin;
  }
  twin.absolute = ToInterval(result->raw.absolute);
  twin.relative = ToInterval(result->raw.relative, result->raw.relative_method);
  twin.p_value = PValueOf(result->raw.absolute);
  return twin;
}

}  // namespace upswing::report
