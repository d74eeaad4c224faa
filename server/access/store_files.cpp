#include "server/access/store_files.hpp"

#include "absl/strings/str_cat.h"

namespace upswing::access {
namespace {

std::string KeyOf(const std::string& path) { return absl::StrCat("file/", path); }

absl::Status OnlyWhole() {
  return absl::UnimplementedError("files in a store are read and replaced as a whole");
}

}  // namespace

class StoreFiles::Lock : public port::FileLock {
 public:
  Lock(StoreFiles* files, std::string path) : files_(files), path_(std::move(path)) {}
  ~Lock() override {
    const std::lock_guard lock(files_->mutex_);
    files_->locked_.erase(path_);
  }

 private:
  StoreFiles* files_;
  std::string path_;
};

absl::StatusOr<std::string> StoreFiles::ReadAll(const std::string& path) {
  absl::StatusOr<std::optional<std::string>> value = store_->GetMeta(KeyOf(path));
  if (!value.ok()) return value.status();
  const std::lock_guard lock(mutex_);
  seen_[path] = value->value_or("");
  if (!value->has_value()) return absl::NotFoundError(absl::StrCat(path, " is not in the store"));
  return **std::move(value);
}

absl::Status StoreFiles::WriteAtomically(const std::string& path, std::string_view data) {
  const absl::StatusOr<std::optional<std::string>> held = store_->GetMeta(KeyOf(path));
  if (!held.ok()) return held.status();
  {
    const std::lock_guard lock(mutex_);
    const auto seen = seen_.find(path);
    if (seen != seen_.end() && seen->second != held->value_or(""))
      return absl::AbortedError(
          absl::StrCat(path, " was changed by another process at the same time; try again"));
  }
  if (absl::Status status = store_->PutMeta(KeyOf(path), data); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  seen_[path] = std::string(data);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<port::FileLock>> StoreFiles::TryLock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!locked_.insert(path).second) return nullptr;
  return std::make_unique<Lock>(this, path);
}

absl::StatusOr<std::unique_ptr<port::File>> StoreFiles::Open(const std::string&, bool) {
  return OnlyWhole();
}
absl::StatusOr<std::vector<std::string>> StoreFiles::List(const std::string&) {
  return OnlyWhole();
}
absl::Status StoreFiles::Rename(const std::string&, const std::string&) { return OnlyWhole(); }
absl::Status StoreFiles::Remove(const std::string&) { return OnlyWhole(); }

}  // namespace upswing::access
