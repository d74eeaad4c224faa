#include "server/store/embedded/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace upswing::store {

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status FolderLock::Acquire(const std::string& file) {
  descriptor_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor_ < 0)
    return absl::UnavailableError(absl::StrCat(file, ": ", std::strerror(errno)));
  if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(file, ": another process owns this data folder (is `upswing serve` running?)"));
}

}  // namespace upswing::store
