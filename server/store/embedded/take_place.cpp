#include "server/store/embedded/take_place.hpp"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "server/store/embedded/database.hpp"
#include "server/store/embedded/sync_path.hpp"

namespace upswing::store {
namespace {

absl::Status EmptyLog(const std::string& file) {
  {
    absl::StatusOr<Database> database = Database::Open(file, false, "");
    if (!database.ok()) return database.status();
    if (absl::Status status = database->TruncateLog(); !status.ok())
      return absl::Status(status.code(), absl::StrCat(file, ": ", status.message()));
  }
  return SyncPath(file);
}

absl::Status RemoveLog(const std::string& file) {
  for (const char* suffix : {"-wal", "-shm"}) {
    std::error_code error;
    std::filesystem::remove(file + suffix, error);
    if (error) return absl::UnavailableError(absl::StrCat(file, suffix, ": ", error.message()));
  }
  return absl::OkStatus();
}

std::string Folder(const std::string& file) {
  return std::filesystem::path(file).parent_path().string();
}

}  // namespace

absl::Status TakePlace(const std::string& fresh, const std::string& place) {
  absl::Status status = EmptyLog(fresh);
  if (status.ok()) status = RemoveLog(fresh);
  if (status.ok()) status = SyncPath(Folder(fresh));
  if (status.ok() && std::filesystem::exists(place)) {
    status = EmptyLog(place);
    // One that is damaged so far that it cannot take its log in has nothing to lose.
    if (absl::IsDataLoss(status)) status = absl::OkStatus();
  }
  // A log left behind would be read together with the new database.
  if (status.ok()) status = RemoveLog(place);
  if (!status.ok()) return status;
  std::error_code error;
  std::filesystem::rename(fresh, place, error);
  if (error) return absl::UnavailableError(absl::StrCat(place, ": ", error.message()));
  return SyncPath(Folder(place));
}

}  // namespace upswing::store
