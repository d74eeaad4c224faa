#pragma once

#include "server/analysis/result.hpp"
#include "server/analysis/spec.hpp"
#include "tests/support/stream_of_records.hpp"

namespace upswing::testing {

/// DESIGN section 6, slowly and plainly: lists of records, a value computed anew for every unit,
/// metric and day. Shares no code with the join but the types of question and answer, and the exact
/// accumulators of server/statistics.
analysis::AnalysisResult Oracle(const RecordList& records, const analysis::ExperimentSpec& spec);

}  // namespace upswing::testing
