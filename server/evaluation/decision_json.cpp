#include "server/evaluation/decision_json.hpp"

#include <string>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "server/json/document.hpp"

namespace upswing::evaluation {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(std::string_view text) { return text.empty() ? Json() : Json(text); }

Json ToJson(const Value& value) {
  switch (value.type()) {
    case ValueType::kNone:
      return nullptr;
    case ValueType::kBool:
      return *value.as_bool();
    case ValueType::kInt:
      return *value.as_int();
    case ValueType::kDouble:
      return *value.as_double();
    case ValueType::kString:
      return *value.as_text();
    case ValueType::kJson: {
      Json parsed = Json::parse(*value.as_text(), nullptr, false);
      return parsed.is_discarded() ? Json() : parsed;
    }
  }
  return nullptr;
}

// Without a document of JSON in between where it is not needed: values are most of an answer.
void AppendValue(const Value& value, std::string* out) {
  if (const auto boolean = value.as_bool()) {
    *out += *boolean ? "true" : "false";
  } else if (const auto integer = value.as_int()) {
    absl::StrAppend(out, *integer);
  } else if (value.type() == ValueType::kString) {
    *out += json::Quote(*value.as_text());
  } else {
    *out += ToJson(value).dump();
  }
}

// OpenFeature's words for ours; ours stand in the metadata.
std::string_view OpenFeatureReason(const catalog::Flag& flag, Reason reason) {
  switch (reason) {
    case Reason::kAssigned:
    case Reason::kSticky:
      return "SPLIT";
    case Reason::kForced:
    case Reason::kRule:
      return "TARGETING_MATCH";
    case Reason::kDisabled:
      return "DISABLED";
    case Reason::kDefault:
      return flag.owner_count == 0 && flag.rule_count == 0 ? "STATIC" : "DEFAULT";
    default:
      return "DEFAULT";
  }
}

}  // namespace

void AppendOfrep(const catalog::Flag& flag, const Decision& decision, std::string* out) {
  *out += R"({"key":)";
  *out += json::Quote(flag.key.view());
  *out += R"(,"value":)";
  AppendValue(decision.value, out);
  *out += R"(,"reason":")";
  *out += OpenFeatureReason(flag, decision.reason);
  *out += '"';
  if (decision.in_experiment()) {
    *out += R"(,"variant":)";
    *out += json::Quote(decision.variant());
  }
  *out += R"(,"metadata":{"reason":")";
  *out += ReasonName(decision.reason);
  absl::StrAppend(out, R"(","catalog_version":)", decision.catalog_version);
  if (decision.in_experiment()) {
    *out += R"(,"experiment":)";
    *out += json::Quote(decision.experiment());
    absl::StrAppend(out, R"(,"iteration":)", decision.iteration);
  }
  *out += "}}";
}

Json ToJson(const Decision& decision) {
  Json json = {{"key", decision.key()},
               {"kind", decision.kind == DecisionKind::kFlag ? "flag" : "experiment"},
               {"variant", OrNull(decision.variant())},
               {"value", ToJson(decision.value)},
               {"reason", ReasonName(decision.reason)},
               {"bucket", decision.bucket == Decision::kNoBucket ? Json() : Json(decision.bucket)},
               {"experiment", OrNull(decision.experiment())},
               {"unit", OrNull(decision.unit_type())}};
  if (decision.kind == DecisionKind::kFlag)
    json["rule"] = decision.rule_index < 0 ? Json() : Json(decision.rule_index);
  if (!decision.experiment().empty()) {
    json["iteration"] = decision.iteration;
    json["phase"] = decision.phase;
  }
  return json;
}

}  // namespace upswing::evaluation
