#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/analysis/spec.hpp"
#include "server/authoring/model.hpp"

namespace upswing::project {

/// The segments among the experiment's `report_by` as cuts of a report. A unit is in where the
/// segment's condition, evaluated as for targeting, holds for the attributes that its first
/// exposure carried. `source`: the catalog's text. `attributes`: the names whose values the cuts
/// are given, `authoring::ReportedAttributes`.
absl::StatusOr<std::vector<analysis::SegmentCut>> SegmentCuts(
    const authoring::Model& model, const std::string& source,
    const authoring::Experiment& experiment, const std::vector<std::string>& attributes);

}  // namespace upswing::project
