#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/embedded/client_rows.hpp"
#include "server/store/event_store.hpp"

namespace upswing::store {

/// Which batches were stored, for ever, in 4 bytes each: a row per (epoch, sequence / 256) with one
/// 32-bit number per sequence: 0 unknown, 1 split (its records come in its parts), else the batch's
/// checksum. Exact, also with gaps; a batch that differs from the known one is told with
/// probability 1 - 2^-32.
class KnownBatches {
 public:
  explicit KnownBatches(ClientRows* rows) : rows_(rows) {}

  /// What becomes of the batch, by the rules of sdk/wire/protocol.hpp; marks it and its ancestors.
  absl::StatusOr<LandingOutcome> Admit(const LandingBatch& batch);

 private:
  absl::StatusOr<std::uint32_t> State(const BatchKey& key);
  absl::Status Mark(const BatchKey& key, std::uint32_t state);

  ClientRows* rows_;
};

}  // namespace upswing::store
