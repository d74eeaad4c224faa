#include <algorithm>
#include <array>

#include "sdk/base/text.hpp"
#include "server/authoring/reader.hpp"

namespace upswing::authoring {

std::optional<FlagValue> ReadFlagValue(Problems& problems, FlagType type, const json::Node& node,
                                       const std::string& path) {
  FlagValue value;
  bool ok = false;
  switch (type) {
    case FlagType::kBool:
      ok = node.is_bool();
      if (ok) value.boolean = node.as_bool();
      break;
    case FlagType::kInt:
      ok = node.is_number() && node.as_int().has_value();
      if (ok) value.integer = *node.as_int();
      break;
    case FlagType::kDouble:
      ok = node.is_number();
      if (ok) value.real = node.as_double();
      break;
    case FlagType::kString:
      ok = node.is_string();
      if (ok) value.text = node.as_string();
      break;
    case FlagType::kJson:
      ok = true;
      value.text = node.Text();
      break;
  }
  if (ok) return value;
  AddError(problems, PlaceOf(node, path),
           base::Concat({"must be a value of type ", FlagTypeName(type), ", not ", node.Text()}),
           type == FlagType::kInt && node.is_number()
               ? "write a whole number below 2^63, or make the flag a \"double\""
               : "");
  return std::nullopt;
}

namespace {

Rule ReadRule(Problems& problems, const Model& model, FlagType type, const json::Node& node,
              const std::string& path) {
  const Scope scope(problems, node, path,
                    {"key", "when", "share", "unit", "holdout", "value", "description"});
  Rule rule;
  rule.place = scope.place();
  if (!scope.ok()) return rule;
  scope.RequireString("key", rule.key);
  scope.Number("share", rule.share, 0, 1);
  scope.String("unit", rule.unit);
  if (const json::Node* const holdout = scope.Get("holdout");
      holdout != nullptr && holdout->is_string()) {
    rule.holdouts.push_back(holdout->as_string());
  } else {
    scope.Strings("holdout", rule.holdouts);
  }
  if (const json::Node* const when = scope.Get("when")) {
    rule.when = ReadCondition(problems, model, *when, scope.PathOf("when"));
  }
  // `null` is a value of a json flag, so it does not count as absent here.
  if (const json::Node* const value = node.Find("value")) {
    if (auto read = ReadFlagValue(problems, type, *value, scope.PathOf("value"))) {
      rule.value = std::move(*read);
    }
  } else {
    scope.Require("value", "the value that the rule gives");
  }
  if (rule.unit.empty() && (rule.share.has_value() || !rule.holdouts.empty())) {
    AddError(problems, rule.place, "a rule with \"share\" or \"holdout\" needs \"unit\"",
             "add the unit type whose ids are counted, e.g. \"unit\": \"user\"");
  }
  return rule;
}

}  // namespace

Flag ReadFlag(Problems& problems, const Model& model, const json::Member& member,
              const std::string& path) {
  static constexpr std::array<std::string_view, 5> kTypes = {"bool", "int", "double", "string",
                                                             "json"};
  const Scope scope(problems, member.value, path, {"type", "default", "rules", "description"});
  Flag flag;
  flag.key = member.key;
  flag.place = scope.place();
  if (!scope.ok()) return flag;
  scope.Require("type", "\"type\": \"bool\", \"int\", \"double\", \"string\" or \"json\"");
  flag.type = static_cast<FlagType>(scope.Choice("type", kTypes, 0));
  scope.String("description", flag.description);
  const json::Node* const type = scope.Get("type");
  const bool known_type =
      type != nullptr && type->is_string() &&
      std::find(kTypes.begin(), kTypes.end(), type->as_string()) != kTypes.end();
  if (const json::Node* const value = member.value.Find("default")) {
    if (known_type) {
      if (auto read = ReadFlagValue(problems, flag.type, *value, scope.PathOf("default"))) {
        flag.default_value = std::move(*read);
      }
    }
  } else {
    scope.Require("default", "the value where no experiment and no rule applies");
  }
  if (const json::Node* const rules = scope.Get("rules")) {
    if (!rules->is_array()) {
      scope.Error(*rules, "rules", "must be a list of rules");
    } else if (known_type) {
      for (std::size_t i = 0; i < rules->items().size(); ++i) {
        flag.rules.push_back(ReadRule(problems, model, flag.type, rules->items()[i],
                                      json::PathOf(scope.PathOf("rules"), i)));
      }
    }
  }
  for (std::size_t i = 0; i < flag.rules.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (flag.rules[i].key == flag.rules[j].key && !flag.rules[i].key.empty()) {
        AddError(problems, flag.rules[i].place,
                 base::Concat({"two rules have the key ", json::Quote(flag.rules[i].key)}),
                 "rename one: the key salts the rule's share");
      }
    }
  }
  return flag;
}

}  // namespace upswing::authoring
