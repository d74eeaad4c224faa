#include <algorithm>

#include "server/statistics/multiple_testing.hpp"
#include "server/statistics/ranks.hpp"
#include "server/stats_json/arms.hpp"

namespace upswing::stats_json {
namespace {

using statistics::Correction;
using statistics::QuantileDefinition;

Json RankTest(const statistics::RankTest& test, const statistics::ZTest& z) {
  return {{"u_treatment", Out(test.u_treatment)}, {"p_value", Out(z.p_value)}};
}

Json MannWhitney(const Json& inputs) {
  const auto control = NumbersAt(inputs, "control");
  const auto treatment = NumbersAt(inputs, "treatment");
  const auto test = Must(statistics::MannWhitney(control, treatment));
  Json out{{"asymptotic", RankTest(test, test.asymptotic)},
           {"asymptotic_continuity", RankTest(test, test.continuity)}};
  Put(out, "exact_p", statistics::MannWhitneyExactP(control, treatment));
  return out;
}

Json SampleQuantile(const Json& inputs) {
  auto values = NumbersAt(inputs, "values");
  const double q = NumberAt(inputs, "q");
  if (values.empty()) Invalid("values: must not be empty");
  if (!(q >= 0 && q <= 1)) Invalid("q: must be between 0 and 1");
  std::sort(values.begin(), values.end());
  const auto at = [&](QuantileDefinition definition) {
    return Out(statistics::SampleQuantile(values, q, definition));
  };
  return {{"inverted_cdf", at(QuantileDefinition::kInvertedCdf)},
          {"linear", at(QuantileDefinition::kLinear)},
          {"hazen", at(QuantileDefinition::kHazen)},
          {"weibull", at(QuantileDefinition::kWeibull)},
          {"median_unbiased", at(QuantileDefinition::kMedianUnbiased)}};
}

Json Winsorise(const Json& inputs) {
  const auto limits = NumbersAt(inputs, "limits");
  if (limits.size() != 2) Invalid("limits: must be [lower, upper]");
  const auto values =
      Must(statistics::Winsorise(NumbersAt(inputs, "values"), limits[0], limits[1]));
  statistics::MomentSums sums;
  for (const double value : values) sums.Add(value);
  return {{"values", Out(values)}, {"mean", Out(Must(sums.Reduce()).mean[0])}};
}

Json AdjustPValues(const Json& inputs) {
  const auto p_values = NumbersAt(inputs, "p_values");
  const double alpha = AlphaOf(inputs);
  const std::pair<const char*, Correction> corrections[] = {
      {"bonferroni", Correction::kBonferroni},
      {"holm", Correction::kHolm},
      {"holm_sidak", Correction::kHolmSidak},
      {"hochberg", Correction::kHochberg},
      {"hommel", Correction::kHommel},
      {"benjamini_hochberg", Correction::kBenjaminiHochberg},
      {"benjamini_yekutieli", Correction::kBenjaminiYekutieli}};
  Json out;
  for (const auto& [name, correction] : corrections) {
    const auto adjusted = Must(statistics::AdjustPValues(p_values, correction));
    Json reject = Json::array();
    for (const double p : adjusted) reject.push_back(p <= alpha);
    out[name] = {
        {"adjusted_p", Out(adjusted)},
        {"reject", reject},
        {"interval_levels", Out(Must(statistics::IntervalLevels(p_values, alpha, correction)))}};
  }
  return out;
}

Json AdjustEValues(const Json& inputs) {
  return {{"adjusted_p", Out(statistics::AdjustEValues(NumbersAt(inputs, "log_e_values")))}};
}

}  // namespace

void AddSampleMethods(MethodTable& methods) {
  methods["mann_whitney"] = MannWhitney;
  methods["sample_quantile"] = SampleQuantile;
  methods["winsorize"] = Winsorise;
  methods["adjust_p_values"] = AdjustPValues;
  methods["adjust_e_values"] = AdjustEValues;
}

}  // namespace upswing::stats_json
