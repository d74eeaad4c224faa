#include "server/store/embedded/read_ahead.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "server/store/embedded/database.hpp"

namespace upswing::testing {
namespace {

constexpr std::int64_t kMebi = 1 << 20;

// A database with a blob of so many bytes.
std::string MakeDatabase(std::int64_t bytes) {
  const std::string file = ::testing::TempDir() + "/read_ahead_" +
                           ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".db";
  std::filesystem::remove(file);
  absl::StatusOr<store::Database> database = store::Database::Open(file, true, "");
  EXPECT_TRUE(database.ok()) << database.status();
  EXPECT_TRUE(database->Execute("CREATE TABLE t(data BLOB)").ok());
  EXPECT_TRUE(database->Prepare("INSERT INTO t VALUES(zeroblob(?1))").Bind(1, bytes).Run().ok());
  return file;
}

class Mapped {
 public:
  explicit Mapped(const std::string& file) : size_(std::filesystem::file_size(file)) {
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    at_ = mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor, 0);
    close(descriptor);
  }
  ~Mapped() { munmap(at_, size_); }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  // Of its pages, those in the page cache.
  double ShareInCache() const {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> in((size_ + page - 1) / page);
    EXPECT_EQ(mincore(at_, size_, in.data()), 0);
    return static_cast<double>(std::count_if(in.begin(), in.end(), [](auto i) { return i & 1; })) /
           static_cast<double>(in.size());
  }

  // Reads all of it and keeps it in the page cache, whatever else wants the memory.
  bool Hold() { return mlock(at_, size_) == 0; }

 private:
  std::size_t size_;
  void* at_;
};

void DropFromCache(const std::string& file) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  fsync(descriptor);
  posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  close(descriptor);
}

// Whether the kernel counts what this thread reads of a dropped file as read from a disk. Some file
// systems fetch it from elsewhere (FUSE, virtiofs, NFS).
bool ReadsAreCounted(const std::string& file) {
  const auto blocks = [] {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_inblock;
  };
  const long before = blocks();
  char byte = 0;
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(pread(descriptor, &byte, 1, 0), 1);
  close(descriptor);
  return blocks() > before;
}

TEST(ReadAhead, BringsAColdFileIntoThePageCache) {
  const std::string file = MakeDatabase(100 * kMebi);
  DropFromCache(file);
  if (Mapped(file).ShareInCache() > 0.01)
    GTEST_SKIP() << "the file system keeps its files in memory";
  if (!ReadsAreCounted(file)) GTEST_SKIP() << "reads of this file system are not counted";
  DropFromCache(file);
  store::ReadAhead read_ahead(file, "");
  EXPECT_GE(read_ahead.Wait(), 100 * kMebi);
  EXPECT_GT(Mapped(file).ShareInCache(), 0.5);
}

TEST(ReadAhead, LooksAt32PiecesOfAFileThatIsThere) {
  const std::string file = MakeDatabase(100 * kMebi);
  Mapped mapped(file);
  if (!mapped.Hold()) GTEST_SKIP() << "not allowed to hold 100 MiB in memory (ulimit -l)";
  store::ReadAhead read_ahead(file, "");
  EXPECT_EQ(read_ahead.Wait(), 32 * kMebi);
}

TEST(ReadAhead, LeavesAFileThatDoesNotOpenToTheReport) {
  store::ReadAhead read_ahead(::testing::TempDir() + "/no such folder/upswing.db", "");
  EXPECT_EQ(read_ahead.Wait(), 0);
}

TEST(ReadAhead, StopsWhenItIsNoLongerWanted) {
  const std::string file = MakeDatabase(40 * kMebi);
  for (int i = 0; i < 20; ++i) store::ReadAhead read_ahead(file, "");
}

}  // namespace
}  // namespace upswing::testing
