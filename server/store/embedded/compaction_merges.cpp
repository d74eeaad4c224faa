#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/store/embedded/in_order.hpp"
#include "server/store/embedded/store_impl.hpp"

namespace upswing::store {
namespace {

// The most that is merged at a time, about 100 bytes of memory per row. Runs of more than half of
// it are left alone, but for `store compact`.
constexpr std::int64_t kMergeRows = 2'000'000;

std::int64_t RowsOf(const std::vector<ChunkRef>& chunks) {
  std::int64_t rows = 0;
  for (const ChunkRef& chunk : chunks) rows += chunk.rows;
  return rows;
}

}  // namespace

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

// Makes chunks of the given ones' records, in order of units. From any thread.
absl::StatusOr<StoreImpl::Replacement> StoreImpl::MergeChunks(Database* database,
                                                              Replacement merge) {
  const GroupKey& group = merge.group;
  Records records;
  std::vector<std::uint32_t> units;
  Statement select = database->Prepare("SELECT data FROM chunk_data WHERE id=?1");
  for (const ChunkRef& chunk : merge.old) {
    const absl::StatusOr<std::string> bytes = ReadChunkData(&select, chunk.id);
    if (!bytes.ok()) return bytes.status();
    const absl::Status status =
        AppendChunk(*bytes, group.lane, names_.Text(group.name), &records, &units);
    if (!status.ok())
      return absl::DataLossError(absl::StrCat(ChunkLabel(chunk.id), ": ", status.message()));
  }
  std::vector<ChunkRow> rows(units.size());
  for (std::uint32_t i = 0; i < rows.size(); ++i) rows[i] = {units[i], i};
  EmitChunks(records, group.lane, records.strings.Intern(names_.Text(group.type)),
             names_.Text(group.name), std::move(rows),
             static_cast<std::size_t>(options_.chunk_rows), [&](BuiltChunk chunk) {
               merge.fresh.push_back({group, chunk.ref, std::move(chunk.bytes)});
             });
  return merge;
}

// Runs of a group fall into classes by size, each `merge_runs` times the one below. A class that is
// full is merged, so that a record is rewritten about log(records per group) times.
std::vector<StoreImpl::Replacement> StoreImpl::DueMerges(Merging what) const {
  const bool all = what == Merging::kAll;
  const std::int64_t full = options_.merge_runs;
  const std::int64_t crowd = 3 * full;
  std::vector<Replacement> due;
  for (const auto& [group, chunks] : directory_) {
    std::map<std::uint64_t, std::vector<ChunkRef>> runs;
    for (const ChunkRef& chunk : chunks)
      if (damaged_.count(chunk.id) == 0) runs[chunk.run].push_back(chunk);
    std::vector<std::pair<std::int64_t, std::uint64_t>> by_rows;  // (rows, run)
    for (const auto& [run, of_run] : runs)
      if (const std::int64_t rows = RowsOf(of_run); all || rows <= kMergeRows / 2)
        by_rows.emplace_back(rows, run);
    const auto number = static_cast<std::int64_t>(by_rows.size());
    if (number < (all ? 2 : what == Merging::kDue ? full : crowd)) continue;
    std::sort(by_rows.begin(), by_rows.end());
    // The smallest runs that are of one class; with `all`, as many as fit into memory.
    std::vector<ChunkRef> chosen;
    std::int64_t total = 0;
    std::int64_t count = 0;
    for (const auto& [rows, run] : by_rows) {
      if (total + rows > kMergeRows) break;
      if (!all && count >= full && rows * count > 2 * total) break;
      total += rows;
      ++count;
      chosen.insert(chosen.end(), runs[run].begin(), runs[run].end());
    }
    const bool one_class = all || number >= crowd ||
                           (count >= full && by_rows[static_cast<std::size_t>(full - 1)].first <=
                                                 by_rows.front().first * 2 * options_.merge_runs);
    if (count >= 2 && one_class) due.push_back({group, std::move(chosen), {}});
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
  const std::vector<Replacement> due = DueMerges(what);
  if (due.empty()) return DeleteRetired(false);
  std::vector<std::int64_t> costs;
  for (const Replacement& merge : due) costs.push_back(RowsOf(merge.old));
  std::vector<Database> databases;
  for (int i = 0; i < Encoders(); ++i) {
    absl::StatusOr<Database> database = Database::Open(file_, false, options_.vfs);
    if (!database.ok()) return database.status();
    databases.push_back(*std::move(database));
  }
  InOrder<absl::StatusOr<Replacement>> results(
      std::move(costs), kMergeRows, Encoders(), [&](int thread, std::size_t task) {
        return MergeChunks(&databases[static_cast<std::size_t>(thread)], due[task]);
      });
  for (const Replacement& merge : due) {
    absl::StatusOr<Replacement> merged = results.Take();
    if (absl::IsDataLoss(merged.status())) {
      // Named and left where it is; the rest stays readable.
      for (const ChunkRef& chunk : merge.old) CheckChunk(chunk.id).IgnoreError();
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

}  // namespace upswing::store
