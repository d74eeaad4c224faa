#pragma once

#include <cstdint>
#include <functional>

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

  /// Call at the start of each transaction.
  void Begin() { added_ = 0; }
  /// What becomes of the batch, by the rules of sdk/wire/protocol.hpp; marks it and its ancestors.
  absl::StatusOr<LandingOutcome> Admit(const LandingBatch& batch);
  /// How many were not known before the transaction, those known as split among them.
  std::int64_t added() const { return added_; }

 private:
  absl::StatusOr<std::uint32_t> State(const BatchKey& key);
  absl::Status Mark(const BatchKey& key, std::uint32_t state);

  ClientRows* rows_;
  std::int64_t added_ = 0;
};

/// Shows each batch that the table `known` has: known as split, or stored with what is kept of its
/// checksum (`ChecksumMark`). An error ends the visit.
absl::Status VisitKnown(
    Database* database,
    const std::function<absl::Status(const BatchKey&, bool split, std::uint32_t mark)>& visit);

/// Number of known batches. It is kept in `meta`; of a folder from before it was, those of the
/// table `known` are counted.
absl::StatusOr<std::int64_t> CountKnown(Database* database);

}  // namespace upswing::store
