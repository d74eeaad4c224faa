#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace upswing::port {

/// An open file. For one thread at a time. Closed by its destructor.
class File {
 public:
  virtual ~File() = default;

  /// Appends all of `data`. After an error the file may hold a part of it.
  virtual absl::Status Append(std::string_view data) = 0;

  /// Overwrites bytes that exist.
  virtual absl::Status WriteAt(std::uint64_t offset, std::string_view data) = 0;

  /// Reads exactly `size` bytes into `out`; kOutOfRange when the file ends before.
  virtual absl::Status ReadAt(std::uint64_t offset, std::size_t size, std::string* out) = 0;

  /// Returns when the content has reached the disk.
  virtual absl::Status Sync() = 0;

  virtual absl::StatusOr<std::uint64_t> Size() = 0;

  /// False once the file was removed from its folder by someone else.
  virtual bool Exists() = 0;
};

/// A lock on a file that lasts until the object or the process ends, also by `kill -9`.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// What the SDK needs of a file system. Any thread may call. Paths are UTF-8 with '/'.
///
/// Errors: kNotFound; kResourceExhausted when the disk or a quota is full; kPermissionDenied for a
/// read-only folder; kUnavailable otherwise. The message names the path.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// Opens a file for reading and writing; `create` makes it, and it must not exist then.
  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, bool create) = 0;

  virtual absl::StatusOr<std::string> ReadAll(const std::string& path) = 0;

  /// Replaces the file so that readers, also after a power cut, see the old or the new content.
  virtual absl::Status WriteAtomically(const std::string& path, std::string_view data) = 0;

  /// Makes the folder and its parents, readable for the owner only.
  virtual absl::Status MakeDirectories(const std::string& path) = 0;

  /// Names in the folder, in no order, without "." and "..".
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& path) = 0;

  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;

  /// Removes a file or an empty folder.
  virtual absl::Status Remove(const std::string& path) = 0;

  /// Makes new names in the folder survive a power cut.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;

  /// Locks the file, making it if needed. Null when another holder, in this process or another, has
  /// it.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> TryLock(const std::string& path) = 0;
};

}  // namespace upswing::port
