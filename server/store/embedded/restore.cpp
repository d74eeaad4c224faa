#include "server/store/embedded/restore.hpp"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "server/store/embedded/database.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "server/store/embedded/folder_lock.hpp"
#include "server/store/embedded/take_place.hpp"

namespace upswing::store {
namespace {

absl::Status CheckIsStore(const std::string& file) {
  absl::StatusOr<Database> database = Database::Open(file, false, "");
  if (!database.ok()) return database.status();
  const absl::StatusOr<std::int64_t> version =
      database->QueryInt("SELECT value FROM meta WHERE key='format_version'");
  if (version.ok()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("not a backup of a store: ", version.status().message()));
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
    absl::Status status = CheckIsStore(fresh);
    if (status.ok()) status = TakePlace(fresh, place);
    if (!status.ok()) {
      for (const char* suffix : {"", "-wal", "-shm"})
        std::filesystem::remove(fresh + suffix, error);
      return status;
    }
  }
  // Erases what the folder's journal of erasures names.
  EmbeddedOptions options;
  options.directory = directory;
  options.background = false;
  return EmbeddedStore::Open(options).status();
}

}  // namespace upswing::store
