#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "platform/port/file_system.hpp"
#include "server/store/event_store.hpp"

namespace upswing::access {

/// Files among a store's small values, for what several processes of one store share: the API keys.
/// Only whole files are read and replaced. Thread-safe.
///
/// A lock holds within this process. Between processes, replacing a file fails with kAborted if it
/// changed since it was read here.
class StoreFiles : public port::FileSystem {
 public:
  /// `store` outlives this.
  explicit StoreFiles(store::EventStore* store) : store_(store) {}

  absl::StatusOr<std::string> ReadAll(const std::string& path) override;
  absl::Status WriteAtomically(const std::string& path, std::string_view data) override;
  absl::StatusOr<std::unique_ptr<port::FileLock>> TryLock(const std::string& path) override;
  absl::Status MakeDirectories(const std::string&) override { return absl::OkStatus(); }

  absl::StatusOr<std::unique_ptr<port::File>> Open(const std::string& path, bool create) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDirectory(const std::string&) override { return absl::OkStatus(); }

 private:
  class Lock;
  store::EventStore* const store_;
  std::mutex mutex_;
  std::map<std::string, std::string> seen_;  // guarded by mutex_; as last read
  std::set<std::string> locked_;             // guarded by mutex_
};

}  // namespace upswing::access
