#include "sdk/client/delivery_loop.hpp"

#include <filesystem>
#include <functional>
#include <utility>

#include "gtest/gtest.h"
#include "platform/posix/posix_file_system.hpp"
#include "sdk/events/batcher.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/fake_server.hpp"
#include "tests/support/process.hpp"

namespace upswing::client {
namespace {

using wire::DropReason;
using Sent = testing::ScriptedTransport::Sent;
using Handler = testing::ScriptedTransport::Handler;

constexpr std::int64_t kNever = DeliveryLoop::kNever;

class DeliveryLoopTest : public ::testing::Test {
 protected:
  DeliveryLoopTest() {
    EXPECT_TRUE(spool_.Open(5, 6).ok());
    batcher_.SetEpoch(5, 6);
    loop_.SetEndpoint({"http://server", "key", std::chrono::seconds(1)});
  }

  /// One batch of `count` events, whose values count on.
  void Form(int count, std::string_view name = "purchase") {
    for (int i = 0; i < count; ++i) {
      events::QueuedEvent event;
      event.name = name;
      event.value = next_value_++;
      ASSERT_EQ(events::QueueEvent(Subject("user", "u-1"), event, &events_),
                events::QueueResult::kQueued);
    }
    batcher_.Form();
  }
  static HttpResponse Ours(int status, const Sent& sent, std::string body = "") {
    return {status, {{"Upswing-Batch", sent.Header("Upswing-Batch")}}, std::move(body)};
  }
  HttpResponse Store(const Sent& sent) {
    return server_.Post(sent.Header("Upswing-Batch"), sent.body);
  }
  std::size_t attempts() const { return transport_.sent().size(); }

  testing::TemporaryFolder folder_;
  testing::FakeClock clock_;
  testing::FakeEntropy entropy_;
  posix::PosixFileSystem files_;
  testing::FakeServer server_;
  Handler handler_ = [this](const Sent& sent) { return Store(sent); };
  testing::ScriptedTransport transport_{[this](const Sent& sent) { return handler_(sent); }};
  events::Counters counters_;
  events::LaneQueue exposures_{1 << 16};
  events::LaneQueue events_{1 << 16};
  events::Spool spool_{{.directory = folder_ / "spool"}, &files_, &clock_, &counters_};
  events::Batcher batcher_{{.sdk_name = "test", .sdk_version = "1"},
                           &clock_,
                           &exposures_,
                           &events_,
                           &counters_,
                           &spool_};
  transport::BatchSender sender_{&transport_, &clock_};
  DeliveryLoop loop_{60'000, &spool_, &counters_, &sender_, &clock_, &entropy_};
  int next_value_ = 0;
};

TEST_F(DeliveryLoopTest, HasNothingToDoWithoutBatchesOrWithoutAServer) {
  EXPECT_EQ(loop_.Step(), kNever);
  Form(1);
  loop_.SetEndpoint({});
  EXPECT_EQ(loop_.Step(), kNever);
  EXPECT_EQ(attempts(), 0u);
}

TEST_F(DeliveryLoopTest, SendsTheOldestFirstAndForgetsWhatIsAcknowledged) {
  Form(2);
  Form(3);
  EXPECT_EQ(loop_.Step(), clock_.BootMillis()) << "the next one at once";
  EXPECT_EQ(server_.records(), 2u);
  loop_.Step();
  EXPECT_EQ(loop_.Step(), kNever);
  EXPECT_EQ(server_.records(), 5u);
  EXPECT_EQ(loop_.totals().acknowledged_records, 5u);
  EXPECT_EQ(loop_.totals().acknowledged_batches, 2u);
  EXPECT_EQ(spool_.batches(), 0u);
}

TEST_F(DeliveryLoopTest, AfterAFailureWaitsAndKeepsTheBatchAndItsBytes) {
  handler_ = [](const Sent&) { return absl::UnavailableError("no network"); };
  Form(1);
  const std::int64_t due = loop_.Step();
  EXPECT_GT(due, clock_.BootMillis());
  EXPECT_LE(due, clock_.BootMillis() + 1000);
  EXPECT_EQ(loop_.Step(), due) << "not due yet";
  EXPECT_EQ(attempts(), 1u);
  loop_.RetryNow();
  loop_.Step();
  EXPECT_EQ(attempts(), 2u);
  EXPECT_EQ(transport_.sent()[0].body, transport_.sent()[1].body);
  EXPECT_EQ(loop_.totals().retries, 2u);
  EXPECT_EQ(spool_.batches(), 1u);
  EXPECT_FALSE(loop_.last_error().ok());
}

TEST_F(DeliveryLoopTest, ARecordThatTheServerRejectsIsCountedByNameAndItsNeighboursAreDelivered) {
  handler_ = [](const Sent& sent) {
    return Ours(200, sent,
                R"({"accepted":3,"duplicate":false,"conflict":false,)"
                R"("rejected":[{"first":1,"count":2,"reason":"no_unit"}]})");
  };
  Form(5);
  loop_.Step();
  EXPECT_EQ(loop_.totals().acknowledged_records, 3u);
  EXPECT_EQ(counters_.dropped(DropReason::kRejected), 2u);
  EXPECT_EQ(counters_.dropped(), 2u);
  EXPECT_EQ(spool_.batches(), 0u);
}

TEST_F(DeliveryLoopTest, ABatchThatTheServerRefusesIsSetAsideAndTheNextOneGoesOn) {
  bool first = true;
  handler_ = [&](const Sent& sent) {
    return std::exchange(first, false) ? Ours(400, sent, "bad batch") : Store(sent);
  };
  Form(4);
  Form(1);
  EXPECT_EQ(loop_.Step(), clock_.BootMillis());
  loop_.Step();
  EXPECT_EQ(counters_.dropped(DropReason::kRejected), 4u);
  EXPECT_EQ(server_.records(), 1u);
  // The bytes are there for whoever wants to know why.
  const auto aside = files_.ReadAll(folder_ / "spool/aside/refused-0.batch");
  ASSERT_TRUE(aside.ok()) << aside.status();
  EXPECT_EQ(*aside, transport_.sent()[0].body);
}

TEST_F(DeliveryLoopTest, KeepsTheNewestSixteenRefusedBatchesOnly) {
  handler_ = [](const Sent& sent) { return Ours(400, sent); };
  for (int i = 0; i < 40; ++i) {
    Form(1);
    loop_.Step();
  }
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "spool/aside")) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 16u);
}

TEST_F(DeliveryLoopTest, ARefusedKeyPausesUntilItChanges) {
  for (const int status : {401, 403}) {
    const std::size_t before = attempts();
    handler_ = [status](const Sent& sent) { return Ours(status, sent); };
    Form(1);
    EXPECT_EQ(loop_.Step(), kNever);
    EXPECT_TRUE(loop_.unauthorized());
    clock_.Advance(1'000'000'000);
    loop_.RetryNow();
    EXPECT_EQ(loop_.Step(), kNever);
    loop_.SetApiKey(loop_.endpoint().api_key);
    EXPECT_EQ(loop_.Step(), kNever) << "the same key";
    EXPECT_EQ(attempts(), before + 1);
    handler_ = [this](const Sent& sent) { return Store(sent); };
    loop_.SetApiKey("key after " + std::to_string(status));
    loop_.Step();
    EXPECT_EQ(transport_.sent().back().Header("Authorization"),
              "Bearer key after " + std::to_string(status));
    EXPECT_EQ(spool_.batches(), 0u);
  }
}

TEST_F(DeliveryLoopTest, TooLargeBatchesAreHalvedDownToSingleRecordsWhichAreDroppedAndCounted) {
  server_.SetLargestBatch(1);
  Form(7);
  while (loop_.Step() != kNever) {
  }
  EXPECT_EQ(server_.records(), 7u);
  EXPECT_EQ(counters_.dropped(), 0u);
  server_.SetLargestBatch(0);
  Form(3);
  while (loop_.Step() != kNever) {
  }
  EXPECT_EQ(server_.records(), 7u);
  EXPECT_EQ(counters_.dropped(DropReason::kTooLarge), 3u);
}

TEST_F(DeliveryLoopTest, AnIdThatACloneHasUsedIsReplaced) {
  bool first = true;
  handler_ = [&](const Sent& sent) {
    if (!std::exchange(first, false)) return Store(sent);
    return Ours(200, sent, R"({"accepted":0,"duplicate":false,"conflict":true,"rejected":[]})");
  };
  Form(2);
  loop_.Step();
  EXPECT_EQ(spool_.batches(), 1u);
  loop_.Step();
  EXPECT_EQ(server_.records(), 2u);
  EXPECT_NE(transport_.sent()[0].Header("Upswing-Batch"),
            transport_.sent()[1].Header("Upswing-Batch"));
}

TEST_F(DeliveryLoopTest, RetryAfterIsKeptAlsoWhenTheAppWantsToTryAtOnce) {
  handler_ = [](const Sent&) { return HttpResponse{503, {{"Retry-After", "7"}}, ""}; };
  Form(1);
  EXPECT_GE(loop_.Step(), clock_.BootMillis() + 7000);
  clock_.Advance(6999);
  loop_.RetryNow();
  loop_.Step();
  EXPECT_EQ(attempts(), 1u);
  clock_.Advance(1);
  loop_.Step();
  EXPECT_EQ(attempts(), 2u);
}

TEST_F(DeliveryLoopTest, TheServerCanPauseSendingAndStretchTheFlushInterval) {
  handler_ = [this](const Sent& sent) {
    HttpResponse response = Store(sent);
    response.headers.emplace_back("Upswing-Pause", "60");
    response.headers.emplace_back("Upswing-Flush-Interval", "300");
    return response;
  };
  Form(1);
  Form(1);
  EXPECT_EQ(loop_.flush_interval_ms(), 0);
  EXPECT_EQ(loop_.Step(), clock_.BootMillis() + 60'000);
  EXPECT_EQ(server_.records(), 1u) << "the answer counts, although it asks for a pause";
  EXPECT_EQ(loop_.flush_interval_ms(), 300'000);
  clock_.Advance(59'999);
  loop_.RetryNow();
  loop_.Step();
  EXPECT_EQ(attempts(), 1u) << "a kill switch holds";
  clock_.Advance(1);
  handler_ = [this](const Sent& sent) { return Store(sent); };
  loop_.Step();
  EXPECT_EQ(server_.records(), 2u);
  EXPECT_EQ(loop_.flush_interval_ms(), 0) << "until the next answer says otherwise";
}

TEST_F(DeliveryLoopTest, WallClockJumpsChangeNoPause) {
  handler_ = [](const Sent&) { return HttpResponse{503, {{"Retry-After", "10"}}, ""}; };
  Form(1);
  loop_.Step();
  clock_.wall_ms += 1'000'000'000;
  loop_.Step();
  clock_.wall_ms -= 2'000'000'000;
  loop_.Step();
  EXPECT_EQ(attempts(), 1u);
}

}  // namespace
}  // namespace upswing::client
