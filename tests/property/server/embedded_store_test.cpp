#include "server/store/embedded/embedded_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/store/chunk.hpp"
#include "server/store/embedded/restore.hpp"
#include "server/store/embedded/rotation.hpp"
#include "server/store/export.hpp"
#include "tests/support/stream_of_records.hpp"

namespace upswing::testing {
namespace {

using store::EmbeddedOptions;
using store::EmbeddedStore;
using store::LandingBatch;
using store::LandingOutcome;

class Store : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.directory = ::testing::TempDir() + "/embedded_" +
                         ::testing::UnitTest::GetInstance()->current_test_info()->name();
    options_.background = false;
    options_.shards = 2;
    std::filesystem::remove_all(options_.directory);
    Open();
  }
  void Open() {
    store_.reset();
    auto store = EmbeddedStore::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  LandingOutcome Land(LandingBatch batch) {
    const auto outcomes = store_->Land(absl::MakeSpan(&batch, 1));
    EXPECT_TRUE(outcomes.ok()) << outcomes.status();
    return (*outcomes)[0];
  }
  static RecordList OneEvent(Units units, std::int64_t time, double value) {
    RecordList list;
    list.events.push_back({std::move(units), time, "purchase", value, 0, 0, {}, 1});
    return list;
  }
  // Values of all purchases that a snapshot has for a unit type.
  std::multiset<double> Values(const std::string& type = "user") {
    std::multiset<double> values;
    const auto source = *store_->Snapshot();
    for (int shard = 0; shard < source->shards(); ++shard) {
      for (const auto& chunk : source->Chunks(type, shard, store::Lane::kEvents, "purchase")) {
        const auto bytes = source->Read(chunk);
        EXPECT_TRUE(bytes.ok()) << bytes.status();
        const auto reader = store::ChunkReader::Open(*bytes);
        std::vector<double> read;
        EXPECT_TRUE(reader->ReadValues(&read).ok());
        values.insert(read.begin(), read.end());
      }
    }
    return values;
  }
  static std::string ReadAll(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  std::string FileBytes() const {
    const std::string database = options_.directory + "/upswing.db";
    return ReadAll(database) + ReadAll(database + "-wal");
  }
  // Every unit key that a reader can find, in any blob.
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
        EXPECT_TRUE(
            store::ChunkReader::Open(bytes)->ReadCompanions(&first, &type, &companions).ok());
        keys.insert(companions.begin(), companions.end());
      }
    }
    return keys;
  }
  // How many rows a query has.
  int Rows(const std::string& sql) {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open((options_.directory + "/upswing.db").c_str(), &database), SQLITE_OK);
    int rows = 0;
    const auto count = [](void* to, int, char**, char**) { return ++*static_cast<int*>(to), 0; };
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), count, &rows, nullptr), SQLITE_OK);
    sqlite3_close(database);
    return rows;
  }
  void Sql(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((options_.directory + "/upswing.db").c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(database);
  }

  EmbeddedOptions options_;
  std::unique_ptr<EmbeddedStore> store_;
};

constexpr std::uint64_t kUser = 0x1234567890abcdefULL;
constexpr std::uint64_t kOther = 0xfedcba0987654321ULL;
constexpr std::uint64_t kDevice = 0x5555aaaa5555aaaaULL;

TEST_F(Store, KnowsABatchForEverAndTellsAnotherOneUnderItsIdApart) {
  const RecordList list = OneEvent({{"user", kUser}}, 1000, 1);
  EXPECT_EQ(Land(ToBatch(list, 1, 5)), LandingOutcome::kStored);
  EXPECT_EQ(Land(ToBatch(list, 1, 5)), LandingOutcome::kDuplicate);
  EXPECT_EQ(Land(ToBatch(list, 1, 6)), LandingOutcome::kStored)
      << "another sequence is another batch";
  EXPECT_EQ(Land(ToBatch(list, 2, 5)), LandingOutcome::kStored) << "another epoch too";
  ASSERT_TRUE(store_->Compact(true).ok());
  Open();
  EXPECT_EQ(Land(ToBatch(list, 1, 5)), LandingOutcome::kDuplicate);
  EXPECT_EQ(Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 2), 1, 5)), LandingOutcome::kConflict);
  EXPECT_EQ(store_->Stats()->conflicts, 1);
  EXPECT_EQ(Values(), (std::multiset<double>{1, 1, 1}));
}

TEST_F(Store, TakesTheHalvesOfABatchOrTheWholeButNotBoth) {
  const RecordList whole = OneEvent({{"user", kUser}}, 1000, 1);
  LandingBatch half = ToBatch(whole, 1, 2);
  half.ancestors = {1};
  EXPECT_EQ(Land(half), LandingOutcome::kStored);
  EXPECT_EQ(Land(ToBatch(whole, 1, 1)), LandingOutcome::kSplit) << "its parts are here";
  EXPECT_EQ(Land(ToBatch(whole, 1, 10)), LandingOutcome::kStored);
  half = ToBatch(whole, 1, 11);
  half.ancestors = {10};
  EXPECT_EQ(Land(half), LandingOutcome::kDuplicate) << "the whole is here";
}

// Two clients; the first sends its counters twice, out of order, and on two days.
TEST_F(Store, SumsWhatClientsCountOverEpochsWithoutCountingAnythingTwice) {
  using Kind = store::ClientCount::Kind;
  constexpr std::int64_t kDayMs = 24 * 3600 * 1000;
  const auto land = [&](std::uint64_t epoch, std::uint64_t sequence, std::int64_t day,
                        std::vector<store::ClientCount> counts) {
    LandingBatch batch = ToBatch(OneEvent({{"user", kUser}}, 1000, 7), epoch, sequence);
    batch.received_ms = day * kDayMs + 5;
    batch.counts = std::move(counts);
    Land(std::move(batch));
  };
  land(1, 2, 100,
       {{Kind::kDecisions, "exp", "on", 0, {10, 5, 4}},
        {Kind::kDroppedExposures, "exp", "on", 3, {2, 0, 0}},
        {Kind::kDroppedEvents, "purchase", "", 4, {9, 0, 0}}});
  land(1, 1, 100, {{Kind::kDecisions, "exp", "on", 0, {6, 3, 3}}});
  land(1, 2, 100, {{Kind::kDecisions, "exp", "on", 0, {10, 5, 4}}});
  Open();
  land(1, 3, 101, {{Kind::kDecisions, "exp", "on", 0, {11, 6, 5}}});
  land(2, 1, 101,
       {{Kind::kDecisions, "exp", "on", 0, {1, 1, 1}},
        {Kind::kDecisions, "exp", "off", 0, {~std::uint64_t{0}, 1, 1}}});
  const auto source = *store_->Snapshot();
  const auto one = *source->Decisions("exp", 100 * kDayMs, 101 * kDayMs - 1);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one.at("on").evaluated, 10);
  EXPECT_EQ(one.at("on").exposed, 5);
  EXPECT_EQ(one.at("on").queued, 4);
  EXPECT_EQ(one.at("on").dropped, (std::map<std::uint8_t, std::int64_t>{{3, 2}}));
  const auto both = *source->Decisions("exp", 100 * kDayMs, 102 * kDayMs);
  EXPECT_EQ(both.at("on").evaluated, 12);
  EXPECT_EQ(both.at("on").queued, 6);
  EXPECT_EQ(both.at("off").exposed, 1);
  EXPECT_GT(both.at("off").evaluated, 0);  // whatever a client claims
  EXPECT_TRUE(source->Decisions("purchase", 0, 102 * kDayMs)->empty());
  EXPECT_EQ(*source->DroppedEvents("purchase", 100 * kDayMs, 100 * kDayMs),
            (std::map<std::uint8_t, std::int64_t>{{4, 9}}));
}

// A client key is public: whoever has it may claim what it likes, but not break reports.
TEST_F(Store, SumsOfWhatManyClientsClaimDoNotOverflow) {
  using Kind = store::ClientCount::Kind;
  constexpr std::int64_t kDayMs = 24 * 3600 * 1000;
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  std::uint64_t epoch = 0;
  for (const std::int64_t day : {100, 101, 102}) {
    std::vector<LandingBatch> batches;
    for (int i = 0; i < 4'500; ++i) {
      batches.push_back(ToBatch(RecordList(), ++epoch, 1));
      batches.back().received_ms = day * kDayMs + 5;
      batches.back().counts = {{Kind::kDecisions, "exp", "on", 0, {kMost, kMost, kMost}},
                               {Kind::kDroppedEvents, "purchase", "", 4, {kMost, 0, 0}}};
    }
    ASSERT_TRUE(store_->Land(absl::MakeSpan(batches)).ok());
  }
  const auto sums = [&] {
    const auto source = *store_->Snapshot();
    const auto decisions = source->Decisions("exp", 0, 200 * kDayMs);
    EXPECT_TRUE(decisions.ok()) << decisions.status();
    EXPECT_EQ(decisions->at("on").evaluated, 3 * (std::int64_t{1} << 40));
    const auto dropped = source->DroppedEvents("purchase", 0, 200 * kDayMs);
    EXPECT_TRUE(dropped.ok()) << dropped.status();
    EXPECT_EQ(dropped->at(4), 3 * (std::int64_t{1} << 40));
  };
  sums();
  // As an earlier version kept them.
  store_.reset();
  Sql("UPDATE tally SET value=1<<62");
  Open();
  sums();
}

TEST_F(Store, HasOneOwnerAndManyReaders) {
  EXPECT_EQ(EmbeddedStore::Open(options_).status().code(), absl::StatusCode::kFailedPrecondition);
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 3), 1, 1));
  EmbeddedOptions reader = options_;
  reader.read_only = true;
  const auto beside = EmbeddedStore::Open(reader);
  ASSERT_TRUE(beside.ok()) << beside.status();
  const auto source = (*beside)->Snapshot();
  ASSERT_TRUE(source.ok());
  EXPECT_EQ((*source)->EarliestEventMs(), 1000);
  std::vector<LandingBatch> none(1);
  EXPECT_FALSE((*beside)->Land(absl::MakeSpan(none)).ok());
}

TEST_F(Store, RefusesAnotherKeyAndANewerFormat) {
  store_.reset();
  const std::string key_file = options_.directory + "/unit.key";
  std::filesystem::rename(key_file, key_file + ".kept");
  ASSERT_TRUE(store::WriteKeyChain({*store::DrawSecret()}, key_file).ok());
  EXPECT_EQ(EmbeddedStore::Open(options_).status().code(), absl::StatusCode::kFailedPrecondition);
  std::filesystem::rename(key_file + ".kept", key_file);
  Open();
  store_.reset();
  Sql("UPDATE meta SET value='3' WHERE key='format_version'; DROP TABLE arrival");
  const auto newer = EmbeddedStore::Open(options_);
  EXPECT_EQ(newer.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(newer.status().message().find("format version 3"), std::string::npos);
  EXPECT_EQ(Rows("SELECT 1 FROM sqlite_master WHERE name='arrival'"), 0)
      << "what is refused stays as it is";
}

TEST_F(Store, ErasesAUnitFromEveryCopyFreeSpaceAndTheLogAndRefusesItsOldRecords) {
  RecordList both = OneEvent({{"user", kUser}, {"device", kDevice}}, 1000, 7);
  both.exposures.push_back({{{"user", kUser}}, 900, "exp", "on", 1, 1, 0, {}, 1});
  Land(ToBatch(both, 1, 1));
  Land(ToBatch(OneEvent({{"user", kOther}}, 1000, 8), 1, 2));
  ASSERT_TRUE(store_->Compact(false).ok());
  Land(ToBatch(OneEvent({{"user", kUser}}, 1001, 9), 1, 3));  // still landed when the erasure comes
  // What the file holds of the unit now: its key, and the blobs that name it.
  const std::string key(reinterpret_cast<const char*>(&kUser), sizeof(kUser));
  ASSERT_NE(FileBytes().find(key), std::string::npos);
  std::vector<std::string> blobs;
  {
    const auto source = *store_->Snapshot();
    for (int shard = 0; shard < 2; ++shard)
      for (const auto& chunk : source->Chunks("device", shard, store::Lane::kEvents, "purchase"))
        blobs.push_back(*source->Read(chunk));
  }
  ASSERT_EQ(blobs.size(), 1u);
  ASSERT_NE(FileBytes().find(blobs[0]), std::string::npos);

  EXPECT_EQ(LiveKeys().count(kUser), 1u);

  const auto erased = store_->Erase("user", kUser, 5000);
  ASSERT_TRUE(erased.ok()) << erased.status();
  EXPECT_EQ(erased->records, 3);
  EXPECT_EQ(LiveKeys().count(kUser), 0u);
  EXPECT_EQ(Values("user"), (std::multiset<double>{8}));
  EXPECT_EQ(Values("device"), (std::multiset<double>{}));
  EXPECT_EQ(FileBytes().find(key), std::string::npos);
  EXPECT_EQ(FileBytes().find(blobs[0]), std::string::npos);
  EXPECT_EQ((*store_->Snapshot())->Erased("exp"), (std::map<std::string, std::int64_t>{{"on", 1}}));
  const auto log = store_->AuditLog();
  ASSERT_EQ(log->size(), 1u);
  EXPECT_EQ((*log)[0].action, "erase");

  // A device sends an old record in a batch that was never seen; and later the user comes back.
  EXPECT_EQ(store_->ErasedAt("user", kUser), 5000);
  Land(ToBatch(OneEvent({{"user", kUser}}, 4000, 10), 2, 1));
  Land(ToBatch(OneEvent({{"user", kUser}}, 6000, 11), 2, 2));
  EXPECT_EQ(Values("user"), (std::multiset<double>{8, 11}));
  ASSERT_TRUE(store_->Compact(true).ok());
  EXPECT_EQ(Values("user"), (std::multiset<double>{8, 11}));
  EXPECT_TRUE(store_->Verify()->damaged.empty());
}

TEST_F(Store, ErasesAndCountsAUnitThatIsOnlyLandedYet) {
  RecordList list = OneEvent({{"user", kUser}, {"device", kDevice}}, 1000, 7);
  list.exposures.push_back({{{"user", kUser}}, 900, "exp", "on", 1, 1, 0, {}, 1});
  const LandingBatch batch = ToBatch(list, 1, 1);
  Land(batch);
  Land(ToBatch(OneEvent({{"user", kOther}}, 1000, 8), 1, 2));
  // The key stands in the blob as a difference from the least key, so the blob is looked for.
  ASSERT_NE(FileBytes().find(batch.blob), std::string::npos);
  const std::string key(reinterpret_cast<const char*>(&kUser), sizeof(kUser));
  const auto erased = store_->Erase("user", kUser, 5000);
  ASSERT_TRUE(erased.ok()) << erased.status();
  EXPECT_EQ(erased->records, 2);
  EXPECT_EQ((*store_->Snapshot())->Erased("exp"), (std::map<std::string, std::int64_t>{{"on", 1}}));
  EXPECT_EQ(Values("user"), (std::multiset<double>{8}));
  EXPECT_EQ(Values("device"), (std::multiset<double>{}));
  EXPECT_EQ(LiveKeys().count(kUser), 0u);
  EXPECT_EQ(FileBytes().find(key), std::string::npos);
  EXPECT_EQ(FileBytes().find(batch.blob), std::string::npos);
  ASSERT_EQ(store_->AuditLog()->size(), 1u);
  EXPECT_NE(store_->AuditLog()->front().detail.find(": 2 records"), std::string::npos);
}

// In the backup one unit is compacted and one only landed; both are erased after it was taken.
TEST_F(Store, AnOldBackupBringsNoErasedUnitBackHoweverItIsPutInPlace) {
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
  ASSERT_TRUE(store_->Compact(false).ok());
  Land(ToBatch(OneEvent({{"user", kOther}}, 1000, 8), 1, 2));
  Land(ToBatch(OneEvent({{"user", 42}}, 1000, 9), 1, 3));
  const std::string backup = ::testing::TempDir() + "/embedded_old_backup.db";
  std::filesystem::remove(backup);
  ASSERT_TRUE(store_->Backup(backup).ok());
  ASSERT_TRUE(store_->Erase("user", kUser, 5000).ok());
  ASSERT_TRUE(store_->Erase("user", kOther, 6000).ok());
  const auto check = [&](const char* how) {
    EXPECT_EQ(Values("user"), (std::multiset<double>{9})) << how;
    EXPECT_EQ(LiveKeys().count(kUser), 0u) << how;
    EXPECT_EQ(LiveKeys().count(kOther), 0u) << how;
    for (const std::uint64_t erased : {kUser, kOther}) {
      const std::string key(reinterpret_cast<const char*>(&erased), sizeof(erased));
      EXPECT_EQ(FileBytes().find(key), std::string::npos) << how;
    }
    EXPECT_EQ(store_->AuditLog()->size(), 2u) << how;
    // The device still has the batch, and the backup knows nothing of one that came after it.
    Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
    Land(ToBatch(OneEvent({{"user", kOther}}, 4000, 10), 1, 4));
    EXPECT_EQ(Values("user"), (std::multiset<double>{9})) << how;
  };

  store_.reset();
  ASSERT_TRUE(store::RestoreStore(backup, options_.directory).ok());
  Open();
  check("store restore");

  const auto replace = [&](const std::string& directory) {
    for (const char* suffix : {"", "-wal", "-shm"})
      std::filesystem::remove(directory + "/upswing.db" + suffix);
    std::filesystem::copy_file(backup, directory + "/upswing.db");
  };
  store_.reset();
  replace(options_.directory);
  options_.read_only = true;
  const absl::Status refused = EmbeddedStore::Open(options_).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(refused.message().find("2 units in the file erasures"), std::string::npos);
  options_.read_only = false;
  Open();
  check("copied into the folder");

  // The folder is lost; the file of erasures and the key were kept elsewhere.
  store_.reset();
  const std::string fresh = options_.directory + "_fresh";
  std::filesystem::remove_all(fresh);
  std::filesystem::create_directories(fresh);
  for (const char* file : {"/erasures", "/unit.key"})
    std::filesystem::copy_file(options_.directory + file, fresh + file);
  ASSERT_TRUE(store::RestoreStore(backup, fresh).ok());
  options_.directory = fresh;
  Open();
  check("restored into a new folder");
}

TEST_F(Store, TheFileOfErasuresOutlivesACrashWhileItIsWritten) {
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
  ASSERT_TRUE(store_->Erase("user", kUser, 5000).ok());
  ASSERT_TRUE(store_->Erase("user", kOther, 6000).ok());
  store_.reset();
  const std::string file = options_.directory + "/erasures";
  const auto size = std::filesystem::file_size(file);
  for (const auto cut : {size - 1, size - 5, size - 30, size / 2}) {
    std::filesystem::resize_file(file, cut);
    Open();  // writes what the database knows
    store_.reset();
    Sql("DELETE FROM tombstone");
    Open();  // and the other way round
    EXPECT_EQ(store_->ErasedAt("user", kUser), 5000) << cut;
    EXPECT_EQ(store_->ErasedAt("user", kOther), 6000) << cut;
    store_.reset();
  }
  std::ofstream(file, std::ios::app) << "something else that somebody wrote into it by hand\n";
  EXPECT_EQ(EmbeddedStore::Open(options_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Store, AnErasureCutShortIsFinishedByTheNextOpen) {
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
  Land(ToBatch(OneEvent({{"user", kOther}}, 1000, 8), 1, 2));
  ASSERT_TRUE(store_->Compact(false).ok());
  const auto before = options_.directory + "/before.db";
  ASSERT_TRUE(store_->Backup(before).ok());
  ASSERT_TRUE(store_->Erase("user", kUser, 5000).ok());
  store_.reset();
  // The state of a crash just after the tombstone: the old records, the tombstone not done.
  Sql("ATTACH '" + before +
      "' AS old; DELETE FROM main.chunk; DELETE FROM main.chunk_data;"
      "INSERT INTO main.chunk SELECT * FROM old.chunk; INSERT INTO main.chunk_data SELECT * FROM "
      "old.chunk_data;"
      "DELETE FROM main.units; INSERT INTO main.units SELECT * FROM old.units; UPDATE "
      "main.tombstone SET done=0;"
      "DELETE FROM main.run; INSERT INTO main.run SELECT * FROM old.run");
  Open();
  EXPECT_EQ(Values("user"), (std::multiset<double>{8}));
}

TEST_F(Store, ExpiresByAgeButKeepsExposuresOfLivingExperiments) {
  RecordList list = OneEvent({{"user", kUser}}, 1000, 7);
  list.events.push_back({{{"user", kOther}}, 3000, "purchase", 8, 0, 0, {}, 2});
  list.exposures.push_back({{{"user", kUser}}, 900, "running", "on", 1, 1, 0, {}, 3});
  list.exposures.push_back({{{"user", kUser}}, 900, "archived", "on", 1, 1, 0, {}, 4});
  Land(ToBatch(list, 1, 1));
  const auto expired = store_->Expire(2000, {"running"});
  ASSERT_TRUE(expired.ok()) << expired.status();
  EXPECT_EQ(expired->records, 2);
  EXPECT_EQ(Values(), (std::multiset<double>{8}));
  const auto source = *store_->Snapshot();
  std::size_t running = 0;
  std::size_t archived = 0;
  for (int shard = 0; shard < 2; ++shard) {
    running += source->Chunks("user", shard, store::Lane::kExposures, "running").size();
    archived += source->Chunks("user", shard, store::Lane::kExposures, "archived").size();
  }
  EXPECT_EQ(running, 1u);
  EXPECT_EQ(archived, 0u);
}

TEST_F(Store, NamesADamagedBlobAndReadsTheRest) {
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
  Land(ToBatch(OneEvent({{"user", kOther}}, 1000, 8), 1, 2));
  ASSERT_TRUE(store_->Compact(false).ok());
  Land(ToBatch(OneEvent({{"user", kOther}}, 2000, 9), 1, 3));
  Land(ToBatch(OneEvent({{"user", kOther}}, 2000, 10), 1, 4));
  EXPECT_TRUE(store_->Verify()->damaged.empty());
  // The last byte of the first chunk and of the first landed batch.
  Sql("UPDATE chunk_data SET data=substr(data,1,length(data)-1)||x'ee' WHERE id=1;"
      "UPDATE landed SET data=substr(data,1,length(data)-1)||x'ee' WHERE sequence=3");
  const auto report = store_->Verify();
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->damaged.size(), 2u);
  EXPECT_EQ(report->damaged[0].find("landed batch "), 0u);
  EXPECT_EQ(report->damaged[1].find("chunk 1:"), 0u);
  // A round sets the landed batch aside; nothing else is lost.
  ASSERT_TRUE(store_->Compact(true).ok());
  EXPECT_EQ(store_->Stats()->quarantined, 1);
  const auto unreadable = (*store_->Snapshot())->Unreadable();
  ASSERT_EQ(unreadable.size(), 1u);
  EXPECT_EQ(unreadable[0].find("landed batch "), 0u);
}

// Every byte of every kind of blob, one at a time.
TEST_F(Store, AnyFlippedByteIsNamedAndTheRestStaysReadable) {
  RecordList list = OneEvent({{"user", kUser}, {"device", kDevice}}, 1000, 7);
  list.exposures.push_back({{{"user", kUser}}, 900, "exp", "on", 1, 1, 0, {{"country", "CN"}}, 1});
  list.events.push_back(
      {{{"user", kOther}}, 1500, "view", 0.25, 17, 4, {{"item", "p-1"}, {"price", 2.5}}, 2});
  LandingBatch counted = ToBatch(list, 1, 1);
  counted.counts = {{store::ClientCount::Kind::kDecisions, "exp", "on", 0, {10, 5, 4}}};
  Land(std::move(counted));
  ASSERT_TRUE(store_->Compact(false).ok());
  Land(ToBatch(OneEvent({{"user", kOther}}, 2000, 9), 1, 2));
  Land(ToBatch(OneEvent({{"user", kOther}}, 2000, 10), 1, 2));  // a conflict
  Land(ToBatch(OneEvent({{"user", kOther}}, 2000, 11), 2, 1));
  store_.reset();
  const auto query = [&](const std::string& sql) {
    std::vector<std::vector<std::int64_t>> rows;
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open((options_.directory + "/upswing.db").c_str(), &database), SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr), SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW)
      rows.push_back({sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1)});
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return rows;
  };
  options_.read_only = true;
  int flipped = 0;
  struct Blobs {
    std::string table, key, data = "data";
  };
  for (const auto& [table, key, data] :
       {Blobs{"landed", "id"}, Blobs{"conflict", "id"}, Blobs{"chunk_data", "id"},
        Blobs{"units", "rowid"}, Blobs{"known", "page", "sums"}, Blobs{"counter", "1"},
        Blobs{"arrival", "id"}}) {
    const auto blobs = query("SELECT " + key + ", length(" + data + ") FROM " + table);
    ASSERT_FALSE(blobs.empty()) << table;
    for (const auto& blob : blobs) {
      for (std::int64_t at = 1; at <= blob[1]; ++at) {
        const std::string where = " WHERE " + key + "=" + std::to_string(blob[0]);
        Sql("CREATE TABLE kept AS SELECT " + data + " AS data FROM " + table + where + "; UPDATE " +
            table + " SET " + data + "=CAST(substr(" + data + ",1," + std::to_string(at - 1) +
            ") || CASE WHEN substr(" + data + "," + std::to_string(at) +
            ",1)=x'a7' THEN x'58' ELSE x'a7' END || substr(" + data + "," + std::to_string(at + 1) +
            ") AS BLOB)" + where);
        Open();
        const auto report = store_->Verify();
        ASSERT_TRUE(report.ok()) << report.status();
        ASSERT_EQ(report->damaged.size(), 1u) << table << " byte " << at;
        // Whatever is not in that blob can be read.
        const auto source = store_->Snapshot();
        ASSERT_TRUE(source.ok()) << table << " byte " << at << ": " << source.status();
        int unreadable = static_cast<int>((*source)->Unreadable().size());
        for (const auto& group : (*source)->Groups())
          for (const auto& chunk :
               (*source)->Chunks(group.unit_type, group.shard, group.lane, group.name)) {
            const auto bytes = (*source)->Read(chunk);
            ASSERT_TRUE(bytes.ok());
            const auto reader = store::ChunkReader::Open(*bytes);
            if (!reader.ok() || !reader->Verify().ok()) ++unreadable;
          }
        EXPECT_LE(unreadable, 1) << table << " byte " << at;
        store_.reset();
        Sql("UPDATE " + table + " SET " + data + "=(SELECT data FROM kept)" + where +
            "; DROP TABLE kept");
        ++flipped;
      }
    }
  }
  Open();
  EXPECT_TRUE(store_->Verify()->damaged.empty());
  EXPECT_GT(flipped, 300);
}

// The batch whose number changed is in conflict, the others are known as before.
TEST_F(Store, DamagedNumbersOfKnownBatchesAreNamedAndLetNothingInTwice) {
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 8), 1, 2));
  ASSERT_TRUE(store_->Compact(false).ok());
  store_.reset();
  Sql("UPDATE known SET sums=CAST(substr(sums,1,4) || x'12345678' || substr(sums,9) AS BLOB)");
  Open();
  EXPECT_EQ(Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1)), LandingOutcome::kConflict);
  EXPECT_EQ(Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 8), 1, 2)), LandingOutcome::kDuplicate);
  EXPECT_EQ(Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 9), 1, 3)), LandingOutcome::kStored);
  EXPECT_EQ(store_->Stats()->quarantined, 1);
  EXPECT_EQ(store_->Stats()->known_batches, 3);
  EXPECT_EQ(Values("user"), (std::multiset<double>{7, 8, 9}));
}

// Clients that send in any order, with gaps, splits, repetitions and lies, against a plain map;
// meanwhile rows enter their tables or not, and the store is opened anew.
TEST_F(Store, KnowsTheSameOfClientsWhereverTheirRowsAre) {
  std::mt19937 random(1);
  struct Client {
    std::map<std::uint64_t, std::uint64_t> checksums;  // by sequence; 1: split
    std::map<std::uint64_t, std::int64_t> boots;
    std::uint64_t evaluated = 0;
  };
  std::map<std::uint64_t, Client> clients;
  std::size_t known = 0;
  std::size_t first_rows = 0;
  for (int step = 0; step < 4'000; ++step) {
    const std::uint64_t epoch = 1 + random() % 40;
    Client& client = clients[epoch];
    LandingBatch batch = ToBatch(OneEvent({{"user", kUser}}, 1000, 7), epoch, 1 + random() % 700);
    batch.checksum = 2 + random() % 3;
    batch.boot_id = 1 + random() % 3;
    batch.boot_offset = step;
    batch.counts = {{store::ClientCount::Kind::kDecisions, "exp", "on", 0, {random() % 100, 0, 0}}};
    if (random() % 10 == 0) batch.ancestors = {1 + random() % 700};
    const std::uint64_t sequence = batch.key.sequence;
    const std::uint64_t boot = batch.boot_id;
    const std::uint64_t evaluated = batch.counts[0].values[0];
    const std::uint64_t checksum = batch.checksum;
    LandingOutcome expected = LandingOutcome::kStored;
    if (const auto there = client.checksums.find(sequence); there != client.checksums.end()) {
      expected = there->second == 1          ? LandingOutcome::kSplit
                 : there->second == checksum ? LandingOutcome::kDuplicate
                                             : LandingOutcome::kConflict;
    } else {
      for (const std::uint64_t ancestor : batch.ancestors) {
        const auto whole = client.checksums.try_emplace(ancestor, 1).first;
        if (whole->second > 1) expected = LandingOutcome::kDuplicate;
      }
      client.checksums[sequence] = checksum;
    }
    ASSERT_EQ(Land(std::move(batch)), expected) << "step " << step;
    if (expected == LandingOutcome::kStored) {
      client.boots.try_emplace(boot, step);
      client.evaluated = std::max(client.evaluated, evaluated);
    }
    for (const auto& [id, offset] : client.boots)
      ASSERT_EQ(**store_->BootOffset(1, epoch, id), offset) << "step " << step;
    switch (random() % 200) {
      case 0:
        ASSERT_TRUE(store_->Compact(false).ok());
        EXPECT_EQ(Rows("SELECT 1 FROM arrival"), 0);
        break;
      case 1:
        first_rows += static_cast<std::size_t>(Rows("SELECT 1 FROM arrival"));
        Open();
        break;
      default:
        break;
    }
  }
  std::uint64_t evaluated = 0;
  for (const auto& [epoch, client] : clients) {
    evaluated += client.evaluated;
    known += client.checksums.size();
  }
  EXPECT_GT(first_rows, 0u);
  const std::int64_t far = std::int64_t{1} << 50;
  EXPECT_EQ((*store_->Snapshot())->Decisions("exp", 0, far)->at("on").evaluated,
            static_cast<std::int64_t>(evaluated));
  EXPECT_EQ(store_->Stats()->known_batches, static_cast<std::int64_t>(known));
  store_.reset();
  EXPECT_GT(Rows("SELECT 1 FROM arrival"), 0);
  options_.read_only = true;
  Open();
  EXPECT_EQ(store_->Stats()->known_batches, static_cast<std::int64_t>(known));
  EXPECT_TRUE(store_->Verify()->damaged.empty());
  // A reader would not see what waits in `arrival`.
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->BootOffset(1, 1, 1).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->VisitState({})));
  // Of a folder from before they were counted.
  store_.reset();
  Sql("DELETE FROM meta WHERE key='known_batches'");
  options_.read_only = false;
  for (int opened = 0; opened < 2; ++opened) {
    Open();
    EXPECT_EQ(store_->Stats()->known_batches, static_cast<std::int64_t>(known));
  }
}

// A scrape of the metrics must not hold up those who wait for the writer's lock, nor wait for it.
TEST_F(Store, SaysItsSizeBesideACommit) {
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
  sqlite3* writer = nullptr;
  ASSERT_EQ(sqlite3_open((options_.directory + "/upswing.db").c_str(), &writer), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(writer, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  std::thread landing([&] { Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 8), 1, 2)); });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(store_->Stats()->known_batches, 1);
  EXPECT_EQ(store_->Stats()->landed_batches, 1);
  sqlite3_close(writer);
  landing.join();
  EXPECT_EQ(store_->Stats()->known_batches, 2);
}

// A reader names damage, but has no place to note it.
TEST_F(Store, AReaderSaysItsSizeWithDamagedNumbersOfKnownBatches) {
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
  ASSERT_TRUE(store_->Compact(false).ok());
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 8), 1, 2));
  store_.reset();
  Sql("UPDATE known SET sums=CAST(x'01234567' || substr(sums,5) AS BLOB)");
  options_.read_only = true;
  Open();
  const auto stats = store_->Stats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->known_batches, 2);
  EXPECT_EQ(store_->Verify()->damaged.size(), 1u);
}

TEST_F(Store, RowsOfClientsEnterTheirTablesWhenTheyTakeMoreThanTheirMemory) {
  options_.background = true;
  options_.client_bytes = 4096;
  Open();
  const auto entered = [&] { return Rows("SELECT 1 FROM known"); };
  std::uint64_t epoch = 0;
  while (entered() == 0) Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), ++epoch, 1));
  EXPECT_GE(epoch, 4096u / 1024);
  for (std::uint64_t again = 1; again <= epoch; ++again)
    EXPECT_EQ(Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), again, 1)),
              LandingOutcome::kDuplicate);
  options_.client_bytes = -1;
  EXPECT_EQ(EmbeddedStore::Open(options_).status().message(), "client_bytes: must not be below 0");
}

TEST_F(Store, ADamagedArrivalIsNamedAndTheRestOfItIsUsed) {
  std::vector<LandingBatch> batches;
  for (std::uint64_t epoch = 1; epoch <= 20; ++epoch)
    batches.push_back(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), epoch, 1));
  ASSERT_TRUE(store_->Land(absl::MakeSpan(batches)).ok());
  store_.reset();
  Sql("UPDATE arrival SET data=CAST(substr(data,1,4) || x'12345678' || substr(data,9) AS BLOB)");
  Open();
  int known = 0;
  for (std::uint64_t epoch = 1; epoch <= 20; ++epoch)
    known +=
        Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), epoch, 1)) == LandingOutcome::kDuplicate;
  EXPECT_EQ(known, 19);
  const auto unreadable = (*store_->Snapshot())->Unreadable();
  ASSERT_EQ(unreadable.size(), 1u);
  EXPECT_EQ(unreadable[0].find("arrival "), 0u);
}

TEST_F(Store, ADamagedValueOfTheServerIsNamedAndTheOthersAreRead) {
  ASSERT_TRUE(store_->PutMeta("catalog/1", "weights 50 50").ok());
  ASSERT_TRUE(store_->PutMeta("catalog/2", "weights 90 10").ok());
  store_.reset();
  Sql("UPDATE meta SET value=x'77656967687473203530203531' WHERE key='user/catalog/1'");
  for (const bool read_only : {true, false}) {
    options_.read_only = read_only;
    Open();
    const absl::Status damaged = store_->GetMeta("catalog/1").status();
    EXPECT_EQ(damaged.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(damaged.message(), "meta user/catalog/1: checksum");
    EXPECT_EQ(**store_->GetMeta("catalog/2"), "weights 90 10");
    EXPECT_EQ(store_->ListMeta("catalog/")->size(), 1u);
    EXPECT_EQ(store_->Verify()->damaged, std::vector<std::string>{"meta user/catalog/1: checksum"});
    EXPECT_EQ(store_->Stats()->quarantined, read_only ? 0 : 1);
    store_.reset();
  }
  Open();
  ASSERT_TRUE(store_->PutMeta("catalog/1", "weights 50 50").ok());
  EXPECT_EQ(**store_->GetMeta("catalog/1"), "weights 50 50");
  EXPECT_TRUE(store_->Verify()->damaged.empty());
}

// Both as the first version made it: without what came later, and with the number 1.
TEST_F(Store, TakesAFolderOfFormatVersion1AndMakesItVersion2) {
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
  ASSERT_TRUE(store_->Compact(false).ok());
  store_.reset();
  Sql("UPDATE meta SET value='1' WHERE key='format_version'; ALTER TABLE known DROP COLUMN "
      "checksum; ALTER TABLE meta DROP COLUMN checksum; DROP TABLE counter; DROP TABLE arrival; "
      "DELETE FROM meta WHERE key='known_batches'");
  options_.read_only = true;
  Open();
  EXPECT_EQ(Values("user"), (std::multiset<double>{7}));
  EXPECT_EQ(store_->Stats()->known_batches, 1);
  const auto as_it_was = store_->Verify();
  ASSERT_TRUE(as_it_was.ok()) << as_it_was.status();
  EXPECT_TRUE(as_it_was->damaged.empty());
  store_.reset();
  options_.read_only = false;
  Open();
  EXPECT_EQ(Rows("SELECT 1 FROM meta WHERE key='format_version' AND CAST(value AS TEXT)='2'"), 1);
  EXPECT_EQ(Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1)), LandingOutcome::kDuplicate);
  EXPECT_EQ(Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 8), 1, 2)), LandingOutcome::kStored);
  const auto report = store_->Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->damaged.empty());
}

TEST_F(Store, ADamagedDictionaryIsNamedAndHoldsNothingUp) {
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
  ASSERT_TRUE(store_->Compact(false).ok());
  store_.reset();
  Sql("UPDATE units SET data=x'0011223344556677'");
  Open();
  Land(ToBatch(OneEvent({{"user", kUser}}, 2000, 8), 1, 2));
  EXPECT_EQ((*store_->Snapshot())->Unreadable().size(), 1u);
  ASSERT_TRUE(store_->Compact(false).ok());
  EXPECT_EQ(Values("user"), (std::multiset<double>{7, 8}));
  const auto unreadable = (*store_->Snapshot())->Unreadable();
  ASSERT_EQ(unreadable.size(), 1u);
  EXPECT_EQ(unreadable[0].find("units of type "), 0u);
}

// In equal rounds: each of the classes is written once, and runs do not pile up.
TEST_F(Store, RewritesARecordOncePerClassOfRunsAndKeepsRunsFew) {
  constexpr std::uint64_t kRounds = 128;
  store_.reset();
  std::filesystem::remove_all(options_.directory);
  options_.shards = 1;
  options_.merge_runs = 4;
  Open();
  std::set<std::uint64_t> seen;
  std::uint64_t written = 0;
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    RecordList list = OneEvent({{"user", round}}, 1, 1);
    list.events.push_back({{{"user", 7}}, 2, "purchase", 2, 0, 0, {}, 2});
    Land(ToBatch(list, 1, round));
    ASSERT_TRUE(store_->Compact(false).ok());
    std::set<std::uint64_t> runs;
    for (const auto& chunk :
         (*store_->Snapshot())->Chunks("user", 0, store::Lane::kEvents, "purchase")) {
      runs.insert(chunk.run);
      if (seen.insert(chunk.id).second) written += chunk.rows;
    }
    EXPECT_LE(runs.size(), 12u);
  }
  // log4(128) = 3.5
  EXPECT_LE(written, 2 * kRounds * 4);
  EXPECT_EQ(Values().size(), 2 * kRounds);
}

TEST_F(Store, ABackupTakenWhileItRunsIsAStoreOfItsOwn) {
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 7), 1, 1));
  const std::string copy = options_.directory + "_copy";
  std::filesystem::remove_all(copy);
  std::filesystem::create_directories(copy);
  ASSERT_TRUE(store_->Backup(copy + "/upswing.db").ok());
  std::filesystem::copy_file(options_.directory + "/unit.key", copy + "/unit.key");
  Land(ToBatch(OneEvent({{"user", kUser}}, 1000, 8), 1, 2));
  options_.directory = copy;
  Open();
  EXPECT_EQ(Values(), (std::multiset<double>{7}));
}

class RotatedStore : public Store {
 protected:
  // Records of two unit types, of which some are compacted and some only landed; one unit erased.
  void Fill() {
    const auto& hasher = store_->hasher();
    user_ = hasher.Key("user", "u-1");
    RecordList list = OneEvent({{"user", user_}, {"device", hasher.Key("device", "d-1")}}, 1000, 7);
    list.exposures.push_back({{{"user", user_}}, 900, "exp", "on", 2, 3, 4, {{"vip", true}}, 1});
    list.events[0].properties = {{"category", std::string("beauty")}, {"price", 1.5}};
    list.events[0].event_id = 17;
    list.events[0].ref_id = 18;
    Land(ToBatch(list, 1, 1));
    Land(ToBatch(OneEvent({{"user", hasher.Key("user", "gone")}}, 1000, 8), 1, 2));
    ASSERT_TRUE(store_->Compact(false).ok());
    ASSERT_TRUE(store_->Erase("user", hasher.Key("user", "gone"), 5000).ok());
    Land(ToBatch(OneEvent({{"user", hasher.Key("user", "u-2")}}, 1001, 9), 1, 3));
    ASSERT_TRUE(store_->PutMeta("catalog", "bytes").ok());
  }
  // What an export says, with every key named by the id it belongs to.
  std::string Exported() {
    std::string text;
    EXPECT_TRUE(store::Export(**store_->Snapshot(), store::ExportFormat::kJsonLines,
                              [&](std::string_view lines) { text += lines; })
                    .ok());
    for (const auto& [type, id] :
         {std::pair("user", "u-1"), std::pair("user", "u-2"), std::pair("device", "d-1")}) {
      const std::string key =
          std::string(type) + "=" +
          std::string(absl::StrCat(absl::Hex(store_->hasher().Key(type, id), absl::kZeroPad16)));
      for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key))
        text.replace(at, key.size(), id);
    }
    std::vector<std::string> lines = absl::StrSplit(text, '\n');
    std::sort(lines.begin(), lines.end());
    return absl::StrJoin(lines, "\n");
  }
  std::string Folder(const std::string& name) const { return options_.directory + "/" + name; }
  std::uint64_t user_ = 0;
};

TEST_F(RotatedStore, HasTheSameRecordsUnderNewKeysAndNoTraceOfTheOldOnes) {
  Fill();
  const std::string before = Exported();
  ASSERT_NE(before.find("\"units\":\"d-1 u-1\""), std::string::npos) << before;
  const std::string old_key(reinterpret_cast<const char*>(&user_), sizeof(user_));
  ASSERT_NE(FileBytes().find(old_key), std::string::npos);
  for (int link = 2; link <= 3; ++link) {
    store_.reset();
    const auto moved = store::RotateUnitKey(options_.directory, 77);
    ASSERT_TRUE(moved.ok()) << moved.status();
    EXPECT_EQ(*moved, 3);
    Open();
    EXPECT_EQ(store_->hasher().links(), static_cast<std::size_t>(link));
    EXPECT_EQ(Exported(), before);
    EXPECT_EQ(LiveKeys().count(user_), 0u);
    EXPECT_EQ(LiveKeys().count(store_->hasher().Key("user", "u-1")), 1u);
    EXPECT_EQ(FileBytes().find(old_key), std::string::npos);
    EXPECT_TRUE(store_->Verify()->damaged.empty());
    EXPECT_FALSE(std::filesystem::exists(Folder("rotating")));
  }
  // What was known stays known: batches, values, what was erased and who did what.
  EXPECT_EQ(Land(ToBatch(OneEvent({{"user", 3}}, 1001, 9), 1, 3)), LandingOutcome::kConflict);
  EXPECT_EQ(*store_->GetMeta("catalog"), "bytes");
  EXPECT_EQ(store_->ErasedAt("user", store_->hasher().KeyOf("user", "gone", 1)), 5000);
  const auto log = *store_->AuditLog();
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(log[0].action, "erase");
  EXPECT_EQ(log[2].action, "unit-key.rotate");
  EXPECT_EQ(log[2].time_ms, 77);
  // An erasure finds its unit under the new key.
  EXPECT_EQ(store_->Erase("user", store_->hasher().Key("user", "u-2"), 6000)->records, 1);
}

TEST_F(RotatedStore, AnInterruptedRotationIsCompletedOrUndoneByTheNextOpen) {
  Fill();
  const std::string before = Exported();
  const std::string old_chain = ReadAll(Folder("unit.key"));
  // Cut short while the copy was made: only a part of it is there.
  store_.reset();
  std::filesystem::create_directory(Folder("rotating"));
  std::ofstream(Folder("rotating/unit.key")) << old_chain << std::string(64, 'a') << "\n";
  std::ofstream(Folder("rotating/upswing.db")) << "half";
  Open();
  EXPECT_EQ(store_->hasher().links(), 1u);
  EXPECT_EQ(Exported(), before);
  EXPECT_FALSE(std::filesystem::exists(Folder("rotating")));
  // Cut short between the database and its key.
  store_.reset();
  ASSERT_TRUE(store::RotateUnitKey(options_.directory, 77).ok());
  std::filesystem::create_directory(Folder("rotating"));
  std::filesystem::rename(Folder("unit.key"), Folder("rotating/unit.key"));
  std::ofstream(Folder("unit.key")) << old_chain;
  Open();
  EXPECT_EQ(store_->hasher().links(), 2u);
  EXPECT_EQ(Exported(), before);
}

TEST_F(RotatedStore, IsRefusedWhileTheStoreIsOpenOrHoldsWhatCannotBeMoved) {
  Fill();
  EXPECT_EQ(store::RotateUnitKey(options_.directory, 77).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Land(ToBatch(OneEvent({{"user", user_}}, 2000, 10), 1, 1)), LandingOutcome::kConflict);
  store_.reset();
  const absl::Status status = store::RotateUnitKey(options_.directory, 77).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("1 batches in conflict"), std::string::npos) << status;
  EXPECT_FALSE(std::filesystem::exists(Folder("rotating")));
  Open();
  EXPECT_EQ(store_->hasher().links(), 1u);
}

TEST_F(RotatedStore, ABackupFromBeforeNeedsTheKeyFileOfThen) {
  Fill();
  const std::string backup = options_.directory + ".backup";
  std::filesystem::remove(backup);
  ASSERT_TRUE(store_->Backup(backup).ok());
  store_.reset();
  ASSERT_TRUE(store::RotateUnitKey(options_.directory, 77).ok());
  const absl::Status status = store::RestoreStore(backup, options_.directory);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("rotate-key"), std::string::npos) << status;
}

}  // namespace
}  // namespace upswing::testing
