#pragma once

#include "absl/status/statusor.h"
#include "server/analysis/result.hpp"
#include "server/analysis/spec.hpp"
#include "server/store/record_source.hpp"

namespace upswing::analysis {

class Reducer;

struct AnalysisOptions {
  int threads = 2;  ///< Range: [1, 64]. The result does not depend on it.
  /// Numbers kept in memory (8 bytes each) while pooled quantiles and caps are looked for. More
  /// numbers than that take further passes. The result does not depend on it.
  std::size_t pooled_numbers = std::size_t{1} << 23;
  /// Does what it can of the pass; its sums are doubles. Null: all records are read from the
  /// source, and the result is exact. Outlives the analysis.
  const Reducer* reducer = nullptr;
};

/// Joins exposures with events by unit and reduces them to sufficient statistics: DESIGN section 6.
/// A pure function of (records behind `source`, `spec`), exact to the last bit.
///
/// kInvalidArgument names the spec's field (unknown timezone, metric that does not validate).
/// Unreadable blobs do not fail the analysis; they are listed in the result.
absl::StatusOr<AnalysisResult> Analyze(const store::RecordSource& source,
                                       const ExperimentSpec& spec,
                                       const AnalysisOptions& options = {});

}  // namespace upswing::analysis
