#include "server/report/checks.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "server/report/figures.hpp"
#include "server/report/words.hpp"
#include "server/statistics/health.hpp"
#include "server/statistics/sample_ratio.hpp"

namespace upswing::report {
namespace {

// A split this unlikely, or crossovers this uneven, are taken for a defect:
// DESIGN section 6. Source of the level: A. Fabijan et al. (2019), "Diagnosing
// sample ratio mismatch in online controlled experiments", KDD.
constexpr double kHealthAlpha = 0.001;
constexpr double kCrossoverShare = 0.01;
// Above this share of the sum a cap decides what the metric says.
constexpr double kRemovedShare = 0.05;
// Losses on the client above this are worth a look, equal or not.
constexpr double kLostShare = 0.01;
// Causes of a mismatch that are worth a line.
constexpr std::size_t kMostCauses = 10;

std::vector<double> Weights(const analysis::ExperimentSpec& spec) {
  std::vector<double> weights;
  for (const analysis::VariantSpec& variant : spec.variants) weights.push_back(variant.weight);
  return weights;
}

std::string RoleOf(const Report& report, const std::string& metric) {
  for (const MetricInfo& info : report.metrics) {
    if (info.key == metric) return info.role;
  }
  return "";
}

// Over phases of other weights X^2 adds up; else one set of weights is that of all units, and few
// units are tested exactly.
absl::StatusOr<statistics::SampleRatioTest> SampleRatio(const Input& input,
                                                        const std::vector<std::int64_t>& observed,
                                                        const std::vector<double>& weights) {
  const std::vector<statistics::SampleRatioPeriod> periods = PhasesOf(input);
  if (periods.empty() || SameWeights(periods)) {
    auto whole =
        statistics::TestSampleRatio(observed, periods.empty() ? weights : periods[0].weights);
    if (periods.empty() || !whole.ok() || whole->exact) return whole;
  }
  auto test = statistics::SampleRatioOverPeriods(periods);
  if (!test.ok()) return test;
  test->expected.assign(observed.size(), 0);
  for (const statistics::SampleRatioPeriod& period : periods) {
    double units = 0, weight = 0;
    for (const std::int64_t count : period.observed) units += static_cast<double>(count);
    for (const double w : period.weights) weight += w;
    for (std::size_t v = 0; v < observed.size() && v < period.weights.size(); ++v)
      test->expected[v] += units * period.weights[v] / weight;
  }
  return test;
}

void CheckSampleRatio(const Input& input, Report* report) {
  std::vector<std::int64_t> observed;
  std::vector<double> weights;
  double total = 0;
  for (const analysis::VariantSpec& variant : input.spec->variants) total += variant.weight;
  for (std::size_t v = 0; v < input.result->variants.size(); ++v) {
    observed.push_back(input.result->variants[v].units_first_variant);
    weights.push_back(input.spec->variants[v].weight);
  }
  for (const VariantSummary& variant : report->variants) {
    for (const analysis::VariantSpec& spec : input.spec->variants) {
      if (spec.key == variant.key)
        report->health.srm_expected.push_back(total > 0 ? spec.weight / total : 0);
    }
  }
  HealthCheck check{"srm",
                    "block",
                    true,
                    {},
                    {},
                    kHealthAlpha,
                    "the units of the variants fit the planned weights"};
  const auto test = SampleRatio(input, observed, weights);
  if (!test.ok()) {
    check.p_value.reason = report->health.srm_p_value.reason = Reason(test.status());
  } else {
    check.p_value.value = report->health.srm_p_value.value = test->p_value;
    report->health.srm_method = test->exact ? "exact" : "chi_square";
    double worst = 0;
    for (std::size_t v = 0; v < observed.size(); ++v) {
      if (!(test->expected[v] > 0)) continue;
      const double effect = static_cast<double>(observed[v]) / test->expected[v] - 1;
      if (std::fabs(effect) > std::fabs(worst)) worst = effect;
      if (test->p_value < kHealthAlpha && effect == worst) {
        check.detail = absl::StrCat(input.result->variants[v].key, " has ", Count(observed[v]),
                                    " units where ", Count(std::llround(test->expected[v])),
                                    " were planned (p = ", PValue(test->p_value), ")");
      }
    }
    check.effect.value = worst;
    check.ok = test->p_value >= kHealthAlpha;
  }
  report->health.checks.push_back(std::move(check));
}

void CheckCrossovers(const Input& input, Report* report) {
  std::vector<std::int64_t> crossed;
  std::vector<double> units;
  std::int64_t all_crossed = 0;
  double all_units = 0;
  for (const analysis::VariantResult& variant : input.result->variants) {
    crossed.push_back(variant.crossovers);
    units.push_back(static_cast<double>(variant.units_first_variant));
    all_crossed += variant.crossovers;
    all_units += units.back();
  }
  HealthCheck check{"crossovers",
                    "block",
                    true,
                    {},
                    {},
                    kCrossoverShare,
                    "few units saw several variants, equally many from each"};
  const double share = all_units > 0 ? static_cast<double>(all_crossed) / all_units : 0;
  check.effect.value = share;
  const auto test = statistics::TestSampleRatio(crossed, units);
  if (test.ok()) check.p_value.value = test->p_value;
  if (!test.ok()) check.p_value.reason = "not_enough_data";
  if (share > kCrossoverShare) {
    check.ok = false;
    check.detail = absl::StrCat(Percent(share), " of the units saw several variants; more than ",
                                Percent(kCrossoverShare), " is a defect of the assignment");
  } else if (check.p_value.value && *check.p_value.value < kHealthAlpha) {
    check.ok = false;
    check.detail = absl::StrCat("units of some variants are left out more often than others' (p = ",
                                PValue(*check.p_value.value), ")");
  }
  report->health.checks.push_back(std::move(check));
}

void CheckData(const Input& input, Report* report) {
  const analysis::AnalysisResult& result = *input.result;
  if (!result.unreadable.empty()) {
    report->health.checks.push_back(
        {"unreadable_data",
         "block",
         false,
         {std::nullopt, "not_applicable"},
         {static_cast<double>(result.unreadable.size()), ""},
         0,
         absl::StrCat("damaged data was left out: ", result.unreadable[0],
                      result.unreadable.size() > 1
                          ? absl::StrCat(" and ", result.unreadable.size() - 1, " more")
                          : "",
                      "; run `upswing store verify`")});
  }
  if (result.unknown_variant_records > 0) {
    report->health.checks.push_back(
        {"unknown_variants",
         "warn",
         false,
         {std::nullopt, "not_applicable"},
         {static_cast<double>(result.unknown_variant_records), ""},
         0,
         absl::StrCat(Count(result.unknown_variant_records),
                      " exposures name a variant that the experiment does not have")});
  }
}

// The smallest p-value so far of the always-valid test, read after each day.
void CheckSampleRatioSequentially(const Input& input, Report* report) {
  const auto& variants = input.result->variants;
  HealthCheck check{"srm_sequential",
                    "block",
                    true,
                    {},
                    {},
                    kHealthAlpha,
                    "at no day so far did the units leave the planned weights"};
  std::vector<std::int64_t> totals(variants.size(), 0);
  double log_odds = 0;
  std::string reason;
  const auto periods = PhasesOf(input);
  if (!SameWeights(periods)) {
    // Units by day and phase are not known: one look, now. The phases' evidence multiplies.
    for (const statistics::SampleRatioPeriod& period : periods) {
      const auto odds = statistics::SampleRatioLogOdds(period.observed, period.weights);
      if (odds.ok()) log_odds += *odds;
      if (!odds.ok()) reason = Reason(odds.status());
    }
    check.p_value = reason.empty() ? Figure{std::min(1.0, std::exp(-log_odds)), ""}
                                   : Figure{std::nullopt, reason};
    check.ok = check.p_value.value.value_or(1) >= kHealthAlpha;
    if (!check.ok) check.detail = "the split left the weights of its phases";
    report->health.srm_sequential_p_value = check.p_value;
    report->health.checks.push_back(std::move(check));
    return;
  }
  const auto look = [&](const std::vector<std::int64_t>& observed) {
    const auto odds = statistics::SampleRatioLogOdds(observed, Weights(*input.spec));
    if (odds.ok()) {
      log_odds = std::max(log_odds, *odds);
    } else {
      reason = Reason(odds.status());
    }
  };
  for (std::size_t day = 0; day < input.result->days.size(); ++day) {
    for (std::size_t v = 0; v < variants.size(); ++v) {
      if (day < variants[v].units_by_day.size()) totals[v] += variants[v].units_by_day[day];
    }
    look(totals);
    if (log_odds >= -std::log(kHealthAlpha) && check.ok) {
      check.ok = false;
      check.detail = absl::StrCat("the split left the plan for good by ", input.result->days[day]);
    }
  }
  for (std::size_t v = 0; v < variants.size(); ++v) totals[v] = variants[v].units_first_variant;
  look(totals);
  check.p_value = reason.empty() ? Figure{std::min(1.0, std::exp(-log_odds)), ""}
                                 : Figure{std::nullopt, reason};
  if (reason.empty() && *check.p_value.value < kHealthAlpha && check.ok) {
    check.ok = false;
    check.detail = "the split left the plan";
  }
  report->health.srm_sequential_p_value = check.p_value;
  report->health.checks.push_back(std::move(check));
}

// Segments and days in which the split is off, by their evidence. The evidence
// of a cell is an e-value, exact also for small cells; times the number of
// cells it is a corrected p-value.
void CheckSampleRatioPlaces(const Input& input, Report* report) {
  const auto& variants = input.result->variants;
  // Days and segments mix phases of other weights.
  if (variants.empty() || !SameWeights(PhasesOf(input))) return;
  std::vector<statistics::SampleRatioCell> cells;
  const std::size_t segments = variants[0].segments.size();
  for (std::size_t s = 0; s < segments; ++s) {
    statistics::SampleRatioCell cell{
        variants[0].segments[s].attribute, variants[0].segments[s].value, {}};
    for (const auto& variant : variants)
      cell.observed.push_back(s < variant.segments.size() ? variant.segments[s].units_first_variant
                                                          : 0);
    cells.push_back(std::move(cell));
  }
  for (std::size_t day = 0; day < input.result->days.size(); ++day) {
    statistics::SampleRatioCell cell{"day", input.result->days[day], {}};
    for (const auto& variant : variants)
      cell.observed.push_back(day < variant.units_by_day.size() ? variant.units_by_day[day] : 0);
    cells.push_back(std::move(cell));
  }
  const auto causes = statistics::RankSampleRatioCauses(cells, Weights(*input.spec));
  if (!causes.ok()) return;
  for (const bool day : {false, true}) {
    double cells_of = 0;
    const statistics::SampleRatioCause* worst = nullptr;
    for (const statistics::SampleRatioCause& cause : *causes) {
      if ((cause.dimension == "day") != day) continue;
      ++cells_of;
      if (worst == nullptr) worst = &cause;
    }
    if (worst == nullptr) continue;
    const double p = std::min(1.0, cells_of * std::exp(-worst->log_e_value));
    HealthCheck check{day ? "srm_over_time" : "srm_segments",
                      "warn",
                      p >= kHealthAlpha,
                      {p, ""},
                      {worst->share_gap, ""},
                      kHealthAlpha,
                      day ? "every day's units fit the planned weights"
                          : "every segment's units fit the planned weights"};
    if (!check.ok) {
      check.detail = absl::StrCat(worst->dimension, " ", worst->value, ": control's share is ",
                                  SignedPercent(worst->share_gap), " off the plan among ",
                                  Count(worst->units), " units");
    }
    report->health.checks.push_back(std::move(check));
  }
  // Evidence for the plan is no cause.
  for (const statistics::SampleRatioCause& cause : *causes) {
    if (cause.log_e_value <= 0 || report->health.srm_causes.size() >= kMostCauses) break;
    report->health.srm_causes.push_back({cause.dimension,
                                         cause.value,
                                         {cause.p_value, ""},
                                         cause.log_e_value,
                                         cause.share_gap,
                                         cause.units});
  }
}

// The covariate is from before the exposure: if it differs between the arms,
// the assignment or the metric's definition is broken, and CUPED must not be
// used.
void CheckPrePeriod(const Report& report, Health* health) {
  const Comparison* worst = nullptr;
  double tests = 0;
  for (const Comparison& comparison : report.comparisons) {
    if (!comparison.cuped || !comparison.cuped->balance_p_value.value) continue;
    ++tests;
    if (worst == nullptr ||
        *comparison.cuped->balance_p_value.value < *worst->cuped->balance_p_value.value)
      worst = &comparison;
  }
  if (worst == nullptr) return;
  const double p = std::min(1.0, tests * *worst->cuped->balance_p_value.value);
  HealthCheck check;
  check.name = "pre_period";
  check.severity = "warn";
  check.ok = p >= kHealthAlpha;
  check.p_value = {p, ""};
  check.effect = {std::nullopt, "not_applicable"};
  check.threshold = kHealthAlpha;
  check.detail = "the variants were alike before the exposure";
  if (!check.ok) {
    check.detail = absl::StrCat(worst->metric, " of ", worst->variant,
                                " differed from control already before the exposure; its CUPED "
                                "numbers must not be used");
  }
  health->checks.push_back(std::move(check));
}

void CheckTrend(const Report& report, Health* health) {
  for (const Trend& trend : report.trends) {
    if (RoleOf(report, trend.metric) != "primary" || !trend.p_value.value) continue;
    HealthCheck check{
        "effect_over_time",
        "warn",
        *trend.p_value.value >= kHealthAlpha,
        trend.p_value,
        trend.slope,
        kHealthAlpha,
        absl::StrCat("the daily effect on ", trend.metric, " of ", trend.variant, " has no trend")};
    if (!check.ok) {
      check.detail =
          absl::StrCat("the daily effect on ", trend.metric, " of ", trend.variant, " went from ",
                       EffectText(trend.first.value.value_or(0), trend.of_lifts), " to ",
                       EffectText(trend.last.value.value_or(0), trend.of_lifts),
                       "; the average says little about the future");
    }
    health->checks.push_back(std::move(check));
  }
}

void CheckErasures(const Input& input, Report* report) {
  std::vector<std::int64_t> erased;
  std::vector<double> units;
  std::int64_t all = 0;
  for (const analysis::VariantResult& variant : input.result->variants) {
    erased.push_back(variant.erased);
    units.push_back(static_cast<double>(variant.units_first_variant + variant.erased));
    all += variant.erased;
  }
  if (all == 0) return;
  const auto test = statistics::TestSampleRatio(erased, units);
  if (!test.ok()) return;
  const bool ok = test->p_value >= kHealthAlpha;
  report->health.checks.push_back(
      {"erasures",
       "warn",
       ok,
       {test->p_value, ""},
       {static_cast<double>(all), ""},
       kHealthAlpha,
       absl::StrCat(Count(all), ok ? " units were erased, evenly over the variants"
                                   : " units were erased, of some variants more than of others")});
}

// Exposures that clients made and lost before a record arrived: as many of each variant, or the
// split that arrives is not the one that was assigned. The losses are the stage between exposed and
// logged; their evidence stands among the causes of a mismatch.
void CheckLosses(const Input& input, Report* report) {
  std::vector<std::int64_t> lost;
  std::vector<double> exposed;
  std::int64_t all_lost = 0;
  double all_exposed = 0;
  for (const VariantSummary& summary : report->variants) {
    for (const analysis::VariantResult& variant : input.result->variants) {
      if (variant.key != summary.key) continue;
      Stage stage;
      stage.variant = variant.key;
      stage.evaluated = variant.decisions.evaluated;
      stage.exposed = variant.decisions.exposed;
      stage.queued = variant.decisions.queued;
      for (const auto& [reason, count] : variant.decisions.dropped) stage.dropped += count;
      stage.units = variant.units_first_variant;
      // A queue that refuses a record counts it as dropped as well.
      const std::int64_t gone =
          std::min(stage.exposed, std::max(stage.exposed - stage.queued, stage.dropped));
      lost.push_back(gone);
      exposed.push_back(static_cast<double>(stage.exposed));
      all_lost += gone;
      all_exposed += exposed.back();
      report->health.stages.push_back(std::move(stage));
    }
  }
  if (!(all_exposed > 0)) {
    report->health.stages.clear();
    return;
  }
  const double share = static_cast<double>(all_lost) / all_exposed;
  HealthCheck check{
      "losses",
      "warn",
      share <= kLostShare,
      {1.0, ""},
      {share, ""},
      kLostShare,
      absl::StrCat("clients lost ", Percent(share), " of the exposures, of each variant alike")};
  if (all_lost > 0) {
    const auto test = statistics::TestSampleRatio(lost, exposed);
    check.p_value =
        test.ok() ? Figure{test->p_value, ""} : Figure{std::nullopt, Reason(test.status())};
    const auto odds = statistics::SampleRatioLogOdds(lost, exposed);
    if (odds.ok() && *odds > 0 && test.ok()) {
      const double of_control = static_cast<double>(lost[0]) / static_cast<double>(all_lost);
      report->health.srm_causes.push_back({"stage",
                                           "lost on the client",
                                           {test->p_value, ""},
                                           *odds,
                                           of_control - exposed[0] / all_exposed,
                                           all_lost});
      std::stable_sort(report->health.srm_causes.begin(), report->health.srm_causes.end(),
                       [](const SampleRatioCause& a, const SampleRatioCause& b) {
                         return a.log_e_value > b.log_e_value;
                       });
    }
  }
  if (!check.ok) {
    check.detail = absl::StrCat("clients lost ", Percent(share), " of the exposures");
  } else if (check.p_value.value.value_or(1) < kHealthAlpha) {
    check.ok = false;
    check.detail = absl::StrCat("clients lost ", Percent(share),
                                " of the exposures, of some variants more than of others (p = ",
                                PValue(*check.p_value.value), ")");
  }
  report->health.checks.push_back(std::move(check));
}

// Events of the metrics that clients lost: which units they were of is not known.
void CheckLostEvents(const Input& input, Report* report) {
  std::int64_t lost = 0;
  std::string most;
  std::int64_t most_lost = 0;
  for (const auto& [name, reasons] : input.result->dropped_events) {
    std::int64_t of_name = 0;
    for (const auto& [reason, count] : reasons) of_name += count;
    lost += of_name;
    if (of_name > most_lost) {
      most_lost = of_name;
      most = name;
    }
  }
  if (lost == 0) return;
  const double share = static_cast<double>(lost) / static_cast<double>(lost + input.result->events);
  report->health.checks.push_back(
      {"lost_events",
       "warn",
       share <= kLostShare,
       {std::nullopt, "not_applicable"},
       {share, ""},
       kLostShare,
       absl::StrCat("clients lost ", Percent(share), " of the metrics' events, most of \"", most,
                    "\"")});
}

void CheckCaps(const Report& report, Health* health) {
  for (const MetricInfo& metric : report.metrics) {
    if (!metric.cap) continue;
    const bool ok = metric.removed_share <= kRemovedShare;
    health->checks.push_back(
        {"winsorising",
         "warn",
         ok,
         {std::nullopt, "not_applicable"},
         {metric.removed_share, ""},
         kRemovedShare,
         absl::StrCat("the cap of ", Number(*metric.cap), " takes away ",
                      Percent(metric.removed_share), " of the sum of ", metric.key)});
  }
}

}  // namespace

std::vector<statistics::SampleRatioPeriod> PhasesOf(const Input& input) {
  const std::vector<std::uint32_t>& phases = input.result->phases;
  std::vector<statistics::SampleRatioPeriod> periods;
  for (std::size_t k = 0; phases.size() > 1 && k < phases.size(); ++k) {
    const auto known = input.phase_weights.find(phases[k]);
    if (known == input.phase_weights.end()) return {};
    statistics::SampleRatioPeriod period{{}, known->second};
    for (const analysis::VariantResult& variant : input.result->variants)
      period.observed.push_back(k < variant.units_by_phase.size() ? variant.units_by_phase[k] : 0);
    periods.push_back(std::move(period));
  }
  return periods;
}

bool SameWeights(const std::vector<statistics::SampleRatioPeriod>& periods) {
  const auto share = [](const std::vector<double>& weights, std::size_t i) {
    double sum = 0;
    for (const double weight : weights) sum += weight;
    return weights[i] / sum;
  };
  for (const statistics::SampleRatioPeriod& period : periods) {
    for (std::size_t i = 0; i < period.weights.size(); ++i) {
      if (std::fabs(share(period.weights, i) - share(periods[0].weights, i)) > 1e-12) return false;
    }
  }
  return true;
}

void CheckHealth(const Input& input, Report* report) {
  CheckSampleRatio(input, report);
  CheckSampleRatioSequentially(input, report);
  CheckSampleRatioPlaces(input, report);
  CheckCrossovers(input, report);
  CheckErasures(input, report);
  CheckLosses(input, report);
  CheckLostEvents(input, report);
  CheckPrePeriod(*report, &report->health);
  CheckTrend(*report, &report->health);
  CheckCaps(*report, &report->health);
  CheckData(input, report);
  report->health.ok =
      std::none_of(report->health.checks.begin(), report->health.checks.end(),
                   [](const HealthCheck& check) { return !check.ok && check.severity == "block"; });
}

}  // namespace upswing::report
