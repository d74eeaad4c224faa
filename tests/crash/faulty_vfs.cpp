#include "tests/crash/faulty_vfs.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

#include <sqlite3.h>

namespace upswing::testing {
namespace {

struct Write {
  sqlite3_int64 offset;
  std::string before;  // bytes of the file there; shorter at its end
  std::string after;
};

struct State {
  std::mutex mutex;
  FaultPlan plan;
  std::int64_t seen = 0;
  std::map<std::string, std::vector<Write>> unsynced;  // by path
};

State& Global() {
  static State state;
  return state;
}

sqlite3_vfs* Base() {
  static sqlite3_vfs* base = sqlite3_vfs_find(nullptr);
  return base;
}

// Counts an operation; true if it must fail.
bool Fails() {
  State& state = Global();
  ++state.seen;
  if (state.plan.fail_at == 0) return false;
  return state.seen >= state.plan.fail_at &&
         (state.plan.die || state.seen < state.plan.fail_at + state.plan.failures);
}

struct File {
  sqlite3_file base;
  char* path;          // null for temporary files
  sqlite3_file* real;  // behind this struct
};

sqlite3_file* Real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

int Close(sqlite3_file* file) {
  const int code = Real(file)->pMethods->xClose(Real(file));
  sqlite3_free(reinterpret_cast<File*>(file)->path);
  return code;
}
int Read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
  const std::lock_guard lock(Global().mutex);
  if (Fails()) return SQLITE_IOERR_READ;
  return Real(file)->pMethods->xRead(Real(file), to, size, offset);
}
int WriteTo(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  const std::lock_guard lock(Global().mutex);
  if (Fails()) return SQLITE_IOERR_WRITE;
  const char* path = reinterpret_cast<File*>(file)->path;
  if (path != nullptr) {
    const std::string& full = Global().plan.full;
    if (!full.empty() && offset > 0 && std::string_view(path).ends_with(full)) return SQLITE_FULL;
    Write write{offset, std::string(static_cast<std::size_t>(size), '\0'),
                std::string(static_cast<const char*>(from), static_cast<std::size_t>(size))};
    sqlite3_int64 length = 0;
    Real(file)->pMethods->xFileSize(Real(file), &length);
    const sqlite3_int64 there = std::clamp<sqlite3_int64>(length - offset, 0, size);
    write.before.resize(static_cast<std::size_t>(there));
    if (there > 0)
      Real(file)->pMethods->xRead(Real(file), write.before.data(), static_cast<int>(there), offset);
    Global().unsynced[path].push_back(std::move(write));
  }
  return Real(file)->pMethods->xWrite(Real(file), from, size, offset);
}
int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const std::lock_guard lock(Global().mutex);
  if (Fails()) return SQLITE_IOERR_TRUNCATE;
  return Real(file)->pMethods->xTruncate(Real(file), size);
}
// Nothing is synced for real: this process lives on, and thousands of syncs take minutes on a slow
// disk.
int Sync(sqlite3_file* file, int) {
  const std::lock_guard lock(Global().mutex);
  if (Fails()) return SQLITE_IOERR_FSYNC;
  if (const char* path = reinterpret_cast<File*>(file)->path; path != nullptr)
    Global().unsynced[path].clear();
  return SQLITE_OK;
}
int FileSize(sqlite3_file* f, sqlite3_int64* size) {
  return Real(f)->pMethods->xFileSize(Real(f), size);
}
int Lock(sqlite3_file* f, int l) { return Real(f)->pMethods->xLock(Real(f), l); }
int Unlock(sqlite3_file* f, int l) { return Real(f)->pMethods->xUnlock(Real(f), l); }
int CheckLock(sqlite3_file* f, int* out) {
  return Real(f)->pMethods->xCheckReservedLock(Real(f), out);
}
int Control(sqlite3_file* f, int op, void* arg) {
  return Real(f)->pMethods->xFileControl(Real(f), op, arg);
}
int SectorSize(sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); }
// The disk promises nothing: no atomic writes, no order.
int Characteristics(sqlite3_file*) { return 0; }
int ShmMap(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
}
int ShmLock(sqlite3_file* f, int at, int n, int flags) {
  return Real(f)->pMethods->xShmLock(Real(f), at, n, flags);
}
void ShmBarrier(sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); }
int ShmUnmap(sqlite3_file* f, int remove) { return Real(f)->pMethods->xShmUnmap(Real(f), remove); }

const sqlite3_io_methods kMethods = {
    2,        Close,     Read,    WriteTo,    Truncate,        Sync,   FileSize, Lock,
    Unlock,   CheckLock, Control, SectorSize, Characteristics, ShmMap, ShmLock,  ShmBarrier,
    ShmUnmap, nullptr,   nullptr};

int Open(sqlite3_vfs*, sqlite3_filename path, sqlite3_file* file, int flags, int* out_flags) {
  auto* wrapper = reinterpret_cast<File*>(file);
  std::memset(wrapper, 0, sizeof(File));
  wrapper->real = reinterpret_cast<sqlite3_file*>(wrapper + 1);
  const int code = Base()->xOpen(Base(), path, wrapper->real, flags, out_flags);
  if (code != SQLITE_OK) return code;
  wrapper->base.pMethods = &kMethods;
  if (path != nullptr) wrapper->path = sqlite3_mprintf("%s", path);
  return SQLITE_OK;
}

}  // namespace

void StartFaults(const FaultPlan& plan) {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs made = *Base();
    made.zName = "faulty";
    made.szOsFile = static_cast<int>(sizeof(File)) + Base()->szOsFile;
    made.xOpen = Open;
    made.pNext = nullptr;
    return made;
  }();
  sqlite3_vfs_register(&vfs, plan.everywhere ? 1 : 0);
  State& state = Global();
  const std::lock_guard lock(state.mutex);
  state.plan = plan;
  state.seen = 0;
  if (plan.fail_at == 0) state.unsynced.clear();
}

std::int64_t OperationsSeen() {
  const std::lock_guard lock(Global().mutex);
  return Global().seen;
}

void CopyAfterPowerCut(const std::string& file, const std::string& copy,
                       const std::function<bool()>& keep) {
  const std::lock_guard lock(Global().mutex);
  std::string bytes;
  {
    std::ifstream in(file, std::ios::binary);
    if (!in) return;
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const std::vector<Write>& writes = Global().unsynced[file];
  for (auto write = writes.rbegin(); write != writes.rend(); ++write) {
    const auto at = static_cast<std::size_t>(write->offset);
    if (at > bytes.size()) continue;
    bytes.replace(at, std::min(write->after.size(), bytes.size() - at), write->before);
  }
  for (const Write& write : writes) {
    if (!keep()) continue;
    const auto at = static_cast<std::size_t>(write.offset);
    if (bytes.size() < at + write.after.size()) bytes.resize(at + write.after.size());
    bytes.replace(at, write.after.size(), write.after);
  }
  std::ofstream(copy, std::ios::binary) << bytes;
}

}  // namespace upswing::testing
