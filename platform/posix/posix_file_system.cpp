#include "platform/posix/posix_file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/posix/fork.hpp"

namespace upswing::posix {
namespace {

absl::Status Error(const char* call, const std::string& path, int error) {
  const std::string message = absl::StrCat(call, " ", path, ": errno ", error);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

template <typename Call>
auto Retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

absl::Status WriteAll(int descriptor, const std::string& path, std::string_view data,
                      std::int64_t offset) {
  while (!data.empty()) {
    const ssize_t written = Retried([&] {
      return offset < 0 ? write(descriptor, data.data(), data.size())
                        : pwrite(descriptor, data.data(), data.size(), static_cast<off_t>(offset));
    });
    if (written < 0) return Error("write", path, errno);
    data.remove_prefix(static_cast<std::size_t>(written));
    if (offset >= 0) offset += written;
  }
  return absl::OkStatus();
}

class PosixFile final : public port::File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {
    CloseInChild(descriptor_);
  }
  ~PosixFile() override {
    KeepInChild(descriptor_);
    close(descriptor_);
  }

  absl::Status Append(std::string_view data) override {
    return WriteAll(descriptor_, path_, data, -1);
  }

  absl::Status WriteAt(std::uint64_t offset, std::string_view data) override {
    // On Linux pwrite on an O_APPEND descriptor appends, so append mode is not used; see Open.
    return WriteAll(descriptor_, path_, data, static_cast<std::int64_t>(offset));
  }

  absl::Status ReadAt(std::uint64_t offset, std::size_t size, std::string* out) override {
    out->resize(size);
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got = Retried([&] {
        return pread(descriptor_, out->data() + done, size - done,
                     static_cast<off_t>(offset + done));
      });
      if (got < 0) return Error("read", path_, errno);
      if (got == 0) return absl::OutOfRangeError(absl::StrCat("read ", path_, ": file ends"));
      done += static_cast<std::size_t>(got);
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
#ifdef __APPLE__
    const int result = Retried([&] { return fcntl(descriptor_, F_FULLFSYNC); });
#else
    const int result = Retried([&] { return fdatasync(descriptor_); });
#endif
    return result < 0 ? Error("sync", path_, errno) : absl::OkStatus();
  }

  absl::StatusOr<std::uint64_t> Size() override {
    struct stat info {};
    if (fstat(descriptor_, &info) != 0) return Error("stat", path_, errno);
    return static_cast<std::uint64_t>(info.st_size);
  }

  bool Exists() override {
    struct stat info {};
    return fstat(descriptor_, &info) == 0 && info.st_nlink > 0;
  }

 private:
  int descriptor_;
  std::string path_;
};

class PosixLock final : public port::FileLock {
 public:
  explicit PosixLock(int descriptor) : descriptor_(descriptor) { CloseInChild(descriptor_); }
  ~PosixLock() override {
    KeepInChild(descriptor_);
    close(descriptor_);
  }

 private:
  int descriptor_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<port::File>> PosixFileSystem::Open(const std::string& path,
                                                                  bool create) {
  const int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0);
  const int descriptor = Retried([&] { return open(path.c_str(), flags, S_IRUSR | S_IWUSR); });
  if (descriptor < 0) return Error("open", path, errno);
  // Appending means writing at the descriptor's position, which only this object moves.
  lseek(descriptor, 0, SEEK_END);
  return std::unique_ptr<port::File>(new PosixFile(descriptor, path));
}

absl::StatusOr<std::string> PosixFileSystem::ReadAll(const std::string& path) {
  const int descriptor = Retried([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (descriptor < 0) return Error("open", path, errno);
  PosixFile file(descriptor, path);
  absl::StatusOr<std::uint64_t> size = file.Size();
  if (!size.ok()) return size.status();
  std::string content;
  if (absl::Status status = file.ReadAt(0, static_cast<std::size_t>(*size), &content);
      !status.ok()) {
    return status;
  }
  return content;
}

absl::Status PosixFileSystem::WriteAtomically(const std::string& path, std::string_view data) {
  const std::string temporary = path + ".new";
  unlink(temporary.c_str());
  absl::StatusOr<std::unique_ptr<port::File>> file = Open(temporary, true);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->Append(data);
  if (status.ok()) status = (*file)->Sync();
  if (status.ok()) status = Rename(temporary, path);
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

absl::Status PosixFileSystem::MakeDirectories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
      const int error = errno;
      struct stat info {};
      // A parent on a read-only file system answers EROFS also when it exists.
      if (stat(part.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
        return Error("mkdir", part, error);
    }
    if (end == std::string::npos) break;
  }
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return Error("mkdir", path, errno);
  if (!S_ISDIR(info.st_mode)) return Error("mkdir", path, ENOTDIR);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> PosixFileSystem::List(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return Error("list", path, errno);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  closedir(directory);
  return names;
}

absl::Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return Error("rename", from, errno);
  return absl::OkStatus();
}

absl::Status PosixFileSystem::Remove(const std::string& path) {
  if (remove(path.c_str()) != 0) return Error("remove", path, errno);
  return absl::OkStatus();
}

absl::Status PosixFileSystem::SyncDirectory(const std::string& path) {
  const int descriptor =
      Retried([&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) return Error("open", path, errno);
  const int result = Retried([&] { return fsync(descriptor); });
  const int error = errno;
  close(descriptor);
  return result != 0 ? Error("sync", path, error) : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<port::FileLock>> PosixFileSystem::TryLock(const std::string& path) {
  const int descriptor =
      Retried([&] { return open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR); });
  if (descriptor < 0) return Error("open", path, errno);
  if (Retried([&] { return flock(descriptor, LOCK_EX | LOCK_NB); }) == 0) {
    // The holder before us may have removed the file between our two calls; then this lock guards
    // nothing, and the path may even be someone else's by now.
    struct stat held {};
    struct stat named {};
    if (fstat(descriptor, &held) == 0 && stat(path.c_str(), &named) == 0 &&
        held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
      return std::unique_ptr<port::FileLock>(new PosixLock(descriptor));
    }
    close(descriptor);
    return std::unique_ptr<port::FileLock>();
  }
  const int error = errno;
  close(descriptor);
  if (error == EWOULDBLOCK) return std::unique_ptr<port::FileLock>();
  return Error("lock", path, error);
}

}  // namespace upswing::posix
