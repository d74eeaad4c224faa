#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/store/clickhouse/client.hpp"
#include "server/store/event_store.hpp"

namespace upswing::store {

/// A row of the ledger says that an attempt to insert a batch's records is complete: the commit.
enum class LedgerKind : std::uint8_t {
  kStored = 0,
  kConflict = 1,  ///< Other bytes under a known id, kept in `blob`.
  kKnown = 2,     ///< Stored as a part of another batch: nothing of it was inserted.
  kMoved = 3,     ///< Stored by the store that was copied; `checksum` is what that kept of it.
  kMovedSplit = 4,
  kMovedBoot = 5,    ///< An offset of a boot: no batch.
  kMovedCounts = 6,  ///< Counters summed over clients: no batch.
};

/// Columns of `ledger` in the order in which `AppendLedgerRow` writes them.
std::string_view LedgerColumns();
void AppendLedgerRow(const LandingBatch& batch, LedgerKind kind, std::uint64_t attempt,
                     std::uint32_t number, std::string* body);

/// A condition on rows of `records`: they are those of the one attempt per batch that counts. The
/// server that is asked looks it up for all shards, so that they agree.
///
/// Of several attempts with one batch the one with the least id counts: any would do, because a
/// batch's bytes never change. Parts of a batch that is stored as a whole do not count: who holds
/// them is told so, while the whole, once it was taken, is never sent again.
std::string CountedRows(const ClickHouseAddress& address);

/// Likewise, looked up by each server for its own rows, among batches received until `until_ms`.
/// Servers that give the same answer to `LedgerMark` agree.
std::string CountedRowsHere(const ClickHouseAddress& address, std::int64_t until_ms);
/// SELECT of a mark (Int64) and the number (Int64) of those rows of the ledger.
std::string LedgerMark(const ClickHouseAddress& address, std::int64_t until_ms);

/// What the ledger knows of some batches.
class KnownInLedger {
 public:
  /// Asks for the batches and their ancestors.
  static absl::StatusOr<KnownInLedger> Ask(ClickHouseClient* client,
                                           absl::Span<const LandingBatch> batches);

  /// What becomes of the batch, and notes it for those after it.
  LandingOutcome Admit(const LandingBatch& batch, bool* is_part_of_known);

 private:
  struct State {
    bool stored = false;
    bool split = false;
    bool moved = false;  // `checksum` is a mark of 32 bits
    std::uint64_t checksum = 0;
  };
  struct Key {
    std::uint64_t hi, lo, sequence;
    bool operator==(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.hi, key.lo, key.sequence);
    }
  };
  absl::flat_hash_map<Key, State> states_;
};

}  // namespace upswing::store
