#pragma once

#include "platform/port/file_system.hpp"

namespace upswing::posix {

/// `FileSystem` over POSIX calls; locks are flock(2), so that they end with the process.
/// Descriptors are close-on-exec.
class PosixFileSystem final : public port::FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<port::File>> Open(const std::string& path, bool create) override;
  absl::StatusOr<std::string> ReadAll(const std::string& path) override;
  absl::Status WriteAtomically(const std::string& path, std::string_view data) override;
  absl::Status MakeDirectories(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<port::FileLock>> TryLock(const std::string& path) override;
};

}  // namespace upswing::posix
