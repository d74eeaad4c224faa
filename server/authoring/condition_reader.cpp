#include <algorithm>
#include <array>
#include <limits>

#include <re2/re2.h>

#include "sdk/base/text.hpp"
#include "sdk/catalog/version.hpp"
#include "server/authoring/reader.hpp"
#include "server/json/suggest.hpp"

namespace upswing::authoring {
namespace {

constexpr std::array kOperators = {
    Operator::kSet,        Operator::kIs,        Operator::kIn,       Operator::kNotIn,
    Operator::kLess,       Operator::kLessEqual, Operator::kGreater,  Operator::kGreaterEqual,
    Operator::kStartsWith, Operator::kEndsWith,  Operator::kContains, Operator::kMatches,
    Operator::kBefore,     Operator::kAfter,     Operator::kHasAny,   Operator::kHasAll,
    Operator::kHasNone};

// How many operands an operator takes.
enum class Arity { kOne, kList, kOneOrList };

Arity ArityOf(Operator op) {
  switch (op) {
    case Operator::kIn:
    case Operator::kNotIn:
    case Operator::kHasAny:
    case Operator::kHasAll:
    case Operator::kHasNone:
      return Arity::kList;
    case Operator::kStartsWith:
    case Operator::kEndsWith:
    case Operator::kContains:
      return Arity::kOneOrList;
    default:
      return Arity::kOne;
  }
}

bool Takes(AttributeType type, Operator op) {
  switch (op) {
    case Operator::kSet:
      return true;
    case Operator::kIs:
    case Operator::kIn:
    case Operator::kNotIn:
      return type != AttributeType::kStrings;
    case Operator::kLess:
    case Operator::kLessEqual:
    case Operator::kGreater:
    case Operator::kGreaterEqual:
      return type == AttributeType::kInt || type == AttributeType::kDouble ||
             type == AttributeType::kVersion || type == AttributeType::kTime;
    case Operator::kStartsWith:
    case Operator::kEndsWith:
    case Operator::kContains:
    case Operator::kMatches:
      return type == AttributeType::kString;
    case Operator::kBefore:
    case Operator::kAfter:
      return type == AttributeType::kTime;
    case Operator::kHasAny:
    case Operator::kHasAll:
    case Operator::kHasNone:
      return type == AttributeType::kStrings;
  }
  return false;
}

std::string OperatorsOf(AttributeType type) {
  std::string names;
  for (const Operator op : kOperators) {
    if (!Takes(type, op)) continue;
    if (!names.empty()) names += ", ";
    names += OperatorName(op);
  }
  return names;
}

class ConditionReader {
 public:
  ConditionReader(Problems& problems, const Model& model) : problems_(problems), model_(model) {}

  std::optional<Condition> Read(const json::Node& node, const std::string& path) {
    const Place place = PlaceOf(node, path);
    if (!node.is_object()) {
      AddError(
          problems_, place, "a condition must be an object",
          "write {\"attribute\": ..., \"is\": ...}, or \"all\", \"any\", \"not\", \"segment\"");
      return std::nullopt;
    }
    if (node.Find("attribute") != nullptr) return Leaf(node, path);
    if (node.members().size() != 1) {
      AddError(problems_, place,
               node.members().empty() ? "the condition is empty"
                                      : "a condition has one of \"all\", \"any\", \"not\", "
                                        "\"segment\", or an \"attribute\" with one operator",
               "combine conditions with \"all\" or \"any\"");
      return std::nullopt;
    }
    const json::Member& member = node.members()[0];
    const std::string inner = json::PathOf(path, member.key);
    Condition condition;
    condition.place = place;
    if (member.key == "all" || member.key == "any") {
      condition.kind = member.key == "all" ? Condition::Kind::kAll : Condition::Kind::kAny;
      return List(member.value, inner, std::move(condition));
    }
    if (member.key == "not") {
      condition.kind = Condition::Kind::kNot;
      auto child = Read(member.value, inner);
      if (!child.has_value()) return std::nullopt;
      condition.children.push_back(std::move(*child));
      return condition;
    }
    if (member.key == "segment") {
      condition.kind = Condition::Kind::kSegment;
      if (!member.value.is_string()) {
        AddError(problems_, PlaceOf(member.value, inner), "must be the key of a segment");
        return std::nullopt;
      }
      condition.segment = member.value.as_string();
      return condition;
    }
    static constexpr std::string_view kKnown[] = {"all", "any", "not", "segment", "attribute"};
    std::string fix = json::DidYouMean(member.key, kKnown);
    if (fix.empty()) fix = "use \"all\", \"any\", \"not\", \"segment\" or \"attribute\"";
    AddError(problems_, {inner, member.position},
             base::Concat({"unknown key ", json::Quote(member.key), " in a condition"}), fix);
    return std::nullopt;
  }

 private:
  std::optional<Condition> List(const json::Node& node, const std::string& path,
                                Condition condition) {
    if (!node.is_array() || node.items().empty()) {
      AddError(problems_, PlaceOf(node, path), "must be a non-empty list of conditions");
      return std::nullopt;
    }
    bool complete = true;
    for (std::size_t i = 0; i < node.items().size(); ++i) {
      auto child = Read(node.items()[i], json::PathOf(path, i));
      complete &= child.has_value();
      if (child.has_value()) condition.children.push_back(std::move(*child));
    }
    return complete ? std::optional(std::move(condition)) : std::nullopt;
  }

  std::optional<Condition> Leaf(const json::Node& node, const std::string& path) {
    const Place place = PlaceOf(node, path);
    Condition condition;
    condition.kind = Condition::Kind::kLeaf;
    condition.place = place;
    const json::Node& name = *node.Find("attribute");
    const json::Member* operation = nullptr;
    bool ok = true;
    for (const json::Member& member : node.members()) {
      if (member.key == "attribute") continue;
      const auto op = std::find_if(kOperators.begin(), kOperators.end(),
                                   [&](Operator o) { return OperatorName(o) == member.key; });
      if (op == kOperators.end()) {
        std::vector<std::string_view> names;
        for (const Operator o : kOperators) names.push_back(OperatorName(o));
        AddError(problems_, {json::PathOf(path, member.key), member.position},
                 base::Concat({"unknown operator ", json::Quote(member.key)}),
                 json::DidYouMean(member.key, names));
        ok = false;
      } else if (operation != nullptr) {
        AddError(problems_, {json::PathOf(path, member.key), member.position},
                 "a second operator on the same attribute", "combine two conditions with \"all\"");
        ok = false;
      } else {
        operation = &member;
        condition.op = *op;
      }
    }
    const std::string name_path = json::PathOf(path, "attribute");
    if (!name.is_string()) {
      AddError(problems_, PlaceOf(name, name_path), "must be the key of an attribute");
      return std::nullopt;
    }
    condition.attribute = name.as_string();
    const Attribute* const attribute = model_.FindAttribute(condition.attribute);
    if (attribute == nullptr) {
      std::vector<std::string_view> names;
      for (const Attribute& a : model_.attributes) names.push_back(a.key);
      std::string fix = json::DidYouMean(condition.attribute, names);
      if (fix.empty()) fix = "declare it under \"attributes\" with its type";
      AddError(problems_, PlaceOf(name, name_path),
               base::Concat({"unknown attribute ", json::Quote(condition.attribute)}), fix);
    }
    if (operation == nullptr) {
      if (ok) {
        AddError(problems_, place, "the condition has no operator",
                 "add one, e.g. \"is\", \"in\", \">=\", \"set\"");
      }
      return std::nullopt;
    }
    if (attribute == nullptr || !ok) return std::nullopt;
    if (!Takes(attribute->type, condition.op)) {
      AddError(problems_, {json::PathOf(path, operation->key), operation->position},
               base::Concat({"the operator ", json::Quote(operation->key),
                             " does not apply to the type ", AttributeTypeName(attribute->type)}),
               base::Concat({"use one of ", OperatorsOf(attribute->type)}));
      return std::nullopt;
    }
    if (!Operands(*operation, json::PathOf(path, operation->key), *attribute, condition)) {
      return std::nullopt;
    }
    return condition;
  }

  bool Operands(const json::Member& operation, const std::string& path, const Attribute& attribute,
                Condition& condition) {
    const json::Node& node = operation.value;
    const Arity arity = ArityOf(condition.op);
    if (arity == Arity::kList && !node.is_array()) {
      AddError(problems_, PlaceOf(node, path), "must be a list", "put the value in [...]");
      return false;
    }
    if (node.is_array() && arity == Arity::kOne) {
      AddError(problems_, PlaceOf(node, path), "must be one value",
               condition.op == Operator::kIs ? "use \"in\" for a list" : "");
      return false;
    }
    if (node.is_array()) {
      if (node.items().empty()) {
        AddError(problems_, PlaceOf(node, path), "the list is empty",
                 "remove the condition, or list at least one value");
        return false;
      }
      bool ok = true;
      for (std::size_t i = 0; i < node.items().size(); ++i) {
        ok &= Add(node.items()[i], json::PathOf(path, i), attribute, condition);
      }
      return ok;
    }
    return Add(node, path, attribute, condition);
  }

  bool Add(const json::Node& node, const std::string& path, const Attribute& attribute,
           Condition& condition) {
    Literal literal;
    literal.place = PlaceOf(node, path);
    const auto wrong = [&](std::string_view wanted) {
      AddError(problems_, literal.place,
               base::Concat({"must be ", wanted, " (", json::Quote(attribute.key), " is of type ",
                             AttributeTypeName(attribute.type), ")"}));
      return false;
    };
    if (condition.op == Operator::kSet) {
      if (!node.is_bool()) {
        AddError(problems_, literal.place, "must be true or false");
        return false;
      }
      literal.kind = Literal::Kind::kBool;
      literal.boolean = node.as_bool();
      condition.operands.push_back(std::move(literal));
      return true;
    }
    switch (attribute.type) {
      case AttributeType::kString:
      case AttributeType::kStrings:
        if (!node.is_string()) return wrong("a string");
        literal.text = node.as_string();
        if (condition.op == Operator::kMatches) {
          RE2::Options options;
          options.set_log_errors(false);
          const RE2 pattern(literal.text, options);
          if (!pattern.ok()) {
            AddError(problems_, literal.place, base::Concat({"invalid pattern: ", pattern.error()}),
                     "patterns are in RE2 syntax, without look-around and back-references");
            return false;
          }
        }
        break;
      case AttributeType::kVersion:
        if (!node.is_string() || !catalog::ParseVersion(node.as_string()).valid) {
          return wrong("a version such as \"8.2.0\", \"8.2\" or \"9.0.0-beta.1\"");
        }
        literal.text = node.as_string();
        break;
      case AttributeType::kInt:
      case AttributeType::kDouble:
        if (!node.is_number()) return wrong("a number");
        if (node.as_int().has_value()) {
          literal.kind = Literal::Kind::kInt;
          literal.integer = *node.as_int();
        } else {
          literal.kind = Literal::Kind::kDouble;
          literal.real = node.as_double();
        }
        break;
      case AttributeType::kBool:
        if (!node.is_bool()) return wrong("true or false");
        literal.kind = Literal::Kind::kBool;
        literal.boolean = node.as_bool();
        break;
      case AttributeType::kTime: {
        const auto time = node.is_string() ? ParseTime(node.as_string()) : std::nullopt;
        if (!time.has_value()) return wrong("a time in RFC 3339, e.g. \"2026-11-01T00:00:00Z\"");
        literal.kind = Literal::Kind::kTime;
        literal.integer = *time;
        break;
      }
    }
    condition.operands.push_back(std::move(literal));
    return true;
  }

  Problems& problems_;
  const Model& model_;
};

}  // namespace

std::optional<Condition> ReadCondition(Problems& problems, const Model& model,
                                       const json::Node& node, const std::string& path) {
  return ConditionReader(problems, model).Read(node, path);
}

}  // namespace upswing::authoring
