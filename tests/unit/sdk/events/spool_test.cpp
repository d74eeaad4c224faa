#include "sdk/events/spool.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/posix/posix_file_system.hpp"
#include "sdk/wire/batch_encoder.hpp"
#include "tests/support/failing_file_system.hpp"
#include "tests/support/fake_platform.hpp"

namespace upswing::events {
namespace {

using Failure = testing::FailingFileSystem::Failure;
using ::testing::HasSubstr;

class SpoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.directory = ::testing::TempDir() + "/upswing_spool_" +
                         ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(options_.directory);
    options_.fsync = FsyncPolicy::kEveryBatch;
  }
  void TearDown() override {
    spool_.reset();
    std::filesystem::remove_all(options_.directory);
  }

  /// A process starts: an epoch of its own, and what dead ones left.
  void Start(std::uint64_t epoch) {
    spool_.reset();
    spool_ = std::make_unique<Spool>(options_, &files_, &clock_, &counters_);
    spool_->Open(epoch, 0).IgnoreError();
    spool_->Adopt();
    epoch_ = epoch;
    sequence_ = 0;
  }

  /// A batch of one event whose name is `name`, padded to about `size` bytes.
  bool Append(const std::string& name, Lane lane = Lane::kEvents, std::size_t size = 0) {
    wire::Encoder encoder;
    const wire::UnitRef unit{"user", "u"};
    std::string noise;
    for (std::size_t i = 0; i < size; ++i) noise += static_cast<char>('a' + entropy_.Next64() % 26);
    const wire::Property property = wire::Property::String("noise", noise);
    wire::EventRecord event;
    event.subject = encoder.Subject({&unit, 1});
    event.name = name;
    event.properties = {&property, 1};
    encoder.AddEvent(event);
    wire::BatchHeader header;
    header.id = {epoch_, 0, ++sequence_};
    BatchInfo info;
    info.id = header.id;
    info.lane = lane;
    info.events = 1;
    info.wall_ms = clock_.WallMillis();
    info.boot_ms = clock_.BootMillis();
    info.boot_id = clock_.BootId();
    return spool_->Append(info, encoder.Finish(header));
  }

  static std::string NameIn(const Spool::Batch& batch) {
    wire::Decoder decoder;
    wire::Batch decoded;
    EXPECT_TRUE(decoder.Decode(batch.bytes, {}, &decoded).ok());
    return std::string(decoded.strings[decoded.events.name[0]]);
  }

  /// Names of all batches in the order of sending; they are removed.
  std::vector<std::string> Drain() {
    std::vector<std::string> names;
    while (const std::optional<Spool::Batch> batch = spool_->Front()) {
      names.push_back(NameIn(*batch));
      spool_->Remove(batch->info.id);
    }
    return names;
  }

  /// The only segment file of lane `prefix` in the folder.
  std::filesystem::path SegmentFile(const std::string& prefix) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.directory)) {
      if (entry.path().filename().string().rfind(prefix, 0) == 0) return entry.path();
    }
    return {};
  }

  SpoolOptions options_;
  posix::PosixFileSystem real_;
  testing::FailingFileSystem files_{&real_};
  testing::FakeClock clock_;
  testing::FakeEntropy entropy_;
  Counters counters_;
  std::unique_ptr<Spool> spool_;
  std::uint64_t epoch_ = 0;
  std::uint64_t sequence_ = 0;
};

using Names = std::vector<std::string>;

TEST_F(SpoolTest, KeepsBatchesInOrderAcrossARestartAndOwnOnesComeAfterAdoptedOnes) {
  Start(5);
  Append("a");
  Append("b", Lane::kExposures);
  Append("c");
  Start(4);
  Append("d");
  EXPECT_EQ(Drain(), (Names{"a", "b", "c", "d"}));
  EXPECT_EQ(counters_.dropped(), 0u);
}

TEST_F(SpoolTest, DoesNotSendAgainWhatWasDoneBeforeTheRestart) {
  Start(1);
  Append("a");
  Append("b");
  spool_->Remove(spool_->Front()->info.id);
  Start(2);
  EXPECT_EQ(Drain(), (Names{"b"}));
}

TEST_F(SpoolTest, LeavesNothingBehindOnceAllIsSent) {
  Start(1);
  Append("a");
  Start(2);
  Append("b");
  Drain();
  spool_.reset();
  EXPECT_TRUE(std::filesystem::is_empty(options_.directory));
}

TEST_F(SpoolTest, LeavesAnotherLivingProcessAlone) {
  Start(1);
  Append("a");
  Spool other(options_, &files_, &clock_, &counters_);
  ASSERT_TRUE(other.Open(2, 0).ok());
  other.Adopt();
  EXPECT_FALSE(other.Front().has_value());
  EXPECT_EQ(Drain(), (Names{"a"}));
}

TEST_F(SpoolTest, SurvivesATornTailOfEveryLength) {
  Start(1);
  Append("a");
  const auto whole = std::filesystem::file_size(SegmentFile("m-"));
  Append("b");
  const std::filesystem::path path = SegmentFile("m-");
  std::string content;
  {
    std::ifstream file(path, std::ios::binary);
    content.assign(std::istreambuf_iterator<char>(file), {});
  }
  spool_.reset();
  for (std::size_t size = 0; size < content.size(); ++size) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content.substr(0, size);
    Start(2);
    EXPECT_EQ(Drain(), size >= whole ? Names{"a"} : Names{}) << size;
    spool_.reset();
  }
  EXPECT_EQ(counters_.dropped(), 0u) << "what was cut off was never promised";
}

TEST_F(SpoolTest, CountsADamagedBatchAndGoesOnWithTheNext) {
  Start(1);
  Append("a");
  const auto whole = std::filesystem::file_size(SegmentFile("m-"));
  Append("b");
  const std::filesystem::path path = SegmentFile("m-");
  spool_.reset();
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(whole) - 3);
  file.put('!');
  file.close();
  Start(2);
  EXPECT_EQ(Drain(), (Names{"b"}));
  EXPECT_EQ(counters_.dropped(wire::DropReason::kSpoolCorrupt), 1u);
}

TEST_F(SpoolTest, SetsAnotherFormatVersionAside) {
  const std::string folder = options_.directory + "/" + std::string(32, 'a');
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/m-00000001.log", std::ios::binary) << "UPSPOOL\x02 whatever it holds";
  Start(1);
  EXPECT_FALSE(spool_->Front().has_value());
  EXPECT_TRUE(std::filesystem::exists(options_.directory + "/aside/" + std::string(32, 'a') +
                                      "-m-00000001.log"));
  EXPECT_THAT(std::string(spool_->last_error().message()), HasSubstr("another format version"));
}

TEST_F(SpoolTest, GoesOnInMemoryWhileTheDiskRefusesAndReturnsToIt) {
  for (const Failure failure : {Failure::kFullDisk, Failure::kReadOnly}) {
    files_.Fail(failure);
    Start(static_cast<std::uint64_t>(failure));
    EXPECT_TRUE(Append("memory"));
    EXPECT_EQ(spool_->unwritten_batches(), 1u);
    files_.Fail(Failure::kNone);
    EXPECT_TRUE(Append("disk"));
    EXPECT_EQ(spool_->unwritten_batches(), 1u);
    EXPECT_EQ(Drain(), (Names{"memory", "disk"}));
  }
  EXPECT_EQ(counters_.dropped(), 0u);
}

TEST_F(SpoolTest, WritesNothingBehindAHalfWrittenBatch) {
  Start(1);
  Append("a");
  files_.FailAfterHalf();
  files_.Fail(Failure::kFullDisk);
  Append("lost with the process");
  files_.Fail(Failure::kNone);
  Append("b");
  Start(2);
  EXPECT_EQ(Drain(), (Names{"a", "b"}));
}

TEST_F(SpoolTest, CountsWhatNeitherDiskNorMemoryCanTake) {
  options_.max_unwritten_bytes = 300;
  files_.Fail(Failure::kFullDisk);
  Start(1);
  EXPECT_TRUE(Append("a"));
  EXPECT_FALSE(Append("b", Lane::kEvents, 400));
  EXPECT_EQ(counters_.dropped(wire::DropReason::kSpoolFailed), 1u);
}

TEST_F(SpoolTest, MakesTheFolderAnewWhenItDisappears) {
  Start(1);
  Append("a");
  std::filesystem::remove_all(options_.directory);
  EXPECT_TRUE(Append("b"));
  EXPECT_EQ(spool_->unwritten_batches(), 0u);
  // The open file still holds what was in the folder.
  EXPECT_EQ(Drain(), (Names{"a", "b"}));
}

TEST_F(SpoolTest, EvictsEventsBeforeExposuresAndTheOldestFirst) {
  options_.max_bytes = 64 * 1024;
  Start(1);
  Append("exposure", Lane::kExposures, 3000);
  for (int i = 0; i < 40; ++i) Append("event" + std::to_string(i), Lane::kEvents, 3000);
  EXPECT_LE(spool_->bytes(), options_.max_bytes);
  const Names left = Drain();
  EXPECT_EQ(left.front(), "exposure");
  EXPECT_EQ(left.back(), "event39");
  EXPECT_EQ(left.size() + counters_.dropped(wire::DropReason::kSpoolFull), 41u);
  EXPECT_EQ(left[1], "event" + std::to_string(counters_.dropped())) << "oldest first, no gaps";
}

TEST_F(SpoolTest, DropsWhatIsTooOldByTheBootClockWhateverTheWallClockSays) {
  options_.max_age_ms = 1000;
  Start(1);
  Append("a");
  clock_.wall_ms += 1'000'000'000;  // Someone sets the clock: that ages nothing.
  EXPECT_TRUE(spool_->Front().has_value());
  clock_.Advance(1001);
  EXPECT_FALSE(spool_->Front().has_value());
  EXPECT_EQ(counters_.dropped(wire::DropReason::kExpired), 1u);
}

TEST_F(SpoolTest, PurgeLeavesNoFileAndCountsTheRecords) {
  Start(1);
  Append("a");
  Start(2);
  Append("b");
  spool_->Purge(wire::DropReason::kConsent);
  EXPECT_EQ(spool_->batches(), 0u);
  EXPECT_EQ(counters_.dropped(wire::DropReason::kConsent), 2u);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.directory)) {
    EXPECT_FALSE(entry.is_regular_file()) << entry.path();
  }
}

}  // namespace
}  // namespace upswing::events
