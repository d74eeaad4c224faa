#include "server/store/embedded/round.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace upswing::store {
namespace {

// Groups a lane's rows by name, gives units numbers, and emits the groups in order of first row.
void BuildLane(const Records& records, Lane lane, const std::vector<std::uint32_t>& names,
               std::uint32_t unit_type, const std::vector<KeyedRow>& rows, std::size_t chunk_rows,
               const NumberOf& number, const std::function<void(BuiltChunk)>& emit) {
  std::vector<std::pair<std::uint32_t, std::vector<ChunkRow>>> groups;
  // By name: number of its group + 1. All zero between uses: the pool may hold far more strings
  // than there are names.
  thread_local std::vector<std::uint32_t> group_of;
  if (group_of.size() < records.strings.size()) group_of.resize(records.strings.size());
  std::uint64_t last_key = 0;
  std::uint32_t unit = 0;
  for (const KeyedRow& row : rows) {
    if (row.key != last_key) {
      unit = number(row.key);
      last_key = row.key;
    }
    const std::uint32_t name = names[row.row];
    std::uint32_t& group = group_of[name];
    if (group == 0) {
      groups.push_back({name, {}});
      group = static_cast<std::uint32_t>(groups.size());
    }
    groups[group - 1].second.push_back({unit, row.row});
  }
  for (const auto& [name, group] : groups) group_of[name] = 0;
  for (auto& [name, group] : groups)
    EmitChunks(records, lane, unit_type, records.strings[name], std::move(group), chunk_rows, emit);
}

}  // namespace

std::vector<ShardRows> CutByUnit(const Records& records, int shards, const ErasedWhen& erased) {
  const Records::Subjects& subjects = records.subjects;
  std::map<std::uint32_t, std::vector<ShardRows>> by_type;
  // When the latest erasure of any of a subject's units was; records up to then are left out.
  std::vector<std::int64_t> gone(subjects.size(), INT64_MIN);
  // Per pair: where its rows go.
  std::vector<ShardRows*> target(subjects.key.size());
  for (const std::uint32_t type : subjects.unit_type) {
    auto& of_type = by_type[type];
    if (of_type.empty()) {
      of_type.resize(static_cast<std::size_t>(shards));
      for (int s = 0; s < shards; ++s) of_type[static_cast<std::size_t>(s)] = {type, s, {}, {}};
    }
  }
  for (std::size_t s = 0; s < subjects.size(); ++s) {
    for (std::uint32_t p = subjects.first[s]; p < subjects.first[s + 1]; ++p) {
      const std::uint32_t type = subjects.unit_type[p];
      target[p] = &by_type[type][static_cast<std::size_t>(ShardOf(subjects.key[p], shards))];
      if (!erased) continue;
      if (const auto at = erased(records.strings[type], subjects.key[p]); at.has_value())
        gone[s] = std::max(gone[s], *at);
    }
  }
  const auto cut = [&](const std::vector<std::uint32_t>& subject,
                       const std::vector<std::int64_t>& time,
                       std::vector<KeyedRow> ShardRows::*lane) {
    for (std::uint32_t row = 0; row < subject.size(); ++row) {
      const std::uint32_t s = subject[row];
      if (time[row] <= gone[s]) continue;
      for (std::uint32_t p = subjects.first[s]; p < subjects.first[s + 1]; ++p)
        (target[p]->*lane).push_back({subjects.key[p], row});
    }
  };
  cut(records.exposures.subject, records.exposures.time_ms, &ShardRows::exposures);
  cut(records.events.subject, records.events.time_ms, &ShardRows::events);

  std::vector<ShardRows> out;
  for (auto& [type, of_type] : by_type)
    for (ShardRows& shard : of_type)
      if (!shard.exposures.empty() || !shard.events.empty()) out.push_back(std::move(shard));
  return out;
}

std::map<std::pair<std::string, std::vector<std::string>>, std::int64_t> CountReach(
    const Records& records) {
  const Records::Subjects& subjects = records.subjects;
  // Few sets of types occur, so records are counted by (name, set) and spelled out at the end.
  std::map<std::vector<std::uint32_t>, std::uint32_t> sets;
  std::vector<std::uint32_t> set_of(subjects.size());
  for (std::size_t s = 0; s < subjects.size(); ++s) {
    std::vector<std::uint32_t> types(subjects.unit_type.begin() + subjects.first[s],
                                     subjects.unit_type.begin() + subjects.first[s + 1]);
    std::sort(types.begin(), types.end());
    set_of[s] =
        sets.try_emplace(std::move(types), static_cast<std::uint32_t>(sets.size())).first->second;
  }
  absl::flat_hash_map<std::uint64_t, std::int64_t> counts;
  for (std::size_t i = 0; i < records.events.size(); ++i)
    ++counts[static_cast<std::uint64_t>(records.events.name[i]) << 32 |
             set_of[records.events.subject[i]]];
  std::map<std::pair<std::string, std::vector<std::string>>, std::int64_t> reach;
  for (const auto& [types, set] : sets) {
    std::vector<std::string> texts;
    for (const std::uint32_t type : types) texts.emplace_back(records.strings[type]);
    std::sort(texts.begin(), texts.end());
    for (const auto& [name_set, count] : counts)
      if (static_cast<std::uint32_t>(name_set) == set)
        reach[{std::string(records.strings[static_cast<std::uint32_t>(name_set >> 32)]), texts}] +=
            count;
  }
  return reach;
}

void EmitChunks(const Records& records, Lane lane, std::uint32_t unit_type, std::string_view name,
                std::vector<ChunkRow> rows, std::size_t chunk_rows,
                const std::function<void(BuiltChunk)>& emit) {
  SortRows(records, lane, &rows);
  const std::vector<std::int64_t>& time =
      lane == Lane::kEvents ? records.events.time_ms : records.exposures.time_ms;
  for (std::size_t begin = 0; begin < rows.size(); begin += chunk_rows) {
    const std::size_t end = std::min(rows.size(), begin + chunk_rows);
    const std::vector<ChunkRow> part(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                     rows.begin() + static_cast<std::ptrdiff_t>(end));
    BuiltChunk chunk;
    chunk.lane = lane;
    chunk.name = name;
    chunk.ref.rows = static_cast<std::uint32_t>(part.size());
    chunk.ref.min_unit = part.front().unit;
    chunk.ref.max_unit = part.back().unit;
    chunk.ref.min_time_ms = chunk.ref.max_time_ms = time[part.front().row];
    for (const ChunkRow& row : part) {
      chunk.ref.min_time_ms = std::min(chunk.ref.min_time_ms, time[row.row]);
      chunk.ref.max_time_ms = std::max(chunk.ref.max_time_ms, time[row.row]);
    }
    chunk.bytes = EncodeChunk(records, lane, unit_type, part);
    chunk.ref.bytes = static_cast<std::int64_t>(chunk.bytes.size());
    emit(std::move(chunk));
  }
}

void BuildChunks(const Records& records, const ShardRows& shard, std::size_t chunk_rows,
                 const NumberOf& number, const std::function<void(BuiltChunk)>& emit) {
  BuildLane(records, Lane::kExposures, records.exposures.experiment, shard.unit_type,
            shard.exposures, chunk_rows, number, emit);
  BuildLane(records, Lane::kEvents, records.events.name, shard.unit_type, shard.events, chunk_rows,
            number, emit);
}

}  // namespace upswing::store
