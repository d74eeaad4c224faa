#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace upswing::store {

enum class Lane : std::uint8_t { kExposures = 0, kEvents = 1 };

/// Names one chunk of a snapshot: records of one (unit type, shard, lane, name), sorted by unit.
struct ChunkRef {
  std::uint64_t id = 0;   ///< Two snapshots of one store that name the same id mean the same bytes.
  std::uint64_t run = 0;  ///< Chunks of one run stand in unit order and share at most a unit.
  std::uint32_t rows = 0;
  std::uint32_t min_unit = 0;  ///< Unit numbers, both inclusive.
  std::uint32_t max_unit = 0;
  std::int64_t min_time_ms = 0;
  std::int64_t max_time_ms = 0;
  std::int64_t bytes = 0;
};

/// Which records a chunk holds.
struct ChunkGroup {
  std::string unit_type;
  int shard = 0;
  Lane lane = Lane::kExposures;
  std::string name;  ///< Event or experiment.
};

/// What clients counted of their decisions on one variant of an experiment, summed over all
/// clients: the stages between a decision and a record that arrived. Decisions and exposures, not
/// units: a client that forgets whom it exposed (a restart, 24 hours) counts a unit again.
struct DecisionCounts {
  std::int64_t evaluated = 0;  ///< Decisions that asked for an exposure.
  std::int64_t exposed = 0;    ///< Of these, not a repetition of the unit's last exposure.
  std::int64_t queued = 0;     ///< Of these, taken by the client's queue.
  /// Exposures lost on the client, by `wire::DropReason` or a later SDK's number.
  std::map<std::uint8_t, std::int64_t> dropped;
};

/// What an analysis reads: the records of one moment, cut into shards by unit. Thread-safe.
///
/// Within a (unit type, shard), units have dense numbers [0, Units()): two chunks agree on them.
class RecordSource {
 public:
  virtual ~RecordSource() = default;

  virtual int shards() const = 0;
  virtual std::uint32_t Units(std::string_view unit_type, int shard) const = 0;
  /// Units with numbers below this have them in every later snapshot of the store too.
  virtual std::uint32_t StableUnits(std::string_view unit_type, int shard) const = 0;
  /// Chunks of an event name or an experiment, in order of (run, min_unit).
  virtual std::vector<ChunkRef> Chunks(std::string_view unit_type, int shard, Lane lane,
                                       std::string_view name) const = 0;
  /// Times of the first and the last record of an event name or an experiment; nullopt if there is
  /// none. As the chunks say, unless the source knows of records that it left out.
  virtual std::optional<std::pair<std::int64_t, std::int64_t>> TimeRange(
      std::string_view unit_type, Lane lane, std::string_view name) const;
  /// Every group that has chunks.
  virtual std::vector<ChunkGroup> Groups() const = 0;
  /// Bytes of a chunk (see chunk.hpp). kDataLoss if it cannot be read; kNotFound if it was replaced
  /// since the snapshot was taken, after which only a new snapshot helps.
  virtual absl::StatusOr<std::string> Read(const ChunkRef& chunk) const = 0;
  /// Says that chunks of so many bytes are about to be read, so that a source may fetch ahead.
  virtual void WillRead(std::int64_t /*bytes*/) const {}
  /// Keys by unit number; 0 = erased.
  virtual absl::StatusOr<std::vector<std::uint64_t>> Keys(std::string_view unit_type,
                                                          int shard) const = 0;
  /// Shard of a unit key, the same for every unit type.
  virtual int ShardOf(std::uint64_t key) const = 0;
  /// Time of the earliest event of any name.
  virtual std::optional<std::int64_t> EarliestEventMs() const = 0;
  /// Events of a name that carry none of the given unit types.
  virtual std::int64_t EventsWithout(std::string_view name,
                                     const std::vector<std::string>& unit_types) const = 0;
  /// Units of an experiment that were erased, by variant.
  virtual std::map<std::string, std::int64_t> Erased(std::string_view experiment) const = 0;
  /// By variant, of what arrived on the days (of UTC) that hold the two times, both inclusive. Read
  /// when it is called, not when the snapshot was taken.
  virtual absl::StatusOr<std::map<std::string, DecisionCounts>> Decisions(
      std::string_view experiment, std::int64_t from_ms, std::int64_t to_ms) const = 0;
  /// Events of a name that clients lost, by reason, likewise.
  virtual absl::StatusOr<std::map<std::uint8_t, std::int64_t>> DroppedEvents(
      std::string_view name, std::int64_t from_ms, std::int64_t to_ms) const = 0;
  /// Blobs known to be damaged when the snapshot was taken.
  virtual std::vector<std::string> Unreadable() const = 0;
};

}  // namespace upswing::store
