#include "server/store/embedded/restore.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/store/embedded/database.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "server/store/embedded/folder_lock.hpp"

namespace upswing::store {
namespace {

// Makes the rename last through a power cut.
void SyncFolder(const std::string& directory) {
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

absl::Status CarryTombstones(const std::string& from, const std::string& to) {
  std::vector<std::pair<std::string, std::int64_t>> erased;
  if (std::filesystem::exists(from)) {
    absl::StatusOr<Database> old = Database::Open(from, false, "");
    if (!old.ok()) return old.status();
    Statement select = old->Prepare("SELECT hash, erased_ms FROM tombstone");
    for (;;) {
      const absl::StatusOr<bool> row = select.Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      erased.emplace_back(select.Blob(0), select.Int(1));
    }
  }
  absl::StatusOr<Database> restored = Database::Open(to, true, "");
  if (!restored.ok()) return restored.status();
  const absl::StatusOr<std::int64_t> version =
      restored->QueryInt("SELECT value FROM meta WHERE key='format_version'");
  if (!version.ok())
    return absl::DataLossError(
        absl::StrCat("not a backup of a store: ", version.status().message()));
  Transaction transaction(&*restored, "BEGIN IMMEDIATE");
  absl::Status status = transaction.status();
  for (const auto& [hash, time] : erased) {
    if (!status.ok()) return status;
    status = restored
                 ->Prepare(
                     "INSERT INTO tombstone(hash,erased_ms,done) VALUES(?1,?2,0) ON "
                     "CONFLICT(hash) DO UPDATE SET erased_ms=max(erased_ms,excluded.erased_ms)")
                 .BindBlob(1, hash)
                 .Bind(2, time)
                 .Run();
  }
  if (status.ok()) status = transaction.Commit();
  if (status.ok()) status = restored->Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  return status;
}

}  // namespace

absl::Status RestoreStore(const std::string& file, const std::string& directory) {
  if (!std::filesystem::exists(file))
    return absl::NotFoundError(absl::StrCat(file, ": no such file"));
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return absl::UnavailableError(absl::StrCat(directory, ": ", error.message()));
  const std::string place = directory + "/upswing.db";
  const std::string fresh = place + ".restored";
  {
    FolderLock lock;
    if (absl::Status status = lock.Acquire(directory + "/lock"); !status.ok()) return status;
    std::filesystem::copy_file(file, fresh, std::filesystem::copy_options::overwrite_existing,
                               error);
    if (error) return absl::UnavailableError(absl::StrCat(fresh, ": ", error.message()));
    absl::Status status = CarryTombstones(place, fresh);
    if (!status.ok()) {
      for (const char* suffix : {"", "-wal", "-shm"})
        std::filesystem::remove(fresh + suffix, error);
      return status;
    }
    // Without its log the old database would be read together with the new one's.
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(place + suffix, error);
    std::filesystem::rename(fresh, place, error);
    if (error) return absl::UnavailableError(absl::StrCat(place, ": ", error.message()));
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(fresh + suffix, error);
    SyncFolder(directory);
  }
  // Finishes the erasures.
  EmbeddedOptions options;
  options.directory = directory;
  options.background = false;
  return EmbeddedStore::Open(options).status();
}

}  // namespace upswing::store
