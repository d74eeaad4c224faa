#include "server/authoring/model.hpp"

#include <algorithm>

namespace upswing::authoring {
namespace {

template <class T>
const T* FindByKey(const std::vector<T>& items, std::string_view key) {
  const auto found =
      std::find_if(items.begin(), items.end(), [key](const T& item) { return item.key == key; });
  return found == items.end() ? nullptr : &*found;
}

}  // namespace

std::string_view StatusName(Status status) {
  switch (status) {
    case Status::kDraft:
      return "draft";
    case Status::kRunning:
      return "running";
    case Status::kStopped:
      return "stopped";
    case Status::kArchived:
      return "archived";
  }
  return "";
}

std::string_view AttributeTypeName(AttributeType type) {
  switch (type) {
    case AttributeType::kString:
      return "string";
    case AttributeType::kVersion:
      return "version";
    case AttributeType::kInt:
      return "int";
    case AttributeType::kDouble:
      return "double";
    case AttributeType::kBool:
      return "bool";
    case AttributeType::kTime:
      return "time";
    case AttributeType::kStrings:
      return "strings";
  }
  return "";
}

std::string_view FlagTypeName(FlagType type) {
  switch (type) {
    case FlagType::kBool:
      return "bool";
    case FlagType::kInt:
      return "int";
    case FlagType::kDouble:
      return "double";
    case FlagType::kString:
      return "string";
    case FlagType::kJson:
      return "json";
  }
  return "";
}

std::string_view OperatorName(Operator op) {
  switch (op) {
    case Operator::kSet:
      return "set";
    case Operator::kIs:
      return "is";
    case Operator::kIn:
      return "in";
    case Operator::kNotIn:
      return "not_in";
    case Operator::kLess:
      return "<";
    case Operator::kLessEqual:
      return "<=";
    case Operator::kGreater:
      return ">";
    case Operator::kGreaterEqual:
      return ">=";
    case Operator::kStartsWith:
      return "starts_with";
    case Operator::kEndsWith:
      return "ends_with";
    case Operator::kContains:
      return "contains";
    case Operator::kMatches:
      return "matches";
    case Operator::kBefore:
      return "before";
    case Operator::kAfter:
      return "after";
    case Operator::kHasAny:
      return "has_any";
    case Operator::kHasAll:
      return "has_all";
    case Operator::kHasNone:
      return "has_none";
  }
  return "";
}

const Variant* Experiment::FindVariant(std::string_view variant_key) const {
  return FindByKey(variants, variant_key);
}

std::size_t Experiment::VariantIndex(std::string_view variant_key) const {
  const Variant* const variant = FindVariant(variant_key);
  return variant == nullptr ? variants.size() : static_cast<std::size_t>(variant - variants.data());
}

const Attribute* Model::FindAttribute(std::string_view key) const {
  return FindByKey(attributes, key);
}
const Segment* Model::FindSegment(std::string_view key) const { return FindByKey(segments, key); }
const Layer* Model::FindLayer(std::string_view key) const { return FindByKey(layers, key); }
const Holdout* Model::FindHoldout(std::string_view key) const { return FindByKey(holdouts, key); }
const Flag* Model::FindFlag(std::string_view key) const { return FindByKey(flags, key); }
const Experiment* Model::FindExperiment(std::string_view key) const {
  return FindByKey(experiments, key);
}

}  // namespace upswing::authoring
