#include "server/simulation/records.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "sdk/wire/batch.hpp"
#include "sdk/wire/time.hpp"

namespace upswing::simulation {
namespace {

constexpr std::string_view kWorld =
    R"({"follow_days": 3, "history_days": 2, "offline": 0.2, "duplicates": 0.1,
  "experiment": {"key": "e", "unit": "device", "variants": {"off": 1, "on": 1},
                 "effects": [{"variant": "on", "stage": "purchase", "relative": 0.1}]}})";

std::vector<Batch> Make(const World& world, std::uint64_t seed, std::uint64_t users) {
  std::vector<Batch> batches;
  BatchMaker maker(
      world, seed, {"member_tier"},
      [](const Person& person, const Identity&, std::int64_t) {
        return std::optional<Assigned>({.variant = person.number % 2});
      },
      [&](Batch batch) {
        batches.push_back(std::move(batch));
        return absl::OkStatus();
      });
  EXPECT_TRUE(maker.Add(1, users).ok());
  EXPECT_TRUE(maker.Finish().ok());
  return batches;
}

TEST(BatchMaker, TheSameSeedMakesTheSameBytesAndAnotherOthers) {
  const auto world = ReadWorld(kWorld);
  ASSERT_TRUE(world.ok()) << world.status();
  const auto one = Make(*world, 7, 500);
  const auto two = Make(*world, 7, 500);
  const auto other = Make(*world, 8, 500);
  ASSERT_EQ(one.size(), two.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].id, two[i].id);
    EXPECT_EQ(one[i].bytes, two[i].bytes);
  }
  EXPECT_NE(one[0].bytes, other[0].bytes);
  EXPECT_NE(one[0].id, other[0].id);
}

// What a device with a wrong clock sends, resolved as the server does at some later moment, lies
// where the same device with a right clock says it does.
TEST(BatchMaker, TheServerFindsTheTrueTimesOfDevicesWithWrongClocks) {
  const auto right = ReadWorlds({kWorld, R"({"duplicates": 0})"});
  const auto wrong = ReadWorlds({kWorld, R"({"duplicates": 0, "wrong_clocks": 0.3})"});
  ASSERT_TRUE(right.ok() && wrong.ok()) << wrong.status();
  const std::int64_t now = right->DayStart(400);
  wire::Decoder decoder;
  wire::Batch decoded;
  int corrected = 0;
  const auto times = [&](const World& world) {
    std::multiset<std::pair<std::string, std::int64_t>> all;
    for (const Batch& batch : Make(world, 3, 300)) {
      EXPECT_TRUE(decoder.Decode(batch.bytes, {}, &decoded).ok());
      const wire::SentAt sent{now + batch.clock_error_ms, 17, 99};
      const std::int64_t offset = wire::BootOffset(decoded.header, sent, now);
      const auto& events = decoded.events;
      for (std::size_t i = 0; i < events.time_ms.size(); ++i) {
        corrected += events.time_kind[i] == wire::TimeKind::kBoot;
        const std::uint32_t first = decoded.subjects.first[events.subject[i]];
        all.emplace(decoded.strings[decoded.subjects.unit_id[first]],
                    wire::ResolveTime(events.time_ms[i], events.time_kind[i], offset, now));
      }
    }
    return all;
  };
  const auto expected = times(*right);
  EXPECT_EQ(corrected, 0);
  EXPECT_EQ(times(*wrong), expected);
  EXPECT_GT(corrected, 1000);
}

TEST(BatchMaker, EveryRecordIsSoundEveryUserIsExposedOnceAndNothingCountsTwice) {
  const auto world = ReadWorld(kWorld);
  ASSERT_TRUE(world.ok()) << world.status();
  std::set<std::string> exposed;
  std::map<std::uint64_t, int> ids;
  int twice = 0;
  std::int64_t records = 0;
  wire::Decoder decoder;
  wire::Batch decoded;
  for (const Batch& batch : Make(*world, 1, 500)) {
    ASSERT_TRUE(decoder.Decode(batch.bytes, {}, &decoded).ok());
    EXPECT_TRUE(decoded.problems.empty());
    records += batch.records;
    for (std::size_t i = 0; i < decoded.exposures.size(); ++i) {
      const std::uint32_t first = decoded.subjects.first[decoded.exposures.subject[i]];
      EXPECT_TRUE(exposed.emplace(decoded.strings[decoded.subjects.unit_id[first]]).second);
    }
    for (const std::uint64_t id : decoded.events.event_id) {
      if (id != 0 && ++ids[id] == 2) ++twice;
    }
  }
  EXPECT_GT(exposed.size(), 300u);
  EXPECT_GT(records, 10'000);
  EXPECT_GT(twice, 100) << "duplicates are in the data";
  for (const auto& [id, count] : ids) EXPECT_LE(count, 2);
}

}  // namespace
}  // namespace upswing::simulation
