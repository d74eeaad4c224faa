#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/analysis/spec.hpp"

namespace upswing::analysis {

/// What of one event name's records the metrics look at.
struct Stream {
  std::string event;
  std::vector<std::string> values;  ///< Properties that hold numbers; [0] is "": the own value.
  std::vector<std::vector<metrics::Condition>> filters;
  std::vector<std::string> identities;  ///< Properties whose distinct values are counted.
};

/// A selector in terms of streams.
struct CompiledSelector {
  struct Part {
    int stream = 0;
    int filter = -1;  ///< -1 = all pass.
    int value = 0;
    int identity = -1;  ///< -1 = none.
  };
  std::vector<Part> parts;
  int refers_to = -1;  ///< Stream, or -1.
  bool sum = false;
};

struct CompiledMetric {
  const metrics::MetricDefinition* definition = nullptr;
  CompiledSelector events, denominator, from;
  std::vector<CompiledSelector> steps;
  std::vector<std::pair<int, double>> terms;  ///< (metric, weight)
  CompiledSelector covariate;  ///< If the definition's covariate has its own selector.
  int components = 1;
  int covariates =
      0;  ///< Components before the exposure, and 1 for the indicator; 0 = no covariate.
  int dimension() const { return components + covariates; }
};

/// A spec made ready for the join. The spec outlives it.
struct Plan {
  const ExperimentSpec* spec = nullptr;
  std::vector<Stream> streams;
  std::vector<CompiledMetric> metrics;
  /// Crossovers count within this time of the first exposure; INT64_MAX = ever.
  std::int64_t longest_window_ms = 0;

  /// Variables of a row of metric m: `Cell::sums`.
  std::size_t CellDimension(std::size_t m) const {
    const bool clusters = !spec->observation_unit.empty() && metrics[m].components == 1;
    return clusters ? 2 : static_cast<std::size_t>(metrics[m].dimension());
  }

  /// The streams that the given metrics look at, terms of linear ones included.
  std::vector<bool> StreamsOf(const std::vector<bool>& of) const;

  /// kInvalidArgument names the field.
  static absl::StatusOr<Plan> Compile(const ExperimentSpec& spec);
};

}  // namespace upswing::analysis
