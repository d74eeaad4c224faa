#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/analysis/run.hpp"

namespace upswing::analysis {

/// Units that may count otherwise in a later analysis of the same experiment than in an earlier
/// one: by shard, ascending, each in the numbers of its own snapshot.
struct Touched {
  std::vector<std::vector<std::uint32_t>> before;
  std::vector<std::vector<std::uint32_t>> after;
};

/// Compares two analyses whose specs differ in `as_of_ms` alone, for which `CountsLike` holds, and
/// whose snapshots are of one store. A unit is touched if its records differ (those that the plan
/// reads, whatever chunks they lie in), or if between the two times of asking it has records,
/// a window closes, or a window becomes mature; or did beyond the earlier one's last day.
///
/// nullopt: start anew, because more than a share `most_changed` of the rows lies in chunks that
/// one of the snapshots does not have, or the units have fallbacks. kNotFound: a snapshot's chunks
/// are gone. kDataLoss: a chunk cannot be read.
absl::StatusOr<std::optional<Touched>> FindTouched(const Analysis& before, const Analysis& after,
                                                   double most_changed);

}  // namespace upswing::analysis
