#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "server/store/embedded/store_impl.hpp"

namespace upswing::store {
namespace {

// Records that start a round, and the most that one takes (what bounds its memory: about 100 bytes
// each, times the units per subject).
constexpr std::int64_t kRoundStart = 500'000;
constexpr std::int64_t kRoundRecords = 1'500'000;
// A small backlog is compacted when it gets this old.
constexpr std::chrono::seconds kRoundAge{10};
// Bytes of chunks per transaction: it must not hold up landing for long.
constexpr std::int64_t kTransactionBytes = 4 << 20;
// The most that is merged at once, about 100 bytes of memory per row. Runs of more than half of it
// are left alone, but for `store compact`.
constexpr std::uint64_t kMergeRows = 2'000'000;
// Of the thread that compacts (Linux: who = 0 is the calling thread): requests go before.
constexpr int kBackgroundNice = 10;
constexpr int kWalPages = 24 << 20 >> 13;  // 24 MiB of 8-KiB pages

}  // namespace

ErasedWhen StoreImpl::ErasedFilter() const {
  if (tombstones_.empty()) return nullptr;
  return
      [this](std::string_view type, std::uint64_t key) { return tombstones_.FindDone(type, key); };
}

// Removes what a crash left unfinished and learns what is there.
absl::Status StoreImpl::Recover() {
  recovered_ = false;
  dictionaries_.clear();
  absl::StatusOr<Database> read = Database::Open(file_, false, options_.vfs);
  if (!read.ok()) return read.status();
  read_ = *std::move(read);
  {
    Transaction transaction(&write_, "BEGIN IMMEDIATE");
    absl::Status status = transaction.status();
    for (const char* sql : {"DELETE FROM chunk_data WHERE id IN (SELECT chunk.id FROM chunk JOIN "
                            "run ON run.id=chunk.run "
                            "WHERE run.done=0)",
                            "DELETE FROM chunk WHERE run IN (SELECT id FROM run WHERE done=0)",
                            "DELETE FROM chunk_data WHERE id NOT IN (SELECT id FROM chunk)",
                            "DELETE FROM units WHERE run IN (SELECT id FROM run WHERE done=0)",
                            "DELETE FROM run WHERE done=0"})
      if (status.ok()) status = write_.Execute(sql);
    if (status.ok()) status = transaction.Commit();
    if (!status.ok()) return status;
  }
  retired_.clear();
  retired_bytes_ = 0;
  if (absl::Status status = names_.Load(&write_); !status.ok()) return status;
  absl::StatusOr<Directory> directory = LoadDirectory(&write_);
  if (!directory.ok()) return directory.status();
  directory_ = *std::move(directory);
  const absl::StatusOr<std::int64_t> records =
      write_.QueryInt("SELECT coalesce(sum(records),0) FROM landed");
  const absl::StatusOr<std::int64_t> bytes =
      write_.QueryInt("SELECT coalesce(sum(length(data)),0) FROM landed");
  if (!records.ok()) return records.status();
  if (!bytes.ok()) return bytes.status();
  backlog_records_ = *records;
  backlog_bytes_ = *bytes;
  recovered_ = true;
  return absl::OkStatus();
}

bool StoreImpl::WantsRound() const {
  return backlog_records_ >= kRoundStart || backlog_bytes_ >= options_.round_bytes;
}

bool StoreImpl::WantsFold() const {
  return rows_->bytes() >= options_.client_bytes || rows_->arrival_bytes() >= options_.client_bytes;
}

absl::StatusOr<std::int64_t> StoreImpl::NewRun(bool done) {
  absl::Status status =
      write_.Prepare("INSERT INTO run(done) VALUES(?1)").Bind(1, done ? 1 : 0).Run();
  if (!status.ok()) return status;
  return write_.LastRowId();
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

absl::Status StoreImpl::WriteChunk(std::int64_t run, const Pending& chunk, ChunkRef* written) {
  const ChunkRef& ref = chunk.ref;
  absl::Status status = insert_chunk_.Bind(1, run)
                            .Bind(2, chunk.group.type)
                            .Bind(3, chunk.group.shard)
                            .Bind(4, static_cast<int>(chunk.group.lane))
                            .Bind(5, chunk.group.name)
                            .Bind(6, ref.rows)
                            .Bind(7, ref.min_unit)
                            .Bind(8, ref.max_unit)
                            .Bind(9, ref.min_time_ms)
                            .Bind(10, ref.max_time_ms)
                            .Bind(11, static_cast<std::int64_t>(chunk.bytes.size()))
                            .Run();
  if (!status.ok()) return status;
  const std::int64_t id = write_.LastRowId();
  *written = ref;
  written->id = static_cast<std::uint64_t>(id);
  written->run = static_cast<std::uint64_t>(run);
  return insert_chunk_data_.Bind(1, id).BindBlob(2, chunk.bytes).Run();
}

// One round: landed batches become one run of chunks. False if nothing was landed.
absl::StatusOr<bool> StoreImpl::RunRound() {
  if (!recovered_) {
    const std::lock_guard lock(write_mutex_);
    if (absl::Status status = Recover(); !status.ok()) return status;
  }
  Records records;
  std::int64_t last_id = 0;
  std::int64_t bytes = 0;
  std::int64_t taken_records = 0;
  std::vector<std::pair<std::int64_t, std::string>> damaged;
  {
    Statement select = read_.Prepare("SELECT id, checksum, data, records FROM landed ORDER BY id");
    while (taken_records < kRoundRecords) {
      const absl::StatusOr<bool> row = select.Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      last_id = select.Int(0);
      const std::string_view data = select.Blob(2);
      bytes += static_cast<std::int64_t>(data.size());
      taken_records += select.Int(3);
      const absl::Status status = BlobChecksum(data) == select.Int(1)
                                      ? DecodeRecords(data, &records)
                                      : absl::DataLossError("checksum");
      if (!status.ok()) damaged.emplace_back(last_id, std::string(status.message()));
    }
  }
  if (last_id == 0) return false;

  const std::vector<ShardRows> shards = CutByUnit(records, options_.shards, ErasedFilter());
  const auto reach = CountReach(records);
  std::int64_t run = 0;
  std::vector<std::pair<GroupKey, ChunkRef>> written;
  std::vector<Pending> pending;
  std::int64_t pending_bytes = 0;

  const auto flush = [&](const ShardKey* key, Shard* shard) -> absl::Status {
    const std::lock_guard lock(write_mutex_);
    const Unsynced unsynced(&write_);
    if (!unsynced.status().ok()) return unsynced.status();
    Transaction transaction(&write_, "BEGIN IMMEDIATE");
    absl::Status status = transaction.status();
    if (!status.ok()) return status;
    if (run == 0) {
      const absl::StatusOr<std::int64_t> id = NewRun(false);
      if (!id.ok()) return id.status();
      run = *id;
    }
    if (shard != nullptr) status = WriteUnits(run, *key, shard);
    for (const Pending& chunk : pending) {
      if (!status.ok()) return status;
      written.emplace_back(chunk.group, ChunkRef{});
      status = WriteChunk(run, chunk, &written.back().second);
    }
    if (status.ok()) status = transaction.Commit();
    pending.clear();
    pending_bytes = 0;
    return status;
  };

  const auto build = [&]() -> absl::Status {
    std::map<std::string_view, std::int64_t> ids;
    {
      const std::lock_guard lock(write_mutex_);
      Transaction transaction(&write_, "BEGIN IMMEDIATE");
      absl::Status status = transaction.status();
      if (!status.ok()) return status;
      const auto name = [&](std::uint32_t text) -> absl::Status {
        const auto [entry, added] = ids.try_emplace(records.strings[text], 0);
        if (!added) return absl::OkStatus();
        const absl::StatusOr<std::int64_t> id = names_.FindOrAdd(&write_, entry->first);
        if (id.ok()) entry->second = *id;
        return id.status();
      };
      std::vector<bool> seen(records.strings.size());
      for (const auto* column :
           {&records.subjects.unit_type, &records.exposures.experiment, &records.events.name})
        for (const std::uint32_t text : *column) {
          if (seen[text]) continue;
          seen[text] = true;
          if (status = name(text); !status.ok()) return status;
        }
      if (status = transaction.Commit(); !status.ok()) return status;
    }
    for (const ShardRows& rows : shards) {
      const ShardKey key{ids[records.strings[rows.unit_type]], rows.shard};
      const absl::StatusOr<Shard*> shard = LoadShard(key);
      if (!shard.ok()) return shard.status();
      absl::Status status = BuildChunks(
          records, rows, static_cast<std::size_t>(options_.chunk_rows),
          [&](std::uint64_t unit) { return (*shard)->units.FindOrAdd(unit); },
          [&](BuiltChunk chunk) {
            pending_bytes += static_cast<std::int64_t>(chunk.bytes.size());
            pending.push_back({{key.first, key.second, chunk.lane, ids[chunk.name]},
                               chunk.ref,
                               std::move(chunk.bytes)});
            return absl::OkStatus();
          });
      // A shard's new units are written with its chunks.
      if (status.ok() &&
          ((*shard)->units.size() > (*shard)->stored || pending_bytes >= kTransactionBytes))
        status = flush(&key, *shard);
      if (!status.ok()) return status;
    }
    if (absl::Status status = flush(nullptr, nullptr); !status.ok()) return status;

    const std::lock_guard lock(write_mutex_);
    Transaction transaction(&write_, "BEGIN IMMEDIATE");
    absl::Status status = transaction.status();
    if (status.ok())
      status = write_.Prepare("UPDATE run SET done=1 WHERE id=?1").Bind(1, run).Run();
    for (const auto& [id, reason] : damaged) {
      if (!status.ok()) break;
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
      if (!status.ok()) break;
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
      status = write_.Prepare("DELETE FROM landed WHERE id<=?1").Bind(1, last_id).Run();
    if (status.ok()) status = transaction.Commit();
    return status;
  };

  if (absl::Status status = build(); !status.ok()) {
    // The run stays invisible; before the next one, what it left is removed and what memory knows
    // is read anew: numbers of units and names that were not committed must not be used.
    recovered_ = false;
    return status;
  }
  for (auto& [group, chunk] : written) directory_[group].push_back(chunk);
  backlog_records_ -= taken_records;
  backlog_bytes_ -= bytes;
  TrimShards();
  return true;
}

// In one transaction, with what `beside` writes: inserts what is fresh as one run and deletes what
// is old; or takes what is old out of the directory and leaves its bytes to the snapshots that were
// taken before.
absl::Status StoreImpl::ReplaceChunks(const std::vector<Replacement>& replacements,
                                      OldBytes old_bytes, Durability durability,
                                      const std::function<absl::Status()>& beside) {
  std::vector<std::vector<ChunkRef>> written(replacements.size());
  {
    const std::lock_guard lock(write_mutex_);
    std::optional<Unsynced> unsynced;
    if (durability == Durability::kLater) {
      unsynced.emplace(&write_);
      if (!unsynced->status().ok()) return unsynced->status();
    }
    Transaction transaction(&write_, "BEGIN IMMEDIATE");
    absl::Status status = transaction.status();
    if (!status.ok()) return status;
    const absl::StatusOr<std::int64_t> run = NewRun(true);
    if (!run.ok()) return run.status();
    for (std::size_t i = 0; i < replacements.size(); ++i) {
      for (const Pending& chunk : replacements[i].fresh)
        if (status = WriteChunk(*run, chunk, &written[i].emplace_back()); !status.ok())
          return status;
      for (const ChunkRef& chunk : replacements[i].old) {
        const auto id = static_cast<std::int64_t>(chunk.id);
        if (status.ok()) status = delete_chunk_.Bind(1, id).Run();
        if (status.ok() && old_bytes == OldBytes::kDelete)
          status = delete_chunk_data_.Bind(1, id).Run();
      }
    }
    if (status.ok() && beside) status = beside();
    if (status.ok()) status = transaction.Commit();
    if (!status.ok()) return status;
  }
  for (std::size_t i = 0; i < replacements.size(); ++i) {
    const Replacement& of = replacements[i];
    if (old_bytes == OldBytes::kRetire) {
      for (const ChunkRef& chunk : of.old) {
        retired_.push_back({chunk.id, chunk.bytes, snapshots_->next()});
        retired_bytes_ += chunk.bytes;
      }
    }
    std::vector<ChunkRef>& chunks = directory_[of.group];
    std::erase_if(chunks, [&](const ChunkRef& chunk) {
      return std::any_of(of.old.begin(), of.old.end(),
                         [&](const ChunkRef& o) { return o.id == chunk.id; });
    });
    chunks.insert(chunks.end(), written[i].begin(), written[i].end());
    if (chunks.empty()) directory_.erase(of.group);
  }
  return absl::OkStatus();
}

// Deletes what no snapshot can ask for any more, and the oldest beyond the bound; or all of it.
absl::Status StoreImpl::DeleteRetired(bool all) {
  const std::uint64_t oldest = snapshots_->oldest();
  const auto due = [&](const Retired& next, std::int64_t bytes) {
    return all || next.before <= oldest || bytes > options_.retired_bytes;
  };
  while (!retired_.empty() && due(retired_.front(), retired_bytes_)) {
    // In steps, so that landing does not wait for long.
    const std::lock_guard lock(write_mutex_);
    Transaction transaction(&write_, "BEGIN IMMEDIATE");
    absl::Status status = transaction.status();
    std::size_t count = 0;
    std::int64_t bytes = 0;
    while (status.ok() && count < retired_.size() && bytes < 4 * kTransactionBytes &&
           due(retired_[count], retired_bytes_ - bytes)) {
      status = delete_chunk_data_.Bind(1, static_cast<std::int64_t>(retired_[count].chunk)).Run();
      bytes += retired_[count++].bytes;
    }
    if (status.ok()) status = transaction.Commit();
    if (!status.ok()) return status;
    retired_.erase(retired_.begin(), retired_.begin() + static_cast<std::ptrdiff_t>(count));
    retired_bytes_ -= bytes;
  }
  return absl::OkStatus();
}

// Makes chunks of the given ones' records, in order of units.
absl::StatusOr<StoreImpl::Replacement> StoreImpl::MergeChunks(const GroupKey& group,
                                                              std::vector<ChunkRef> chunks) {
  Records records;
  std::vector<std::uint32_t> units;
  Statement select = read_.Prepare("SELECT data FROM chunk_data WHERE id=?1");
  for (const ChunkRef& chunk : chunks) {
    const absl::StatusOr<std::string> bytes = ReadChunkData(&select, chunk.id);
    if (!bytes.ok()) return bytes.status();
    const absl::Status status =
        AppendChunk(*bytes, group.lane, names_.Text(group.name), &records, &units);
    if (!status.ok())
      return absl::DataLossError(absl::StrCat(ChunkLabel(chunk.id), ": ", status.message()));
  }
  std::vector<ChunkRow> rows(units.size());
  for (std::uint32_t i = 0; i < rows.size(); ++i) rows[i] = {units[i], i};
  Replacement merged{group, std::move(chunks), {}};
  absl::Status status = EmitChunks(
      records, group.lane, records.strings.Intern(names_.Text(group.type)), names_.Text(group.name),
      std::move(rows), static_cast<std::size_t>(options_.chunk_rows), [&](BuiltChunk chunk) {
        merged.fresh.push_back({group, chunk.ref, std::move(chunk.bytes)});
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return merged;
}

// Runs of a group fall into classes by size, each `merge_runs` times the one below. A class that is
// full is merged, so that a record is rewritten about log(records per group) times.
std::vector<std::pair<GroupKey, std::vector<ChunkRef>>> StoreImpl::DueMerges(Merging what) const {
  const bool all = what == Merging::kAll;
  const auto full = static_cast<std::size_t>(options_.merge_runs);
  const std::size_t crowd = 3 * full;
  std::vector<std::pair<GroupKey, std::vector<ChunkRef>>> due;
  for (const auto& [group, chunks] : directory_) {
    std::map<std::uint64_t, std::vector<ChunkRef>> runs;
    for (const ChunkRef& chunk : chunks)
      if (damaged_.count(chunk.id) == 0) runs[chunk.run].push_back(chunk);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> by_rows;  // (rows, run)
    for (const auto& [run, of_run] : runs) {
      std::uint64_t rows = 0;
      for (const ChunkRef& chunk : of_run) rows += chunk.rows;
      if (all || rows <= kMergeRows / 2) by_rows.emplace_back(rows, run);
    }
    if (by_rows.size() < (all ? 2 : what == Merging::kDue ? full : crowd)) continue;
    std::sort(by_rows.begin(), by_rows.end());
    // The smallest runs that are of one class; with `all`, as many as fit into memory.
    std::vector<ChunkRef> chosen;
    std::uint64_t total = 0;
    std::size_t count = 0;
    for (const auto& [rows, run] : by_rows) {
      if (total + rows > kMergeRows) break;
      if (!all && count >= full && rows * count > 2 * total) break;
      total += rows;
      ++count;
      chosen.insert(chosen.end(), runs[run].begin(), runs[run].end());
    }
    const bool one_class =
        all || by_rows.size() >= crowd ||
        (count >= full &&
         by_rows[full - 1].first <=
             by_rows.front().first * static_cast<std::uint64_t>(2 * options_.merge_runs));
    if (count >= 2 && one_class) due.emplace_back(group, std::move(chosen));
  }
  return due;
}

absl::Status StoreImpl::Merge(Merging what) {
  std::vector<Replacement> pending;
  std::int64_t pending_bytes = 0;
  // Many groups in one transaction: the rows of a run's chunks share pages, and each page that a
  // transaction changes is written to the log.
  const auto flush = [&]() -> absl::Status {
    if (pending.empty()) return absl::OkStatus();
    const bool read = snapshots_->oldest() < snapshots_->next();
    // A power cut takes it back as a whole: the same records lie in the old chunks then.
    absl::Status status =
        ReplaceChunks(pending, read ? OldBytes::kRetire : OldBytes::kDelete, Durability::kLater);
    pending.clear();
    pending_bytes = 0;
    if (status.ok()) status = DeleteRetired(false);
    if (status.ok()) status = Checkpoint(false);
    return status;
  };
  for (auto& [group, chunks] : DueMerges(what)) {
    absl::StatusOr<Replacement> merged = MergeChunks(group, chunks);
    if (absl::IsDataLoss(merged.status())) {
      // Named and left where it is; the rest stays readable.
      for (const ChunkRef& chunk : chunks) CheckChunk(chunk.id).IgnoreError();
      continue;
    }
    if (!merged.ok()) return merged.status();
    for (const Pending& chunk : merged->fresh)
      pending_bytes += static_cast<std::int64_t>(chunk.bytes.size());
    pending.push_back(*std::move(merged));
    if (pending_bytes < kTransactionBytes) continue;
    if (absl::Status status = flush(); !status.ok()) return status;
  }
  if (absl::Status status = flush(); !status.ok()) return status;
  return DeleteRetired(false);
}

// Reads a chunk; a damaged one is left out of merging from now on.
absl::Status StoreImpl::CheckChunk(std::uint64_t id) {
  Statement select = read_.Prepare("SELECT data FROM chunk_data WHERE id=?1");
  const absl::StatusOr<std::string> bytes = ReadChunkData(&select, id);
  absl::Status status = bytes.status();
  if (status.ok()) {
    const absl::StatusOr<ChunkReader> reader = ChunkReader::Open(*bytes);
    status = reader.ok() ? reader->Verify() : reader.status();
  }
  if (!status.ok()) damaged_.insert(id);
  return status;
}

// Leaves nothing landed that was there when it began.
absl::Status StoreImpl::CompactLanded() {
  for (;;) {
    const absl::StatusOr<bool> ran = RunRound();
    if (!ran.ok()) return ran.status();
    if (!*ran) return absl::OkStatus();
  }
}

absl::Status StoreImpl::Compact(bool all) {
  const std::lock_guard lock(maintenance_mutex_);
  for (;;) {
    const absl::StatusOr<bool> ran = RunRound();
    if (!ran.ok()) return ran.status();
    if (!*ran) break;
    if (absl::Status status = Merge(Merging::kCrowded); !status.ok()) return status;
  }
  if (absl::Status status = Merge(all ? Merging::kAll : Merging::kDue); !status.ok()) return status;
  if (absl::Status status = Fold(); !status.ok()) return status;
  return Checkpoint(all);
}

absl::Status StoreImpl::Fold() {
  return rows_->Fold(&write_mutex_, [this] { return Checkpoint(false); });
}

// Moves the write-ahead log into the database when it is large. Most of it beside running commits;
// the log can begin anew only when nobody writes, so the last step holds the writer for as long as
// the rest takes.
absl::Status StoreImpl::Checkpoint(bool truncate) {
  if (!truncate && wal_pages_ < kWalPages) return absl::OkStatus();
  int code = sqlite3_wal_checkpoint_v2(read_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                                       nullptr);
  if (code != SQLITE_OK && code != SQLITE_BUSY)
    return DatabaseError(read_.handle(), code, "checkpoint");
  const std::lock_guard lock(write_mutex_);
  if (truncate) {
    absl::Status status = write_.TruncateLog();
    if (status.ok()) wal_pages_ = 0;
    return status;
  }
  sqlite3_busy_timeout(write_.handle(), 100);
  code = sqlite3_wal_checkpoint_v2(write_.handle(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr,
                                   nullptr);
  sqlite3_busy_timeout(write_.handle(), kBusyMillis);
  if (code == SQLITE_OK) wal_pages_ = 0;
  // A reader in the way: the next call will do it.
  if (code == SQLITE_OK || code == SQLITE_BUSY) return absl::OkStatus();
  return DatabaseError(write_.handle(), code, "checkpoint");
}

void StoreImpl::StartBackground() {
  background_ = std::thread([this] { Background(); });
}

void StoreImpl::StopBackground() {
  if (!background_.joinable()) return;
  {
    const std::lock_guard lock(wake_mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  background_.join();
}

void StoreImpl::Background() {
  setpriority(PRIO_PROCESS, 0, kBackgroundNice);
  // What an earlier process left is old already.
  auto last_round = std::chrono::steady_clock::now() - kRoundAge;
  for (;;) {
    {
      std::unique_lock lock(wake_mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(500), [&] { return stop_ || WantsRound(); });
      if (stop_) return;
    }
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(maintenance_mutex_);
    absl::Status status;
    if (WantsRound() || (backlog_records_ > 0 && now - last_round >= kRoundAge)) {
      status = RunRound().status();
      // Rounds go first: what waits is what landing is held back by. Merging more runs at once
      // costs less, too.
      if (status.ok()) status = Merge(WantsRound() ? Merging::kCrowded : Merging::kDue);
      last_round = now;
    }
    if (status.ok() && WantsFold()) status = Fold();
    if (status.ok()) status = Checkpoint(false);
    if (!status.ok()) {
      // A full disk, say: landing goes on, reports read the backlog, and we try again.
      std::unique_lock wait(wake_mutex_);
      wake_.wait_for(wait, std::chrono::seconds(2), [&] { return stop_; });
    }
  }
}

}  // namespace upswing::store
