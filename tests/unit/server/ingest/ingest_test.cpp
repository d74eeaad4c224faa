#include "server/ingest/ingest.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sdk/wire/batch_encoder.hpp"
#include "sdk/wire/protocol.hpp"
#include "server/store/records.hpp"

namespace upswing::ingest {
namespace {

constexpr std::int64_t kNow = 1'793'577'600'000;

class StoppedClock : public port::Clock {
 public:
  std::int64_t WallMillis() const override { return kNow; }
  std::int64_t BootMillis() const override { return 1000; }
  std::uint64_t BootId() const override { return 1; }
};

// Keeps what is landed; commits wait while `held`.
class FakeStore : public store::EventStore {
 public:
  absl::StatusOr<std::vector<store::LandingOutcome>> Land(
      absl::Span<store::LandingBatch> batches) override {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !held; });
    ++commits;
    if (!failure.ok()) return failure;
    std::vector<store::LandingOutcome> outcomes;
    for (store::LandingBatch& batch : batches) {
      landed.push_back(batch);
      outcomes.push_back(outcome);
    }
    return outcomes;
  }
  absl::StatusOr<std::optional<std::int64_t>> BootOffset(std::uint64_t, std::uint64_t,
                                                         std::uint64_t) override {
    if (on_offset) on_offset();
    if (!offset_failure.ok()) return offset_failure;
    return stored_offset;
  }
  std::optional<std::int64_t> ErasedAt(std::string_view, std::uint64_t key) const override {
    return key == erased_key ? std::optional<std::int64_t>(kNow - 50) : std::nullopt;
  }
  std::int64_t BacklogBytes() const override { return backlog; }
  absl::StatusOr<std::shared_ptr<const store::RecordSource>> Snapshot(
      const store::SnapshotScope&) override {
    return Unused();
  }
  const store::UnitHasher& hasher() const override { return unused_hasher; }
  absl::StatusOr<store::EraseResult> Erase(std::string_view, std::uint64_t, std::int64_t,
                                           const AuditErasure&) override {
    return Unused();
  }
  absl::StatusOr<store::EraseResult> Expire(std::int64_t,
                                            const std::vector<std::string>&) override {
    return Unused();
  }
  absl::Status PutMeta(std::string_view, std::string_view) override { return Unused(); }
  absl::StatusOr<std::optional<std::string>> GetMeta(std::string_view) override { return Unused(); }
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ListMeta(
      std::string_view) override {
    return Unused();
  }
  absl::Status Audit(const store::AuditEntry&) override { return Unused(); }
  absl::StatusOr<std::vector<store::AuditEntry>> AuditLog() override { return Unused(); }
  absl::StatusOr<store::StoreStats> Stats() override { return Unused(); }

  std::mutex mutex;
  std::condition_variable changed;
  bool held = false;
  int commits = 0;
  absl::Status failure;
  store::LandingOutcome outcome = store::LandingOutcome::kStored;
  std::vector<store::LandingBatch> landed;
  std::optional<std::int64_t> stored_offset;
  absl::Status offset_failure;
  std::function<void()> on_offset;
  std::uint64_t erased_key = 0;
  store::UnitHasher unused_hasher{{store::UnitSecret{}}, ""};  // ingest is given its own
  std::int64_t backlog = 0;

 private:
  static absl::Status Unused() { return absl::UnimplementedError("not for ingest"); }
};

class Ingesting : public ::testing::Test {
 protected:
  void TearDown() override {
    if (ingest_) ingest_->Stop();
  }
  Ingest& ingest() {
    if (!ingest_) ingest_ = Ingest::Create(&store_, &hasher_, &clock_, options_);
    return *ingest_;
  }
  // One exposure and one purchase of a user, `ago` milliseconds before the batch was formed.
  std::string Body(std::uint64_t sequence, std::int64_t ago = 100,
                   std::string_view user = "u-secret") {
    wire::Encoder encoder;
    const wire::UnitRef unit{"user", user};
    const std::uint32_t subject = encoder.Subject(absl::MakeConstSpan(&unit, 1));
    wire::ExposureRecord exposure;
    exposure.subject = subject;
    exposure.experiment = "exp";
    exposure.variant = "on";
    exposure.time = {900 - ago, wire::TimeKind::kBoot};
    encoder.AddExposure(exposure);
    wire::EventRecord event;
    event.subject = subject;
    event.name = "purchase";
    event.value = 12.5;
    event.time = {900, wire::TimeKind::kBoot};
    encoder.AddEvent(event);
    wire::BatchHeader header;
    header.id = {1, 2, sequence};
    header.sdk_name = "test";
    header.boot_id = 77;
    header.wall_ms = kNow - 5000;
    header.boot_ms = 900;
    return encoder.Finish(header, {});
  }
  std::future<IngestResponse> Post(const std::string& body, std::string_view id = "",
                                   std::string_view sent_at = "") {
    auto promise = std::make_shared<std::promise<IngestResponse>>();
    std::future<IngestResponse> answer = promise->get_future();
    ingest().Submit({.sent_at = sent_at, .batch = id}, body, [promise](IngestResponse response) {
      promise->set_value(std::move(response));
    });
    return answer;
  }
  static std::string Header(const IngestResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return "";
  }
  store::Records Landed(std::size_t i = 0) {
    store::Records records;
    EXPECT_TRUE(store::DecodeRecords(store_.landed[i].blob, &records).ok());
    return records;
  }

  FakeStore store_;
  store::UnitHasher hasher_{{store::UnitSecret{1, 2, 3}}, "shop"};
  StoppedClock clock_;
  IngestOptions options_;
  std::unique_ptr<Ingest> ingest_;
};

TEST_F(Ingesting, AnswersWithTheBatchsIdAndKeepsKeysInsteadOfIds) {
  const IngestResponse response = Post(Body(3)).get();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Header(response, wire::kBatchHeader), wire::FormatBatchId({1, 2, 3}));
  EXPECT_EQ(wire::ParseAnswer(response.body)->accepted, 2u);
  const store::Records records = Landed();
  ASSERT_EQ(records.subjects.key.size(), 1u);
  EXPECT_EQ(records.subjects.key[0], hasher_.Key("user", "u-secret"));
  EXPECT_EQ(records.strings[records.events.name[0]], "purchase");
  EXPECT_EQ(records.events.value[0], 12.5);
  for (std::uint32_t i = 0; i < records.strings.size(); ++i)
    EXPECT_NE(records.strings[i], "u-secret") << "the raw id must not reach the disk";
}

TEST_F(Ingesting, HandsTheClientsCountersOn) {
  wire::Encoder encoder;
  encoder.AddDecisions("exp", "on", 10, 5, 4);
  encoder.AddDroppedExposures("exp", "off", 3, 2);
  encoder.AddDroppedEvents("purchase", 4, 9);
  wire::BatchHeader header;
  header.id = {1, 2, 3};
  ASSERT_EQ(Post(encoder.Finish(header, {})).get().status, 200);
  const auto& counts = store_.landed[0].counts;
  ASSERT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts[0].kind, store::ClientCount::Kind::kDecisions);
  EXPECT_EQ(counts[0].name + "/" + counts[0].variant, "exp/on");
  EXPECT_EQ(counts[0].values[0], 10u);
  EXPECT_EQ(counts[0].values[2], 4u);
  EXPECT_EQ(counts[1].kind, store::ClientCount::Kind::kDroppedExposures);
  EXPECT_EQ(counts[1].name + "/" + counts[1].variant, "exp/off");
  EXPECT_EQ(int{counts[1].reason}, 3);
  EXPECT_EQ(counts[1].values[0], 2u);
  EXPECT_EQ(counts[2].kind, store::ClientCount::Kind::kDroppedEvents);
  EXPECT_EQ(counts[2].name, "purchase");
  EXPECT_EQ(counts[2].values[0], 9u);
}

TEST_F(Ingesting, TrueTimeIsTheServersWithTheDevicesDistances) {
  // Sent 40 ms after forming, in the same boot: the purchase was 40 ms ago, the exposure 140 ms.
  Post(Body(1), "", wire::FormatSentAt({kNow - 5000, 940, 77})).get();
  EXPECT_EQ(Landed().events.time_ms[0], kNow - 40);
  EXPECT_EQ(Landed().exposures.time_ms[0], kNow - 140);
  EXPECT_EQ(store_.landed[0].boot_offset, kNow - 940);
}

TEST_F(Ingesting, KeepsTheOffsetOfTheFirstBatchOfABoot) {
  store_.stored_offset = kNow - 2000;
  Post(Body(1), "", wire::FormatSentAt({kNow - 5000, 940, 77})).get();
  EXPECT_EQ(Landed().events.time_ms[0], kNow - 2000 + 900);
}

TEST_F(Ingesting, AsksAgainForAnOffsetThatCouldNotBeRead) {
  store_.stored_offset = kNow - 2000;
  store_.offset_failure = absl::UnavailableError("disk");
  const IngestResponse refused = Post(Body(1)).get();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(Header(refused, wire::kBatchHeader), wire::FormatBatchId({1, 2, 1}));
  store_.offset_failure = absl::OkStatus();
  EXPECT_EQ(Post(Body(1)).get().status, 200);
  EXPECT_EQ(Landed().events.time_ms[0], kNow - 2000 + 900);
}

TEST_F(Ingesting, LeavesOutRecordsOlderThanTheirUnitsErasure) {
  store_.erased_key = hasher_.Key("user", "u-secret");
  // Erased 50 ms ago: the exposure of 140 ms ago goes, the purchase of 40 ms ago is the user's
  // return.
  const IngestResponse response =
      Post(Body(1), "", wire::FormatSentAt({kNow - 5000, 940, 77})).get();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Landed().exposures.size(), 0u);
  EXPECT_EQ(Landed().events.size(), 1u);
}

TEST_F(Ingesting, KnowsAnErasureFromBeforeTheKeyWasRotated) {
  hasher_ = store::UnitHasher({{1, 2, 3}, {4}, {5}}, "shop");
  store_.erased_key = hasher_.KeyOf("user", "u-secret", 2);
  Post(Body(1), "", wire::FormatSentAt({kNow - 5000, 940, 77})).get();
  EXPECT_EQ(Landed().exposures.size(), 0u);
  EXPECT_EQ(Landed().events.size(), 1u);
  EXPECT_EQ(Landed().subjects.key[0], hasher_.Key("user", "u-secret"));
}

TEST_F(Ingesting, RefusesWhatIsNoBatchAndWhatIsTooLargeWithAProblemThatNamesIt) {
  IngestResponse response = Post("not a batch", wire::FormatBatchId({1, 2, 3})).get();
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(Header(response, wire::kBatchHeader), wire::FormatBatchId({1, 2, 3}));
  EXPECT_EQ(Post(Body(3), wire::FormatBatchId({1, 2, 4})).get().status, 400);
  ingest_.reset();
  options_.limits.records = 1;
  response = Post(Body(3)).get();
  EXPECT_EQ(response.status, 413);
  EXPECT_NE(response.body.find("record"), std::string::npos) << response.body;
  EXPECT_EQ(store_.commits, 0) << "413 must come before anything is committed";
}

TEST_F(Ingesting, TellsDuplicatesAndConflictsApart) {
  store_.outcome = store::LandingOutcome::kDuplicate;
  EXPECT_TRUE(wire::ParseAnswer(Post(Body(1)).get().body)->duplicate);
  store_.outcome = store::LandingOutcome::kConflict;
  EXPECT_TRUE(wire::ParseAnswer(Post(Body(1)).get().body)->conflict);
  EXPECT_EQ(ingest().Stats().duplicates, 1);
  EXPECT_EQ(ingest().Stats().conflicts, 1);
}

TEST_F(Ingesting, SharesACommitAndPushesBackInsteadOfGrowing) {
  options_.pending_batches = 3;
  store_.held = true;
  std::vector<std::future<IngestResponse>> answers;
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence)
    answers.push_back(Post(Body(sequence)));
  const IngestResponse refused = Post(Body(4)).get();
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(Header(refused, wire::kRetryAfterHeader), "1");
  EXPECT_EQ(answers[0].wait_for(std::chrono::seconds(0)), std::future_status::timeout)
      << "no answer before its commit";
  {
    const std::lock_guard lock(store_.mutex);
    store_.held = false;
  }
  store_.changed.notify_all();
  for (auto& answer : answers) EXPECT_EQ(answer.get().status, 200);
  EXPECT_LE(store_.commits, 2) << "what waited while a commit ran goes with the next";
  store_.backlog = options_.backlog_bytes + 1;
  EXPECT_EQ(Post(Body(5)).get().status, 503);
}

// Counters are few bytes of a body, and many in memory.
TEST_F(Ingesting, PushesBackByWhatItHasToKeepOfABatch) {
  options_.pending_bytes = 500'000;
  store_.held = true;
  wire::Encoder encoder;
  for (int i = 0; i < 60; ++i)
    encoder.AddDecisions("exp", std::string(4'000, 'v'), static_cast<std::uint64_t>(i), 0, 0);
  const auto body = [&](std::uint64_t sequence) {
    wire::BatchHeader header;
    header.id = {1, 2, sequence};
    return encoder.Finish(header, {});
  };
  ASSERT_LT(body(1).size(), 500u);
  std::vector<std::future<IngestResponse>> answers;
  for (std::uint64_t sequence = 1; sequence <= 2; ++sequence)
    answers.push_back(Post(body(sequence)));
  std::future<IngestResponse> third = Post(body(3));
  ASSERT_EQ(third.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(third.get().status, 429);
  {
    const std::lock_guard lock(store_.mutex);
    store_.held = false;
  }
  store_.changed.notify_all();
  for (auto& answer : answers) EXPECT_EQ(answer.get().status, 200);
  EXPECT_EQ(Post(body(3)).get().status, 200);
  ingest_.reset();
  options_.pending_bytes = 10;
  EXPECT_EQ(Post(body(4)).get().status, 200) << "alone, whatever its size";
}

TEST_F(Ingesting, RefusesMoreCountersThanAClientHas) {
  wire::Encoder encoder;
  for (int i = 0; i < 100'000; ++i)
    encoder.AddDroppedEvents(std::string(4'000, 'n'), 1, static_cast<std::uint64_t>(i));
  wire::BatchHeader header;
  header.id = {1, 2, 3};
  const IngestResponse response = Post(encoder.Finish(header, {})).get();
  EXPECT_EQ(response.status, 413);
  EXPECT_NE(response.body.find("counter_rows"), std::string::npos) << response.body;
}

TEST_F(Ingesting, AFullDiskIsNotAnAcknowledgement) {
  store_.failure = absl::ResourceExhaustedError("disk full");
  const IngestResponse response = Post(Body(1)).get();
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(Header(response, wire::kRetryAfterHeader), "");
}

TEST_F(Ingesting, ChecksLoggedVariantsAgainstItsOwnCatalog) {
  options_.reevaluate_one_in = 1;
  options_.reevaluate = [](std::string_view, std::string_view, std::string_view id, std::uint64_t,
                           std::string* variant) {
    *variant = id == "u-1" ? "on" : "off";
    return true;
  };
  Post(Body(1, 100, "u-1")).get();
  Post(Body(2, 100, "u-2")).get();
  EXPECT_EQ(ingest().Stats().reevaluated, 2);
  EXPECT_EQ(ingest().Stats().disagreements, 1);
}

TEST_F(Ingesting, StopAnswersWhatIsQueuedAndRefusesTheRest) {
  std::future<IngestResponse> answer = Post(Body(1));
  ingest().Stop();
  EXPECT_EQ(answer.get().status, 200);
  EXPECT_EQ(Post(Body(2)).get().status, 503);
}

// Also a batch that is neither refused nor queued yet: its client waits for an answer.
TEST_F(Ingesting, StopWaitsForWhatIsBeingDecoded) {
  for (const bool refused : {false, true}) {
    store_.offset_failure = refused ? absl::UnavailableError("disk") : absl::OkStatus();
    std::thread stopping;
    store_.on_offset = [&] {
      stopping = std::thread([&] { ingest().Stop(); });
      // Until others are refused; by another thread, since this one is decoding.
      std::thread([&] {
        while (Post("").get().status != 503) {
        }
      }).join();
    };
    std::future<IngestResponse> answer = Post(Body(1));
    stopping.join();
    ASSERT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_EQ(answer.get().status, refused ? 503 : 200);
    ingest_.reset();
  }
}

}  // namespace
}  // namespace upswing::ingest
