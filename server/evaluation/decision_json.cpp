#include "server/evaluation/decision_json.hpp"

#include <string>

#include <nlohmann/json.hpp>

namespace upswing::evaluation {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(std::string_view text) { return text.empty() ? Json() : Json(text); }

}  // namespace

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
