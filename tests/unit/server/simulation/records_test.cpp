#include "server/simulation/records.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "sdk/wire/batch.hpp"

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
