#include "server/store/embedded/client_rows.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/store/embedded/embedded_store.hpp"
#include "server/store/records.hpp"

namespace upswing::testing {
namespace {

using store::LandingOutcome;

store::LandingBatch Batch(std::uint64_t epoch, std::uint64_t sequence) {
  store::LandingBatch batch;
  batch.key = {1, epoch, sequence};
  batch.checksum = 1000 + sequence;
  batch.boot_id = 1;
  batch.boot_offset = static_cast<std::int64_t>(epoch);
  batch.counts = {
      {store::ClientCount::Kind::kDecisions, "exp", "on", 0, {sequence, sequence, sequence}}};
  batch.blob = store::EncodeRecords({});
  return batch;
}

std::unique_ptr<store::EmbeddedStore> OpenStore(const std::string& directory) {
  store::EmbeddedOptions options;
  options.directory = directory;
  options.client_bytes = 1;  // Rows enter their tables all the time.
  auto store = store::EmbeddedStore::Open(options);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

TEST(ClientRows, AreRightWhileTheyEnterTheirTablesBesideLanding) {
  const std::string directory = ::testing::TempDir() + "/client_rows_beside";
  std::filesystem::remove_all(directory);
  constexpr std::uint64_t kClients = 3;
  constexpr std::uint64_t kBatches = 300;
  auto store = OpenStore(directory);
  std::vector<std::thread> clients;
  for (std::uint64_t client = 1; client <= kClients; ++client) {
    clients.emplace_back([&, client] {
      for (std::uint64_t sequence = 1; sequence <= kBatches; ++sequence) {
        for (const LandingOutcome expected :
             {LandingOutcome::kStored, LandingOutcome::kDuplicate}) {
          store::LandingBatch batch = Batch(client, sequence);
          const auto outcomes = store->Land(absl::MakeSpan(&batch, 1));
          ASSERT_TRUE(outcomes.ok()) << outcomes.status();
          ASSERT_EQ((*outcomes)[0], expected) << client << " " << sequence;
        }
        ASSERT_EQ(**store->BootOffset(1, client, 1), static_cast<std::int64_t>(client));
        if (sequence % 50 == 0) {
          ASSERT_TRUE(store->Compact(false).ok());
          ASSERT_GE(store->Stats()->known_batches, static_cast<std::int64_t>(sequence));
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  for (int opened = 0; opened < 2; ++opened) {
    EXPECT_EQ(store->Stats()->known_batches, static_cast<std::int64_t>(kClients * kBatches));
    const auto decisions =
        (*store->Snapshot())->Decisions("exp", 0, std::numeric_limits<std::int64_t>::max() / 2);
    EXPECT_EQ(decisions->at("on").evaluated, static_cast<std::int64_t>(kClients * kBatches));
    for (std::uint64_t client = 1; client <= kClients; ++client) {
      store::LandingBatch batch = Batch(client, kBatches);
      EXPECT_EQ((*store->Land(absl::MakeSpan(&batch, 1)))[0], LandingOutcome::kDuplicate);
    }
    store.reset();
    store = OpenStore(directory);
  }
}

}  // namespace
}  // namespace upswing::testing
