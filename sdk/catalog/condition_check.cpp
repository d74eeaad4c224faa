#include "sdk/catalog/condition_check.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "sdk/base/text.hpp"
#include "sdk/schema/catalog_generated.h"

namespace upswing::catalog {
namespace {

using schema::AttributeType;
using schema::NodeKind;
using schema::Operator;

absl::Status Invalid(std::string_view what, std::uint32_t index) {
  return absl::InvalidArgumentError(
      base::ToAbsl(base::Concat({"catalog: ", what, " at node ", std::to_string(index)})));
}

template <class Vector>
std::uint32_t SizeOf(const Vector* vector) {
  return vector == nullptr ? 0 : vector->size();
}

bool ShorterOrLess(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::string_view TextOf(const flatbuffers::String* text) { return {text->c_str(), text->size()}; }

}  // namespace

absl::Status ConditionCheck::Run(const schema::Catalog& catalog, bool has_matchers,
                                 const std::vector<bool>& loaded) {
  catalog_ = &catalog;
  has_matchers_ = has_matchers;
  if (absl::Status status = CheckNesting(); !status.ok()) return status;

  const std::uint32_t nodes = SizeOf(catalog.nodes());
  const std::uint32_t count = SizeOf(catalog.segments());
  segments_.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const schema::Segment& segment = *catalog.segments()->Get(i);
    Facts facts;
    if (segment.list() != nullptr) {
      facts.cost = 1;
      facts.supported = loaded[i];
    } else {
      if (segment.root() >= nodes) return Invalid("segment without a condition", segment.root());
      // Only earlier segments may be referred to, so there are no cycles.
      const std::uint32_t end = catalog.nodes()->Get(segment.root())->end();
      for (std::uint32_t n = segment.root(); n < end; ++n) {
        const schema::Node& node = *catalog.nodes()->Get(n);
        if (node.kind() == static_cast<std::uint8_t>(NodeKind::segment) && node.operand() >= i) {
          return Invalid("segment that refers to a later one", n);
        }
      }
      facts = Walk(segment.root());
    }
    if (facts.cost > kMaxCost || facts.depth > kMaxDepth) {
      return Invalid("segment that is too large or too deep", segment.root());
    }
    segments_.push_back(std::move(facts));
  }
  tree_of_root_.assign(nodes, 0);
  return absl::OkStatus();
}

// Backwards, so that every subtree is known to be sound before its parent is looked at; then each
// node is visited once as a child.
absl::Status ConditionCheck::CheckNesting() {
  const std::uint32_t count = SizeOf(catalog_->nodes());
  depth_.assign(count, 1);
  for (std::uint32_t i = count; i-- > 0;) {
    const schema::Node& node = *catalog_->nodes()->Get(i);
    if (node.end() <= i || node.end() > count) return Invalid("wrong end", i);
    const auto kind = static_cast<NodeKind>(node.kind());
    std::uint32_t children = 0;
    std::uint32_t depth = 0;
    for (std::uint32_t child = i + 1; child < node.end(); ++children) {
      depth = std::max<std::uint32_t>(depth, depth_[child]);
      child = catalog_->nodes()->Get(child)->end();
      if (child > node.end()) return Invalid("child that ends outside", i);
    }
    if (depth + 1 > kMaxDepth) return Invalid("condition nested too deeply", i);
    depth_[i] = static_cast<std::uint8_t>(depth + 1);
    if (kind == NodeKind::negation && children != 1) return Invalid("negation of not one", i);
    if (kind == NodeKind::leaf || kind == NodeKind::segment || kind == NodeKind::never) {
      if (children != 0) return Invalid("leaf with children", i);
    }
    if (kind == NodeKind::segment && node.operand() >= SizeOf(catalog_->segments())) {
      return Invalid("unknown segment", i);
    }
    if (kind == NodeKind::leaf) {
      if (absl::Status status = CheckLeaf(i); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status ConditionCheck::CheckLeaf(std::uint32_t i) {
  const schema::Node& node = *catalog_->nodes()->Get(i);
  if (node.attribute() >= SizeOf(catalog_->attributes())) return Invalid("unknown attribute", i);
  if (node.operand() >= SizeOf(catalog_->operands())) return Invalid("unknown operand", i);
  return IsKnownLeaf(i) ? CheckOperand(i) : absl::OkStatus();
}

// An operand fits its operator: sorted where it is searched, and not empty where one is needed.
absl::Status ConditionCheck::CheckOperand(std::uint32_t i) {
  const schema::Node& node = *catalog_->nodes()->Get(i);
  const schema::Operand& operand = *catalog_->operands()->Get(node.operand());
  const auto type =
      static_cast<AttributeType>(catalog_->attributes()->Get(node.attribute())->type());
  const auto op = static_cast<Operator>(node.op());
  const std::uint32_t strings = SizeOf(operand.strings());
  const std::uint32_t ints = SizeOf(operand.ints());
  const std::uint32_t doubles = SizeOf(operand.doubles());
  bool fits = false;
  switch (op) {
    case Operator::set:
      fits = true;
      break;
    case Operator::in:
      if (type == AttributeType::string || type == AttributeType::version) fits = strings > 0;
      if (type == AttributeType::boolean || type == AttributeType::time) fits = ints > 0;
      if (type == AttributeType::integer || type == AttributeType::real) fits = ints + doubles > 0;
      break;
    case Operator::less:
    case Operator::less_equal:
    case Operator::greater:
    case Operator::greater_equal:
      fits = type == AttributeType::version ? strings == 1
             : type == AttributeType::time  ? ints == 1
                                            : ints + doubles == 1;
      break;
    case Operator::before:
    case Operator::after:
      fits = ints == 1;
      break;
    case Operator::matches:
      fits = strings == 1;
      break;
    default:
      fits = strings > 0;
  }
  if (!fits) return Invalid("operand that does not fit its operator", i);
  for (std::uint32_t s = 1; s < strings; ++s) {
    if (!ShorterOrLess(TextOf(operand.strings()->Get(s - 1)), TextOf(operand.strings()->Get(s)))) {
      return Invalid("unsorted strings", i);
    }
  }
  return absl::OkStatus();
}

bool ConditionCheck::IsKnownLeaf(std::uint32_t i) const {
  const schema::Node& node = *catalog_->nodes()->Get(i);
  const auto type =
      static_cast<AttributeType>(catalog_->attributes()->Get(node.attribute())->type());
  const bool number = type == AttributeType::integer || type == AttributeType::real;
  if (type > AttributeType::MAX) return false;
  switch (static_cast<Operator>(node.op())) {
    case Operator::set:
      return true;
    case Operator::in:
      return type != AttributeType::strings;
    case Operator::less:
    case Operator::less_equal:
    case Operator::greater:
    case Operator::greater_equal:
      return number || type == AttributeType::version || type == AttributeType::time;
    case Operator::starts_with:
    case Operator::ends_with:
    case Operator::contains:
      return type == AttributeType::string;
    case Operator::matches:
      return type == AttributeType::string && has_matchers_;
    case Operator::before:
    case Operator::after:
      return type == AttributeType::time;
    case Operator::has_any:
    case Operator::has_all:
      return type == AttributeType::strings;
  }
  return false;
}

ConditionCheck::Facts ConditionCheck::Walk(std::uint32_t root) const {
  Facts facts;
  std::uint32_t deepest_segment = 0;
  const std::uint32_t end = catalog_->nodes()->Get(root)->end();
  for (std::uint32_t i = root; i < end; ++i) {
    const schema::Node& node = *catalog_->nodes()->Get(i);
    ++facts.cost;
    switch (static_cast<NodeKind>(node.kind())) {
      case NodeKind::leaf:
        facts.supported &= IsKnownLeaf(i);
        break;
      case NodeKind::all:
      case NodeKind::any:
      case NodeKind::negation:
      case NodeKind::never:
        break;
      case NodeKind::segment: {
        const Facts& segment = segments_[node.operand()];
        facts.cost = std::min(facts.cost + segment.cost, kMaxCost + 1);
        facts.supported &= segment.supported;
        deepest_segment = std::max(deepest_segment, segment.depth);
        break;
      }
      default:
        facts.supported = false;
    }
  }
  facts.depth = depth_[root] + deepest_segment;
  return facts;
}

const ConditionCheck::Facts* ConditionCheck::Tree(std::uint32_t root) {
  std::uint32_t& index = tree_of_root_[root];
  if (index == 0) {
    trees_.push_back(Walk(root));
    index = static_cast<std::uint32_t>(trees_.size());
  }
  const Facts& facts = trees_[index - 1];
  return facts.cost > kMaxCost || facts.depth > kMaxDepth ? nullptr : &facts;
}

}  // namespace upswing::catalog
