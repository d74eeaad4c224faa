#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/store/embedded/in_order.hpp"
#include "server/store/embedded/store_impl.hpp"

namespace upswing::store {
namespace {

// The most records that one round takes: what bounds its memory (about 100 bytes each, times the
// units per subject).
constexpr std::int64_t kRoundRecords = 1'500'000;

}  // namespace

ErasedWhen StoreImpl::ErasedFilter() const {
  if (tombstones_.empty()) return nullptr;
  return
      [this](std::string_view type, std::uint64_t key) { return tombstones_.FindDone(type, key); };
}

absl::StatusOr<StoreImpl::Shard*> StoreImpl::LoadShard(const ShardKey& key) {
  Shard& shard = dictionaries_[key];
  shard.last_used = ++uses_;
  if (shard.units.size() > 0) return &shard;
  std::vector<std::string> damaged;
  const absl::StatusOr<std::vector<std::uint64_t>> keys =
      LoadKeys(&read_, key.first, key.second, &damaged);
  if (!keys.ok()) return keys.status();
  // Named in every report from now on; units that were in it get new numbers.
  for (const std::string& what : damaged) {
    const std::lock_guard lock(write_mutex_);
    absl::Status status = NoteDamage(&write_, what);
    if (!status.ok()) return status;
  }
  shard.units.Append(*keys);
  shard.stored = shard.units.size();
  return &shard;
}

void StoreImpl::TrimShards() {
  std::size_t total = 0;
  for (const auto& [key, shard] : dictionaries_) total += shard.units.bytes();
  while (total > static_cast<std::size_t>(options_.dictionary_bytes) && dictionaries_.size() > 1) {
    const auto oldest = std::min_element(
        dictionaries_.begin(), dictionaries_.end(),
        [](const auto& a, const auto& b) { return a.second.last_used < b.second.last_used; });
    total -= oldest->second.units.bytes();
    dictionaries_.erase(oldest);
  }
}

absl::Status StoreImpl::WriteUnits(std::int64_t run, const ShardKey& key, Shard* shard) {
  const std::uint32_t count = shard->units.size() - shard->stored;
  if (count == 0) return absl::OkStatus();
  const std::string_view data(
      reinterpret_cast<const char*>(shard->units.keys().data() + shard->stored), count * 8ul);
  absl::Status status = write_
                            .Prepare(
                                "INSERT INTO units(type,shard,base,count,run,checksum,data) "
                                "VALUES(?1,?2,?3,?4,?5,?6,?7)")
                            .Bind(1, key.first)
                            .Bind(2, key.second)
                            .Bind(3, shard->stored)
                            .Bind(4, count)
                            .Bind(5, run)
                            .Bind(6, BlobChecksum(data))
                            .BindBlob(7, data)
                            .Run();
  if (status.ok()) shard->stored = shard->units.size();
  return status;
}

absl::StatusOr<StoreImpl::Landed> StoreImpl::ReadLanded() {
  Landed landed;
  Statement select = read_.Prepare("SELECT id, checksum, data, records FROM landed ORDER BY id");
  while (landed.count < kRoundRecords) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    landed.last_id = select.Int(0);
    const std::string_view data = select.Blob(2);
    landed.bytes += static_cast<std::int64_t>(data.size());
    landed.count += select.Int(3);
    const absl::Status status = BlobChecksum(data) == select.Int(1)
                                    ? DecodeRecords(data, &landed.records)
                                    : absl::DataLossError("checksum");
    if (!status.ok()) landed.damaged.emplace_back(landed.last_id, status.message());
  }
  return landed;
}

// Numbers of the unit types, experiments and events that occur; new ones are added.
absl::StatusOr<std::map<std::string_view, std::int64_t>> StoreImpl::NumberNames(
    const Records& records) {
  std::map<std::string_view, std::int64_t> ids;
  const std::lock_guard lock(write_mutex_);
  Transaction transaction(&write_, "BEGIN IMMEDIATE");
  if (!transaction.status().ok()) return transaction.status();
  std::vector<bool> seen(records.strings.size());
  for (const auto* column :
       {&records.subjects.unit_type, &records.exposures.experiment, &records.events.name})
    for (const std::uint32_t text : *column) {
      if (seen[text]) continue;
      seen[text] = true;
      const absl::StatusOr<std::int64_t> id = names_.FindOrAdd(&write_, records.strings[text]);
      if (!id.ok()) return id.status();
      ids[records.strings[text]] = *id;
    }
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  return ids;
}

// Writes a run of chunks that nobody sees until it is done.
absl::StatusOr<StoreImpl::Run> StoreImpl::WriteRun(const Records& records,
                                                   const std::vector<ShardRows>& shards) {
  const auto ids = NumberNames(records);
  if (!ids.ok()) return ids.status();
  std::vector<std::pair<ShardKey, Shard*>> keyed;
  std::vector<std::int64_t> costs;
  for (const ShardRows& rows : shards) {
    const ShardKey key{ids->at(records.strings[rows.unit_type]), rows.shard};
    const absl::StatusOr<Shard*> shard = LoadShard(key);
    if (!shard.ok()) return shard.status();
    keyed.emplace_back(key, *shard);
    costs.push_back(static_cast<std::int64_t>(rows.exposures.size() + rows.events.size()));
  }
  const auto encode = [&](int, std::size_t i) {
    const auto& [key, shard] = keyed[i];
    std::vector<Pending> chunks;
    BuildChunks(
        records, shards[i], static_cast<std::size_t>(options_.chunk_rows),
        [units = &shard->units](std::uint64_t unit) { return units->FindOrAdd(unit); },
        [&](BuiltChunk chunk) {
          chunks.push_back({{key.first, key.second, chunk.lane, ids->at(chunk.name)},
                            chunk.ref,
                            std::move(chunk.bytes)});
        });
    return chunks;
  };

  Run run;
  std::vector<std::pair<ShardKey, Shard*>> pending_units;
  std::vector<Pending> pending;
  std::int64_t pending_bytes = 0;
  const auto flush = [&]() -> absl::Status {
    const std::lock_guard lock(write_mutex_);
    const Unsynced unsynced(&write_);
    if (!unsynced.status().ok()) return unsynced.status();
    Transaction transaction(&write_, "BEGIN IMMEDIATE");
    absl::Status status = transaction.status();
    if (!status.ok()) return status;
    if (run.id == 0) {
      const absl::StatusOr<std::int64_t> id = NewRun(false);
      if (!id.ok()) return id.status();
      run.id = *id;
    }
    for (const auto& [key, shard] : pending_units)
      if (status = WriteUnits(run.id, key, shard); !status.ok()) return status;
    for (const Pending& chunk : pending) {
      run.chunks.emplace_back(chunk.group, ChunkRef{});
      if (status = WriteChunk(run.id, chunk, &run.chunks.back().second); !status.ok())
        return status;
    }
    pending_units.clear();
    pending.clear();
    pending_bytes = 0;
    return transaction.Commit();
  };
  InOrder<std::vector<Pending>> encoded(std::move(costs), kRoundRecords, Encoders(), encode);
  for (const auto& shard : keyed) {
    for (Pending& chunk : encoded.Take()) {
      pending_bytes += static_cast<std::int64_t>(chunk.bytes.size());
      pending.push_back(std::move(chunk));
    }
    pending_units.push_back(shard);
    if (pending_bytes < kTransactionBytes) continue;
    if (absl::Status status = flush(); !status.ok()) return status;
  }
  if (absl::Status status = flush(); !status.ok()) return status;
  return run;
}

// At once: the run is seen, and what it was made from is gone.
absl::Status StoreImpl::FinishRun(std::int64_t run, const Landed& landed) {
  const auto reach = CountReach(landed.records);
  const std::lock_guard lock(write_mutex_);
  Transaction transaction(&write_, "BEGIN IMMEDIATE");
  absl::Status status = transaction.status();
  if (status.ok()) status = write_.Prepare("UPDATE run SET done=1 WHERE id=?1").Bind(1, run).Run();
  for (const auto& [id, reason] : landed.damaged) {
    if (!status.ok()) return status;
    const std::string what = absl::StrCat("landed batch ", id);
    status = write_
                 .Prepare(
                     "INSERT INTO quarantine(what,reason,data) SELECT ?1, ?2, data FROM "
                     "landed WHERE id=?3")
                 .BindText(1, what)
                 .BindText(2, reason)
                 .Bind(3, id)
                 .Run();
  }
  for (const auto& [name_types, count] : reach) {
    if (!status.ok()) return status;
    std::string types;
    for (const std::string& type : name_types.second)
      absl::StrAppend(&types, types.empty() ? "" : ",", names_.Find(type));
    status = write_
                 .Prepare(
                     "INSERT INTO reach(name,types,count) VALUES(?1,?2,?3) "
                     "ON CONFLICT(name,types) DO UPDATE SET count=count+excluded.count")
                 .Bind(1, names_.Find(name_types.first))
                 .BindText(2, types)
                 .Bind(3, count)
                 .Run();
  }
  if (status.ok())
    status = write_.Prepare("DELETE FROM landed WHERE id<=?1").Bind(1, landed.last_id).Run();
  if (status.ok()) status = transaction.Commit();
  return status;
}

// One round: landed batches become one run of chunks. False if nothing was landed.
absl::StatusOr<bool> StoreImpl::RunRound() {
  if (!recovered_) {
    const std::lock_guard lock(write_mutex_);
    if (absl::Status status = Recover(); !status.ok()) return status;
  }
  const absl::StatusOr<Landed> landed = ReadLanded();
  if (!landed.ok()) return landed.status();
  if (landed->last_id == 0) return false;

  // Until it is done, the run is invisible. If it fails, then before the next round what it left is
  // removed and what memory knows is read anew: numbers of units and names that were not committed
  // must not be used.
  recovered_ = false;
  absl::StatusOr<Run> run =
      WriteRun(landed->records, CutByUnit(landed->records, options_.shards, ErasedFilter()));
  if (!run.ok()) return run.status();
  if (absl::Status status = FinishRun(run->id, *landed); !status.ok()) return status;
  recovered_ = true;
  for (const auto& [group, chunk] : run->chunks) directory_[group].push_back(chunk);
  backlog_records_ -= landed->count;
  backlog_bytes_ -= landed->bytes;
  TrimShards();
  return true;
}

}  // namespace upswing::store
