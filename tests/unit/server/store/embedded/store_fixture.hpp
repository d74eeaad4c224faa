#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "server/store/chunk.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "tests/crash/faulty_vfs.hpp"
#include "tests/support/stream_of_records.hpp"

namespace upswing::testing {

constexpr std::uint64_t kUser = 0x1234567890abcdefULL;
constexpr std::uint64_t kOther = 0x7edcba0987654321ULL;
constexpr std::uint64_t kDevice = 0x5555aaaa5555aaaaULL;

/// A store in a folder of its own, and what its file says behind its back.
class StoreInFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    StartFaults({});
    options_.directory = ::testing::TempDir() + "/store_" +
                         ::testing::UnitTest::GetInstance()->current_test_info()->name();
    options_.background = false;
    options_.shards = 2;
    std::filesystem::remove_all(options_.directory);
    Open();
  }
  void TearDown() override { StartFaults({}); }

  void Open() {
    store_.reset();
    auto store = store::EmbeddedStore::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Land(const RecordList& list) {
    store::LandingBatch batch = ToBatch(list, 1, ++sequence_);
    const auto outcomes = store_->Land(absl::MakeSpan(&batch, 1));
    ASSERT_TRUE(outcomes.ok()) << outcomes.status();
    ASSERT_EQ((*outcomes)[0], store::LandingOutcome::kStored);
  }
  static EventRecord Event(Units units, const std::string& name, std::int64_t time, double value) {
    return {std::move(units), time, name, value, 0, 0, {}, 1};
  }

  /// Values of all events of a name that a report of the unit type reads; those of chunks that
  /// cannot be read are missing.
  std::multiset<double> Values(const std::string& type, const std::string& name) {
    std::multiset<double> values;
    const auto source = *store_->Snapshot();
    for (int shard = 0; shard < source->shards(); ++shard) {
      for (const auto& chunk : source->Chunks(type, shard, store::Lane::kEvents, name)) {
        const std::string bytes = *source->Read(chunk);
        const auto reader = store::ChunkReader::Open(bytes);
        std::vector<double> read;
        if (reader.ok() && reader->Verify().ok() && reader->ReadValues(&read).ok())
          values.insert(read.begin(), read.end());
      }
    }
    return values;
  }
  /// Every unit key that a reader can find, in any blob.
  std::set<std::uint64_t> LiveKeys() {
    std::set<std::uint64_t> keys;
    const auto source = *store_->Snapshot();
    for (const store::ChunkGroup& group : source->Groups()) {
      const auto units = *source->Keys(group.unit_type, group.shard);
      keys.insert(units.begin(), units.end());
      for (const auto& chunk :
           source->Chunks(group.unit_type, group.shard, group.lane, group.name)) {
        const std::string bytes = *source->Read(chunk);
        std::vector<std::uint32_t> first, type;
        std::vector<std::uint64_t> companions;
        const auto reader = store::ChunkReader::Open(bytes);
        if (reader.ok() && reader->ReadCompanions(&first, &type, &companions).ok())
          keys.insert(companions.begin(), companions.end());
      }
    }
    return keys;
  }
  std::map<std::string, std::int64_t> Erased(const std::string& experiment) {
    return (*store_->Snapshot())->Erased(experiment);
  }

  std::string Path(const std::string& name) const { return options_.directory + "/" + name; }
  static std::string ReadAll(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  bool FileHolds(std::uint64_t key) const {
    const std::string bytes(reinterpret_cast<const char*>(&key), sizeof(key));
    return (ReadAll(Path("upswing.db")) + ReadAll(Path("upswing.db-wal"))).find(bytes) !=
           std::string::npos;
  }
  /// The first column of each row.
  std::vector<std::string> Sql(const std::string& sql) {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(Path("upswing.db").c_str(), &database), SQLITE_OK);
    std::vector<std::string> rows;
    const auto add = [](void* to, int, char** columns, char**) {
      static_cast<std::vector<std::string>*>(to)->emplace_back(columns[0]);
      return 0;
    };
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), add, &rows, &error), SQLITE_OK) << error;
    sqlite3_close(database);
    return rows;
  }
  std::size_t Unfinished() { return Sql("SELECT 1 FROM tombstone WHERE done=0").size(); }

  /// Somebody reads the log of the file, until it is destroyed.
  class LogReader {
   public:
    explicit LogReader(const std::string& file) {
      EXPECT_EQ(sqlite3_open(file.c_str(), &database_), SQLITE_OK);
      EXPECT_EQ(
          sqlite3_exec(database_, "BEGIN; SELECT count(*) FROM meta", nullptr, nullptr, nullptr),
          SQLITE_OK);
    }
    ~LogReader() { sqlite3_close(database_); }
    LogReader(const LogReader&) = delete;
    LogReader& operator=(const LogReader&) = delete;

   private:
    sqlite3* database_ = nullptr;
  };

  store::EmbeddedOptions options_;
  std::unique_ptr<store::EmbeddedStore> store_;
  std::uint64_t sequence_ = 0;
};

}  // namespace upswing::testing
