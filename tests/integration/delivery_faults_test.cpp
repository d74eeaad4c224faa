// Every fault between client and server, alone and mixed: what is stored in the end is what was
// tracked. Real sockets, real files, the real pipeline; only time is told to it, so that pauses
// cost nothing.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <numeric>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "platform/posix/posix_file_system.hpp"
#include "sdk/client/delivery_loop.hpp"
#include "sdk/events/batcher.hpp"
#include "sdk/transport/curl_transport.hpp"
#include "sdk/wire/batch.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/fake_server.hpp"
#include "tests/support/fault_proxy.hpp"
#include "tests/support/plain_transport.hpp"
#include "tests/support/real_server.hpp"

namespace upswing {
namespace {

using client::DeliveryLoop;
using testing::Fault;
using testing::FaultProxy;
using testing::RealServer;

/// The SDK's own transport, and one that an app hands in.
enum class Stack { kCurl, kApps };

std::unique_ptr<Transport> MakeTransport(Stack stack) {
  if (stack == Stack::kCurl) return transport::MakeCurlTransport({});
  return std::make_unique<testing::PlainTransport>();
}

/// A device: the client's pipeline without its threads.
class Device {
 public:
  Device(const std::string& directory, const std::string& url, testing::FakeClock* clock,
         std::uint64_t seed, Stack stack = Stack::kCurl)
      : entropy_(seed),
        clock_(clock),
        transport_(MakeTransport(stack)),
        exposures_(1 << 16),
        events_(1 << 20),
        spool_(SpoolOptions(directory), &files_, clock, &counters_),
        batcher_({.batch_records = 10, .sdk_name = "test", .sdk_version = "1"}, clock, &exposures_,
                 &events_, &counters_, &spool_),
        sender_(transport_.get(), clock),
        loop_(60'000, &spool_, &counters_, &sender_, clock, &entropy_) {
    loop_.SetEndpoint({url, "key", std::chrono::seconds(10)});
    const std::uint64_t hi = entropy_.Next64();
    const std::uint64_t lo = entropy_.Next64();
    EXPECT_TRUE(spool_.Open(hi, lo).ok());
    batcher_.SetEpoch(hi, lo);
    spool_.Adopt();
  }

  void Track(int number) {
    events::QueuedEvent event;
    event.name = "purchase";
    event.value = number;
    event.time.millis = clock_->BootMillis();
    ASSERT_EQ(events::QueueEvent(Subject("user", "u-1"), event, &events_),
              events::QueueResult::kQueued);
  }
  void Form() { batcher_.Form(); }

  /// One attempt; moves the clock to when it is due. A refused key is replaced.
  bool Step() {
    const std::int64_t due = loop_.Step();
    if (loop_.unauthorized()) {
      loop_.SetApiKey("key " + std::to_string(++keys_));
      return true;
    }
    if (due == DeliveryLoop::kNever) return false;
    if (due > clock_->BootMillis()) clock_->Advance(due - clock_->BootMillis());
    return true;
  }
  void Drain() {
    for (int steps = 0; Step(); ++steps) ASSERT_LT(steps, 200'000) << "never drains";
  }
  std::uint64_t dropped() const { return counters_.dropped(); }
  DeliveryLoop& loop() { return loop_; }

 private:
  static events::SpoolOptions SpoolOptions(const std::string& directory) {
    events::SpoolOptions options;
    options.directory = directory;
    options.max_bytes = std::size_t{256} << 20;
    return options;
  }

  testing::FakeEntropy entropy_;
  testing::FakeClock* clock_;
  int keys_ = 0;
  posix::PosixFileSystem files_;
  std::unique_ptr<Transport> transport_;
  events::Counters counters_;
  events::LaneQueue exposures_;
  events::LaneQueue events_;
  events::Spool spool_;
  events::Batcher batcher_;
  transport::BatchSender sender_;
  DeliveryLoop loop_;
};

class DeliveryFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '_');
    directory_ = ::testing::TempDir() + "/upswing_faults_" + name;
    std::filesystem::remove_all(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  /// Numbers [0, count), each exactly once.
  void ExpectExactly(int count) {
    std::vector<std::string> expected;
    for (int i = 0; i < count; ++i) {
      expected.push_back("event user=u-1 purchase " + std::to_string(static_cast<double>(i)));
    }
    std::vector<std::string> stored = server_.Lines();
    std::sort(expected.begin(), expected.end());
    std::sort(stored.begin(), stored.end());
    ASSERT_EQ(stored.size(), expected.size());
    EXPECT_TRUE(stored == expected);
  }

  int RunRandomMix(const FaultProxy::Upstream& upstream, std::uint64_t seed, int batches,
                   Stack stack = Stack::kCurl);

  std::string directory_;
  testing::FakeServer server_;
  testing::FakeClock clock_;
};

/// A 413 for a batch of one record ends that record by design, so the proxy answers it only to
/// larger ones, as a server's limit on bytes would.
Fault Sane(Fault fault, const FaultProxy::Request& request) {
  if (fault != Fault::kToo413 && fault != Fault::kCommitThen413) return fault;
  wire::Decoder decoder;
  wire::Batch batch;
  const bool halves = decoder.Decode(request.body, {}, &batch).ok() && batch.records() > 1;
  return halves ? fault : Fault::kNone;
}

/// Batches of a random mix: few in every build, UPSWING_FAULT_BATCHES=10000 for the full suite (a
/// minute).
int Batches() {
  const char* text = std::getenv("UPSWING_FAULT_BATCHES");
  return text == nullptr ? 800 : std::atoi(text);
}

/// Tracks numbers in batches of 10 while every second request fails in some way, the clock jumps,
/// the app restarts and the storage is cloned. Returns how many numbers were tracked.
int DeliveryFaults::RunRandomMix(const FaultProxy::Upstream& upstream, std::uint64_t seed,
                                 int batches, Stack stack) {
  std::mt19937_64 random(seed);
  std::mt19937_64 fault_random(seed + 1);
  std::mutex mutex;
  FaultProxy proxy(upstream, [&](const FaultProxy::Request& request) {
    const std::lock_guard lock(mutex);
    if (fault_random() % 2 == 0) return Fault::kNone;
    return Sane(static_cast<Fault>(1 + fault_random() % (testing::kFaults - 1)), request);
  });
  auto device = std::make_unique<Device>(directory_, proxy.url(), &clock_, random(), stack);
  int tracked = 0;
  for (int batch = 0; batch < batches; ++batch) {
    for (int i = 0; i < 10; ++i) device->Track(tracked++);
    device->Form();
    for (std::uint64_t steps = random() % 4; steps > 0; --steps) device->Step();
    switch (random() % 200) {
      case 0:  // The user sets the clock, up to a month forth or back.
        clock_.wall_ms += static_cast<std::int64_t>(random() % 5'000'000'000) - 2'500'000'000;
        break;
      case 1:  // The app is restarted.
        device.reset();
        device = std::make_unique<Device>(directory_, proxy.url(), &clock_, random(), stack);
        break;
      case 2: {  // The device's storage is cloned, and the clone sends what it finds.
        const std::string clone = directory_ + "_clone";
        std::filesystem::copy(directory_, clone, std::filesystem::copy_options::recursive);
        testing::FakeClock clone_clock;
        Device twin(clone, proxy.url(), &clone_clock, random(), stack);
        for (int steps = 0; steps < 20; ++steps) twin.Step();
        std::filesystem::remove_all(clone);
        break;
      }
      case 3:
        proxy.DeliverLate();
        break;
    }
  }
  device->Drain();
  proxy.DeliverLate();
  EXPECT_EQ(device->dropped(), 0u);
  for (int fault = 0; fault < testing::kFaults; ++fault) {
    EXPECT_GT(proxy.injected()[static_cast<Fault>(fault)], batches / 400)
        << testing::FaultName(static_cast<Fault>(fault));
  }
  return tracked;
}

void ExpectStored(RealServer& server, int count) {
  std::vector<double> expected(static_cast<std::size_t>(count));
  std::iota(expected.begin(), expected.end(), 0.0);
  const std::vector<double> stored = server.StopAndReadValues();
  EXPECT_EQ(stored.size(), expected.size());
  EXPECT_TRUE(stored == expected);
}

class EachFault : public DeliveryFaults, public ::testing::WithParamInterface<int> {
 protected:
  /// 200 numbers while two of three requests fail, so that retries and parts of parts fail too.
  void Run(const FaultProxy::Upstream& upstream, Stack stack) {
    const auto fault = static_cast<Fault>(GetParam());
    std::atomic<int> requests{0};
    FaultProxy proxy(upstream, [&](const FaultProxy::Request& request) {
      return requests++ % 3 == 2 ? Fault::kNone : Sane(fault, request);
    });
    Device device(directory_, proxy.url(), &clock_, 1, stack);
    for (int i = 0; i < 200; ++i) device.Track(i);
    device.Form();
    device.Drain();
    proxy.DeliverLate();
    EXPECT_EQ(device.dropped(), 0u);
    EXPECT_GT(proxy.injected()[fault], 0);
  }
};

TEST_P(EachFault, LosesNothingAndDoublesNothing) {
  Run(testing::ToServer(&server_), Stack::kCurl);
  ExpectExactly(200);
}

TEST_P(EachFault, LosesNothingAndDoublesNothingOverAnAppsTransport) {
  Run(testing::ToServer(&server_), Stack::kApps);
  ExpectExactly(200);
}

TEST_P(EachFault, LeavesExactlyWhatWasTrackedInTheRealServer) {
  RealServer server(directory_ + "_data");
  Run(server.upstream(), Stack::kCurl);
  ExpectStored(server, 200);
}

INSTANTIATE_TEST_SUITE_P(Alone, EachFault, ::testing::Range(1, testing::kFaults),
                         [](const auto& fault) {
                           return std::string(testing::FaultName(static_cast<Fault>(fault.param)));
                         });

TEST_F(DeliveryFaults, RandomMixesStoreExactlyWhatWasTracked) {
  const int batches = Batches();
  EXPECT_EQ(RunRandomMix(testing::ToServer(&server_), 20261123, batches), 10 * batches);
  ExpectExactly(10 * batches);
}

TEST_F(DeliveryFaults, RandomMixesLeaveExactlyWhatWasTrackedInTheRealServer) {
  RealServer server(directory_ + "_data");
  ExpectStored(server, RunRandomMix(server.upstream(), 7, Batches()));
}

TEST_F(DeliveryFaults, RandomMixesOverAnAppsTransportLeaveExactlyWhatWasTrackedInTheRealServer) {
  RealServer server(directory_ + "_data");
  ExpectStored(server, RunRandomMix(server.upstream(), 8, Batches(), Stack::kApps));
}

TEST_F(DeliveryFaults, ARefusedConnectionIsTriedAgain) {
  Device device(directory_, "http://127.0.0.1:1", &clock_, 1);
  device.Track(0);
  device.Form();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(device.Step());
  FaultProxy proxy(testing::ToServer(&server_),
                   [](const FaultProxy::Request&) { return Fault::kNone; });
  device.loop().SetEndpoint({proxy.url(), "key", std::chrono::seconds(10)});
  device.Drain();
  ExpectExactly(1);
}

TEST_F(DeliveryFaults, AClonedDeviceThatGoesOnUnderTheSameIdsLosesNothing) {
  // A virtual machine that is resumed twice: both go on with the same epoch and count.
  FaultProxy proxy(testing::ToServer(&server_),
                   [](const FaultProxy::Request&) { return Fault::kNone; });
  testing::FakeClock other_clock;
  Device one(directory_, proxy.url(), &clock_, 1);
  Device other(directory_ + "_other", proxy.url(), &other_clock,
               1);  // The same entropy: the same ids.
  one.Track(0);
  other.Track(1);
  one.Form();
  other.Form();
  one.Drain();
  other.Drain();
  std::filesystem::remove_all(directory_ + "_other");
  EXPECT_EQ(server_.conflicts(), 1u);
  ExpectExactly(2);
}

TEST_F(DeliveryFaults, AfterARetryAfterNothingIsSentBeforeItsTime) {
  std::atomic<int> requests{0};
  FaultProxy proxy(testing::ToServer(&server_), [&](const FaultProxy::Request&) {
    return requests++ == 0 ? Fault::k503RetryAfter : Fault::kNone;
  });
  Device device(directory_, proxy.url(), &clock_, 1);
  device.Track(0);
  device.Form();
  const std::int64_t start = clock_.BootMillis();
  EXPECT_GE(device.loop().Step(), start + 7000);
  clock_.Advance(6999);
  device.loop()
      .RetryNow();  // What this device chose may be cut short, what the server asked for not.
  device.loop().Step();
  EXPECT_EQ(requests, 1);
  clock_.Advance(1);
  device.loop().Step();
  EXPECT_EQ(requests, 2);
}

TEST_F(DeliveryFaults, ARefusedKeyPausesUntilItChanges) {
  std::atomic<int> requests{0};
  FaultProxy proxy(
      [&](const FaultProxy::Request& request) {
        ++requests;
        if (request.Header("authorization") == "Bearer good")
          return testing::ToServer(&server_)(request);
        return "HTTP/1.1 401 X\r\nContent-Length: 0\r\nUpswing-Batch: " +
               request.Header("upswing-batch") + "\r\n\r\n";
      },
      [](const FaultProxy::Request&) { return Fault::kNone; });
  Device device(directory_, proxy.url(), &clock_, 1);
  device.Track(0);
  device.Form();
  EXPECT_EQ(device.loop().Step(), DeliveryLoop::kNever);
  clock_.Advance(100'000'000);
  EXPECT_EQ(device.loop().Step(), DeliveryLoop::kNever);
  EXPECT_EQ(requests, 1);
  device.loop().SetApiKey("good");
  device.Drain();
  ExpectExactly(1);
}

}  // namespace
}  // namespace upswing
