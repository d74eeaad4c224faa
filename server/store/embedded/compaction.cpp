#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "server/store/embedded/store_impl.hpp"

namespace upswing::store {
namespace {

// Records that start a round.
constexpr std::int64_t kRoundStart = 500'000;
// A small backlog is compacted when it gets this old.
constexpr std::chrono::seconds kRoundAge{10};
// Of the thread that compacts (Linux: who = 0 is the calling thread): requests go before.
constexpr int kBackgroundNice = 10;
constexpr int kWalPages = 24 << 20 >> 13;  // 24 MiB of 8-KiB pages
constexpr unsigned kMostEncoders = 4;

}  // namespace

int StoreImpl::Encoders() {
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, kMostEncoders));
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
