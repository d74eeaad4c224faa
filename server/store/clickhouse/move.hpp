#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/clickhouse/clickhouse_store.hpp"
#include "server/store/record_source.hpp"

namespace upswing::store {

enum class LedgerKind : std::uint8_t;

/// Brings what another store holds into a cluster. Done again, wholly or from the middle, it brings
/// nothing twice: a chunk is known by its bytes as a batch is by its id.
class Move {
 public:
  /// `to` outlives this.
  explicit Move(ClickHouseStore* to) : to_(to) {}

  struct Rows {
    std::int64_t moved = 0;
    std::int64_t there = 0;  ///< From an attempt before.
  };
  /// All records of a source whose chunks do not change; `progress` gets rows as they go over.
  absl::StatusOr<Rows> Records(const RecordSource& from,
                               const std::function<void(std::int64_t)>& progress);
  /// Compares the number of rows of every (unit type, lane, name). kDataLoss names the first that
  /// differs.
  absl::Status Verify(const RecordSource& from);

  absl::Status Known(const BatchKey& key, bool split, std::uint32_t mark);
  absl::Status Boot(const BatchKey& key, std::uint64_t boot_id, std::int64_t offset);
  /// In order of name, variant, kind and reason, then day.
  absl::Status Tally(std::int64_t day, const ClientCount& count);
  absl::Status Erased(const std::string& experiment, const std::string& variant,
                      std::int64_t units);
  absl::Status Tombstone(std::string_view hash, std::int64_t erased_ms);
  absl::Status AuditLog(const std::vector<AuditEntry>& entries);
  /// Sends what is left of all of these.
  absl::Status Finish();

 private:
  absl::Status AddLedger(const LandingBatch& batch, LedgerKind kind, std::uint64_t attempt,
                         std::uint32_t number);
  absl::Status Flush(std::string_view table, std::string_view columns, std::string* body);

  ClickHouseStore* to_;
  std::string ledger_, erased_, tombstones_, audit_;
  ClientCount running_;  // totals of the counter at hand
};

}  // namespace upswing::store
