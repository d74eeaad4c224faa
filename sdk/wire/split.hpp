#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/wire/batch.hpp"
#include "sdk/wire/batch_id.hpp"

namespace upswing::wire {

/// A batch made from another.
struct Part {
  BatchId id;
  std::uint32_t exposures = 0;
  std::uint32_t events = 0;
  std::string bytes;
};

/// The two halves of a batch that was too large, in order, each with the batch among its ancestors.
/// Their ids follow from the batch's id, so that splitting again, after a crash for example, makes
/// the same ids and the same bytes.
///
///     sequence of a half = the root's sequence + path * 2^40, where path is 1, then one more bit
///     per split
///
/// kInvalidArgument when the batch does not decode; kFailedPrecondition when it has fewer than two
/// records or was split `kMaxSplits` times already.
absl::StatusOr<std::vector<Part>> SplitBatch(std::string_view bytes);

inline constexpr int kMaxSplits = 22;

/// The same records under another id and without ancestors, for a batch whose id turned out to be
/// taken.
absl::StatusOr<Part> RenameBatch(std::string_view bytes, const BatchId& id);

}  // namespace upswing::wire
