#include "server/analysis/sql/condition.hpp"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/store/clickhouse/client.hpp"
#include "server/store/records.hpp"

namespace upswing::analysis {
namespace {

using absl::StrCat;
using metrics::Condition;
using store::PropertyType;

// One part of the property at `place`.
struct Property {
  explicit Property(std::string_view name)
      : has(StrCat("has(property.name, ", SqlQuoted(name), ")")),
        place(StrCat("indexOf(property.name, ", SqlQuoted(name), ")")) {}
  std::string Part(const char* part) const { return StrCat("property.", part, "[", place, "]"); }
  std::string Is(PropertyType type) const {
    return StrCat(Part("type"), " = ", static_cast<int>(type));
  }
  const std::string has, place;
};

// Compares the int64 in a property with a number that need not be one, exactly.
std::string ComparesInteger(const Property& property, const char* op, double bound) {
  const std::string value = StrCat("toInt64(", property.Part("bits"), ")");
  const bool above = bound >= 0x1p63;
  const bool below = bound < -0x1p63;
  const std::string_view o = op;
  if (o == "=") {
    if (above || below || std::floor(bound) != bound) return "0";
    return StrCat(value, " = toInt64('", static_cast<std::int64_t>(bound), "')");
  }
  const bool less = o[0] == '<';
  if (above || below) return above == less ? "1" : "0";
  // v < b is v < ceil(b), v >= b is v >= ceil(b); the others are about floor(b).
  const double whole = o == "<" || o == ">=" ? std::ceil(bound) : std::floor(bound);
  if (whole >= 0x1p63) return less ? "1" : "0";
  return StrCat(value, " ", op, " toInt64('", static_cast<std::int64_t>(whole), "')");
}

std::string Compares(const Property& property, const char* op, double bound) {
  return StrCat("((", property.Is(PropertyType::kDouble), " AND ", property.Part("number"), " ", op,
                " ", SqlReal(bound), ") OR (", property.Is(PropertyType::kInt64), " AND ",
                ComparesInteger(property, op, bound), "))");
}

std::string Equals(const Property& property, const metrics::Literal& literal) {
  if (const auto* text = std::get_if<std::string>(&literal))
    return StrCat("(", property.Is(PropertyType::kString), " AND ", property.Part("text"), " = ",
                  SqlQuoted(*text), ")");
  if (const auto* truth = std::get_if<bool>(&literal))
    return StrCat("(", property.Is(PropertyType::kBool), " AND ", property.Part("bits"),
                  *truth ? " != 0)" : " = 0)");
  return Compares(property, "=", std::get<double>(literal));
}

std::string Holds(const Condition& condition) {
  const Property property(condition.property);
  const auto in = [&] {
    std::vector<std::string> any;
    for (const metrics::Literal& literal : condition.values)
      any.push_back(Equals(property, literal));
    return any.empty() ? std::string("0") : StrCat("(", absl::StrJoin(any, " OR "), ")");
  };
  const auto compared = [&](const char* op) -> std::string {
    const auto* bound = std::get_if<double>(&condition.values[0]);
    return bound == nullptr
               ? "0"
               : StrCat("(", property.has, " AND ", Compares(property, op, *bound), ")");
  };
  switch (condition.op) {
    case Condition::Operator::kIn:
      return StrCat("(", property.has, " AND ", in(), ")");
    case Condition::Operator::kNotIn:
      return StrCat("NOT (", property.has, " AND ", in(), ")");
    case Condition::Operator::kSet:
      return std::get<bool>(condition.values[0]) ? property.has : StrCat("NOT ", property.has);
    case Condition::Operator::kLess:
      return compared("<");
    case Condition::Operator::kLessEqual:
      return compared("<=");
    case Condition::Operator::kGreater:
      return compared(">");
    default:
      return compared(">=");
  }
}

}  // namespace

std::string SqlQuoted(std::string_view text) { return store::Quoted(text); }
std::string SqlReal(double value) { return absl::StrFormat("toFloat64(%.17g)", value); }
std::string SqlWide(std::int64_t value) { return StrCat("toInt64(", value, ")"); }

std::string SqlNumber(std::string_view name) {
  const Property property(name);
  return StrCat("if(", property.has, ", ", property.Part("number"), ", nan)");
}

std::string SqlIdentity(std::string_view name) {
  const Property property(name);
  return StrCat("if(", property.has, ", greatest(toUInt64(1), cityHash64(", property.Part("type"),
                ", ", property.Part("text"), ", ", property.Part("bits"), ")), toUInt64(0))");
}

std::string SqlAttribute(std::string_view name) {
  const Property property(name);
  return StrCat("if(", property.has, ", concat(toString(", property.Part("type"),
                "), concat(':', if(", property.Is(PropertyType::kString), ", ",
                property.Part("text"), ", toString(", property.Part("bits"), ")))), '')");
}

std::string SqlConditions(const std::vector<Condition>& conditions) {
  std::vector<std::string> all;
  for (const Condition& condition : conditions) all.push_back(Holds(condition));
  return StrCat("toUInt8(", absl::StrJoin(all, " AND "), ")");
}

}  // namespace upswing::analysis
