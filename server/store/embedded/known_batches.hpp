#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/embedded/database.hpp"
#include "server/store/event_store.hpp"

namespace upswing::store {

/// Which batches were stored, for ever, in 4 bytes each: a row per (epoch, sequence / 256) with one
/// 32-bit number per sequence: 0 unknown, 1 split (its records come in its parts), else the batch's
/// checksum. Exact, also with gaps; a batch that differs from the known one is told with
/// probability 1 - 2^-32. Lives in the writer's connection and transaction.
class KnownBatches {
 public:
  explicit KnownBatches(Database* database);

  /// Call at the start of each transaction: forgets what one that failed left.
  void Begin();

  /// What becomes of the batch, by the rules of sdk/wire/protocol.hpp; marks it and its ancestors.
  absl::StatusOr<LandingOutcome> Admit(const LandingBatch& batch);

  /// Writes what is marked. Call before each commit.
  absl::Status Finish();

 private:
  absl::StatusOr<std::uint32_t> State(const BatchKey& key);
  absl::Status Mark(const BatchKey& key, std::uint32_t state);
  absl::Status Load(const BatchKey& key);

  Database* database_;
  Statement select_;
  Statement upsert_;
  // The row at hand: batches that come together are often of one client.
  std::string epoch_;
  std::int64_t page_ = -1;  // -1: none
  std::string sums_;
  bool marked_ = false;
};

/// Names a row of the table `known` to operators.
std::string KnownLabel(std::string_view epoch, std::int64_t page);

/// 16 bytes, big-endian, so that rows sort as the numbers do.
std::string EpochBlob(std::uint64_t hi, std::uint64_t lo);

}  // namespace upswing::store
