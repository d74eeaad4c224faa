#include "sdk/assignment/condition.hpp"

#include <cmath>
#include <optional>
#include <string_view>

#include "sdk/assignment/number.hpp"
#include "sdk/base/hash.hpp"
#include "sdk/catalog/version.hpp"
#include "sdk/schema/catalog_generated.h"

namespace upswing::assignment {
namespace {

using schema::AttributeType;
using schema::NodeKind;
using schema::Operator;

std::string_view TextOf(const flatbuffers::String* text) { return {text->c_str(), text->size()}; }

template <class Vector>
std::uint32_t SizeOf(const Vector* vector) {
  return vector == nullptr ? 0 : vector->size();
}

// Strings are sorted by size, then bytes: most comparisons end at the size.
bool Contains(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>& sorted,
              std::string_view text) {
  std::uint32_t low = 0;
  std::uint32_t high = sorted.size();
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    const std::string_view other = TextOf(sorted.Get(middle));
    if (other.size() == text.size()) {
      const int order = other.compare(text);
      if (order == 0) return true;
      (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
    } else {
      (other.size() < text.size() ? low : high) = other.size() < text.size() ? middle + 1 : middle;
    }
  }
  return false;
}

// The relation asked for by an ordering operator, given the order of value and operand.
bool Satisfies(Operator op, std::optional<int> order) {
  if (!order.has_value()) return false;
  switch (op) {
    case Operator::less:
      return *order < 0;
    case Operator::less_equal:
      return *order <= 0;
    case Operator::greater:
      return *order > 0;
    case Operator::greater_equal:
      return *order >= 0;
    default:
      return *order == 0;
  }
}

bool TextLeaf(Operator op, std::string_view value, const catalog::Operand& operand) {
  if (op == Operator::in) return Contains(*operand.table->strings(), value);
  if (op == Operator::matches) return operand.matcher->Matches(value);
  for (const flatbuffers::String* const string : *operand.table->strings()) {
    const std::string_view text = TextOf(string);
    if (op == Operator::starts_with && value.starts_with(text)) return true;
    if (op == Operator::ends_with && value.ends_with(text)) return true;
    if (op == Operator::contains && value.find(text) != std::string_view::npos) return true;
  }
  return false;
}

bool VersionLeaf(Operator op, std::string_view text, const catalog::Operand& operand) {
  const catalog::Version value = catalog::ParseVersion(text);
  if (!value.valid) return false;
  if (op == Operator::set) return true;
  if (op != Operator::in) {
    return operand.version.valid && Satisfies(op, catalog::CompareVersions(value, operand.version));
  }
  for (const flatbuffers::String* const string : *operand.table->strings()) {
    const catalog::Version other = catalog::ParseVersion(TextOf(string));
    if (other.valid && catalog::CompareVersions(value, other) == 0) return true;
  }
  return false;
}

bool NumberLeaf(Operator op, Number value, const schema::Operand& operand) {
  for (std::uint32_t i = 0; i < SizeOf(operand.ints()); ++i) {
    if (Satisfies(op, Compare(value, Number::Int(operand.ints()->Get(i))))) return true;
  }
  for (std::uint32_t i = 0; i < SizeOf(operand.doubles()); ++i) {
    if (Satisfies(op, Compare(value, Number::Double(operand.doubles()->Get(i))))) return true;
  }
  return false;
}

bool TimeLeaf(Operator op, std::int64_t value, const schema::Operand& operand) {
  if (op == Operator::before) op = Operator::less;
  if (op == Operator::after) op = Operator::greater;
  return NumberLeaf(op, Number::Int(value), operand);
}

bool StringsLeaf(Operator op, const Subject& subject, const Subject::Attribute& attribute,
                 const schema::Operand& operand) {
  const auto& wanted = *operand.strings();
  if (op == Operator::has_any) {
    bool found = false;
    subject.VisitStrings(attribute, [&](std::string_view text) {
      found = Contains(wanted, text);
      return !found;
    });
    return found;
  }
  for (const flatbuffers::String* const string : wanted) {
    bool found = false;
    subject.VisitStrings(attribute, [&](std::string_view text) {
      found = text == TextOf(string);
      return !found;
    });
    if (!found) return false;
  }
  return true;
}

bool Leaf(const catalog::View& view, const Subject& subject, const schema::Node& node) {
  const Subject::Attribute* const attribute =
      subject.FindAttribute(view.attribute_hashes()[node.attribute()]);
  if (attribute == nullptr) return false;
  const auto op = static_cast<Operator>(node.op());
  const catalog::Operand& operand = view.operands()[node.operand()];
  const AttributeKind kind = attribute->kind;
  switch (static_cast<AttributeType>(view.table().attributes()->Get(node.attribute())->type())) {
    case AttributeType::string:
      if (kind != AttributeKind::kString) return false;
      return op == Operator::set || TextLeaf(op, subject.text(*attribute), operand);
    case AttributeType::version:
      return kind == AttributeKind::kString && VersionLeaf(op, subject.text(*attribute), operand);
    case AttributeType::integer:
    case AttributeType::real:
      if (kind != AttributeKind::kInt && kind != AttributeKind::kDouble) return false;
      return op == Operator::set ||
             NumberLeaf(op,
                        kind == AttributeKind::kInt ? Number::Int(attribute->int_value)
                                                    : Number::Double(attribute->double_value),
                        *operand.table);
    case AttributeType::boolean:
      if (kind != AttributeKind::kBool) return false;
      return op == Operator::set ||
             NumberLeaf(op, Number::Int(attribute->bool_value ? 1 : 0), *operand.table);
    case AttributeType::time:
      if (kind != AttributeKind::kTime) return false;
      return op == Operator::set || TimeLeaf(op, attribute->int_value, *operand.table);
    case AttributeType::strings:
      if (kind != AttributeKind::kStrings) return false;
      return op == Operator::set || StringsLeaf(op, subject, *attribute, *operand.table);
  }
  return false;
}

}  // namespace

bool IsListed(const catalog::IdList& list, const Subject& subject) {
  const Subject::Unit* const unit = subject.FindUnit(list.unit_type.hash);
  if (unit == nullptr) return false;
  const std::uint64_t wanted = base::Mix(unit->id_hash ^ list.salt_hash);
  std::uint64_t low = 0;
  std::uint64_t high = list.count;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const auto id = flatbuffers::ReadScalar<std::uint64_t>(list.ids + 8 * middle);
    if (id == wanted) return true;
    (id < wanted ? low : high) = id < wanted ? middle + 1 : middle;
  }
  return false;
}

// Recursion is bounded: the loader refuses conditions nested deeper than ConditionCheck::kMaxDepth.
bool Holds(const catalog::View& view, const Subject& subject, std::uint32_t root) {
  const schema::Node& node = view.nodes()[root];
  switch (static_cast<NodeKind>(node.kind())) {
    case NodeKind::leaf:
      return Leaf(view, subject, node);
    case NodeKind::all:
      for (std::uint32_t i = root + 1; i < node.end(); i = view.nodes()[i].end()) {
        if (!Holds(view, subject, i)) return false;
      }
      return true;
    case NodeKind::any:
      for (std::uint32_t i = root + 1; i < node.end(); i = view.nodes()[i].end()) {
        if (Holds(view, subject, i)) return true;
      }
      return false;
    case NodeKind::negation:
      return !Holds(view, subject, root + 1);
    case NodeKind::segment: {
      const catalog::Segment& segment = view.segments()[node.operand()];
      return segment.list == catalog::kNone ? Holds(view, subject, segment.root)
                                            : IsListed(view.id_lists()[segment.list], subject);
    }
    case NodeKind::never:
      return false;
  }
  return false;
}

}  // namespace upswing::assignment
