#include "server/store/embedded/memory_limit.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace upswing::testing {
namespace {

class MemoryLimit : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::int64_t Limit() const { return store::MemoryLimit(root_); }

  const std::int64_t machine_ = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  std::string root_ = ::testing::TempDir() + "/memory_limit";
};

TEST_F(MemoryLimit, IsTheMachinesWhereNoGroupHasLess) {
  EXPECT_EQ(Limit(), machine_);
  Write("/proc/self/cgroup", "0::/system.slice/upswing.service\n");
  Write("/sys/fs/cgroup/system.slice/upswing.service/memory.max", "max\n");
  EXPECT_EQ(Limit(), machine_);
}

TEST_F(MemoryLimit, IsTheLeastOfTheGroupAndThoseAbove) {
  Write("/proc/self/cgroup", "0::/system.slice/upswing.service\n");
  Write("/sys/fs/cgroup/system.slice/upswing.service/memory.max", "30000000\n");
  Write("/sys/fs/cgroup/system.slice/memory.max", "20000000\n");
  EXPECT_EQ(Limit(), 20'000'000);
  Write("/sys/fs/cgroup/system.slice/memory.max", "40000000\n");
  EXPECT_EQ(Limit(), 30'000'000);
}

TEST_F(MemoryLimit, IsThatOfTheContainer) {
  Write("/proc/self/cgroup", "0::/\n");
  Write("/sys/fs/cgroup/memory.max", "10000000\n");
  EXPECT_EQ(Limit(), 10'000'000);
}

TEST_F(MemoryLimit, IsThatOfAGroupOfVersion1) {
  Write("/proc/self/cgroup", "5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "10000000\n");
  EXPECT_EQ(Limit(), 10'000'000);
}

}  // namespace
}  // namespace upswing::testing
