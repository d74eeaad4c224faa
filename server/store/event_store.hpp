#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/store/record_source.hpp"
#include "server/store/unit_key.hpp"

namespace upswing::store {

/// Names a batch for ever (see sdk/wire/batch_id.hpp, which this layer does not know).
struct BatchKey {
  std::uint64_t epoch_hi = 0;
  std::uint64_t epoch_lo = 0;
  std::uint64_t sequence = 0;

  bool operator==(const BatchKey&) const = default;
};

/// One row of the counters that a batch carries, cumulative over its epoch: later values of a row
/// are never smaller, and rows that did not change may be missing.
struct ClientCount {
  enum class Kind : std::uint8_t { kDecisions = 0, kDroppedExposures = 1, kDroppedEvents = 2 };
  Kind kind = Kind::kDecisions;
  std::string name;         ///< Experiment, or event for kDroppedEvents.
  std::string variant;      ///< Empty for kDroppedEvents.
  std::uint8_t reason = 0;  ///< Of a drop: `wire::DropReason`, or a later SDK's number.
  /// kDecisions: evaluated, exposed, queued (see `DecisionCounts`); drops: their number.
  std::uint64_t values[3] = {};
};

/// One batch on its way to the disk.
struct LandingBatch {
  BatchKey key;
  /// Sequences of the batches this one was cut from: if one of them is known, this one is a
  /// duplicate.
  std::vector<std::uint64_t> ancestors;
  std::uint64_t checksum = 0;  ///< Of the bytes as the client sent them.
  std::int64_t received_ms = 0;
  std::uint32_t records = 0;
  /// Offset of the boot's clock, kept from the first batch of each (epoch, boot): see `BootOffset`.
  std::uint64_t boot_id = 0;
  std::int64_t boot_offset = 0;
  std::vector<ClientCount> counts;
  std::string blob;  ///< `EncodeRecords`; holds unit keys, never raw ids.
};

/// What a store may keep of a known batch's checksum: the low 32 bits, but never 0 or 1, which mean
/// that a batch is unknown or was split.
inline std::uint32_t ChecksumMark(std::uint64_t checksum) {
  const auto low = static_cast<std::uint32_t>(checksum);
  return low > 1 ? low : low + 2;
}

enum class LandingOutcome : std::uint8_t {
  kStored,
  kDuplicate,  ///< Known with the same checksum, or a part of a known batch. Nothing was stored.
  kConflict,   ///< Known with another checksum: kept aside, not analysed.
  kSplit,      ///< Known as split: whoever holds the whole must send its parts. Nothing was stored.
};

struct AuditEntry {
  std::int64_t time_ms = 0;
  std::string action;
  std::string detail;
};

struct EraseResult {
  std::int64_t records = 0;
  std::int64_t chunks_rewritten = 0;
  /// What failed its checksum and was left as it is, e.g. "chunk 17: column 3: checksum".
  std::set<std::string> unreadable;
};

struct StoreStats {
  std::int64_t landed_batches = 0;  ///< Waiting for compaction.
  std::int64_t landed_records = 0;
  std::int64_t landed_bytes = 0;
  std::int64_t chunks = 0;
  std::int64_t chunk_rows = 0;  ///< One per record and unit type.
  std::int64_t chunk_bytes = 0;
  std::int64_t records = 0;        ///< Stored since the store was made.
  std::int64_t units = 0;          ///< Over all unit types.
  std::int64_t known_batches = 0;  ///< For ever, those known as split among them.
  std::int64_t conflicts = 0;
  std::int64_t quarantined = 0;
  std::int64_t file_bytes = 0;
};

/// What of the records a reader is going to look at. A store may leave out the rest, and need not.
struct SnapshotScope {
  /// If not empty: records of units that were never exposed to this experiment may be missing.
  std::string experiment;
  /// Asked now and then by queries that may be long, from any thread: true ends them with
  /// kCancelled. Outlived by the snapshot. Empty: never.
  std::function<bool()> cancelled = {};
};

/// Where batches become durable and analyses read. Thread-safe.
class EventStore {
 public:
  virtual ~EventStore() = default;

  /// Replaces raw ids by the keys that this store holds.
  virtual const UnitHasher& hasher() const = 0;

  /// Stores batches in one durable transaction and says what became of each, in order. When it
  /// returns OK, what it reports survives a power cut. On an error nothing of this call is stored:
  /// kResourceExhausted if the disk is full (retry later), kUnavailable otherwise.
  virtual absl::StatusOr<std::vector<LandingOutcome>> Land(absl::Span<LandingBatch> batches) = 0;

  /// What the first stored batch of this (epoch, boot) gave as `boot_offset`.
  virtual absl::StatusOr<std::optional<std::int64_t>> BootOffset(std::uint64_t epoch_hi,
                                                                 std::uint64_t epoch_lo,
                                                                 std::uint64_t boot_id) = 0;

  /// When a unit was erased: records of it that are not younger must not be landed. Cheap.
  virtual std::optional<std::int64_t> ErasedAt(std::string_view unit_type,
                                               std::uint64_t key) const = 0;

  /// Records of this moment for an analysis.
  virtual absl::StatusOr<std::shared_ptr<const RecordSource>> Snapshot(
      const SnapshotScope& scope) = 0;
  absl::StatusOr<std::shared_ptr<const RecordSource>> Snapshot() {
    return Snapshot(SnapshotScope());
  }

  /// Removes every record of a unit, in every unit type's copy, and refuses records of it that are
  /// older than `now_ms` from now on. Durable and scrubbed from free space when it returns.
  /// `audit` words the entry of the audit log, which is written in the transaction that removes the
  /// unit's own rows; without it, or if a later start has to do that, the entry says what was done.
  /// kDataLoss names what could not be read and so could not be rewritten; everything else is
  /// erased then. After that, or any other error, later starts and calls finish the work.
  using AuditErasure = std::function<AuditEntry(const EraseResult&)>;
  virtual absl::StatusOr<EraseResult> Erase(std::string_view unit_type, std::uint64_t key,
                                            std::int64_t now_ms,
                                            const AuditErasure& audit = {}) = 0;

  /// Removes records older than `before_ms`, except exposures to the experiments in `keep` and what
  /// cannot be read.
  virtual absl::StatusOr<EraseResult> Expire(std::int64_t before_ms,
                                             const std::vector<std::string>& keep) = 0;

  /// Small durable values: catalog versions, API keys, frozen caps.
  virtual absl::Status PutMeta(std::string_view key, std::string_view value) = 0;
  virtual absl::StatusOr<std::optional<std::string>> GetMeta(std::string_view key) = 0;
  /// Keys that begin with `prefix`, with their values, in byte order of the key.
  virtual absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ListMeta(
      std::string_view prefix) = 0;

  virtual absl::Status Audit(const AuditEntry& entry) = 0;
  virtual absl::StatusOr<std::vector<AuditEntry>> AuditLog() = 0;

  virtual absl::StatusOr<StoreStats> Stats() = 0;

  /// Bytes that wait for their place: records landed and not yet compacted, and what is known of
  /// clients and still in memory. The measure of back-pressure. Cheap.
  virtual std::int64_t BacklogBytes() const = 0;
};

}  // namespace upswing::store
