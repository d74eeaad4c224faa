#include "sdk/catalog/current.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "sdk/catalog/envelope.hpp"
#include "sdk/schema/catalog_generated.h"

namespace upswing::catalog {
namespace {

// A catalog with one string flag whose value is the decimal text of `version`.
std::shared_ptr<const View> MakeView(std::uint64_t version, Interner& interner) {
  flatbuffers::FlatBufferBuilder builder;
  const auto value =
      schema::CreateSettingDirect(builder, 0, false, 0, 0, std::to_string(version).c_str());
  const auto flag = schema::CreateFlagDirect(
      builder, "flag", static_cast<std::uint8_t>(schema::FlagType::string), value);
  const std::vector<flatbuffers::Offset<schema::Flag>> flags = {flag};
  schema::FinishCatalogBuffer(
      builder, schema::CreateCatalogDirect(builder, 1, version, "test", nullptr, nullptr, nullptr,
                                           nullptr, nullptr, nullptr, &flags));
  auto view = View::Load(
      std::make_shared<const std::string>(
          Seal({reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()})),
      {.interner = &interner});
  EXPECT_TRUE(view.ok()) << view.status();
  return *view;
}

TEST(Current, HasNothingBeforeTheFirstPublish) {
  const Current current;
  EXPECT_EQ(current.Read(), nullptr);
}

TEST(Current, KeepsEightReadersUndisturbedOverTenThousandPublishes) {
  constexpr int kReaders = 8;
  constexpr std::uint64_t kPublishes = 10'000;
  Interner interner;
  Current current;
  current.Publish({MakeView(1, interner), 1});
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> started{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      std::uint64_t last = 0;
      std::vector<std::pair<std::uint64_t, std::string_view>> held;
      ++started;
      while (!stop) {
        const Snapshot* const snapshot = current.Read();
        const std::uint64_t version = snapshot->view->version();
        // Version, time and value belong together, and versions never go back.
        const std::string_view value = *snapshot->view->FindFlag("flag")->default_value.as_text();
        if (snapshot->now_ms != static_cast<std::int64_t>(version) || version < last ||
            value != std::to_string(version)) {
          ++wrong;
        }
        if (version != last) held.emplace_back(version, value);
        last = version;
      }
      // Values outlive the catalogs they came from.
      for (const auto& [version, value] : held) wrong += value != std::to_string(version) ? 1 : 0;
    });
  }
  while (started < kReaders) std::this_thread::yield();
  std::size_t most_alive = 0;
  for (std::uint64_t version = 2; version <= kPublishes; ++version) {
    current.Publish({MakeView(version, interner), static_cast<std::int64_t>(version)});
    most_alive = std::max(most_alive, current.alive());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  // At most one per reader, the current one, and the one just replaced.
  EXPECT_LE(most_alive, static_cast<std::size_t>(kReaders) + 2);
  EXPECT_EQ(current.Read()->view->version(), kPublishes);
}

TEST(Current, FreesWhatThreadsThatEndedHadPinned) {
  Interner interner;
  Current current;
  for (std::uint64_t version = 1; version <= 50; ++version) {
    current.Publish({MakeView(version, interner), 0});
    std::thread([&current] { ASSERT_NE(current.Read(), nullptr); }).join();
  }
  current.Publish({MakeView(51, interner), 0});
  EXPECT_EQ(current.alive(), 1u);
}

TEST(Current, KeepsAThreadsSlotsApartPerObject) {
  Interner interner;
  Current a;
  a.Publish({MakeView(1, interner), 0});
  {
    Current b;
    b.Publish({MakeView(2, interner), 0});
    EXPECT_EQ(a.Read()->view->version(), 1u);
    EXPECT_EQ(b.Read()->view->version(), 2u);
    EXPECT_EQ(a.Read()->view->version(), 1u);
  }
  Current c;
  c.Publish({MakeView(3, interner), 0});
  EXPECT_EQ(c.Read()->view->version(), 3u);
  EXPECT_EQ(a.Read()->view->version(), 1u);
}

}  // namespace
}  // namespace upswing::catalog
