#include "server/authoring/reported.hpp"

#include <algorithm>

namespace upswing::authoring {
namespace {

void Add(const std::string& name, std::vector<std::string>* names) {
  if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
}

// `open`: segments on the way here; a cycle is an error of its own, and ends here.
void Collect(const Model& model, const Condition& condition, std::vector<std::string>* open,
             std::vector<std::string>* names, bool* ids) {
  if (condition.kind == Condition::Kind::kLeaf) Add(condition.attribute, names);
  if (condition.kind == Condition::Kind::kSegment &&
      std::find(open->begin(), open->end(), condition.segment) == open->end()) {
    const Segment* segment = model.FindSegment(condition.segment);
    if (segment != nullptr) {
      *ids |= !segment->condition;
      open->push_back(segment->key);
      if (segment->condition) Collect(model, *segment->condition, open, names, ids);
    }
  }
  for (const Condition& child : condition.children) Collect(model, child, open, names, ids);
}

}  // namespace

bool IsReportable(AttributeType type) {
  return type != AttributeType::kStrings && type != AttributeType::kTime;
}

bool LooksAtIds(const Model& model, const Segment& segment) {
  std::vector<std::string> names;
  std::vector<std::string> open{segment.key};
  bool ids = !segment.condition;
  if (segment.condition) Collect(model, *segment.condition, &open, &names, &ids);
  return ids;
}

std::vector<std::string> AttributesOf(const Model& model, const Segment& segment) {
  std::vector<std::string> names;
  std::vector<std::string> open{segment.key};
  bool ids = false;
  if (segment.condition) Collect(model, *segment.condition, &open, &names, &ids);
  return names;
}

std::vector<std::string> ReportedAttributes(const Model& model, const Experiment& experiment) {
  std::vector<std::string> names;
  for (const std::string& name : experiment.report_by)
    if (model.FindAttribute(name) != nullptr) Add(name, &names);
  for (const std::string& name : experiment.report_by) {
    const Segment* segment =
        model.FindAttribute(name) == nullptr ? model.FindSegment(name) : nullptr;
    if (segment == nullptr) continue;
    for (const std::string& attribute : AttributesOf(model, *segment)) Add(attribute, &names);
  }
  return names;
}

}  // namespace upswing::authoring
