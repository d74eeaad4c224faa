#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include <sqlite3.h>

#include "server/store/embedded/embedded_store.hpp"
#include "server/store/records.hpp"

namespace upswing::testing {
namespace {

std::atomic<int> opened{0};
sqlite3_vfs* system_vfs = nullptr;

// The system's, but counts how often the database itself is opened.
std::string CountingVfs() {
  static sqlite3_vfs vfs = [] {
    system_vfs = sqlite3_vfs_find(nullptr);
    sqlite3_vfs counting = *system_vfs;
    counting.zName = "counting";
    counting.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
      if ((flags & SQLITE_OPEN_MAIN_DB) != 0) ++opened;
      return system_vfs->xOpen(system_vfs, name, file, flags, out);
    };
    return counting;
  }();
  sqlite3_vfs_register(&vfs, 0);
  return vfs.zName;
}

class WillRead : public ::testing::Test {
 protected:
  void SetUp() override {
    store::EmbeddedOptions options;
    options.directory = ::testing::TempDir() + "/will_read";
    options.background = false;
    options.vfs = CountingVfs();
    std::filesystem::remove_all(options.directory);
    auto store = store::EmbeddedStore::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void LandOneEvent(std::uint64_t sequence) {
    store::Records records;
    records.subjects.first = {0, 1};
    records.subjects.unit_type = {records.strings.Intern("user")};
    records.subjects.key = {7};
    store::Records::Events& events = records.events;
    events.subject = {0};
    events.name = {records.strings.Intern("purchase")};
    events.order = {0};
    events.value = {1};
    events.time_ms = {1000};
    events.event_id = events.ref_id = {0};
    events.properties.first = {0, 0};
    store::LandingBatch batch;
    batch.key = {1, 1, sequence};
    batch.checksum = sequence;
    batch.records = 1;
    batch.blob = store::EncodeRecords(records);
    const auto outcomes = store_->Land(absl::MakeSpan(&batch, 1));
    ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  }
  // Whether a report of all there is has the file read ahead.
  bool ReadsAhead() {
    auto source = *store_->Snapshot();
    std::int64_t bytes = 0;
    for (const store::ChunkGroup& group : source->Groups())
      for (const store::ChunkRef& chunk :
           source->Chunks(group.unit_type, group.shard, group.lane, group.name))
        bytes += chunk.bytes;
    const int before = opened;
    source->WillRead(bytes);
    source.reset();  // Waits for it.
    return opened > before;
  }

  std::unique_ptr<store::EmbeddedStore> store_;
};

TEST_F(WillRead, FetchesTheFileAheadOnlyForChunksThatAreInIt) {
  EXPECT_FALSE(ReadsAhead()) << "there is nothing";
  LandOneEvent(1);
  EXPECT_FALSE(ReadsAhead()) << "what has landed is in memory by now";
  ASSERT_TRUE(store_->Compact(false).ok());
  EXPECT_TRUE(ReadsAhead());
  LandOneEvent(2);
  EXPECT_TRUE(ReadsAhead());
}

}  // namespace
}  // namespace upswing::testing
