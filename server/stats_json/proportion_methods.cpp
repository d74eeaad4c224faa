#include "server/statistics/counts.hpp"
#include "server/statistics/proportions.hpp"
#include "server/stats_json/fields.hpp"

namespace upswing::stats_json {
namespace {

using statistics::Alternative;

// The fields named after Miettinen and Nurminen are the library's numbers; `score` and
// `diff_ci_score` are the engine's (see RestrictedRatesBy).
constexpr auto kLibrary = statistics::RestrictedRatesBy::kStatsmodels013;

Json TwoProportion(const Json& inputs) {
  const auto control = ConversionsAt(inputs, "control");
  const auto treatment = ConversionsAt(inputs, "treatment");
  const double alpha = AlphaOf(inputs);
  const Alternative alternative = AlternativeOf(inputs);
  Json out;
  Put(out, "pooled", statistics::PooledZTest(control, treatment, alternative));
  Put(out, "unpooled", statistics::UnpooledZTest(control, treatment, alternative));
  Put(out, "score", statistics::ScoreTest(control, treatment, alternative));
  Put(out, "score_miettinen_nurminen",
      statistics::ScoreTest(control, treatment, alternative, 0, kLibrary));
  Put(out, "diff_ci_wald", statistics::WaldDifference(control, treatment, alpha));
  Put(out, "diff_ci_agresti_caffo", statistics::AgrestiCaffoDifference(control, treatment, alpha));
  Put(out, "diff_ci_newcombe", statistics::NewcombeDifference(control, treatment, alpha));
  Put(out, "diff_ci_score", statistics::ScoreDifference(control, treatment, alpha));
  Put(out, "diff_ci_miettinen_nurminen",
      statistics::ScoreDifference(control, treatment, alpha, kLibrary));
  Put(out, "ratio_ci_log", statistics::LogRateRatio(control, treatment, alpha));
  Put(out, "ratio_ci_score", statistics::ScoreRateRatio(control, treatment, alpha));
  Put(out, "fisher_exact_p", statistics::FisherExactP(control, treatment, alternative));
  Put(out, "fisher_mid_p", statistics::FisherExactP(control, treatment, alternative, true));
  return out;
}

Json Degenerate(const Json& inputs) {
  Json out = TwoProportion(inputs);
  const Json pooled = out["pooled"];
  out["pooled_z"] = pooled.is_null() ? Json(nullptr) : pooled["z"];
  out["pooled_p_value"] = pooled.is_null() ? Json(nullptr) : pooled["p_value"];
  return out;
}

Json NonInferiority(const Json& inputs) {
  const auto control = ConversionsAt(inputs, "control");
  const auto treatment = ConversionsAt(inputs, "treatment");
  const double margin = NumberAt(inputs, "margin_absolute");
  const std::string direction = TextAt(inputs, "direction", "higher_is_better");
  if (direction != "higher_is_better" && direction != "lower_is_better")
    Invalid("direction: must be higher_is_better or lower_is_better");
  const Alternative alternative =
      direction == "higher_is_better" ? Alternative::kGreater : Alternative::kLess;
  Json out;
  Put(out, "score", statistics::ScoreTest(control, treatment, alternative, margin));
  Put(out, "score_miettinen_nurminen",
      statistics::ScoreTest(control, treatment, alternative, margin, kLibrary));
  Put(out, "unpooled", statistics::UnpooledZTest(control, treatment, alternative, margin));
  return out;
}

Json OneProportion(const Json& inputs) {
  const statistics::Conversions arm{CountAt(inputs, "n"), CountAt(inputs, "conversions")};
  const double alpha = AlphaOf(inputs);
  Json out;
  Put(out, "wilson", statistics::WilsonInterval(arm, alpha));
  Put(out, "clopper_pearson", statistics::ClopperPearsonInterval(arm, alpha));
  Put(out, "jeffreys", statistics::JeffreysInterval(arm, alpha));
  Put(out, "agresti_coull", statistics::AgrestiCoullInterval(arm, alpha));
  return out;
}

Json Contingency(const Json& inputs) {
  std::vector<std::vector<std::int64_t>> table;
  for (const Json& row : At(inputs, "table"))
    table.push_back(CountsAt(Json{{"table", row}}, "table"));
  const auto test = Must(statistics::TestContingency(table));
  Json out{{"pearson_chi2", test.chi_square},
           {"p_value", test.p_value},
           {"df", test.degrees_of_freedom},
           {"g_statistic", test.g_statistic},
           {"g_p_value", test.g_p_value}};
  if (test.degrees_of_freedom == 1) {
    out["yates_chi2"] = test.yates_chi_square;
    out["yates_p_value"] = test.yates_p_value;
  }
  return out;
}

statistics::EventCount EventsAt(const Json& inputs, const char* name) {
  const Json& arm = At(inputs, name);
  return {CountAt(arm, "events"), NumberAt(arm, "exposure")};
}

Json TwoRates(const Json& inputs) {
  const auto tests = Must(statistics::CompareRates(EventsAt(inputs, "control"),
                                                   EventsAt(inputs, "treatment"), AlphaOf(inputs)));
  return {{"score", Out(tests.score)},
          {"sqrt", Out(tests.square_root)},
          {"exact_cond", {{"p_value", tests.exact_p}}},
          {"cond_midp", {{"p_value", tests.exact_mid_p}}}};
}

Json RateRatio(const Json& inputs) {
  const auto tests = Must(statistics::CompareRates(EventsAt(inputs, "control"),
                                                   EventsAt(inputs, "treatment"), AlphaOf(inputs)));
  return {{"p_value", tests.exact_p}, {"rate_ratio_ci", Out(tests.rate_ratio)}};
}

Json Signs(const Json& inputs) {
  const auto test = Must(statistics::TestSigns(CountAt(inputs, "wins_treatment"),
                                               CountAt(inputs, "wins_control"), AlphaOf(inputs)));
  return {{"p_value", test.p_value}, {"win_share_ci_exact", Out(test.win_share)}};
}

}  // namespace

void AddProportionMethods(MethodTable& methods) {
  methods["two_proportion"] = TwoProportion;
  methods["two_proportion_degenerate"] = Degenerate;
  methods["non_inferiority_proportion"] = NonInferiority;
  methods["one_proportion_ci"] = OneProportion;
  methods["contingency_chi2"] = Contingency;
  methods["poisson_two_rates"] = TwoRates;
  methods["poisson_rate_ratio_exact"] = RateRatio;
  methods["sign_test"] = Signs;
}

}  // namespace upswing::stats_json
