// What the client does with hints about the network.
#include <unistd.h>

#include <atomic>
#include <memory>

#include "gtest/gtest.h"
#include "platform/posix/posix_file_system.hpp"
#include "sdk/client/core.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/fake_server.hpp"

namespace upswing::client {
namespace {

using port::NetworkState;
using std::chrono::seconds;

/// Says what it is told, and counts how often it was asked.
class FakeNetwork final : public port::Network {
 public:
  NetworkState State() const override {
    ++asked;
    return state;
  }
  std::atomic<NetworkState> state{NetworkState::kUnknown};
  mutable std::atomic<int> asked{0};
};

class NetworkHints : public ::testing::Test {
 protected:
  std::unique_ptr<Core> Start() {
    ClientOptions options;
    options.server_url = "http://test";
    options.catalog.poll_interval = std::chrono::milliseconds(0);
    options.delivery.batch_records = 1;  // Each record is a batch at once.
    options.delivery.metered_interval = seconds(60);
    options.delivery.max_backoff = seconds(30);
    options.transport = transport_;
    return Core::Create(options, {&clock_, &entropy_, &files_, &network_});
  }
  /// Sends what there is, and waits until the sender is done with it: only then does it ask again.
  void FlushAndSettle(Core* core) {
    EXPECT_EQ(core->Flush(seconds(60)).kept, 0u);
    for (const int before = network_.asked; network_.asked < before + 7;) {
      core->SetNetwork(Network::kUnknown);  // Wakes the sender.
      usleep(1000);
    }
  }
  /// Tracks one record and waits until the sender has been woken for it and has asked the network.
  void TrackAndLetTheSenderLook(Core* core) {
    const int before = network_.asked;
    const std::uint64_t batched = core->Stats().batched;
    core->Track(user_, "purchase", 1, {}, {});
    while (core->Stats().batched == batched || network_.asked < before + 2) usleep(1000);
  }
  std::size_t attempts() const { return transport_->sent().size(); }

  Subject user_{"user", "u-1"};
  testing::FakeClock clock_;
  testing::FakeEntropy entropy_;
  posix::PosixFileSystem files_;
  FakeNetwork network_;
  testing::FakeServer server_;
  std::shared_ptr<testing::ScriptedTransport> transport_ =
      std::make_shared<testing::ScriptedTransport>([this](const auto& sent) {
        return server_.Post(sent.Header("Upswing-Batch"), sent.body);
      });
};

TEST_F(NetworkHints, OnAMeteredNetworkBatchesAreSentTogether) {
  const auto core = Start();
  network_.state = NetworkState::kMetered;
  core->Track(user_, "purchase", 1, {}, {});
  FlushAndSettle(core.get());
  for (int i = 0; i < 3; ++i) TrackAndLetTheSenderLook(core.get());
  EXPECT_EQ(attempts(), 1u);
  EXPECT_EQ(core->Stats().spooled_batches, 3u);
  clock_.Advance(60'000);
  core->SetNetwork(Network::kUnknown);  // Wakes the sender.
  while (core->Stats().spooled_batches > 0) usleep(1000);
  EXPECT_EQ(server_.records(), 4u);
}

TEST_F(NetworkHints, OfflineNothingIsTriedUntilTheHintMayBeWrong) {
  const auto core = Start();
  network_.state = NetworkState::kOffline;
  core->Track(user_, "purchase", 1, {}, {});
  FlushAndSettle(core.get());
  TrackAndLetTheSenderLook(core.get());
  EXPECT_EQ(attempts(), 1u);
  clock_.Advance(30'000);  // max_backoff
  core->SetNetwork(Network::kUnknown);
  while (core->Stats().spooled_batches > 0) usleep(1000);
  EXPECT_EQ(attempts(), 2u);
}

TEST_F(NetworkHints, FlushAndNetworkBackTryAnyway) {
  const auto core = Start();
  network_.state = NetworkState::kOffline;
  for (int i = 1; i <= 3; ++i) {
    core->Track(user_, "purchase", i, {}, {});
    FlushAndSettle(core.get());
  }
  TrackAndLetTheSenderLook(core.get());
  EXPECT_EQ(server_.records(), 3u);
  core->NetworkBack();
  while (core->Stats().spooled_batches > 0) usleep(1000);
  EXPECT_EQ(server_.records(), 4u);
}

TEST_F(NetworkHints, WhatTheAppSaysCountsMoreThanWhatThePlatformSays) {
  const auto core = Start();
  network_.state = NetworkState::kOffline;
  core->Track(user_, "purchase", 1, {}, {});
  FlushAndSettle(core.get());
  TrackAndLetTheSenderLook(core.get());
  EXPECT_EQ(attempts(), 1u);
  core->SetNetwork(Network::kUnmetered);
  while (core->Stats().spooled_batches > 0) usleep(1000);
  EXPECT_EQ(attempts(), 2u);
}

}  // namespace
}  // namespace upswing::client
