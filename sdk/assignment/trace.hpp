#pragma once

#include <cstdint>
#include <vector>

#include "upswing/decision.hpp"

namespace upswing::assignment {

/// What one step of an evaluation asked.
enum class StepKind : std::uint8_t {
  kExperiment,  ///< index: experiment; the steps that follow are its steps
  kStatus,
  kSupported,
  kOverride,
  kForced,  ///< index: variant that the QA list names
  kUnit,
  kSchedule,
  kHoldout,       ///< index: holdout; bucket
  kSticky,        ///< index: variant that is kept
  kPrerequisite,  ///< index: flag
  kTargeting,     ///< index: root node of the condition
  kLayer,         ///< index: shard; bucket
  kShare,         ///< index: shard; bucket; limit: end of the share now
  kSplit,         ///< index: variant; bucket
  kRule,          ///< index: rule of the flag
  kDefault
};

struct Step {
  StepKind kind = StepKind::kStatus;
  /// The step lets the unit go on (for kOverride, kForced, kSticky, kRule: it decides).
  bool passed = false;
  std::uint32_t index = 0xffffffff;
  std::uint32_t bucket = Decision::kNoBucket;
  std::uint32_t limit = 0;
};

/// The steps of one decision, in the order they were taken. Steps that are not set in the catalog
/// (no holdout, no layer, ...) do not appear.
using Trace = std::vector<Step>;

}  // namespace upswing::assignment
