#pragma once

#include <string>

#include "absl/status/status.h"

namespace upswing::store {

/// Keeps a folder for one owner: an advisory lock on a file, which the system drops when the
/// process ends, however it ends.
class FolderLock {
 public:
  FolderLock() = default;
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// kFailedPrecondition if another process has it.
  absl::Status Acquire(const std::string& file);

 private:
  int descriptor_ = -1;
};

}  // namespace upswing::store
