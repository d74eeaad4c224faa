#include <cmath>
#include <optional>

#include "server/statistics/power.hpp"
#include "server/stats_json/arms.hpp"

namespace upswing::stats_json {
namespace {

using statistics::PlanningInput;
using statistics::PlanningRule;

Json Standardised(const Json& inputs) {
  const double d = NumberAt(inputs, "effect_size_d");
  const double ratio = Number(inputs, "ratio_treatment_to_control", 1.0);
  const PlanningRule rule{.alpha = AlphaOf(inputs),
                          .power = NumberAt(inputs, "power"),
                          .alternative = AlternativeOf(inputs)};
  const double n =
      Must(statistics::StudentUnitsNeeded(d, ratio, rule.alpha, rule.power, rule.alternative));
  return {
      {"n_control_t", Out(n)},
      {"n_control_normal",
       Out(Must(statistics::UnitsNeeded(PlanningInput{.variance = 1, .ratio = ratio}, rule, d)))},
      {"achieved_power_t_at_ceil",
       Out(Must(statistics::StudentPower(d, std::ceil(n), ratio, rule.alpha, rule.alternative)))}};
}

Json FromData(const Json& inputs) {
  const double mean = NumberAt(inputs, "mean");
  const double total = NumberAt(inputs, "n_total");
  const PlanningInput input{.mean = mean,
                            .variance = NumberAt(inputs, "variance"),
                            .ratio = Number(inputs, "ratio", 1.0)};
  const PlanningRule rule{.alpha = AlphaOf(inputs), .power = NumberAt(inputs, "power")};
  const double effect = NumberAt(inputs, "rel_effect") * std::fabs(mean);
  const double share = 1 / (1 + input.ratio);
  const double control = Must(statistics::UnitsNeeded(input, rule, effect));
  return {{"n_total_needed", Out(std::ceil(control / share))},
          {"mde_relative",
           Out(Must(statistics::DetectableEffect(input, rule, total * share)) / std::fabs(mean))},
          {"achieved_power", Out(Must(statistics::PowerAt(input, rule, total * share, effect)))}};
}

Json TwoProportions(const Json& inputs) {
  const double p_control = NumberAt(inputs, "p_control");
  const double p_treatment = NumberAt(inputs, "p_treatment");
  const double alpha = AlphaOf(inputs);
  if (Has(inputs, "n_per_arm")) {
    const double n = NumberAt(inputs, "n_per_arm");
    return {{"n_per_arm", Out(n)},
            {"power", Out(Must(statistics::ProportionsPower(p_control, p_treatment, n, alpha)))}};
  }
  const double power = NumberAt(inputs, "power");
  return {{"n_per_arm",
           Out(Must(statistics::ProportionsUnitsNeeded(p_control, p_treatment, alpha, power)))},
          {"power", Out(power)}};
}

Json MidExperiment(const Json& inputs) {
  const auto metric = ContrastFrom(inputs);
  const auto estimate = EstimateFrom(inputs, metric.contrast);
  PlanningRule rule{.alpha = AlphaOf(inputs), .power = NumberAt(inputs, "target_power")};
  if (FlagAt(inputs, "sequential", false))
    rule.anytime_tuning_units = Number(inputs, "tuning_n", 5000.0);
  const auto power = Must(statistics::PowerSoFar(estimate, rule, NumberAt(inputs, "target_mde")));
  return {{"power_now", Out(power.power_now)},
          {"scaling_factor", Out(power.units_more)},
          {"additional_users", Out(power.units_more * static_cast<double>(estimate.units))}};
}

// Sample size, smallest detectable effect and power of any metric and design.
Json Plan(const Json& inputs) {
  PlanningInput input{.mean = NumberAt(inputs, "mean"),
                      .variance = Number(inputs, "variance", 0.0),
                      .treatment_variance = Number(inputs, "treatment_variance", 0.0),
                      .correlation = Number(inputs, "correlation", 0.0),
                      .cluster_size = Number(inputs, "cluster_size", 1.0),
                      .cluster_size_cv = Number(inputs, "cluster_size_cv", 0.0),
                      .icc = Number(inputs, "icc", 0.0),
                      .ratio = Number(inputs, "ratio", 1.0)};
  if (!Has(inputs, "variance")) input.variance = input.mean * (1 - input.mean);
  const double scale = std::fabs(input.mean);
  PlanningRule rule{
      .alpha = AlphaOf(inputs),
      .power = Number(inputs, "power", 0.8),
      .alternative = AlternativeOf(inputs),
      .margin = Number(inputs, "relative_margin", 0.0) * scale + Number(inputs, "margin", 0.0)};
  if (Has(inputs, "z_bound")) rule.z_bound = NumberAt(inputs, "z_bound");
  if (Has(inputs, "anytime_tuning_units"))
    rule.anytime_tuning_units = NumberAt(inputs, "anytime_tuning_units");
  const bool has_effect = Has(inputs, "relative_effect") || Has(inputs, "effect");
  const double effect =
      Number(inputs, "relative_effect", 0.0) * scale + Number(inputs, "effect", 0.0);
  Json out{{"design_effect", Out(statistics::DesignEffect(input))}};
  if (has_effect || rule.margin > 0) {
    const auto control = statistics::UnitsNeeded(input, rule, effect);
    absl::StatusOr<double> total = control;
    if (control.ok()) total = std::ceil(*control) + std::ceil(*control * input.ratio);
    Put(out, "units_control", control);
    Put(out, "units_total", total);
    if (total.ok() && Has(inputs, "new_units_per_day")) {
      const auto days = statistics::DaysNeeded(NumbersAt(inputs, "new_units_per_day"), *total);
      Put(out, "days", days.ok() ? absl::StatusOr<double>(*days) : days.status());
    }
  }
  // At a size, or after so many days of newcomers.
  std::optional<double> size;
  if (Has(inputs, "units_total")) size = NumberAt(inputs, "units_total");
  if (!size && Has(inputs, "after_days")) {
    const double after = NumberAt(inputs, "after_days");
    if (!(after >= 1 && after <= 730)) Invalid("after_days: must lie between 1 and 730");
    size = Must(
        statistics::UnitsAfter(NumbersAt(inputs, "new_units_per_day"), static_cast<int>(after)));
    out["units_after_days"] = Out(*size);
  }
  if (size) {
    const double control = *size / (1 + input.ratio);
    const double detectable = Must(statistics::DetectableEffect(input, rule, control));
    out["mde"] = Out(detectable);
    out["mde_relative"] = scale > 0 ? Out(detectable / scale) : Json(nullptr);
    if (has_effect) out["power"] = Out(Must(statistics::PowerAt(input, rule, control, effect)));
  }
  return out;
}

}  // namespace

void AddPlanningMethods(MethodTable& methods) {
  methods["power_mean_standardised"] = Standardised;
  methods["power_mean_from_data"] = FromData;
  methods["power_two_proportions"] = TwoProportions;
  methods["mid_experiment_power"] = MidExperiment;
  methods["plan"] = Plan;
}

}  // namespace upswing::stats_json
