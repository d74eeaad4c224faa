#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "server/report/render.hpp"
#include "server/report/summary.hpp"
#include "server/report/words.hpp"

namespace upswing::report {
namespace {

using Json = nlohmann::ordered_json;

Json Number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

// Puts `figure` under `key`, with "reason" (or "<key>_reason" where the object has other figures)
// if it is undefined.
void Put(Json* object, const char* key, const Figure& figure, bool alone = false) {
  (*object)[key] = Number(figure.value);
  if (!figure.value) (*object)[alone ? "reason" : std::string(key) + "_reason"] = figure.reason;
}

Json ToJson(const Interval& interval) {
  Json json;
  Put(&json, "estimate", interval.estimate, true);
  json["ci"] = interval.low || interval.high
                   ? Json::array({Number(interval.low), Number(interval.high)})
                   : Json(nullptr);
  if (!json.contains("reason") && json["ci"].is_null()) json["reason"] = interval.estimate.reason;
  if (!interval.method.empty()) json["method"] = interval.method;
  return json;
}

Json ToJson(const std::vector<VariantSummary>& variants) {
  Json list = Json::array();
  for (const VariantSummary& variant : variants) {
    Json metrics = Json::object();
    for (const MetricSummary& metric : variant.metrics) {
      Json& json = metrics[metric.metric];
      json = {{"units", metric.units}, {"pending", metric.pending}};
      Put(&json, "sum", metric.sum);
      Put(&json, "mean", metric.mean);
      Put(&json, "variance", metric.variance);
      if (metric.distribution.empty()) continue;
      Json& bins = json["distribution"] = Json::array();
      for (const Bin& bin : metric.distribution)
        bins.push_back({Number(bin.low), Number(bin.high), bin.count});
    }
    list.push_back(
        {{"key", variant.key}, {"units", variant.units}, {"metrics", std::move(metrics)}});
    if (variant.planned_share > 0) {
      list.back()["planned_share"] = variant.planned_share;
      list.back()["crossovers"] = variant.crossovers;
      list.back()["units_by_day"] = variant.units_by_day;
    }
  }
  return list;
}

Json ToJson(const Margin& margin) {
  return margin.absolute ? Json{{"absolute", *margin.absolute}}
                         : Json{{"relative", margin.relative.value_or(0)}};
}

Json ToJson(const Judgement& judged) {
  Json json = {{"looks", judged.looks},
               {"alternative", judged.alternative},
               {"margin", judged.margin ? ToJson(*judged.margin) : Json(nullptr)},
               {"cuped", judged.cuped},
               {"valid_now", judged.valid_now}};
  if (judged.null_value != 0) json["null_value"] = judged.null_value;
  json["absolute"] = ToJson(judged.absolute);
  json["relative"] = ToJson(judged.relative);
  json["confidence"] = Number(judged.confidence);
  Put(&json, "p_value", judged.p_value);
  Put(&json, "p_value_adjusted", judged.p_value_adjusted);
  for (const Judgement& other : judged.opposite)
    Put(&json, "p_value_of_harm",
        other.p_value_adjusted.value ? other.p_value_adjusted : other.p_value);
  if (judged.look) {
    json["look"] = {
        {"number", judged.look->number},
        {"of", judged.look->of},
        {"day", judged.look->day},
        {"date", judged.look->date},
        {"next_day", judged.look->next_day > 0 ? Json(judged.look->next_day) : Json(nullptr)}};
    if (judged.p_value.value) {
      json["look"]["z"] = judged.look->z;
      json["look"]["z_bound"] = judged.look->z_bound;
      json["look"]["alpha_spent"] = judged.look->alpha_spent;
    }
  }
  return json;
}

Json ToJson(const Comparison& comparison) {
  Json json = {{"metric", comparison.metric}, {"variant", comparison.variant}};
  if (!comparison.role.empty()) json["role"] = comparison.role;
  json["good"] = comparison.good;
  json["method"] = comparison.method;
  json["absolute"] = ToJson(comparison.absolute);
  json["relative"] = ToJson(comparison.relative);
  json["relative_fieller"] = ToJson(comparison.relative_fieller);
  Put(&json, "p_value", comparison.p_value);
  Put(&json, "p_value_adjusted", comparison.p_value_adjusted);
  json["family"] = comparison.family;
  json["adjusted"] = {{"absolute", ToJson(comparison.absolute_adjusted)},
                      {"relative", ToJson(comparison.relative_adjusted)},
                      {"confidence", Number(comparison.adjusted_confidence)}};
  Put(&json, "shrunken", comparison.shrunken);
  json["standard_error"] =
      comparison.standard_error > 0 ? Json(comparison.standard_error) : Json(nullptr);
  json["events"] = {{"control", comparison.events_control}, {"variant", comparison.events_variant}};
  json["anytime"] = ToJson(comparison.anytime.interval);
  json["anytime"]["relative"] = ToJson(comparison.anytime.relative);
  Put(&json["anytime"], "p_value", comparison.anytime.p_value);
  Put(&json["anytime"], "log_e_value", comparison.anytime.log_e_value);
  Put(&json["anytime"], "p_value_adjusted", comparison.anytime.p_value_adjusted);
  if (comparison.intent_to_treat) {
    Json& twin = json["intent_to_treat"];
    twin["absolute"] = ToJson(comparison.intent_to_treat->absolute);
    twin["relative"] = ToJson(comparison.intent_to_treat->relative);
    Put(&twin, "p_value", comparison.intent_to_treat->p_value);
  }
  if (comparison.cuped) {
    Json& cuped = json["cuped"];
    cuped["absolute"] = ToJson(comparison.cuped->absolute);
    cuped["relative"] = ToJson(comparison.cuped->relative);
    Put(&cuped, "p_value", comparison.cuped->p_value);
    Put(&cuped, "variance_reduction", comparison.cuped->variance_reduction);
    Put(&cuped, "balance_p_value", comparison.cuped->balance_p_value);
  } else {
    json["cuped"] = nullptr;
  }
  Json& bayesian = json["bayesian"] = Json::object();
  Put(&bayesian, "chance_to_win", comparison.bayesian.chance_to_win);
  Put(&bayesian, "expected_loss", comparison.bayesian.expected_loss);
  Put(&json, "detectable", comparison.detectable);
  if (comparison.judged) json["judged"] = ToJson(*comparison.judged);
  if (comparison.outlook) {
    Json& outlook = json["outlook"] = {{"effect", comparison.outlook->effect}};
    Put(&outlook, "power_now", comparison.outlook->power_now);
    Put(&outlook, "units_needed", comparison.outlook->units_needed);
    Put(&outlook, "information", comparison.outlook->information);
    Put(&outlook, "conditional_power", comparison.outlook->conditional_power);
  }
  return json;
}

Json ToJson(const std::vector<Comparison>& comparisons) {
  Json list = Json::array();
  for (const Comparison& comparison : comparisons) list.push_back(ToJson(comparison));
  return list;
}

Json ToJson(const UnitChecks& checks) {
  Json json = {{"as_of", checks.as_of.empty() ? Json(nullptr) : Json(checks.as_of)},
               {"units", checks.units},
               {"share", checks.share}};
  Json& controls = json["negative_controls"] = Json::array();
  for (const UnitChecks::NegativeControl& control : checks.negative_controls) {
    Json one = {{"metric", control.metric},
                {"units", control.units},
                {"splits", control.splits},
                {"beyond_1_96", control.beyond_1_96},
                {"variance_ratio", Number(control.variance_ratio)},
                {"flagged", control.flagged}};
    Put(&one, "p_value", control.p_value);
    controls.push_back(std::move(one));
  }
  Json& outliers = json["outliers"] = Json::array();
  for (const UnitChecks::Outlier& outlier : checks.outliers) {
    outliers.push_back({{"metric", outlier.metric},
                        {"variant", outlier.variant},
                        {"with_all", Number(outlier.with_all)},
                        {"without_largest", Number(outlier.without_largest)},
                        {"p_with_all", Number(outlier.p_with_all)},
                        {"p_without_largest", Number(outlier.p_without_largest)},
                        {"decisive", outlier.decisive}});
  }
  Json& ages = json["ages"] = Json::array();
  for (const UnitChecks::Age& age : checks.ages) {
    Json one = {{"metric", age.metric},
                {"variant", age.variant},
                {"units", age.units},
                {"scale", age.of_lifts ? "relative" : "absolute"},
                {"slope_per_day", Number(age.slope)},
                {"p_value", Number(age.p_value)},
                {"first", Number(age.first)},
                {"last", Number(age.last)}};
    Json& effects = one["effects"] = Json::array();
    for (const UnitChecks::Age::Effect& effect : age.effects) {
      effects.push_back({{"day", effect.day},
                         {"estimate", Number(effect.estimate)},
                         {"standard_error", Number(effect.standard_error)}});
    }
    ages.push_back(std::move(one));
  }
  Json& interactions = json["interactions"] = Json::array();
  for (const UnitChecks::Interaction& interaction : checks.interactions) {
    interactions.push_back({{"experiment", interaction.experiment},
                            {"other_variant", interaction.other_variant},
                            {"metric", interaction.metric},
                            {"variant", interaction.variant},
                            {"units", interaction.units},
                            {"estimate", Number(interaction.estimate)},
                            {"standard_error", Number(interaction.standard_error)},
                            {"p_value", Number(interaction.p_value)},
                            {"p_value_adjusted", Number(interaction.p_value_adjusted)},
                            {"assignment_p_value", Number(interaction.assignment_p_value)}});
  }
  return json;
}

Json ToJson(const Health& health) {
  Json checks = Json::array();
  for (const HealthCheck& check : health.checks) {
    Json json = {{"name", check.name}, {"severity", check.severity}, {"ok", check.ok}};
    Put(&json, "p", check.p_value);
    Put(&json, "effect", check.effect);
    json["threshold"] = check.threshold;
    json["detail"] = check.detail;
    json["detail_zh"] = SayFinding(check.detail, Language::kChinese);
    checks.push_back(std::move(json));
  }
  Json srm;
  Put(&srm, "p_value", health.srm_p_value, true);
  if (!health.srm_method.empty()) srm["method"] = health.srm_method;
  srm["expected"] = health.srm_expected;
  Put(&srm, "sequential_p_value", health.srm_sequential_p_value);
  Json& causes = srm["causes"] = Json::array();
  for (const SampleRatioCause& cause : health.srm_causes) {
    causes.push_back({{"dimension", cause.dimension},
                      {"value", cause.value},
                      {"p_value", Number(cause.p_value.value)},
                      {"log_e_value", Number(cause.log_e_value)},
                      {"share_gap", Number(cause.share_gap)},
                      {"units", cause.units}});
  }
  Json stages = Json::array();
  for (const Stage& stage : health.stages) {
    stages.push_back({{"variant", stage.variant},
                      {"evaluated", stage.evaluated},
                      {"exposed", stage.exposed},
                      {"queued", stage.queued},
                      {"dropped", stage.dropped},
                      {"units", stage.units}});
  }
  return {{"ok", health.ok},
          {"srm", std::move(srm)},
          {"checks", std::move(checks)},
          {"stages", std::move(stages)},
          {"unit_checks", health.unit_checks ? ToJson(*health.unit_checks) : Json(nullptr)}};
}

Json ToJson(const Plan& plan, const Account& account) {
  Json guardrails = Json::object();
  for (const Plan::Guardrail& guardrail : plan.guardrails) {
    guardrails[guardrail.metric] = {
        {"margin", ToJson(Margin{guardrail.relative_margin, guardrail.absolute_margin})}};
  }
  Json json = {{"primary", plan.primary},       {"secondary", plan.secondary},
               {"guardrails", guardrails},      {"alpha", account.alpha},
               {"correction", plan.correction}, {"sequential", account.looks},
               {"min_days", plan.min_days},     {"ended", plan.ended}};
  json["min_units"] = plan.min_units;
  json["max_days"] = Number(plan.max_days);
  json["one_sided"] = plan.one_sided;
  json["cuped"] = plan.cuped;
  json["power"] = plan.power;
  json["non_inferiority"] = plan.non_inferiority ? ToJson(*plan.non_inferiority) : Json(nullptr);
  json["mde"] = plan.mde ? ToJson(*plan.mde) : Json(nullptr);
  json["prior"] = plan.prior ? Json{{"mean", plan.prior->mean},
                                    {"standard_deviation", plan.prior->standard_deviation}}
                             : Json(nullptr);
  if (plan.anytime) json["tuning_units"] = plan.tuning_units;
  if (plan.group_sequential) json["looks"] = plan.group_sequential->days;
  return json;
}

Json ToJson(const Account& account) {
  Json families = Json::array();
  for (const Family& family : account.families) {
    families.push_back({{"name", family.name},
                        {"correction", family.correction},
                        {"questions", family.questions},
                        {"undefined", family.undefined},
                        {"discoveries", family.discoveries},
                        {"discoveries_anytime", family.discoveries_anytime},
                        {"discoveries_judged", family.discoveries_judged},
                        {"correction_judged", family.correction_judged}});
  }
  return {{"alpha", account.alpha}, {"looks", account.looks}, {"families", std::move(families)}};
}

Json ToJson(const std::vector<MetricInfo>& metrics) {
  Json list = Json::array();
  for (const MetricInfo& metric : metrics) {
    Json json = {{"key", metric.key},   {"metric", metric.metric},
                 {"type", metric.type}, {"role", metric.role},
                 {"good", metric.good}, {"window_days", Number(metric.window_days)}};
    if (metric.funnel_step) json["funnel_step"] = *metric.funnel_step;
    if (metric.quantile) json["quantile"] = *metric.quantile;
    if (metric.cap) {
      json["winsorize"] = {{"cap", *metric.cap}, {"removed_share", Number(metric.removed_share)}};
    }
    list.push_back(std::move(json));
  }
  return list;
}

Json ToJson(const std::vector<Heterogeneity>& groups) {
  Json list = Json::array();
  for (const Heterogeneity& group : groups) {
    Json json = {{"metric", group.metric},
                 {"variant", group.variant},
                 {"attribute", group.attribute},
                 {"scale", group.of_lifts ? "relative" : "absolute"}};
    Put(&json, "p_value", group.p_value);
    Put(&json, "p_value_adjusted", group.p_value_adjusted);
    Json& segments = json["segments"] = Json::array();
    for (const auto& [value, p] : group.segments)
      segments.push_back({{"value", value}, {"differs_p_value", Number(p)}});
    list.push_back(std::move(json));
  }
  return list;
}

Json ToJson(const std::vector<Trend>& trends) {
  Json list = Json::array();
  for (const Trend& trend : trends) {
    Json json = {{"metric", trend.metric},
                 {"variant", trend.variant},
                 {"scale", trend.of_lifts ? "relative" : "absolute"}};
    Put(&json, "slope_per_day", trend.slope);
    Put(&json, "p_value", trend.p_value);
    Put(&json, "first", trend.first);
    Put(&json, "last", trend.last);
    list.push_back(std::move(json));
  }
  return list;
}

Json ToJson(const Decision& decision) {
  Json json = {{"action", decision.action}, {"reason", decision.reason}};
  if (!decision.cause.empty()) {
    json["reason_zh"] = ReasonOf(decision, Language::kChinese);
    json["cause"] = decision.cause;
  }
  if (!decision.variant.empty()) json["variant"] = decision.variant;
  return json;
}

}  // namespace

std::string RenderJson(const Report& report) {
  Json json = {
      {"experiment", report.experiment}, {"iteration", report.iteration}, {"as_of", report.as_of}};
  if (!report.hypothesis.empty()) json["hypothesis"] = report.hypothesis;
  json["control"] = report.control;
  json["confidence"] = report.confidence;
  json["records"] = report.records;
  json["first_exposure"] =
      report.first_exposure.empty() ? Json(nullptr) : Json(report.first_exposure);
  json["last_record"] = report.last_record.empty() ? Json(nullptr) : Json(report.last_record);
  json["units_excluded"] = {{"multiple_variants", report.units_in_several_variants},
                            {"forced", report.units_forced}};
  json["events_without_unit"] = report.events_without_unit;
  json["units_erased"] = report.units_erased;
  json["plan"] = ToJson(report.plan, report.account);
  json["metrics"] = ToJson(report.metrics);
  json["dates"] = report.dates;
  json["variants"] = ToJson(report.variants);
  json["comparisons"] = ToJson(report.comparisons);
  // On failed health the lift is a number, but nothing that a sentence may say.
  for (std::size_t i = 0; report.health.ok && i < report.comparisons.size(); ++i) {
    json["comparisons"][i]["sentence"] = {
        {"en", Sentence(report.comparisons[i], Language::kEnglish)},
        {"zh", Sentence(report.comparisons[i], Language::kChinese)}};
    if (report.comparisons[i].judged && report.comparisons[i].judged->look) {
      json["comparisons"][i]["judged"]["look"]["sentence"] = {
          {"en", LookSentence(report.comparisons[i], Language::kEnglish)},
          {"zh", LookSentence(report.comparisons[i], Language::kChinese)}};
    }
    if (!OutlookSentence(report.comparisons[i], report.plan).empty()) {
      json["comparisons"][i]["outlook"]["sentence"] = {
          {"en", OutlookSentence(report.comparisons[i], report.plan, Language::kEnglish)},
          {"zh", OutlookSentence(report.comparisons[i], report.plan, Language::kChinese)}};
    }
  }
  Json& segments = json["segments"] = Json::array();
  for (const Segment& segment : report.segments) {
    segments.push_back({{"attribute", segment.attribute},
                        {"value", segment.value},
                        {"variants", ToJson(segment.variants)},
                        {"comparisons", ToJson(segment.comparisons)}});
  }
  Json& days = json["days"] = Json::array();
  for (const Day& day : report.days) {
    days.push_back({{"date", day.date},
                    {"cumulative", day.cumulative},
                    {"variants", ToJson(day.variants)},
                    {"comparisons", ToJson(day.comparisons)}});
  }
  json["heterogeneity"] = ToJson(report.heterogeneity);
  json["trends"] = ToJson(report.trends);
  json["account"] = ToJson(report.account);
  json["decision"] = ToJson(report.decision);
  Json& decisions = json["decisions"] = Json::array();
  for (const Decision& decision : report.decisions) decisions.push_back(ToJson(decision));
  json["health"] = ToJson(report.health);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json Summary(const Report& report) {
  std::int64_t units = 0;
  for (const VariantSummary& variant : report.variants) units += variant.units;
  std::vector<Comparison> primary;
  for (const Comparison& comparison : report.comparisons) {
    if (comparison.role == "primary") primary.push_back(comparison);
  }
  Json failed = Json::array();
  for (const HealthCheck& check : report.health.checks) {
    if (!check.ok) failed.push_back({{"name", check.name}, {"severity", check.severity}});
  }
  return {{"as_of", report.as_of},
          {"last_record", report.last_record.empty() ? Json(nullptr) : Json(report.last_record)},
          {"first_exposure",
           report.first_exposure.empty() ? Json(nullptr) : Json(report.first_exposure)},
          {"days", std::count_if(report.days.begin(), report.days.end(),
                                 [](const Day& day) { return day.cumulative; })},
          {"units", units},
          {"primary", ToJson(primary)},
          {"decision", ToJson(report.decision)},
          {"health", {{"ok", report.health.ok}, {"failed", std::move(failed)}}}};
}

}  // namespace upswing::report
