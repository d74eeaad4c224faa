#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/store/embedded/store_impl.hpp"

namespace upswing::store {
namespace {

bool NamesUnit(const Records::Subjects& subjects, std::uint32_t subject, std::uint32_t type,
               std::uint64_t key) {
  for (std::uint32_t p = subjects.first[subject]; p < subjects.first[subject + 1]; ++p)
    if (subjects.unit_type[p] == type && subjects.key[p] == key) return true;
  return false;
}

// True if a batch set aside has a record of the unit, or cannot be read to tell.
bool MayName(std::string_view blob, std::string_view unit_type, std::uint64_t key) {
  Records records;
  if (!DecodeRecords(blob, &records).ok()) return true;
  const std::uint32_t type = records.strings.Intern(unit_type);
  for (std::uint32_t s = 0; s < records.subjects.size(); ++s)
    if (NamesUnit(records.subjects, s, type, key)) return true;
  return false;
}

}  // namespace

// Rewrites one chunk without the rows for which `drop` is true; the number dropped.
absl::StatusOr<std::int64_t> StoreImpl::DropRows(const GroupKey& group, const ChunkRef& chunk,
                                                 const DropRow& drop) {
  Statement select = read_.Prepare("SELECT data FROM chunk_data WHERE id=?1");
  const absl::StatusOr<std::string> bytes = ReadChunkData(&select, chunk.id);
  if (!bytes.ok()) return bytes.status();
  Records records;
  std::vector<std::uint32_t> units;
  absl::Status status = AppendChunk(*bytes, group.lane, names_.Text(group.name), &records, &units);
  if (!status.ok())
    return absl::DataLossError(absl::StrCat(ChunkLabel(chunk.id), ": ", status.message()));
  std::vector<ChunkRow> kept;
  for (std::uint32_t row = 0; row < units.size(); ++row)
    if (!drop(records, row, units[row])) kept.push_back({units[row], row});
  const auto dropped = static_cast<std::int64_t>(units.size() - kept.size());
  if (dropped == 0) return dropped;
  std::vector<Pending> fresh;
  status = EmitChunks(records, group.lane, records.strings.Intern(names_.Text(group.type)),
                      names_.Text(group.name), std::move(kept),
                      static_cast<std::size_t>(options_.chunk_rows), [&](BuiltChunk built) {
                        fresh.push_back({group, built.ref, std::move(built.bytes)});
                        return absl::OkStatus();
                      });
  if (status.ok())
    status = ReplaceChunks(group, {chunk}, std::move(fresh), OldBytes::kDelete, Durability::kNow);
  if (!status.ok()) return status;
  return dropped;
}

// Removes the unit's records from all copies. The tombstone is there already, so that a crash in
// between is finished by the next open.
absl::StatusOr<EraseResult> StoreImpl::EraseRecords(std::string_view unit_type, std::uint64_t key,
                                                    const AuditErasure& audit) {
  EraseResult result;
  if (absl::Status status = CompactLanded(); !status.ok()) return status;
  const std::int64_t type = names_.Find(unit_type);
  const ShardKey own{type, store::ShardOf(key, options_.shards)};
  const absl::StatusOr<Shard*> shard = LoadShard(own);
  if (!shard.ok()) return shard.status();
  const std::uint32_t unit = (*shard)->units.Find(key);
  // Units that stood beside it: their copies of its records.
  std::set<std::pair<std::string, std::uint64_t>> beside;
  std::map<std::string, std::pair<std::int64_t, std::string>> first_exposure;  // experiment ->

  const auto rewrite = [&](const ShardKey& where, std::uint32_t of, const DropRow& drop,
                           std::int64_t* records) -> absl::Status {
    std::vector<std::pair<GroupKey, ChunkRef>> touched;
    for (const auto& [group, chunks] : directory_)
      if (group.type == where.first && group.shard == where.second)
        for (const ChunkRef& chunk : chunks)
          if (chunk.min_unit <= of && of <= chunk.max_unit) touched.emplace_back(group, chunk);
    for (const auto& [group, chunk] : touched) {
      const absl::StatusOr<std::int64_t> dropped = DropRows(group, chunk, drop);
      if (!dropped.ok()) return dropped.status();
      if (*dropped > 0) ++result.chunks_rewritten;
      *records += *dropped;
    }
    return absl::OkStatus();
  };

  if (unit != UnitDictionary::kNone) {
    absl::Status status = rewrite(
        own, unit,
        [&](const Records& records, std::uint32_t row, std::uint32_t of) {
          if (of != unit) return false;
          const bool is_event = records.events.size() > 0;
          const std::uint32_t subject =
              is_event ? records.events.subject[row] : records.exposures.subject[row];
          const Records::Subjects& s = records.subjects;
          for (std::uint32_t p = s.first[subject]; p < s.first[subject + 1]; ++p)
            beside.insert({std::string(records.strings[s.unit_type[p]]), s.key[p]});
          if (!is_event) {
            const std::pair<std::int64_t, std::string> seen(
                records.exposures.time_ms[row],
                std::string(records.strings[records.exposures.variant[row]]));
            auto& first =
                first_exposure
                    .try_emplace(std::string(records.strings[records.exposures.experiment[row]]),
                                 seen)
                    .first->second;
            first = std::min(first, seen);
          }
          return true;
        },
        &result.records);
    if (!status.ok()) return status;
    std::int64_t copies = 0;
    for (const auto& [other_type, other_key] : beside) {
      const ShardKey where{names_.Find(other_type), store::ShardOf(other_key, options_.shards)};
      const absl::StatusOr<Shard*> other = LoadShard(where);
      if (!other.ok()) return other.status();
      const std::uint32_t number = (*other)->units.Find(other_key);
      if (number == UnitDictionary::kNone) continue;
      status = rewrite(
          where, number,
          [&](const Records& records, std::uint32_t row, std::uint32_t of) {
            if (of != number) return false;
            const std::uint32_t subject = records.events.size() > 0
                                              ? records.events.subject[row]
                                              : records.exposures.subject[row];
            for (std::uint32_t p = records.subjects.first[subject];
                 p < records.subjects.first[subject + 1]; ++p)
              if (records.subjects.key[p] == key &&
                  records.strings[records.subjects.unit_type[p]] == unit_type)
                return true;
            return false;
          },
          &copies);
      if (!status.ok()) return status;
    }
  }

  const std::lock_guard lock(write_mutex_);
  Transaction transaction(&write_, "BEGIN IMMEDIATE");
  absl::Status status = transaction.status();
  if (status.ok() && unit != UnitDictionary::kNone) {
    Statement select = write_.Prepare(
        "SELECT base, data FROM units WHERE type=?1 AND shard=?2 AND base<=?3 ORDER BY base DESC "
        "LIMIT 1");
    const absl::StatusOr<bool> row =
        select.Bind(1, own.first).Bind(2, own.second).Bind(3, unit).Step();
    if (!row.ok()) return row.status();
    if (*row) {
      const std::int64_t base = select.Int(0);
      std::string data(select.Blob(1));
      select.Reset();
      std::memset(data.data() + (unit - base) * 8, 0, 8);
      status =
          write_
              .Prepare(
                  "UPDATE units SET data=?1, checksum=?2 WHERE type=?3 AND shard=?4 AND base=?5")
              .BindBlob(1, data)
              .Bind(2, BlobChecksum(data))
              .Bind(3, own.first)
              .Bind(4, own.second)
              .Bind(5, base)
              .Run();
    }
  }
  for (const auto& [experiment, first] : first_exposure) {
    if (!status.ok()) break;
    status = write_
                 .Prepare(
                     "INSERT INTO erased(experiment,variant,count) VALUES(?1,?2,1) "
                     "ON CONFLICT(experiment,variant) DO UPDATE SET count=count+1")
                 .BindText(1, experiment)
                 .BindText(2, first.second)
                 .Run();
  }
  for (const char* table : {"conflict", "quarantine"}) {
    std::vector<std::int64_t> named;
    Statement select = write_.Prepare(absl::StrCat("SELECT id, data FROM ", table));
    while (status.ok()) {
      const absl::StatusOr<bool> row = select.Step();
      status = row.status();
      if (!status.ok() || !*row) break;
      if (!select.IsNull(1) && MayName(select.Blob(1), unit_type, key))
        named.push_back(select.Int(0));
    }
    for (const std::int64_t id : named)
      if (status.ok())
        status = write_
                     .Prepare(absl::StrCat(std::string_view(table) == "conflict"
                                               ? "DELETE FROM conflict WHERE id=?1"
                                               : "UPDATE quarantine SET data=NULL WHERE id=?1"))
                     .Bind(1, id)
                     .Run();
  }
  if (status.ok()) status = tombstones_.MarkDone(&write_, unit_type, key);
  if (status.ok())
    status = AddAudit(
        audit ? audit(result)
              : AuditEntry{
                    tombstones_.Find(unit_type, key).value_or(0), "erase",
                    absl::StrCat("unit ", absl::BytesToHexString(TombstoneHash(unit_type, key)),
                                 " of type ", std::string(unit_type), ": ", result.records,
                                 " records, ", result.chunks_rewritten, " chunks rewritten")});
  if (status.ok()) status = transaction.Commit();
  dictionaries_.erase(own);
  if (!status.ok()) return status;
  return result;
}

// Fills the free pages with zeros: what was deleted must not be readable in the file.
absl::Status StoreImpl::ScrubFreePages() {
  constexpr std::int64_t kStep = 4 << 20;
  const std::lock_guard lock(write_mutex_);
  absl::Status status = write_.Execute("CREATE TABLE IF NOT EXISTS scrub(data BLOB)");
  for (;;) {
    const absl::StatusOr<std::int64_t> free = write_.QueryInt("PRAGMA freelist_count");
    const absl::StatusOr<std::int64_t> page = write_.QueryInt("PRAGMA page_size");
    if (status.ok()) status = free.status();
    if (status.ok()) status = page.status();
    if (!status.ok()) return status;
    if (*free == 0) break;
    // A page holds a little less than its size, so the last free page is used up as well.
    const std::int64_t bytes = std::min(kStep, *free * *page);
    status = write_.Prepare("INSERT INTO scrub(data) VALUES(zeroblob(?1))").Bind(1, bytes).Run();
    if (!status.ok()) return status;
  }
  return write_.Execute("DROP TABLE scrub");
}

absl::Status StoreImpl::FinishErasures() {
  const absl::StatusOr<std::set<std::string>> open = tombstones_.Unfinished(&write_);
  if (!open.ok()) return open.status();
  if (open->empty()) return absl::OkStatus();
  if (absl::Status status = CompactLanded(); !status.ok()) return status;
  std::vector<std::pair<std::string, std::uint64_t>> found;
  std::vector<ShardKey> shards;
  std::vector<std::string> damaged;  // named by the round that meets it
  Statement select = write_.Prepare("SELECT DISTINCT type, shard FROM units");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    shards.emplace_back(select.Int(0), static_cast<int>(select.Int(1)));
  }
  for (const ShardKey& shard : shards) {
    const absl::StatusOr<std::vector<std::uint64_t>> keys =
        LoadKeys(&write_, shard.first, shard.second, &damaged);
    if (!keys.ok()) return keys.status();
    for (const std::uint64_t key : *keys)
      if (key != 0 && open->count(TombstoneHash(names_.Text(shard.first), key)) > 0)
        found.emplace_back(names_.Text(shard.first), key);
  }
  for (const auto& [type, key] : found) {
    const absl::StatusOr<EraseResult> erased = EraseRecords(type, key, {});
    if (!erased.ok()) return erased.status();
  }
  absl::Status status = tombstones_.MarkAllDone(&write_);
  if (status.ok()) status = ScrubFreePages();
  if (status.ok()) status = Checkpoint(true);
  return status;
}

absl::StatusOr<EraseResult> StoreImpl::Erase(std::string_view unit_type, std::uint64_t key,
                                             std::int64_t now_ms, const AuditErasure& audit) {
  const std::lock_guard lock(maintenance_mutex_);
  {
    const std::lock_guard writing(write_mutex_);
    absl::Status status = tombstones_.Add(&write_, unit_type, key, now_ms);
    if (status.ok()) status = AppendErasures(journal_, {{TombstoneHash(unit_type, key), now_ms}});
    if (!status.ok()) return status;
  }
  absl::StatusOr<EraseResult> result = EraseRecords(unit_type, key, audit);
  if (!result.ok()) return result;
  // Chunks that merging replaced hold the unit still.
  absl::Status status = DeleteRetired(true);
  if (status.ok()) status = ScrubFreePages();
  if (status.ok()) status = Checkpoint(true);
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<EraseResult> StoreImpl::Expire(std::int64_t before_ms,
                                              const std::vector<std::string>& keep) {
  const std::lock_guard lock(maintenance_mutex_);
  if (absl::Status status = CompactLanded(); !status.ok()) return status;
  EraseResult result;
  std::vector<std::pair<GroupKey, ChunkRef>> touched;
  for (const auto& [group, chunks] : directory_) {
    if (group.lane == Lane::kExposures &&
        std::find(keep.begin(), keep.end(), names_.Text(group.name)) != keep.end())
      continue;
    for (const ChunkRef& chunk : chunks)
      if (chunk.min_time_ms < before_ms) touched.emplace_back(group, chunk);
  }
  for (const auto& [group, chunk] : touched) {
    const absl::StatusOr<std::int64_t> dropped =
        DropRows(group, chunk, [&](const Records& records, std::uint32_t row, std::uint32_t) {
          return (records.events.size() > 0 ? records.events.time_ms[row]
                                            : records.exposures.time_ms[row]) < before_ms;
        });
    if (!dropped.ok()) return dropped.status();
    result.records += *dropped;
    if (*dropped > 0) ++result.chunks_rewritten;
  }
  absl::Status status = DeleteRetired(true);
  if (status.ok()) status = Checkpoint(false);
  if (!status.ok()) return status;
  return result;
}

}  // namespace upswing::store
