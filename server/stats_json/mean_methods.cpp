#include <cmath>

#include "server/statistics/distributions.hpp"
#include "server/stats_json/arms.hpp"

namespace upswing::stats_json {
namespace {

using statistics::Alternative;
using statistics::Rule;

// Delta-method lift, ratio, CUPED, quantile, post-stratification: all the same path.
Json Compare(const Json& inputs) {
  const auto metric = ContrastFrom(inputs);
  Json out = Judge(EstimateFrom(inputs, metric.contrast),
                   {.alpha = AlphaOf(inputs), .alternative = AlternativeOf(inputs)});
  if (metric.theta.size() == 1) {
    out["theta"] = Out(metric.theta[0]);
    out["control_adjusted_mean"] = Out(metric.control_value - metric.control_offset);
    out["variance_reduction"] = Out(metric.variance_reduction);
  }
  return out;
}

Json LogRatio(const Json& inputs) {
  const auto control = ArmAt(inputs, "control");
  const auto treatment = ArmAt(inputs, "treatment");
  const Rule rule{.alpha = AlphaOf(inputs), .alternative = AlternativeOf(inputs)};
  const auto log_ratio = Must(statistics::LogRatio(control, treatment));
  const auto difference = Must(statistics::CompareArms(control, treatment));
  const auto test = Must(statistics::Infer(statistics::AbsoluteEffect(difference), rule));
  const auto ends = [](const Json& interval) {
    return Json::array(
        {Out(std::expm1(interval[0].is_string() ? -INFINITY : interval[0].get<double>())),
         Out(std::expm1(interval[1].is_string() ? INFINITY : interval[1].get<double>()))});
  };
  const Json judged = Judge(log_ratio, rule);
  return {{"estimate", Out(std::expm1(log_ratio.estimate))},
          {"ci", ends(judged["ci"])},
          {"ci_exact", ends(judged["ci_exact"])},
          {"p_value", Out(test.p_value)}};
}

Json Fieller(const Json& inputs) {
  const auto contrast =
      Must(statistics::CompareArms(ArmAt(inputs, "control"), ArmAt(inputs, "treatment")));
  const auto set =
      statistics::FiellerInterval(contrast, statistics::NormalUpperQuantile(AlphaOf(inputs) / 2));
  const bool bounded = set.shape == statistics::FiellerLift::Shape::kInterval;
  Json out{{"bounded", bounded}};
  // The reference's lift is treatment / control - 1, whose sign for a negative control is the
  // opposite of the change against |control|.
  const double sign = contrast.base < 0 ? -1 : 1;
  out["estimate"] = contrast.base == 0 ? Json(nullptr) : Out(contrast.difference / contrast.base);
  if (!bounded) {
    out["ci"] = nullptr;
    out["reason"] = "control_mean_near_zero";
    return out;
  }
  const statistics::Interval ci =
      sign > 0 ? set.interval : statistics::Interval{-set.interval.upper, -set.interval.lower};
  out["ci"] = Out(ci);
  return out;
}

Json Welch(const Json& inputs) {
  const auto control = ArmAt(inputs, "control");
  const auto treatment = ArmAt(inputs, "treatment");
  const Rule rule{.alpha = AlphaOf(inputs), .alternative = AlternativeOf(inputs)};
  const auto contrast = Must(statistics::CompareArms(control, treatment));
  const auto welch = Must(statistics::Infer(statistics::AbsoluteEffect(contrast), rule));
  const auto pooled = Must(statistics::PooledDifference(control, treatment));
  const auto pooled_test = Must(statistics::Infer(pooled, rule));
  return {{"diff", Out(contrast.difference)},
          {"welch",
           {{"t", Out(welch.statistic)},
            {"p_value", Out(welch.p_value)},
            {"df", Out(contrast.degrees_of_freedom)}}},
          {"pooled",
           {{"t", Out(pooled_test.statistic)},
            {"p_value", Out(pooled_test.p_value)},
            {"df", Out(pooled.degrees_of_freedom)}}},
          {"diff_ci_welch", Out(welch.interval)},
          {"p_value_second_library", Out(welch.p_value)}};
}

Json WelchRaw(const Json& inputs) {
  const auto control = Must(statistics::MeanArm(SampleAt(inputs, "control")));
  const auto treatment = Must(statistics::MeanArm(SampleAt(inputs, "treatment")));
  Json out{{"control_mean", Out(control.value)},
           {"control_variance", Out(control.variance)},
           {"treatment_mean", Out(treatment.value)},
           {"treatment_variance", Out(treatment.variance)},
           {"diff", Out(treatment.value - control.value)}};
  const auto contrast = statistics::CompareArms(control, treatment);
  if (!contrast.ok()) {
    Put(out, "t", absl::StatusOr<double>(contrast.status()));
    Put(out, "p_value", absl::StatusOr<double>(contrast.status()));
    return out;
  }
  const auto test =
      Must(statistics::Infer(statistics::AbsoluteEffect(*contrast),
                             {.alpha = AlphaOf(inputs), .alternative = AlternativeOf(inputs)}));
  out["t"] = Out(test.statistic);
  out["p_value"] = Out(test.p_value);
  out["df"] = Out(contrast->degrees_of_freedom);
  out["ci"] = Out(test.interval);
  return out;
}

statistics::Moments CovariateMomentsAt(const Json& inputs, const char* name) {
  const Json& arm = At(inputs, name);
  const std::int64_t n = CountAt(arm, "n");
  const double freedom = static_cast<double>(n) - 1;
  return {n,
          {NumberAt(arm, "mean"), NumberAt(arm, "covariate_mean")},
          {NumberAt(arm, "variance") * freedom, NumberAt(arm, "covariance") * freedom,
           NumberAt(arm, "covariate_variance") * freedom}};
}

Json CupedCentred(const Json& inputs) {
  const auto control = CovariateMomentsAt(inputs, "control");
  const auto treatment = CovariateMomentsAt(inputs, "treatment");
  const auto metric = Must(statistics::ContrastOf(control, treatment, {.mean_covariates = 1},
                                                  statistics::Adjustment::kCuped));
  const auto test = Must(
      statistics::Infer(statistics::AbsoluteEffect(metric.contrast), {.alpha = AlphaOf(inputs)}));
  const double pooled = statistics::MergeMoments(control, treatment).mean[1];
  const auto adjusted = [&](const statistics::Moments& arm) {
    return arm.mean[0] - metric.theta[0] * (arm.mean[1] - pooled);
  };
  return {{"control_adjusted_mean", Out(adjusted(control))},
          {"treatment_adjusted_mean", Out(adjusted(treatment))},
          {"diff", Out(metric.contrast.difference)},
          {"diff_ci", Out(test.interval)},
          {"p_value", Out(test.p_value)},
          {"theta", Out(metric.theta[0])}};
}

statistics::Moments RatioMomentsAt(const Json& inputs, const char* name) {
  const Json& arm = At(inputs, name);
  const std::int64_t n = CountAt(arm, "n");
  const double freedom = static_cast<double>(n) - 1;
  return {n,
          {NumberAt(arm, "numerator_mean"), NumberAt(arm, "denominator_mean")},
          {NumberAt(arm, "numerator_variance") * freedom, NumberAt(arm, "covariance") * freedom,
           NumberAt(arm, "denominator_variance") * freedom}};
}

Json RatioLog(const Json& inputs) {
  const auto control = Must(statistics::RatioArm(RatioMomentsAt(inputs, "control")));
  const auto treatment = Must(statistics::RatioArm(RatioMomentsAt(inputs, "treatment")));
  const Rule rule{.alpha = AlphaOf(inputs), .alternative = AlternativeOf(inputs)};
  const auto contrast = Must(statistics::CompareArms(control, treatment));
  const auto test = Must(statistics::Infer(statistics::AbsoluteEffect(contrast), rule));
  const auto lift = Must(statistics::Infer(Must(statistics::LogRatio(control, treatment)), rule));
  return {{"control", Out(control.value)},
          {"treatment", Out(treatment.value)},
          {"diff", Out(contrast.difference)},
          {"diff_ci", Out(test.interval)},
          {"lift", Out(treatment.value / control.value - 1)},
          {"lift_ci", Out(statistics::Interval{std::expm1(lift.interval.lower),
                                               std::expm1(lift.interval.upper)})},
          {"p_value", Out(test.p_value)}};
}

// Two one-sided tests that the difference lies within (lower, upper).
Json Equivalence(const Json& inputs) {
  const auto control = Must(statistics::MeanArm(SampleAt(inputs, "control")));
  const auto treatment = Must(statistics::MeanArm(SampleAt(inputs, "treatment")));
  const auto contrast = Must(statistics::CompareArms(control, treatment));
  const auto effect = statistics::AbsoluteEffect(contrast);
  const double alpha = AlphaOf(inputs);
  const auto lower = Must(statistics::Infer(effect, {.alpha = alpha,
                                                     .alternative = Alternative::kGreater,
                                                     .null_value = NumberAt(inputs, "lower")}));
  const auto upper = Must(statistics::Infer(effect, {.alpha = alpha,
                                                     .alternative = Alternative::kLess,
                                                     .null_value = NumberAt(inputs, "upper")}));
  return {{"p_value", Out(std::fmax(lower.p_value, upper.p_value))},
          {"lower_t", Out(lower.statistic)},
          {"lower_p", Out(lower.p_value)},
          {"upper_t", Out(upper.statistic)},
          {"upper_p", Out(upper.p_value)},
          {"df", Out(contrast.degrees_of_freedom)}};
}

}  // namespace

void AddMeanMethods(MethodTable& methods) {
  for (const char* name :
       {"lift_delta_method", "ratio_delta_method", "cuped", "cuped_ratio", "post_stratification",
        "post_stratification_ratio", "quantile_woodruff", "quantile_clustered"})
    methods[name] = Compare;
  methods["lift_log_ratio"] = LogRatio;
  methods["lift_fieller"] = Fieller;
  methods["welch_t"] = Welch;
  methods["welch_t_raw"] = WelchRaw;
  methods["zero_variance_raw"] = WelchRaw;
  methods["cuped_centered"] = CupedCentred;
  methods["ratio_log"] = RatioLog;
  methods["tost_welch_raw"] = Equivalence;
}

}  // namespace upswing::stats_json
