#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/analysis/analyze.hpp"
#include "server/statistics/moments.hpp"

namespace upswing::analysis {

/// Analysed units one by one, for checks that need more than sums. A unit is in the sample by its
/// key, which is a keyed hash: a random sample, the same for every experiment of the unit type.
struct UnitSample {
  struct Unit {
    std::uint64_t key = 0;
    std::int32_t variant = 0;  ///< Index in the spec.
  };
  /// One metric of all units: row i has `width` components of unit i (`metrics::Components`; for a
  /// cluster of a single-component metric, sum and observation units); NaN where it has no value.
  struct Values {
    std::size_t width = 1;
    std::vector<double> rows;
  };
  std::vector<Unit> units;      ///< Ascending by key; without crossovers.
  std::vector<Values> metrics;  ///< In the spec's order; after caps.
  double share = 1;             ///< Of all units of the type.
  /// By metric, then variant, then full day since the exposure (day 0: its first 24 hours): the
  /// components of that day, of the units that were exposed at least as many days ago as there are
  /// entries, so that each day has the same units. Empty for metrics without a value of a day.
  std::vector<std::vector<std::vector<statistics::MomentSums>>> by_age;
};

struct SampleOptions {
  std::int64_t most_units = 1'000'000;  ///< Expected size at most, of the units of the type.
  int ages = 0;                         ///< Days of `by_age`; 0: none. At most 60.
  AnalysisOptions analysis;
};

/// Errors as of `Analyze`.
absl::StatusOr<UnitSample> SampleUnits(const store::RecordSource& source,
                                       const ExperimentSpec& spec, const SampleOptions& options);

}  // namespace upswing::analysis
