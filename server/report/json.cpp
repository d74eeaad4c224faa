#include <cmath>

#include <nlohmann/json.hpp>

#include "server/report/render.hpp"

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
    }
    list.push_back(
        {{"key", variant.key}, {"units", variant.units}, {"metrics", std::move(metrics)}});
  }
  return list;
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
  json["anytime"] = ToJson(comparison.anytime.interval);
  Put(&json["anytime"], "p_value", comparison.anytime.p_value);
  if (comparison.cuped) {
    Json& cuped = json["cuped"];
    cuped["absolute"] = ToJson(comparison.cuped->absolute);
    cuped["relative"] = ToJson(comparison.cuped->relative);
    Put(&cuped, "p_value", comparison.cuped->p_value);
    Put(&cuped, "variance_reduction", comparison.cuped->variance_reduction);
  } else {
    json["cuped"] = nullptr;
  }
  Json& bayesian = json["bayesian"] = Json::object();
  Put(&bayesian, "chance_to_win", comparison.bayesian.chance_to_win);
  Put(&bayesian, "expected_loss", comparison.bayesian.expected_loss);
  Put(&json, "detectable", comparison.detectable);
  return json;
}

Json ToJson(const std::vector<Comparison>& comparisons) {
  Json list = Json::array();
  for (const Comparison& comparison : comparisons) list.push_back(ToJson(comparison));
  return list;
}

Json ToJson(const Health& health) {
  Json checks = Json::array();
  for (const HealthCheck& check : health.checks) {
    Json json = {{"name", check.name}, {"severity", check.severity}, {"ok", check.ok}};
    Put(&json, "p", check.p_value);
    Put(&json, "effect", check.effect);
    json["threshold"] = check.threshold;
    json["detail"] = check.detail;
    checks.push_back(std::move(json));
  }
  Json srm;
  Put(&srm, "p_value", health.srm_p_value, true);
  srm["expected"] = health.srm_expected;
  return {{"ok", health.ok}, {"srm", std::move(srm)}, {"checks", std::move(checks)}};
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
  json["variants"] = ToJson(report.variants);
  json["comparisons"] = ToJson(report.comparisons);
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
  json["decision"] = {{"action", report.decision.action}, {"reason", report.decision.reason}};
  if (!report.decision.variant.empty()) json["decision"]["variant"] = report.decision.variant;
  json["health"] = ToJson(report.health);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace upswing::report
