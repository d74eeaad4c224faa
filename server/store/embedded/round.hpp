#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/store/chunk.hpp"
#include "server/store/record_source.hpp"
#include "server/store/records.hpp"

namespace upswing::store {

/// Shard of a key: its top bits. `shards` is a power of two.
inline int ShardOf(std::uint64_t key, int shards) {
  return shards == 1 ? 0
                     : static_cast<int>(key >> (64 - __builtin_ctz(static_cast<unsigned>(shards))));
}

struct KeyedRow {
  std::uint64_t key = 0;
  std::uint32_t row = 0;
};

/// The records of one (unit type, shard). A record with several units is in one of these per unit.
struct ShardRows {
  std::uint32_t unit_type = 0;  ///< Pool number.
  int shard = 0;
  std::vector<KeyedRow> exposures;
  std::vector<KeyedRow> events;
};

/// When a unit was erased (its older records are left out); may be empty.
using ErasedWhen =
    std::function<std::optional<std::int64_t>(std::string_view type, std::uint64_t key)>;

/// Cuts records by unit; only shards with rows are returned, by (unit type, shard). A subject of
/// which one unit is erased loses the record in every copy.
std::vector<ShardRows> CutByUnit(const Records& records, int shards, const ErasedWhen& erased);

/// Number of events by (name, unit types of the subject, sorted).
std::map<std::pair<std::string, std::vector<std::string>>, std::int64_t> CountReach(
    const Records& records);

struct BuiltChunk {
  Lane lane = Lane::kEvents;
  std::string_view name;  ///< In the records' pool.
  ChunkRef ref;           ///< Without id and run.
  std::string bytes;
};

/// The dense number of a key of the shard at hand.
using NumberOf = std::function<std::uint32_t(std::uint64_t key)>;

/// Encodes a shard's rows by (lane, name), at most `chunk_rows` at a time.
void BuildChunks(const Records& records, const ShardRows& shard, std::size_t chunk_rows,
                 const NumberOf& number, const std::function<void(BuiltChunk)>& emit);

/// Sorts rows of one (lane, name) and encodes them likewise.
void EmitChunks(const Records& records, Lane lane, std::uint32_t unit_type, std::string_view name,
                std::vector<ChunkRow> rows, std::size_t chunk_rows,
                const std::function<void(BuiltChunk)>& emit);

}  // namespace upswing::store
