#pragma once

#include <string>
#include <vector>

#include "server/authoring/model.hpp"

namespace upswing::authoring {

/// Whether exposures can carry the attribute: it holds one value, and not a time.
bool IsReportable(AttributeType type);

/// Whether the segment is, or refers to, a list of ids.
bool LooksAtIds(const Model& model, const Segment& segment);

/// The attributes that the segment's condition looks at, nested segments included, each once.
std::vector<std::string> AttributesOf(const Model& model, const Segment& segment);

/// What exposures of the experiment carry: the attributes that `report_by` names, then those that
/// the segments that it names look at. `model` has no errors.
std::vector<std::string> ReportedAttributes(const Model& model, const Experiment& experiment);

}  // namespace upswing::authoring
