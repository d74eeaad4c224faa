#include <algorithm>
#include <cmath>

#include "server/statistics/confidence_sequence.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/group_sequential.hpp"
#include "server/statistics/sample_ratio.hpp"
#include "server/stats_json/arms.hpp"

namespace upswing::stats_json {
namespace {

using statistics::Spending;

Json AsymptoticSequence(const Json& inputs) {
  const auto metric = ContrastFrom(inputs);
  const double tuning = Number(inputs, "tuning_n", 5000);
  const statistics::Rule rule{.alpha = AlphaOf(inputs),
                              .alternative = AlternativeOf(inputs),
                              .look = statistics::Anytime{tuning}};
  const auto estimate = EstimateFrom(inputs, metric.contrast);
  Json out = Judge(estimate, rule);
  out.erase("df");
  out["rho"] =
      std::sqrt(statistics::ConfidenceSequenceRhoSquared(tuning, rule.alpha, rule.alternative));
  out["log_e_value"] = Out(Must(statistics::LogEValue(estimate, rule)));
  if (metric.theta.size() == 1) out["theta"] = Out(metric.theta[0]);
  return out;
}

Json StandardMargin(const Json& inputs) {
  return {
      {"margin", Out(statistics::StandardMargin(
                     NumberAt(inputs, "t"), NumberAt(inputs, "rho_squared"), AlphaOf(inputs)))}};
}

Json BestRhoSquared(const Json& inputs) {
  const double t = NumberAt(inputs, "t_opt");
  const double alpha = AlphaOf(inputs);
  return {{"rho_squared_exact", Out(statistics::BestRhoSquared(t, alpha))},
          {"rho_squared_approximate", Out(statistics::ConfidenceSequenceRhoSquared(
                                          t, alpha, statistics::Alternative::kTwoSided))}};
}

Json NormalMixture(const Json& inputs) {
  const statistics::NormalMixture mixture{NumberAt(inputs, "v_opt"),
                                          Number(inputs, "alpha_opt", 0.05),
                                          FlagAt(inputs, "one_sided", false)};
  const double v = NumberAt(inputs, "v");
  Json out{{"bound", Out(Must(mixture.Bound(v, AlphaOf(inputs))))}};
  if (Has(inputs, "s")) out["log_mixture"] = Out(mixture.LogMixture(NumberAt(inputs, "s"), v));
  return out;
}

Json GammaExponential(const Json& inputs) {
  return {{"bound", Out(Must(statistics::GammaExponentialBound(
                        NumberAt(inputs, "v"), AlphaOf(inputs), NumberAt(inputs, "v_opt"),
                        NumberAt(inputs, "c"), Number(inputs, "alpha_opt", 0.05))))}};
}

Json BernoulliSequence(const Json& inputs) {
  return {{"ci", Out(Must(statistics::BernoulliSequence(
                     CountAt(inputs, "successes"), CountAt(inputs, "trials"), AlphaOf(inputs),
                     NumberAt(inputs, "t_opt"), Number(inputs, "alpha_opt", 0.05))))}};
}

Json PolynomialStitching(const Json& inputs) {
  return {{"bound",
           Out(Must(statistics::PolynomialStitching(
               NumberAt(inputs, "v"), AlphaOf(inputs), NumberAt(inputs, "v_min"),
               Number(inputs, "c", 0.0), Number(inputs, "s", 1.4), Number(inputs, "eta", 2.0))))}};
}

Json EmpiricalProcess(const Json& inputs) {
  return {{"bound", Out(Must(statistics::EmpiricalProcessBound(
                        NumberAt(inputs, "t"), AlphaOf(inputs), NumberAt(inputs, "t_min"),
                        Number(inputs, "A", 0.85))))}};
}

Json DoubleStitching(const Json& inputs) {
  return {{"bound", Out(Must(statistics::QuantileDoubleStitching(
                        NumberAt(inputs, "quantile_p"), NumberAt(inputs, "t"), AlphaOf(inputs),
                        NumberAt(inputs, "t_opt"), Number(inputs, "delta", 0.5),
                        Number(inputs, "s", 1.4), Number(inputs, "eta", 2.0))))}};
}

Json AnytimeT(const Json& inputs) {
  const std::int64_t n = CountAt(inputs, "n");
  const std::int64_t coefficients = CountAt(inputs, "coefficients");
  const auto test = Must(statistics::AnytimeTTest(NumberAt(inputs, "t_squared"), n, coefficients,
                                                  NumberAt(inputs, "g"), AlphaOf(inputs)));
  return {{"log_e_value", Out(test.log_e_value)},
          {"p_value", Out(test.p_value)},
          {"ci_radius_in_standard_errors", Out(test.radius)},
          {"optimal_g", Out(Must(statistics::BestAnytimeG(n, coefficients, AlphaOf(inputs))))}};
}

// rpact's names of designs; the parameter comes as ",gammaA=<number>".
statistics::GroupSequentialPlan PlanFrom(const Json& inputs) {
  statistics::GroupSequentialPlan plan;
  const std::string type = TextAt(inputs, "type", "asOF");
  if (type == "OF")
    plan.spending = Spending::kObrienFleming;
  else if (type == "P")
    plan.spending = Spending::kPocock;
  else if (type == "asOF")
    plan.spending = Spending::kObrienFlemingLike;
  else if (type == "asP")
    plan.spending = Spending::kPocockLike;
  else if (type == "asKD")
    plan.spending = Spending::kPower;
  else if (type == "asHSD")
    plan.spending = Spending::kHwangShihDeCani;
  else
    Invalid("type: must be OF, P, asOF, asP, asKD or asHSD");
  const std::string parameters = TextAt(inputs, "parameters", "");
  if (const auto at = parameters.find("gammaA="); at != std::string::npos)
    plan.parameter = Number(Json::parse(parameters.substr(at + 7), nullptr, false), "parameters");
  plan.alpha = AlphaOf(inputs);
  plan.two_sided = Number(inputs, "sided", 2.0) == 2;
  return plan;
}

Json Bounds(const Json& inputs) {
  const auto plan = PlanFrom(inputs);
  const auto information = NumbersAt(inputs, "information");
  const auto bounds = Must(statistics::ComputeBounds(plan, information));
  std::vector<double> levels;
  for (const double z : bounds.z) levels.push_back(statistics::NormalSurvival(z));
  Json out{{"z_bounds", Out(bounds.z)},
           {"alpha_spent", Out(bounds.alpha_spent)},
           {"stage_levels_one_sided", Out(levels)}};
  if (Has(inputs, "z"))
    out["repeated_p"] = Out(Must(statistics::RepeatedP(plan, information, NumbersAt(inputs, "z"))));
  return out;
}

Json BoundsPerSide(const Json& inputs) {
  auto plan = PlanFrom(inputs);
  const double sides = plan.two_sided ? 2 : 1;
  plan.alpha = sides * NumberAt(inputs, "alpha_per_side");
  const auto bounds = Must(statistics::ComputeBounds(plan, NumbersAt(inputs, "information")));
  return {{"upper_bounds", Out(bounds.z)}};
}

// Each side on its own, at alpha / sides.
Json PowerFamily(const Json& inputs) {
  statistics::GroupSequentialPlan plan{Spending::kPower, NumberAt(inputs, "rho"),
                                       AlphaOf(inputs) / Number(inputs, "sides", 2.0), false};
  const auto bounds = Must(statistics::ComputeBounds(plan, NumbersAt(inputs, "information")));
  return {{"z_bounds", Out(bounds.z)}, {"alpha_spent_per_side", Out(bounds.alpha_spent)}};
}

Json SampleRatio(const Json& inputs) {
  const auto observed = CountsAt(inputs, "observed");
  const auto weights = NumbersAt(inputs, "weights");
  const auto test = Must(statistics::SampleRatioChiSquare(observed, weights));
  Json out{{"p_value", Out(test.p_value)},
           {"chi2", Out(test.chi_square)},
           {"df", Out(test.degrees_of_freedom)},
           {"expected", Out(test.expected)}};
  Put(out, "exact_p_value", statistics::SampleRatioExactP(observed, weights));
  if (out["exact_p_value"].is_null()) {
    out.erase("exact_p_value");
    out.erase("reason");
  }
  return out;
}

Json SequentialSampleRatio(const Json& inputs) {
  const auto weights = NumbersAt(inputs, "weights");
  const double concentration = Number(inputs, "concentration", 100.0);
  std::vector<std::int64_t> totals(weights.size(), 0);
  double running = 1;
  Json steps = Json::array();
  for (const Json& increment : At(inputs, "increments")) {
    const auto counts = CountsAt(Json{{"increments", increment}}, "increments");
    if (counts.size() != totals.size()) Invalid("increments: as long as weights");
    for (std::size_t i = 0; i < counts.size(); ++i) totals[i] += counts[i];
    const double log_odds = Must(statistics::SampleRatioLogOdds(totals, weights, concentration));
    running = std::min(running, std::exp(-log_odds));
    steps.push_back({{"p_value_now", Out(std::exp(-log_odds))},
                     {"p_value_running_min", Out(running)},
                     {"log_posterior_odds", Out(log_odds)}});
  }
  return {{"steps", steps}};
}

}  // namespace

void AddSequentialMethods(MethodTable& methods) {
  for (const char* name : {"asymptotic_cs", "asymptotic_cs_cuped", "asymptotic_cs_ratio"})
    methods[name] = AsymptoticSequence;
  methods["standard_margin"] = StandardMargin;
  methods["best_rho_squared"] = BestRhoSquared;
  methods["normal_mixture"] = NormalMixture;
  methods["gamma_exponential_mixture"] = GammaExponential;
  methods["bernoulli_cs"] = BernoulliSequence;
  methods["poly_stitching"] = PolynomialStitching;
  methods["empirical_process_lil"] = EmpiricalProcess;
  methods["quantile_double_stitching"] = DoubleStitching;
  methods["anytime_valid_t"] = AnytimeT;
  methods["group_sequential_bounds"] = Bounds;
  methods["group_sequential_bounds_ldbounds"] = BoundsPerSide;
  methods["alpha_spending_power_family"] = PowerFamily;
  methods["srm_chi2"] = SampleRatio;
  methods["srm_sequential_multinomial"] = SequentialSampleRatio;
}

}  // namespace upswing::stats_json
