#include <cmath>

#include "server/statistics/bayesian.hpp"
#include "server/stats_json/arms.hpp"

namespace upswing::stats_json {
namespace {

Json NormalEffect(const Json& inputs) {
  const auto metric = ContrastFrom(inputs);
  const auto estimate = EstimateFrom(inputs, metric.contrast);
  const bool relative = TextAt(inputs, "difference", "absolute") == "relative";
  std::optional<statistics::NormalPrior> prior;
  if (const Json& given = At(inputs, "prior"); FlagAt(given, "proper", false)) {
    prior = statistics::NormalPrior{NumberAt(given, "mean"), NumberAt(given, "variance")};
    const bool relative_prior = TextAt(given, "scale", "relative") == "relative";
    const double base = std::fabs(metric.contrast.base);
    if (relative_prior && !relative) prior = prior->Scaled(base);
    if (!relative_prior && relative) prior = prior->Scaled(1 / base);
  }
  const auto posterior = Must(statistics::NormalEffectPosterior(estimate, prior, AlphaOf(inputs),
                                                                FlagAt(inputs, "inverse", false)));
  return {{"posterior_mean", Out(posterior.mean)},
          {"posterior_sd", Out(posterior.standard_deviation)},
          {"ci", Out(posterior.interval)},
          {"chance_to_win", Out(posterior.chance_to_win)},
          {"risk_of_keeping_control", Out(posterior.risk_of_keeping_control)},
          {"risk_of_shipping_treatment", Out(posterior.risk_of_shipping_treatment)}};
}

Json BetaBinomial(const Json& inputs) {
  const Json& prior = At(inputs, "prior");
  const auto posterior = Must(statistics::CompareBetaBinomial(
      ConversionsAt(inputs, "control"), ConversionsAt(inputs, "treatment"),
      NumberAt(prior, "alpha"), NumberAt(prior, "beta"), AlphaOf(inputs)));
  return {{"chance_to_win", Out(posterior.chance_to_win)},
          {"expected_loss_shipping_treatment", Out(posterior.expected_loss_shipping_treatment)},
          {"expected_loss_keeping_control", Out(posterior.expected_loss_keeping_control)},
          {"difference_ci", Out(posterior.difference)}};
}

Json BestArm(const Json& inputs) {
  return {{"probabilities", Out(Must(statistics::BestArmProbabilities(NumbersAt(inputs, "means"),
                                                                      NumbersAt(inputs, "sds"))))}};
}

}  // namespace

void AddBayesianMethods(MethodTable& methods) {
  methods["normal_effect"] = NormalEffect;
  methods["beta_binomial"] = BetaBinomial;
  methods["best_arm_probability_normal"] = BestArm;
}

}  // namespace upswing::stats_json
