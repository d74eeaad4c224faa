#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "platform/port/file_system.hpp"

namespace upswing::testing {

/// A file system that passes everything on to another one until it is told to fail.
class FailingFileSystem final : public port::FileSystem {
 public:
  enum class Failure { kNone, kFullDisk, kReadOnly };

  explicit FailingFileSystem(port::FileSystem* real) : real_(real) {}
  void Fail(Failure failure) { failure_ = failure; }
  /// Writes a part of what is appended before it fails, as a full disk does.
  void FailAfterHalf() { half_ = true; }

  absl::Status WriteError() const {
    switch (failure_.load()) {
      case Failure::kNone:
        return absl::OkStatus();
      case Failure::kFullDisk:
        return absl::ResourceExhaustedError("disk is full");
      case Failure::kReadOnly:
        return absl::PermissionDeniedError("read-only");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<port::File>> Open(const std::string& path, bool create) override {
    if (create) {
      if (absl::Status status = WriteError(); !status.ok()) return status;
    }
    absl::StatusOr<std::unique_ptr<port::File>> file = real_->Open(path, create);
    if (!file.ok()) return file.status();
    return std::unique_ptr<port::File>(new FailingFile(this, *std::move(file)));
  }
  absl::StatusOr<std::string> ReadAll(const std::string& path) override {
    return real_->ReadAll(path);
  }
  absl::Status WriteAtomically(const std::string& path, std::string_view data) override {
    if (absl::Status status = WriteError(); !status.ok()) return status;
    return real_->WriteAtomically(path, data);
  }
  absl::Status MakeDirectories(const std::string& path) override {
    if (absl::Status status = WriteError(); !status.ok()) return status;
    return real_->MakeDirectories(path);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return real_->List(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return real_->Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return real_->Remove(path); }
  absl::Status SyncDirectory(const std::string& path) override {
    return real_->SyncDirectory(path);
  }
  absl::StatusOr<std::unique_ptr<port::FileLock>> TryLock(const std::string& path) override {
    return real_->TryLock(path);
  }

 private:
  class FailingFile final : public port::File {
   public:
    FailingFile(FailingFileSystem* system, std::unique_ptr<port::File> real)
        : system_(system), real_(std::move(real)) {}
    absl::Status Append(std::string_view data) override {
      absl::Status status = system_->WriteError();
      if (status.ok()) return real_->Append(data);
      if (system_->half_) real_->Append(data.substr(0, data.size() / 2)).IgnoreError();
      return status;
    }
    absl::Status WriteAt(std::uint64_t offset, std::string_view data) override {
      if (absl::Status status = system_->WriteError(); !status.ok()) return status;
      return real_->WriteAt(offset, data);
    }
    absl::Status ReadAt(std::uint64_t offset, std::size_t size, std::string* out) override {
      return real_->ReadAt(offset, size, out);
    }
    absl::Status Sync() override {
      if (absl::Status status = system_->WriteError(); !status.ok()) return status;
      return real_->Sync();
    }
    absl::StatusOr<std::uint64_t> Size() override { return real_->Size(); }
    bool Exists() override { return real_->Exists(); }

   private:
    FailingFileSystem* system_;
    std::unique_ptr<port::File> real_;
  };

  port::FileSystem* real_;
  std::atomic<Failure> failure_{Failure::kNone};
  std::atomic<bool> half_{false};
};

}  // namespace upswing::testing
