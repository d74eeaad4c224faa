#include "sdk/client/sticky_store.hpp"

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "platform/posix/posix_file_system.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/process.hpp"

namespace upswing::client {
namespace {

constexpr std::int64_t kDay = 24 * 60 * 60 * 1000;

class StickyStoreTest : public ::testing::Test {
 protected:
  StickyStore Store() { return StickyStore(path_, &files_, &clock_, &interner_); }
  static std::string VariantOf(const StickyStore& store, std::string_view unit,
                               std::string_view experiment = "one_tap") {
    const auto found = store.Find("user", unit, experiment);
    return found ? std::string(found->variant) + "@" + std::to_string(found->version) : "";
  }
  void Keep(StickyStore* store, std::string_view unit, std::string_view variant,
            std::uint32_t version = 1) {
    store->Keep("user", unit, "one_tap", interner_.Intern(variant), version);
  }

  testing::TemporaryFolder folder_;
  const std::string path_ = folder_ / "sticky";
  posix::PosixFileSystem files_;
  testing::FakeClock clock_;
  catalog::Interner interner_;
};

TEST_F(StickyStoreTest, TellsUnitsTypesAndExperimentsApart) {
  StickyStore store = Store();
  Keep(&store, "u-1", "on");
  EXPECT_EQ(VariantOf(store, "u-1"), "on@1");
  EXPECT_EQ(VariantOf(store, "u-2"), "");
  EXPECT_EQ(VariantOf(store, "u-1", "other"), "");
  EXPECT_FALSE(store.Find("device", "u-1", "one_tap"));
}

TEST_F(StickyStoreTest, KeepsTheFirstAssignmentUntilTheVersionRises) {
  StickyStore store = Store();
  Keep(&store, "u-1", "on", 2);
  Keep(&store, "u-1", "off", 2);
  Keep(&store, "u-1", "off", 1);
  EXPECT_EQ(VariantOf(store, "u-1"), "on@2");
  Keep(&store, "u-1", "off", 3);
  EXPECT_EQ(VariantOf(store, "u-1"), "off@3");
}

TEST_F(StickyStoreTest, WhatWasSavedIsThereInTheNextProcess) {
  {
    StickyStore store = Store();
    Keep(&store, "u-1", "on");
    Keep(&store, "u-2", "off", 7);
    ASSERT_TRUE(store.Save().ok());
  }
  StickyStore store = Store();
  ASSERT_TRUE(store.Load().ok());
  EXPECT_EQ(VariantOf(store, "u-1"), "on@1");
  EXPECT_EQ(VariantOf(store, "u-2"), "off@7");
}

TEST_F(StickyStoreTest, TwoProcessesOnOneFolderKeepEachOthersAssignmentsAndTheFirstOneWins) {
  StickyStore one = Store();
  StickyStore other = Store();
  Keep(&one, "u-1", "on");
  Keep(&one, "u-2", "on");
  Keep(&other, "u-2", "off");
  Keep(&other, "u-3", "off");
  ASSERT_TRUE(one.Save().ok());
  ASSERT_TRUE(other.Save().ok());
  StickyStore store = Store();
  ASSERT_TRUE(store.Load().ok());
  EXPECT_EQ(VariantOf(store, "u-1"), "on@1");
  EXPECT_EQ(VariantOf(store, "u-2"), "on@1");
  EXPECT_EQ(VariantOf(store, "u-3"), "off@1");
}

TEST_F(StickyStoreTest, AFullStoreForgetsWhatWasNotUsedForLongestAndItsFileStaysWithinItsBound) {
  StickyStore store = Store();
  for (int i = 0; i < 1000; ++i) Keep(&store, "old-" + std::to_string(i), "on");
  clock_.Advance(kDay);
  Keep(&store, "old-7", "on");  // Used again.
  clock_.Advance(kDay);
  for (int i = 0; i < 4 * static_cast<int>(StickyStore::kEntries); ++i) {
    if (i % 100 == 0) Keep(&store, "old-7", "on");
    Keep(&store, "new-" + std::to_string(i), i % 2 == 0 ? "on" : "off");
  }
  int old = 0;
  for (int i = 0; i < 1000; ++i)
    old += VariantOf(store, "old-" + std::to_string(i)).empty() ? 0 : 1;
  EXPECT_LE(old, 1) << "two days old, and four times the room was asked for since";
  EXPECT_EQ(VariantOf(store, "new-" + std::to_string(4 * StickyStore::kEntries - 1)), "off@1");
  ASSERT_TRUE(store.Save().ok());
  EXPECT_LE(std::filesystem::file_size(path_), StickyStore::kMaxFileBytes);
}

TEST_F(StickyStoreTest, ManyLongVariantsStayWithinTheFilesBound) {
  StickyStore store = Store();
  for (int i = 0; i < 2000; ++i) {
    Keep(&store, "u-" + std::to_string(i), std::to_string(i) + std::string(500, 'v'));
  }
  ASSERT_TRUE(store.Save().ok());
  EXPECT_LE(std::filesystem::file_size(path_), StickyStore::kMaxFileBytes);
  StickyStore again = Store();
  EXPECT_TRUE(again.Load().ok());
  EXPECT_EQ(VariantOf(again, "u-0"), "0" + std::string(500, 'v') + "@1");
}

TEST_F(StickyStoreTest, ADamagedFileIsAnErrorThatChangesNothingAndIsReplaced) {
  {
    StickyStore store = Store();
    Keep(&store, "u-1", "on");
    ASSERT_TRUE(store.Save().ok());
  }
  std::string bytes = *files_.ReadAll(path_);
  for (std::size_t cut : {std::size_t{0}, std::size_t{4}, std::size_t{17}, bytes.size() - 1}) {
    ASSERT_TRUE(files_.WriteAtomically(path_, std::string_view(bytes).substr(0, cut)).ok());
    StickyStore store = Store();
    EXPECT_FALSE(store.Load().ok()) << cut;
    EXPECT_EQ(VariantOf(store, "u-1"), "");
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    ASSERT_TRUE(files_.WriteAtomically(path_, flipped).ok());
    StickyStore store = Store();
    EXPECT_FALSE(store.Load().ok()) << i;
  }
  StickyStore store = Store();
  Keep(&store, "u-2", "off");
  ASSERT_TRUE(store.Save().ok());
  StickyStore again = Store();
  EXPECT_TRUE(again.Load().ok());
  EXPECT_EQ(VariantOf(again, "u-2"), "off@1");
}

TEST_F(StickyStoreTest, ClearForgetsEverythingAlsoOnDisk) {
  StickyStore store = Store();
  Keep(&store, "u-1", "on");
  ASSERT_TRUE(store.Save().ok());
  store.Clear();
  EXPECT_EQ(VariantOf(store, "u-1"), "");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  EXPECT_TRUE(store.Save().ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(StickyStoreTest, TheFileHoldsNoIds) {
  StickyStore store = Store();
  Keep(&store, "secret-user-id", "on");
  ASSERT_TRUE(store.Save().ok());
  EXPECT_EQ(files_.ReadAll(path_)->find("secret"), std::string::npos);
}

TEST_F(StickyStoreTest, ReadersNeverSeeAnAssignmentThatNobodyMade) {
  StickyStore store = Store();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      while (!stop) {
        for (int i = 0; i < 200; ++i) {
          const std::string seen = VariantOf(store, "u-" + std::to_string(i));
          if (!seen.empty() && seen != "v" + std::to_string(i % 7) + "@1") ++wrong;
        }
      }
    });
  }
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 200; ++i) {
      Keep(&store, "u-" + std::to_string(i), "v" + std::to_string(i % 7));
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace upswing::client
