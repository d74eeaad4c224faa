#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/store/embedded/store_impl.hpp"

namespace upswing::store {
namespace {

std::uint32_t SubjectOf(const Records& records, std::uint32_t row) {
  return records.events.size() > 0 ? records.events.subject[row] : records.exposures.subject[row];
}

std::int64_t TimeOf(const Records& records, std::uint32_t row) {
  return records.events.size() > 0 ? records.events.time_ms[row] : records.exposures.time_ms[row];
}

// True if `is` is true for a (unit type, key) of the subject; in a chunk: for a unit beside the
// one whose rows they are.
template <typename Is>
bool AnyUnit(const Records& records, std::uint32_t subject, const Is& is) {
  const Records::Subjects& of = records.subjects;
  for (std::uint32_t p = of.first[subject]; p < of.first[subject + 1]; ++p)
    if (is(records.strings[of.unit_type[p]], of.key[p])) return true;
  return false;
}

std::string Summary(const EraseResult& result) {
  std::string text =
      absl::StrCat(result.records, " records, ", result.chunks_rewritten, " chunks rewritten");
  if (!result.unreadable.empty())
    absl::StrAppend(&text, ", not erased: ", absl::StrJoin(result.unreadable, "; "));
  return text;
}

// True if a batch set aside has a record of the unit, or cannot be read to tell.
bool MayName(std::string_view blob, std::string_view unit_type, std::uint64_t key) {
  Records records;
  if (!DecodeRecords(blob, &records).ok()) return true;
  for (std::uint32_t s = 0; s < records.subjects.size(); ++s)
    if (AnyUnit(records, s, [&](std::string_view type, std::uint64_t k) {
          return type == unit_type && k == key;
        }))
      return true;
  return false;
}

}  // namespace

// The chunk without the rows for which `drop` is true; nothing if it is true for none. kDataLoss:
// the chunk cannot be read.
absl::StatusOr<std::optional<StoreImpl::Replacement>> StoreImpl::WithoutRows(const GroupKey& group,
                                                                             const ChunkRef& chunk,
                                                                             const DropRow& drop) {
  Statement select = read_.Prepare("SELECT data FROM chunk_data WHERE id=?1");
  const absl::StatusOr<std::string> bytes = ReadChunkData(&select, chunk.id);
  Records records;
  std::vector<std::uint32_t> units;
  absl::Status status = bytes.status();
  if (status.ok())
    status = AppendChunk(*bytes, group.lane, names_.Text(group.name), &records, &units);
  if (absl::IsDataLoss(status))
    return absl::DataLossError(absl::StrCat(ChunkLabel(chunk.id), ": ", status.message()));
  if (!status.ok()) return status;
  std::vector<ChunkRow> kept;
  for (std::uint32_t row = 0; row < units.size(); ++row)
    if (!drop(records, row, units[row])) kept.push_back({units[row], row});
  if (kept.size() == units.size()) return std::optional<Replacement>();
  Replacement rewritten{group, {chunk}, {}};
  EmitChunks(records, group.lane, records.strings.Intern(names_.Text(group.type)),
             names_.Text(group.name), std::move(kept),
             static_cast<std::size_t>(options_.chunk_rows), [&](BuiltChunk built) {
               rewritten.fresh.push_back({group, built.ref, std::move(built.bytes)});
             });
  return rewritten;
}

// Gives `replace` each chunk that has rows to drop. One that cannot be read is named in the result
// and left as it is; false if there was one.
absl::StatusOr<bool> StoreImpl::DropRows(const std::vector<std::pair<GroupKey, ChunkRef>>& chunks,
                                         const DropRow& drop, const ReplaceChunk& replace,
                                         EraseResult* result) {
  bool whole = true;
  for (const auto& [group, chunk] : chunks) {
    absl::StatusOr<std::optional<Replacement>> rewritten = WithoutRows(group, chunk, drop);
    if (absl::IsDataLoss(rewritten.status())) {
      result->unreadable.insert(std::string(rewritten.status().message()));
      whole = false;
      continue;
    }
    if (!rewritten.ok()) return rewritten.status();
    if (!rewritten->has_value()) continue;
    ++result->chunks_rewritten;
    if (absl::Status status = replace(**std::move(rewritten)); !status.ok()) return status;
  }
  return whole;
}

absl::Status StoreImpl::ReplaceAtOnce(Replacement replacement) {
  return ReplaceChunks({std::move(replacement)}, OldBytes::kDelete, Durability::kNow);
}

// The chunks that may have rows of a unit.
std::vector<std::pair<GroupKey, ChunkRef>> StoreImpl::ChunksOf(const ShardKey& shard,
                                                               std::uint32_t unit) const {
  std::vector<std::pair<GroupKey, ChunkRef>> found;
  for (const auto& [group, chunks] : directory_)
    if (group.type == shard.first && group.shard == shard.second)
      for (const ChunkRef& chunk : chunks)
        if (chunk.min_unit <= unit && unit <= chunk.max_unit) found.emplace_back(group, chunk);
  return found;
}

// Removes the unit's records up to a time from all copies. The copies in the shards of the units
// beside it go first and its own rows at last, all in one transaction: whoever is interrupted finds
// its way to the copies again, and counts the unit once. What leads to a copy that cannot be read
// stays, and so does the key of a unit that is not gone altogether.
absl::StatusOr<EraseResult> StoreImpl::EraseRecords(std::string_view unit_type, std::uint64_t key,
                                                    std::int64_t until_ms,
                                                    const AuditErasure& audit) {
  if (absl::Status status = CompactLanded(); !status.ok()) return status;
  const ShardKey own{names_.Find(unit_type), store::ShardOf(key, options_.shards)};
  const absl::StatusOr<Shard*> shard = LoadShard(own);
  if (!shard.ok()) return shard.status();
  const std::uint32_t unit = (*shard)->units.Find(key);
  using UnitName = std::pair<std::string, std::uint64_t>;
  std::set<UnitName> beside;
  std::set<UnitName> unreached;
  std::map<std::string, std::pair<std::int64_t, std::string>> first_exposure;  // experiment ->
  EraseResult result;
  std::vector<Replacement> own_rows;
  bool stays = false;

  if (unit != UnitDictionary::kNone) {
    const auto own_chunks = ChunksOf(own, unit);
    const auto is_own = [&](const Records& records, std::uint32_t row, std::uint32_t of) {
      return of == unit && TimeOf(records, row) <= until_ms;
    };
    absl::StatusOr<bool> whole = DropRows(
        own_chunks,
        [&](const Records& records, std::uint32_t row, std::uint32_t of) {
          if (is_own(records, row, of))
            AnyUnit(records, SubjectOf(records, row), [&](std::string_view type, std::uint64_t k) {
              beside.emplace(type, k);
              return false;
            });
          return false;
        },
        {}, &result);
    if (!whole.ok()) return whole.status();
    for (const UnitName& other : beside) {
      const ShardKey where{names_.Find(other.first), store::ShardOf(other.second, options_.shards)};
      const absl::StatusOr<Shard*> others = LoadShard(where);
      if (!others.ok()) return others.status();
      const std::uint32_t number = (*others)->units.Find(other.second);
      if (number == UnitDictionary::kNone) continue;
      whole = DropRows(
          ChunksOf(where, number),
          [&](const Records& records, std::uint32_t row, std::uint32_t of) {
            return of == number && TimeOf(records, row) <= until_ms &&
                   AnyUnit(records, SubjectOf(records, row),
                           [&](std::string_view type, std::uint64_t k) {
                             return type == unit_type && k == key;
                           });
          },
          [&](Replacement copies) { return ReplaceAtOnce(std::move(copies)); }, &result);
      if (!whole.ok()) return whole.status();
      if (!*whole) unreached.insert(other);
    }
    whole = DropRows(
        own_chunks,
        [&](const Records& records, std::uint32_t row, std::uint32_t of) {
          const bool goes =
              is_own(records, row, of) && !AnyUnit(records, SubjectOf(records, row),
                                                   [&](std::string_view type, std::uint64_t k) {
                                                     return unreached.count(UnitName(type, k)) > 0;
                                                   });
          if (of == unit && !goes) stays = true;
          if (!goes) return false;
          ++result.records;
          if (records.events.size() > 0) return true;
          const Records::Exposures& exposures = records.exposures;
          const std::pair<std::int64_t, std::string> seen(
              exposures.time_ms[row], std::string(records.strings[exposures.variant[row]]));
          auto& first =
              first_exposure
                  .try_emplace(std::string(records.strings[exposures.experiment[row]]), seen)
                  .first->second;
          first = std::min(first, seen);
          return true;
        },
        [&](Replacement rows) {
          own_rows.push_back(std::move(rows));
          return absl::OkStatus();
        },
        &result);
    if (!whole.ok()) return whole.status();
  }

  const auto forget = [&]() -> absl::Status {
    absl::Status status;
    if (unit != UnitDictionary::kNone && !stays && result.unreadable.empty())
      status = ZeroKey(own, unit);
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
    if (status.ok()) status = EraseSetAside(unit_type, key);
    // Another try at what cannot be read is not worth an entry.
    const bool again = !audit && result.records == 0 && !result.unreadable.empty();
    if (status.ok() && !again)
      status = AddAudit(
          audit ? audit(result)
                : AuditEntry{
                      tombstones_.Find(unit_type, key).value_or(0), "erase",
                      absl::StrCat("unit ", absl::BytesToHexString(TombstoneHash(unit_type, key)),
                                   " of type ", std::string(unit_type), ": ", Summary(result))});
    return status;
  };
  const absl::Status status = ReplaceChunks(own_rows, OldBytes::kDelete, Durability::kNow, forget);
  dictionaries_.erase(own);
  if (!status.ok()) return status;
  return result;
}

// In the dictionary; under write_mutex_, as the next one.
absl::Status StoreImpl::ZeroKey(const ShardKey& shard, std::uint32_t unit) {
  Statement select = write_.Prepare(
      "SELECT base, data FROM units WHERE type=?1 AND shard=?2 AND base<=?3 ORDER BY base DESC "
      "LIMIT 1");
  const absl::StatusOr<bool> row =
      select.Bind(1, shard.first).Bind(2, shard.second).Bind(3, unit).Step();
  if (!row.ok() || !*row) return row.status();
  const std::int64_t base = select.Int(0);
  std::string data(select.Blob(1));
  select.Reset();
  std::memset(data.data() + (unit - base) * 8, 0, 8);
  return write_
      .Prepare("UPDATE units SET data=?1, checksum=?2 WHERE type=?3 AND shard=?4 AND base=?5")
      .BindBlob(1, data)
      .Bind(2, BlobChecksum(data))
      .Bind(3, shard.first)
      .Bind(4, shard.second)
      .Bind(5, base)
      .Run();
}

// Batches in conflict and those that failed their checksum.
absl::Status StoreImpl::EraseSetAside(std::string_view unit_type, std::uint64_t key) {
  absl::Status status;
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
  return status;
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

// Overwrites what lay under the records that are gone, in the file and in the log. Only then are
// the erasures done: until then the next open does it.
absl::Status StoreImpl::MarkErased(const std::set<std::string>& hashes) {
  // Chunks that merging replaced hold the units still.
  absl::Status status = DeleteRetired(true);
  if (status.ok()) status = ScrubFreePages();
  if (status.ok()) status = Checkpoint(true);
  if (!status.ok()) return status;
  const std::lock_guard lock(write_mutex_);
  Transaction transaction(&write_, "BEGIN IMMEDIATE");
  status = transaction.status();
  if (status.ok()) status = tombstones_.MarkDone(&write_, hashes);
  if (status.ok()) status = transaction.Commit();
  return status;
}

// Erases what a crash or an older database in place left to erase. What cannot be done now, for a
// chunk that cannot be read or somebody who reads the log, holds nothing up and is left for the
// next open; records that came after the erasure are not its business.
absl::Status StoreImpl::FinishErasures() {
  absl::StatusOr<std::set<std::string>> open = tombstones_.Unfinished(&write_);
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
    const absl::StatusOr<EraseResult> erased =
        EraseRecords(type, key, tombstones_.Find(type, key).value_or(0), {});
    if (!erased.ok()) return erased.status();
    if (!erased->unreadable.empty()) open->erase(TombstoneHash(type, key));
  }
  const absl::Status status = MarkErased(*open);
  return absl::IsUnavailable(status) ? absl::OkStatus() : status;
}

absl::StatusOr<EraseResult> StoreImpl::Erase(std::string_view unit_type, std::uint64_t key,
                                             std::int64_t now_ms, const AuditErasure& audit) {
  const std::lock_guard lock(maintenance_mutex_);
  const std::string hash = TombstoneHash(unit_type, key);
  {
    const std::lock_guard writing(write_mutex_);
    absl::Status status = tombstones_.Add(&write_, {{hash, now_ms}});
    if (status.ok()) status = AppendErasures(journal_, {{hash, now_ms}});
    if (!status.ok()) return status;
  }
  constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
  absl::StatusOr<EraseResult> result = EraseRecords(unit_type, key, kAll, audit);
  if (!result.ok()) return result;
  const bool whole = result->unreadable.empty();
  absl::Status status = MarkErased(whole ? std::set<std::string>{hash} : std::set<std::string>{});
  if (status.ok() && !whole)
    status = absl::DataLossError(absl::StrCat("not erased from what cannot be read: ",
                                              absl::StrJoin(result->unreadable, "; ")));
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
  const absl::StatusOr<bool> whole = DropRows(
      touched,
      [&](const Records& records, std::uint32_t row, std::uint32_t) {
        const bool old = TimeOf(records, row) < before_ms;
        if (old) ++result.records;
        return old;
      },
      [&](Replacement rest) { return ReplaceAtOnce(std::move(rest)); }, &result);
  if (!whole.ok()) return whole.status();
  absl::Status status = DeleteRetired(true);
  if (status.ok()) status = Checkpoint(false);
  if (!status.ok()) return status;
  return result;
}

}  // namespace upswing::store
