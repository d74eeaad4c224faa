#include "server/store/embedded/read_ahead.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <sqlite3.h>

#include "server/store/embedded/database.hpp"
#include "server/store/embedded/memory_limit.hpp"

namespace upswing::store {
namespace {

constexpr std::int64_t kPiece = 1 << 20;
// Pieces looked at before all are read, evenly spread: when less than a piece in all came from the
// disk, the file is in the page cache, but for pages that were dropped to make room.
constexpr std::int64_t kProbes = 32;

// What this thread has waited for the disk to read.
std::int64_t BytesFromDisk() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return std::int64_t{usage.ru_inblock} * 512;  // Linux counts in sectors.
}

}  // namespace

struct ReadAhead::Work {
  std::atomic<bool> stop{false};
  std::int64_t bytes = 0;
  std::thread thread;

  void Run(const std::string& file, const std::string& vfs) {
    const absl::StatusOr<Database> database = Database::Open(file, false, vfs);
    if (!database.ok()) return;  // The report will say so.
    sqlite3_file* handle = nullptr;
    sqlite3_file_control(database->handle(), "main", SQLITE_FCNTL_FILE_POINTER, &handle);
    sqlite3_int64 size = 0;
    if (handle == nullptr || handle->pMethods == nullptr ||
        handle->pMethods->xFileSize(handle, &size) != SQLITE_OK)
      return;
    if (size > MemoryLimit() / 2) return;
    std::vector<char> piece(kPiece);
    const auto read = [&](std::int64_t at) {
      const std::int64_t amount = std::min<std::int64_t>(kPiece, size - at);
      if (stop ||
          handle->pMethods->xRead(handle, piece.data(), static_cast<int>(amount), at) != SQLITE_OK)
        return false;
      bytes += amount;
      return true;
    };
    const std::int64_t pieces = (size + kPiece - 1) / kPiece;
    const std::int64_t before = BytesFromDisk();
    const auto cold = [&] { return BytesFromDisk() - before >= kPiece; };
    if (pieces > kProbes) {
      for (std::int64_t i = 0; i < kProbes && !cold(); ++i)
        if (!read(i * pieces / kProbes * kPiece)) return;
      if (!cold()) return;
    }
    for (std::int64_t i = 0; i < pieces; ++i)
      if (!read(i * kPiece)) return;
  }
};

ReadAhead::ReadAhead(const std::string& file, const std::string& vfs)
    : work_(std::make_unique<Work>()) {
  work_->thread = std::thread([work = work_.get(), file, vfs] { work->Run(file, vfs); });
}

ReadAhead::~ReadAhead() {
  work_->stop = true;
  if (work_->thread.joinable()) work_->thread.join();
}

std::int64_t ReadAhead::Wait() {
  if (work_->thread.joinable()) work_->thread.join();
  return work_->bytes;
}

}  // namespace upswing::store
