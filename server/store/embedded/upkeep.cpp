#include <utility>

#include <sqlite3.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/store/embedded/meta.hpp"
#include "server/store/embedded/store_impl.hpp"

namespace upswing::store {

absl::StatusOr<VerifyReport> StoreImpl::Verify() {
  VerifyReport report;
  absl::StatusOr<Database> database = Database::Open(file_, false, options_.vfs);
  if (!database.ok()) return database.status();
  const auto damaged = [&](const std::string& what, const std::string& why) {
    report.damaged.push_back(absl::StrCat(what, ": ", why));
  };

  Statement check = database->Prepare("PRAGMA quick_check");
  for (;;) {
    const absl::StatusOr<bool> row = check.Step();
    if (!row.ok()) {
      damaged("database", std::string(row.status().message()));
      break;
    }
    if (!*row) break;
    if (check.Blob(0) != "ok") damaged("database", std::string(check.Blob(0)));
  }

  const absl::StatusOr<std::vector<MetaRow>> values = MetaRows(&*database, "");
  if (!values.ok()) return values.status();
  for (const MetaRow& value : *values) {
    ++report.blobs;
    if (value.damaged) damaged(MetaLabel(value.key), "checksum");
  }

  Statement landed = database->Prepare("SELECT id, checksum, data FROM landed ORDER BY id");
  for (;;) {
    const absl::StatusOr<bool> row = landed.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    ++report.blobs;
    Records records;
    const absl::Status status = BlobChecksum(landed.Blob(2)) == landed.Int(1)
                                    ? DecodeRecords(landed.Blob(2), &records)
                                    : absl::DataLossError("checksum");
    if (!status.ok())
      damaged(absl::StrCat("landed batch ", landed.Int(0)), std::string(status.message()));
  }

  Statement conflicts = database->Prepare("SELECT id, checksum, data FROM conflict ORDER BY id");
  for (;;) {
    const absl::StatusOr<bool> row = conflicts.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    ++report.blobs;
    if (BlobChecksum(conflicts.Blob(2)) != conflicts.Int(1))
      damaged(absl::StrCat("batch in conflict ", conflicts.Int(0)), "checksum");
  }

  Statement chunks = database->Prepare("SELECT id, data FROM chunk_data ORDER BY id");
  for (;;) {
    const absl::StatusOr<bool> row = chunks.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    ++report.blobs;
    const absl::StatusOr<ChunkReader> reader = ChunkReader::Open(chunks.Blob(1));
    const absl::Status status = reader.ok() ? reader->Verify() : reader.status();
    if (!status.ok())
      damaged(ChunkLabel(static_cast<std::uint64_t>(chunks.Int(0))), std::string(status.message()));
  }

  const absl::StatusOr<std::string> known_checksum = ChecksumColumn(&*database, "known");
  if (!known_checksum.ok()) return known_checksum.status();
  Statement known = database->Prepare(absl::StrCat("SELECT epoch, page, sums, ", *known_checksum,
                                                   " FROM known ORDER BY epoch, page"));
  for (;;) {
    const absl::StatusOr<bool> row = known.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    ++report.blobs;
    if (Damaged(known.Blob(2), known.Int(3)))
      damaged(KnownLabel(known.Blob(0), known.Int(1)), "checksum");
  }

  const absl::StatusOr<bool> has_counters = database->HasTable("counter");
  if (!has_counters.ok()) return has_counters.status();
  const absl::StatusOr<std::string> counter_checksum = ChecksumColumn(&*database, "counter");
  if (!counter_checksum.ok()) return counter_checksum.status();
  Statement counters = database->Prepare(
      absl::StrCat("SELECT epoch, data, ", *counter_checksum, " FROM counter ORDER BY epoch"));
  while (*has_counters) {
    const absl::StatusOr<bool> row = counters.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    ++report.blobs;
    const std::string_view epoch = counters.Blob(0);
    if (Damaged(counters.Blob(1), counters.Int(2)))
      damaged(absl::StrCat("counters of ", absl::BytesToHexString({epoch.data(), epoch.size()})),
              "checksum");
  }

  const absl::StatusOr<bool> has_arrivals = database->HasTable("arrival");
  if (!has_arrivals.ok()) return has_arrivals.status();
  Statement arrivals = database->Prepare("SELECT id, checksum, data FROM arrival ORDER BY id");
  while (*has_arrivals) {
    const absl::StatusOr<bool> row = arrivals.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    ++report.blobs;
    if (BlobChecksum(arrivals.Blob(2)) != arrivals.Int(1))
      damaged(ArrivalLabel(arrivals.Int(0)), "checksum");
  }

  Statement units = database->Prepare("SELECT type, shard, base, checksum, data FROM units");
  for (;;) {
    const absl::StatusOr<bool> row = units.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    ++report.blobs;
    if (BlobChecksum(units.Blob(4)) != units.Int(3))
      damaged(UnitsLabel(units.Int(0), units.Int(1), units.Int(2)), "checksum");
  }
  return report;
}

absl::Status StoreImpl::Backup(const std::string& file) {
  absl::StatusOr<Database> from = Database::Open(file_, false, options_.vfs);
  if (!from.ok()) return from.status();
  absl::StatusOr<Database> to = Database::Open(file, true, "");
  if (!to.ok()) return to.status();
  sqlite3_backup* backup = sqlite3_backup_init(to->handle(), "main", from->handle(), "main");
  if (backup == nullptr) return DatabaseError(to->handle(), SQLITE_ERROR, file);
  // All in one step: it reads one moment of the store while commits go on in the log.
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) return DatabaseError(to->handle(), code, file);
  return absl::OkStatus();
}

}  // namespace upswing::store
