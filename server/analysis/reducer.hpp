#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/analysis/shard_pass.hpp"

namespace upswing::analysis {

/// Reduces units to sums where their records are, instead of having the records brought here.
class Reducer {
 public:
  virtual ~Reducer() = default;

  /// By metric: whether `Reduce` can do it. All false if units of this spec are beyond it.
  virtual std::vector<bool> Knows(const Plan& plan, const Calendar& calendar) const = 0;

  struct Wanted {
    std::vector<bool> metrics;  ///< Each known.
    std::vector<bool> streams;  ///< Whose records are counted.
    bool units = true;          ///< Whether units and exposures are counted.
  };
  /// What a pass over all units would have found of this, with integers exact and other sums as
  /// doubles give them. kAborted: not now; a pass over the records can still be made.
  virtual absl::StatusOr<PassState> Reduce(const PassOptions& options,
                                           const Wanted& wanted) const = 0;
};

}  // namespace upswing::analysis
