#include <cmath>

#include "server/statistics/distributions.hpp"
#include "server/statistics/meta_analysis.hpp"
#include "server/statistics/off_policy.hpp"
#include "server/statistics/regression.hpp"
#include "server/stats_json/arms.hpp"

namespace upswing::stats_json {
namespace {

using statistics::Matrix;
using statistics::RobustVariance;

Matrix Columns(const std::vector<std::vector<double>>& columns) {
  Matrix rows(columns[0].size(), columns.size());
  for (std::size_t j = 0; j < columns.size(); ++j) {
    if (columns[j].size() != rows.rows) Invalid("columns: must be of the same length");
    for (std::size_t i = 0; i < rows.rows; ++i) rows(i, j) = columns[j][i];
  }
  return rows;
}

Json Coefficient(const statistics::Regression& fit, const Matrix& covariance, std::size_t i) {
  return {{"effect", Out(fit.coefficients[i])}, {"se", Out(std::sqrt(covariance(i, i)))}};
}

Json LinInteracted(const Json& inputs) {
  const auto y = NumbersAt(inputs, "y");
  const auto treated = NumbersAt(inputs, "treated");
  auto covariate = NumbersAt(inputs, "covariate");
  if (treated.size() != y.size() || covariate.size() != y.size() || y.empty())
    Invalid("y, treated, covariate: must be of the same length and not empty");
  double mean = 0;
  for (const double x : covariate) mean += x / static_cast<double>(covariate.size());
  std::vector<double> interaction;
  for (std::size_t i = 0; i < covariate.size(); ++i) {
    covariate[i] -= mean;
    interaction.push_back(treated[i] * covariate[i]);
  }
  const std::vector<double> one(y.size(), 1.0);
  const Matrix rows = Columns({one, treated, covariate, interaction});
  const auto fit = Must(statistics::FitLeastSquares(rows, y));
  const std::pair<const char*, RobustVariance> kinds[] = {{"nonrobust", RobustVariance::kClassical},
                                                          {"HC0", RobustVariance::kHc0},
                                                          {"HC1", RobustVariance::kHc1},
                                                          {"HC2", RobustVariance::kHc2},
                                                          {"HC3", RobustVariance::kHc3}};
  Json out;
  for (const auto& [name, kind] : kinds)
    out["ols"][name] = Coefficient(fit, statistics::CoefficientCovariance(rows, fit, kind), 1);
  if (Has(inputs, "cluster")) {
    const auto cluster = CountsAt(inputs, "cluster");
    for (const bool small : {false, true})
      out[small ? "cluster_cr1" : "cluster_cr0"] =
          Coefficient(fit, Must(statistics::ClusteredCovariance(rows, fit, cluster, small)), 1);
  }
  const Matrix plain = Columns({one, treated});
  const auto difference = Must(statistics::FitLeastSquares(plain, y));
  out["difference_in_means_hc2"] = Coefficient(
      difference, statistics::CoefficientCovariance(plain, difference, RobustVariance::kHc2), 1);
  return out;
}

Json Interaction(const Json& inputs) {
  const auto y = NumbersAt(inputs, "y");
  const auto a = NumbersAt(inputs, "experiment_a");
  const auto b = NumbersAt(inputs, "experiment_b");
  if (a.size() != y.size() || b.size() != y.size() || y.empty())
    Invalid("y, experiment_a, experiment_b: must be of the same length and not empty");
  std::vector<double> both;
  for (std::size_t i = 0; i < a.size(); ++i) both.push_back(a[i] * b[i]);
  const Matrix rows = Columns({std::vector<double>(y.size(), 1.0), a, b, both});
  const auto fit = Must(statistics::FitLeastSquares(rows, y));
  const auto se = [&](RobustVariance kind) {
    return std::sqrt(statistics::CoefficientCovariance(rows, fit, kind)(3, 3));
  };
  const double hc3 = se(RobustVariance::kHc3);
  return {{"interaction", Out(fit.coefficients[3])},
          {"se_hc0", Out(se(RobustVariance::kHc0))},
          {"se_hc3", Out(hc3)},
          {"p_value_hc3_normal",
           Out(2 * statistics::NormalSurvival(std::fabs(fit.coefficients[3]) / hc3))}};
}

Json CombineEffects(const Json& inputs) {
  const auto combined = Must(
      statistics::CombineEffects(NumbersAt(inputs, "effects"), NumbersAt(inputs, "variances")));
  return {{"fixed_effect", Out(combined.fixed)},
          {"fixed_se", Out(combined.fixed_standard_error)},
          {"random_effect", Out(combined.random)},
          {"random_se", Out(combined.random_standard_error)},
          {"q", Out(combined.q)},
          {"q_p_value", Out(combined.q_p_value)},
          {"i2", Out(combined.i2)},
          {"tau2", Out(combined.tau2)}};
}

Json MantelHaenszel(const Json& inputs) {
  std::vector<statistics::FourfoldTable> tables;
  for (const Json& table : At(inputs, "tables")) {
    if (!table.is_array() || table.size() != 2) Invalid("tables: must be 2 x 2");
    const auto treated = CountsAt(Json{{"tables", table[0]}}, "tables");
    const auto control = CountsAt(Json{{"tables", table[1]}}, "tables");
    if (treated.size() != 2 || control.size() != 2) Invalid("tables: must be 2 x 2");
    tables.push_back({treated[0], treated[1], control[0], control[1]});
  }
  const auto result = Must(statistics::MantelHaenszel(tables));
  return {{"pooled_odds_ratio", Out(result.pooled_odds_ratio)},
          {"log_or_se", Out(result.log_odds_ratio_standard_error)},
          {"pooled_risk_ratio", Out(result.pooled_risk_ratio)},
          {"chi2", Out(result.chi_square)},
          {"p_value", Out(result.p_value)},
          {"marginal_odds_ratio", Out(result.marginal_odds_ratio)},
          {"breslow_day_p", Out(result.breslow_day_p)}};
}

Json OffPolicy(const Json& inputs) {
  const auto reward = NumbersAt(inputs, "reward");
  const auto action = CountsAt(inputs, "action");
  const auto propensity = NumbersAt(inputs, "propensity");
  const Json& target = At(inputs, "target_policy");
  if (action.size() != reward.size() || propensity.size() != reward.size() ||
      target.size() != reward.size())
    Invalid("reward, action, propensity, target_policy: must be of the same length");
  std::vector<statistics::LoggedRound> rounds;
  for (std::size_t i = 0; i < reward.size(); ++i) {
    if (action[i] < 0) Invalid("action: must not be negative");
    statistics::LoggedRound round{reward[i],
                                  static_cast<std::size_t>(action[i]),
                                  propensity[i],
                                  NumbersAt(Json{{"target_policy", target[i]}}, "target_policy"),
                                  {}};
    if (Has(inputs, "reward_model"))
      round.reward_model =
          NumbersAt(Json{{"reward_model", At(inputs, "reward_model").at(i)}}, "reward_model");
    rounds.push_back(std::move(round));
  }
  const auto values = Must(statistics::EvaluatePolicy(rounds, Number(inputs, "clip", 2.0)));
  const auto with_error = [](const statistics::Estimate& estimate) {
    return Json{{"estimate", Out(estimate.estimate)},
                {"standard_error", Out(estimate.standard_error)}};
  };
  return {{"dm", Out(values.direct)},
          {"ips", Out(values.ips)},
          {"snips", Out(values.snips)},
          {"ips_clipped_2", Out(values.clipped)},
          {"dr", Out(values.doubly_robust)},
          {"switch_dr_2", Out(values.switch_doubly_robust)},
          {"effective_rounds", Out(values.effective_rounds)},
          {"reliable", values.reliable},
          {"ips_error", with_error(values.ips_estimate)},
          {"snips_error", with_error(values.snips_estimate)},
          {"dr_error", with_error(values.doubly_robust_estimate)}};
}

}  // namespace

void AddDesignMethods(MethodTable& methods) {
  methods["lin_interacted"] = LinInteracted;
  methods["interaction_2x2"] = Interaction;
  methods["combine_effects"] = CombineEffects;
  methods["cochran_mantel_haenszel"] = MantelHaenszel;
  methods["off_policy_estimators"] = OffPolicy;
}

}  // namespace upswing::stats_json
