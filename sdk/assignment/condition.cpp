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

// Short strings are compared as numbers, others by binary search (sorted by size, then bytes).
bool Contains(const catalog::Operand& operand, std::string_view text) {
  if (operand.packed != nullptr) {
    std::uint64_t wanted = 0;
    if (!catalog::PackShort(text, &wanted)) return false;
    const std::uint64_t* at = operand.packed;
    for (std::uint32_t count = operand.string_count; count > 1;) {
      const std::uint32_t half = count / 2;
      at += at[half] <= wanted ? half : 0;
      count -= half;
    }
    return *at == wanted;
  }
  const auto& sorted = *operand.table->strings();
  std::uint32_t low = 0;
  std::uint32_t high = sorted.size();
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    const std::string_view other = TextOf(sorted.Get(middle));
    const bool less = other.size() != text.size() ? other.size() < text.size() : other < text;
    if (less) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < sorted.size() && TextOf(sorted.Get(low)) == text;
}

// The relation asked for by an operator, given the order of value and operand.
bool Satisfies(Operator op, int order) {
  constexpr unsigned kLess = 1, kEqual = 2, kGreater = 4;
  unsigned accepted = kEqual;
  if (op == Operator::less) accepted = kLess;
  if (op == Operator::less_equal) accepted = kLess | kEqual;
  if (op == Operator::greater) accepted = kGreater;
  if (op == Operator::greater_equal) accepted = kGreater | kEqual;
  const unsigned is = order < 0 ? kLess : (order > 0 ? kGreater : kEqual);
  return (accepted & is) != 0;
}

bool Satisfies(Operator op, std::optional<int> order) {
  return order.has_value() && Satisfies(op, *order);
}

template <class T>
int Order(T a, T b) {
  return static_cast<int>(a > b) - static_cast<int>(a < b);
}

bool TextLeaf(Operator op, std::string_view value, const catalog::Operand& operand) {
  if (op == Operator::in) return Contains(operand, value);
  if (op == Operator::matches) return operand.matcher->Matches(value);
  for (const flatbuffers::String* const string : *operand.table->strings()) {
    const std::string_view text = TextOf(string);
    if (op == Operator::starts_with && value.starts_with(text)) return true;
    if (op == Operator::ends_with && value.ends_with(text)) return true;
    if (op == Operator::contains && value.find(text) != std::string_view::npos) return true;
  }
  return false;
}

[[gnu::noinline]] bool AnyVersionLeaf(const catalog::View& view, Operator op, std::string_view text,
                                      const catalog::Operand& operand) {
  const catalog::Version value = catalog::ParseVersion(text);
  if (!value.valid) return false;
  if (op == Operator::set) return true;
  if (op != Operator::in) {
    return operand.version != catalog::kNone &&
           Satisfies(op, catalog::CompareVersions(value, view.versions()[operand.version]));
  }
  for (const flatbuffers::String* const string : *operand.table->strings()) {
    const catalog::Version other = catalog::ParseVersion(TextOf(string));
    if (other.valid && catalog::CompareVersions(value, other) == 0) return true;
  }
  return false;
}

bool VersionLeaf(const catalog::View& view, Operator op, const Subject& subject,
                 const Subject::Attribute& attribute, const catalog::Operand& operand) {
  const std::uint64_t packed = attribute.packed_version;
  if (packed != 0 && operand.packed_version != 0 && op != Operator::set &&
      operand.string_count == 1) {
    return Satisfies(op, Order(packed, operand.packed_version));
  }
  return AnyVersionLeaf(view, op, subject.text(attribute), operand);
}

bool NumberLeaf(Operator op, Number value, const catalog::Operand& operand) {
  for (std::uint32_t i = 0; i < operand.int_count; ++i) {
    const auto other = flatbuffers::EndianScalar(operand.ints[i]);
    // Two integers are the usual case; the rest is exact as well, and slower.
    if (value.is_double ? Satisfies(op, Compare(value, Number::Int(other)))
                        : Satisfies(op, Order(value.integer, other))) {
      return true;
    }
  }
  for (std::uint32_t i = 0; i < operand.double_count; ++i) {
    const auto other = flatbuffers::EndianScalar(operand.doubles[i]);
    if (Satisfies(op, Compare(value, Number::Double(other)))) return true;
  }
  return false;
}

bool TimeLeaf(Operator op, std::int64_t value, const catalog::Operand& operand) {
  if (op == Operator::before) op = Operator::less;
  if (op == Operator::after) op = Operator::greater;
  return NumberLeaf(op, Number::Int(value), operand);
}

bool StringsLeaf(Operator op, const Subject& subject, const Subject::Attribute& attribute,
                 const catalog::Operand& operand) {
  if (op == Operator::has_any) {
    bool found = false;
    subject.VisitStrings(attribute, [&](std::string_view text) {
      found = Contains(operand, text);
      return !found;
    });
    return found;
  }
  for (const flatbuffers::String* const string : *operand.table->strings()) {
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
  const catalog::Attribute& declared = view.attributes()[node.attribute()];
  const Subject::Attribute* const attribute = subject.FindAttribute(declared.hash);
  if (attribute == nullptr) return false;
  const auto op = static_cast<Operator>(node.op());
  const catalog::Operand& operand = view.operands()[node.operand()];
  const AttributeKind kind = attribute->kind;
  switch (static_cast<AttributeType>(declared.type)) {
    case AttributeType::string:
      if (kind != AttributeKind::kString) return false;
      return op == Operator::set || TextLeaf(op, subject.text(*attribute), operand);
    case AttributeType::version:
      return kind == AttributeKind::kString && VersionLeaf(view, op, subject, *attribute, operand);
    case AttributeType::integer:
    case AttributeType::real:
      if (kind != AttributeKind::kInt && kind != AttributeKind::kDouble) return false;
      return op == Operator::set ||
             NumberLeaf(op,
                        kind == AttributeKind::kInt ? Number::Int(attribute->int_value)
                                                    : Number::Double(attribute->double_value),
                        operand);
    case AttributeType::boolean:
      if (kind != AttributeKind::kBool) return false;
      return op == Operator::set ||
             NumberLeaf(op, Number::Int(attribute->bool_value ? 1 : 0), operand);
    case AttributeType::time:
      if (kind != AttributeKind::kTime) return false;
      return op == Operator::set || TimeLeaf(op, attribute->int_value, operand);
    case AttributeType::strings:
      if (kind != AttributeKind::kStrings) return false;
      return op == Operator::set || StringsLeaf(op, subject, *attribute, operand);
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
  const auto kind = static_cast<NodeKind>(node.kind());
  switch (kind) {
    case NodeKind::leaf:
      return Leaf(view, subject, node);
    case NodeKind::all:
    case NodeKind::any: {
      const bool stop = kind == NodeKind::any;
      for (std::uint32_t i = root + 1; i < node.end();) {
        const schema::Node& child = view.nodes()[i];
        const bool holds = child.kind() == static_cast<std::uint8_t>(NodeKind::leaf)
                               ? Leaf(view, subject, child)
                               : Holds(view, subject, i);
        if (holds == stop) return stop;
        i = child.end();
      }
      return !stop;
    }
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
