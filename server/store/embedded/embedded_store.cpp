#include "server/store/embedded/embedded_store.hpp"

#include <filesystem>
#include <utility>

#include <sqlite3.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sdk/base/text.hpp"
#include "server/store/bytes.hpp"
#include "server/store/embedded/directory.hpp"
#include "server/store/embedded/meta.hpp"
#include "server/store/embedded/rotation.hpp"
#include "server/store/embedded/schema.hpp"
#include "server/store/embedded/snapshot.hpp"
#include "server/store/embedded/store_impl.hpp"

namespace upswing::store {
namespace {

constexpr int kPageBytes = 8192;

absl::Status CheckOptions(const EmbeddedOptions& options) {
  if (options.directory.empty()) return absl::InvalidArgumentError("directory: must not be empty");
  if (options.shards < 1 || options.shards > 4096 || (options.shards & (options.shards - 1)) != 0)
    return absl::InvalidArgumentError("shards: must be a power of two in [1, 4096]");
  if (options.round_bytes < (64 << 10) || options.round_bytes > (1 << 30))
    return absl::InvalidArgumentError("round_bytes: must be in [64 KiB, 1 GiB]");
  if (options.chunk_rows < 1) return absl::InvalidArgumentError("chunk_rows: must be at least 1");
  if (options.snapshot_records < 1)
    return absl::InvalidArgumentError("snapshot_records: must be at least 1");
  if (options.retired_bytes < 0)
    return absl::InvalidArgumentError("retired_bytes: must not be below 0");
  if (options.client_bytes < 0)
    return absl::InvalidArgumentError("client_bytes: must not be below 0");
  if (options.merge_runs < 2 || options.merge_runs > 64)
    return absl::InvalidArgumentError("merge_runs: must be in [2, 64]");
  return absl::OkStatus();
}

ClientRows::Key BootRow(std::uint64_t epoch_hi, std::uint64_t epoch_lo, std::uint64_t boot_id) {
  return {ClientRows::Table::kBoot, epoch_hi, epoch_lo, static_cast<std::int64_t>(boot_id)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmbeddedStore>> EmbeddedStore::Open(const EmbeddedOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  auto store = std::make_unique<StoreImpl>(options);
  if (absl::Status status = store->OpenAll(); !status.ok()) return status;
  return store;
}

StoreImpl::StoreImpl(const EmbeddedOptions& options)
    : options_(options),
      file_(options.directory + "/upswing.db"),
      journal_(options.directory + "/erasures") {}

StoreImpl::~StoreImpl() {
  StopBackground();
  // The last connection to close checkpoints the log.
}

absl::Status StoreImpl::OpenAll() {
  if (!options_.read_only) {
    std::error_code error;
    std::filesystem::create_directories(options_.directory, error);
    if (error)
      return absl::UnavailableError(absl::StrCat(options_.directory, ": ", error.message()));
    absl::Status status = lock_.Acquire(options_.directory + "/lock");
    if (status.ok()) status = FinishRotation(options_.directory);
    if (!status.ok()) return status;
  } else if (!std::filesystem::exists(file_)) {
    return absl::NotFoundError(absl::StrCat(options_.directory, ": no store here (no upswing.db)"));
  }
  absl::StatusOr<Database> database = Database::Open(file_, !options_.read_only, options_.vfs);
  if (!database.ok()) return database.status();
  write_ = *std::move(database);
  absl::Status status = options_.read_only ? CheckVersion() : Prepare();
  if (status.ok()) status = LoadState();
  if (!status.ok()) return status;
  rows_ = std::make_unique<ClientRows>(&write_);
  if (!options_.read_only) {
    if (status = Recover(); !status.ok()) return status;
    if (status = rows_->Replay(); !status.ok()) return status;
    PrepareStatements();
    if (status = CountKnownOnce(); !status.ok()) return status;
    sqlite3_wal_hook(
        write_.handle(),
        [](void* wal_pages, sqlite3*, const char*, int pages) {
          *static_cast<std::atomic<int>*>(wal_pages) = pages;
          return SQLITE_OK;
        },
        &wal_pages_);
    if (status = TakeOverErasures(); !status.ok()) return status;
    if (status = FinishErasures(); !status.ok()) return status;
    if (options_.background) StartBackground();
  }
  return absl::OkStatus();
}

absl::Status StoreImpl::MayWrite() const {
  return options_.read_only ? absl::FailedPreconditionError("the store is open for reading only")
                            : absl::OkStatus();
}

absl::Status StoreImpl::CheckVersion() {
  // Without its checksum: who knows what a newer format has there.
  const absl::StatusOr<std::int64_t> version =
      write_.QueryInt("SELECT value FROM meta WHERE key='format_version'");
  if (!version.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(file_, ": not a store (", version.status().message(), ")"));
  }
  if (*version < 1 || *version > kFormatVersion)
    return absl::FailedPreconditionError(absl::StrCat(file_, ": format version ", *version,
                                                      ", this program reads ", kFormatVersion,
                                                      ": use a newer program"));
  return absl::OkStatus();
}

// Pragmas, and the tables of a new store. Changes nothing of a store that is refused.
absl::Status StoreImpl::Prepare() {
  const absl::StatusOr<bool> exists = write_.HasTable("meta");
  if (!exists.ok()) return exists.status();
  absl::Status status = *exists ? CheckVersion() : absl::OkStatus();
  if (status.ok()) status = write_.Execute(absl::StrCat("PRAGMA page_size=", kPageBytes).c_str());
  for (const char* pragma :
       {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=0",
        "PRAGMA cache_size=-32768", "PRAGMA secure_delete=FAST", "PRAGMA foreign_keys=OFF",
        "PRAGMA temp_store=MEMORY"})
    if (status.ok()) status = write_.Execute(pragma);
  if (!status.ok()) return status;
  if (*exists) return AddWhatCameLater();

  const std::string key_file = options_.directory + "/unit.key";
  const absl::StatusOr<KeyChain> chain = ReadOrMakeKeyChain(key_file);
  if (!chain.ok()) return chain.status();
  Transaction transaction(&write_, "BEGIN IMMEDIATE");
  status = transaction.status();
  if (status.ok()) status = write_.Execute(kSchema);
  if (status.ok()) status = write_.Execute(kLaterTables);
  if (status.ok()) status = SetMeta(&write_, "format_version", absl::StrCat(kFormatVersion));
  if (status.ok()) status = SetMeta(&write_, "shards", absl::StrCat(options_.shards));
  if (status.ok()) status = SetMeta(&write_, "project", options_.project);
  if (status.ok())
    status =
        SetMeta(&write_, "key_fingerprint", UnitHasher(*chain, options_.project).Fingerprint());
  if (status.ok()) status = transaction.Commit();
  return status;
}

absl::Status StoreImpl::AddWhatCameLater() {
  if (absl::Status status = write_.Execute(kLaterTables); !status.ok()) return status;
  for (const char* table : kLaterChecksums) {
    const absl::StatusOr<bool> has = write_.HasColumn(table, "checksum");
    if (!has.ok()) return has.status();
    if (*has) continue;
    absl::Status status = write_.Execute(
        absl::StrCat("ALTER TABLE ", table, " ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0")
            .c_str());
    if (!status.ok()) return status;
  }
  const absl::StatusOr<std::int64_t> version =
      write_.QueryInt("SELECT value FROM meta WHERE key='format_version'");
  if (!version.ok()) return version.status();
  return *version == 1 ? SetMeta(&write_, "format_version", absl::StrCat(kFormatVersion))
                       : absl::OkStatus();
}

absl::Status StoreImpl::LoadState() {
  // Before the database: an erasure enters that first.
  absl::StatusOr<std::vector<Erasure>> erasures = ReadErasures(journal_);
  if (!erasures.ok()) return erasures.status();
  const absl::StatusOr<std::string> shards = MetaValue(&write_, "shards");
  if (!shards.ok() || !absl::SimpleAtoi(*shards, &options_.shards))
    return absl::DataLossError(absl::StrCat(file_, ": meta has no number of shards"));
  const absl::StatusOr<std::string> project = MetaValue(&write_, "project");
  const absl::StatusOr<std::string> fingerprint = MetaValue(&write_, "key_fingerprint");
  if (!project.ok() || !fingerprint.ok())
    return absl::DataLossError(absl::StrCat(file_, ": meta has no key fingerprint"));
  if (!options_.project.empty() && options_.project != *project)
    return absl::FailedPreconditionError(absl::StrCat("project: the store in ", options_.directory,
                                                      " belongs to '", *project, "', not '",
                                                      options_.project, "'"));
  options_.project = *project;
  const std::string key_file = options_.directory + "/unit.key";
  const absl::StatusOr<KeyChain> chain = ReadKeyChain(key_file);
  // A reader needs no secret.
  if (!chain.ok() && !(options_.read_only && absl::IsNotFound(chain.status())))
    return absl::FailedPreconditionError(
        absl::StrCat("the key of the store is missing: ", chain.status().message()));
  hasher_ = std::make_unique<UnitHasher>(chain.value_or(KeyChain{{}}), options_.project);
  if (chain.ok() && hasher_->Fingerprint() != *fingerprint)
    return absl::FailedPreconditionError(
        absl::StrCat(key_file, ": not the key of this store (fingerprint ", hasher_->Fingerprint(),
                     ", expected ", *fingerprint, "); a copy from before `store rotate-key` needs ",
                     "the key file of then"));
  if (absl::Status status = tombstones_.Load(&write_); !status.ok()) return status;
  const std::size_t missing = tombstones_.Missing(*erasures).size();
  if (options_.read_only && missing > 0)
    return absl::FailedPreconditionError(
        absl::StrCat(options_.directory, ": ", missing,
                     " units in the file erasures are not erased from this database (an older one "
                     "was put in place?); `upswing store compact` erases them"));
  return absl::OkStatus();
}

// The database and the journal of erasures learn what only the other knows: the database after an
// older one was put in its place, the journal after a crash.
absl::Status StoreImpl::TakeOverErasures() {
  const absl::StatusOr<std::vector<Erasure>> journaled = ReadErasures(journal_);
  if (!journaled.ok()) return journaled.status();
  Transaction transaction(&write_, "BEGIN IMMEDIATE");
  absl::Status status = transaction.status();
  if (status.ok()) status = tombstones_.Add(&write_, tombstones_.Missing(*journaled));
  if (status.ok()) status = transaction.Commit();
  if (status.ok()) status = AppendErasures(journal_, tombstones_.Beyond(*journaled));
  return status;
}

void StoreImpl::PrepareStatements() {
  known_.emplace(rows_.get());
  counts_.emplace(&write_, rows_.get());
  insert_landed_ = write_.Prepare(
      "INSERT INTO landed(epoch,sequence,received_ms,records,checksum,data) "
      "VALUES(?1,?2,?3,?4,?5,?6)");
  insert_conflict_ = write_.Prepare(
      "INSERT INTO conflict(epoch,sequence,received_ms,checksum,data) VALUES(?1,?2,?3,?4,?5)");
  insert_chunk_ = write_.Prepare(
      "INSERT INTO chunk(run,type,shard,lane,name,rows,min_unit,max_unit,min_ms,max_ms,bytes) "
      "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)");
  insert_chunk_data_ = write_.Prepare("INSERT INTO chunk_data(id,data) VALUES(?1,?2)");
  delete_chunk_ = write_.Prepare("DELETE FROM chunk WHERE id=?1");
  delete_chunk_data_ = write_.Prepare("DELETE FROM chunk_data WHERE id=?1");
  add_to_meta_ = write_.Prepare(
      "INSERT INTO meta(key,value) VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET "
      "value=value+excluded.value");
}

// In a folder from before their number was kept.
absl::Status StoreImpl::CountKnownOnce() {
  const absl::StatusOr<std::int64_t> kept =
      write_.QueryInt("SELECT count(*) FROM meta WHERE key='known_batches'");
  if (!kept.ok() || *kept > 0) return kept.status();
  if (absl::Status status = Fold(); !status.ok()) return status;
  const absl::StatusOr<std::int64_t> known = CountKnown(&write_);
  if (!known.ok()) return known.status();
  return add_to_meta_.BindText(1, "known_batches").Bind(2, *known).Run();
}

absl::Status StoreImpl::LandOne(LandingBatch& batch, LandingOutcome* outcome) {
  const absl::StatusOr<LandingOutcome> admitted = known_->Admit(batch);
  if (!admitted.ok()) return admitted.status();
  *outcome = *admitted;
  if (*outcome == LandingOutcome::kDuplicate || *outcome == LandingOutcome::kSplit) {
    return absl::OkStatus();
  }
  const std::string epoch = EpochBlob(batch.key.epoch_hi, batch.key.epoch_lo);
  const auto sequence = static_cast<std::int64_t>(batch.key.sequence);
  if (*outcome == LandingOutcome::kConflict) {
    return insert_conflict_.BindBlob(1, epoch)
        .Bind(2, sequence)
        .Bind(3, batch.received_ms)
        .Bind(4, BlobChecksum(batch.blob))
        .BindBlob(5, batch.blob)
        .Run();
  }
  absl::Status status = insert_landed_.BindBlob(1, epoch)
                            .Bind(2, sequence)
                            .Bind(3, batch.received_ms)
                            .Bind(4, batch.records)
                            .Bind(5, BlobChecksum(batch.blob))
                            .BindBlob(6, batch.blob)
                            .Run();
  if (status.ok()) status = counts_->Add(batch);
  if (status.ok() && batch.boot_id != 0) status = LandBoot(batch);
  return status;
}

// The first batch of a boot says what its clock was.
absl::Status StoreImpl::LandBoot(const LandingBatch& batch) {
  const ClientRows::Key key = BootRow(batch.key.epoch_hi, batch.key.epoch_lo, batch.boot_id);
  const absl::StatusOr<std::string_view> known = rows_->Get(key);
  if (!known.ok() || !known->empty()) return known.status();
  const absl::StatusOr<std::string*> offset = rows_->Edit(key);
  if (!offset.ok()) return offset.status();
  PutFixed(batch.boot_offset, *offset);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LandingOutcome>> StoreImpl::Land(absl::Span<LandingBatch> batches) {
  if (absl::Status status = MayWrite(); !status.ok()) return status;
  std::vector<LandingOutcome> outcomes(batches.size());
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  {
    const std::lock_guard lock(write_mutex_);
    Transaction transaction(&write_, "BEGIN IMMEDIATE");
    absl::Status status = transaction.status();
    rows_->Begin();
    known_->Begin();
    counts_->Begin();
    for (std::size_t i = 0; i < batches.size() && status.ok(); ++i) {
      status = LandOne(batches[i], &outcomes[i]);
      if (outcomes[i] != LandingOutcome::kStored) continue;
      records += batches[i].records;
      bytes += static_cast<std::int64_t>(batches[i].blob.size());
    }
    if (status.ok()) status = rows_->Finish();
    if (status.ok()) status = counts_->Finish();
    for (const auto& [key, added] :
         {std::pair("records", records), std::pair("known_batches", known_->added())})
      if (status.ok() && added > 0) status = add_to_meta_.BindText(1, key).Bind(2, added).Run();
    if (status.ok()) status = transaction.Commit();
    if (!status.ok()) return status;
    rows_->Committed();
    // Under the lock: a recovery counts what has landed anew.
    backlog_records_ += records;
    backlog_bytes_ += bytes;
  }
  if (WantsRound()) wake_.notify_one();
  return outcomes;
}

absl::StatusOr<std::optional<std::int64_t>> StoreImpl::BootOffset(std::uint64_t epoch_hi,
                                                                  std::uint64_t epoch_lo,
                                                                  std::uint64_t boot_id) {
  if (absl::Status status = MayWrite(); !status.ok()) return status;
  const std::lock_guard lock(write_mutex_);
  rows_->Begin();
  const absl::StatusOr<std::string_view> offset = rows_->Get(BootRow(epoch_hi, epoch_lo, boot_id));
  if (!offset.ok()) return offset.status();
  if (offset->empty()) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(ByteReader(*offset).Fixed<std::int64_t>());
}

std::optional<std::int64_t> StoreImpl::ErasedAt(std::string_view unit_type,
                                                std::uint64_t key) const {
  return tombstones_.Find(unit_type, key);
}

absl::StatusOr<std::shared_ptr<const RecordSource>> StoreImpl::Snapshot(const SnapshotScope&) {
  SnapshotOptions snapshot;
  snapshot.file = file_;
  snapshot.vfs = options_.vfs;
  snapshot.shards = options_.shards;
  snapshot.chunk_rows = static_cast<std::size_t>(options_.chunk_rows);
  snapshot.slice_records = static_cast<std::size_t>(options_.snapshot_records);
  snapshot.erased = ErasedFilter();
  snapshot.released = [live = snapshots_, number = snapshots_->Add()] { live->Remove(number); };
  return TakeSnapshot(std::move(snapshot));
}

absl::Status StoreImpl::PutMeta(std::string_view key, std::string_view value) {
  const std::lock_guard lock(write_mutex_);
  return SetMeta(&write_, absl::StrCat("user/", base::ToAbsl(key)), value);
}

absl::StatusOr<std::optional<std::string>> StoreImpl::GetMeta(std::string_view key) {
  const std::lock_guard lock(write_mutex_);
  const std::string row = absl::StrCat("user/", base::ToAbsl(key));
  absl::StatusOr<std::string> value = MetaValue(&write_, row);
  if (absl::IsNotFound(value.status())) return std::optional<std::string>();
  if (absl::IsDataLoss(value.status()) && !options_.read_only)
    NoteDamage(&write_, MetaLabel(row)).IgnoreError();
  if (!value.ok()) return value.status();
  return std::optional<std::string>(*std::move(value));
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> StoreImpl::ListMeta(
    std::string_view prefix) {
  const std::lock_guard lock(write_mutex_);
  absl::StatusOr<std::vector<MetaRow>> rows =
      MetaRows(&write_, absl::StrCat("user/", base::ToAbsl(prefix)));
  if (!rows.ok()) return rows.status();
  std::vector<std::pair<std::string, std::string>> found;
  for (MetaRow& row : *rows) {
    if (!row.damaged) {
      found.emplace_back(row.key.substr(5), std::move(row.value));
    } else if (!options_.read_only) {
      NoteDamage(&write_, MetaLabel(row.key)).IgnoreError();
    }
  }
  return found;
}

absl::Status StoreImpl::Audit(const AuditEntry& entry) {
  const std::lock_guard lock(write_mutex_);
  return AddAudit(entry);
}

absl::Status StoreImpl::AddAudit(const AuditEntry& entry) {
  return write_.Prepare("INSERT INTO audit(time_ms,action,detail) VALUES(?1,?2,?3)")
      .Bind(1, entry.time_ms)
      .BindText(2, entry.action)
      .BindText(3, entry.detail)
      .Run();
}

absl::StatusOr<std::vector<AuditEntry>> StoreImpl::AuditLog() {
  std::vector<AuditEntry> entries;
  const std::lock_guard lock(write_mutex_);
  Statement select = write_.Prepare("SELECT time_ms, action, detail FROM audit ORDER BY id");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) return entries;
    entries.push_back({select.Int(0), std::string(select.Blob(1)), std::string(select.Blob(2))});
  }
}

absl::StatusOr<StoreStats> StoreImpl::Stats() {
  // By a connection of its own: nothing that waits for the writer's lock waits for this.
  absl::StatusOr<Database> database = Database::Open(file_, false, options_.vfs);
  if (!database.ok()) return database.status();
  const Transaction moment(&*database, "BEGIN");
  if (!moment.status().ok()) return moment.status();
  StoreStats stats;
  const std::pair<const char*, std::int64_t*> queries[] = {
      {"SELECT count(*) FROM landed", &stats.landed_batches},
      {"SELECT coalesce(sum(records),0) FROM landed", &stats.landed_records},
      {"SELECT coalesce(sum(length(data)),0) FROM landed", &stats.landed_bytes},
      {"SELECT count(*) FROM chunk", &stats.chunks},
      {"SELECT coalesce(sum(rows),0) FROM chunk", &stats.chunk_rows},
      {"SELECT coalesce(sum(bytes),0) FROM chunk", &stats.chunk_bytes},
      {"SELECT coalesce((SELECT value FROM meta WHERE key='records'),0)", &stats.records},
      {"SELECT coalesce(sum(count),0) FROM units", &stats.units},
      {"SELECT count(*) FROM conflict", &stats.conflicts},
      {"SELECT count(*) FROM quarantine", &stats.quarantined},
  };
  for (const auto& [sql, to] : queries) {
    const absl::StatusOr<std::int64_t> value = database->QueryInt(sql);
    if (!value.ok()) return value.status();
    *to = *value;
  }
  const absl::StatusOr<std::int64_t> known = CountKnown(&*database);
  if (!known.ok()) return known.status();
  stats.known_batches = *known;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file_ + suffix, error);
    if (!error) stats.file_bytes += static_cast<std::int64_t>(size);
  }
  return stats;
}

}  // namespace upswing::store
