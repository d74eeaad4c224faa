#include "server/simulation/rooms.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/every_luck.hpp"

namespace upswing::simulation {
namespace {

constexpr std::string_view kShop = R"({"live_shop": {"rooms": 30, "purchase": 0.2, "amount": 50,
  "moods": [{"share": 0.3, "factor": 0.5}, {"share": 0.5, "factor": 1}, {"share": 0.2, "factor": 2}],
  "tiers": {"a": {"share": 0.6, "experiment": "x", "effect": 0.1}, "b": {"share": 0.4, "experiment": "y", "effect": -0.2}}}})";

// The generator is led through every mood, purchase and coupon.
TEST(LiveTruth, EqualsTheSumOverAllOutcomes) {
  const auto shop = ReadLiveShop(kShop);
  ASSERT_TRUE(shop.ok() && shop->has_value()) << shop.status();
  for (const std::size_t tier : {0u, 1u}) {
    for (const bool coupon : {false, true}) {
      testing::EveryLuck luck;
      double all = 0;
      LiveTruth sum;
      do {
        const double mood = DrawMood(**shop, luck);
        const Viewer viewer = DrawViewer(**shop, tier, mood, coupon, luck);
        all += luck.weight();
        sum.purchase_conversion += luck.weight() * (viewer.buys ? 1 : 0);
        sum.gmv += luck.weight() * viewer.amount;
        sum.coupon_cost += luck.weight() * viewer.discount;
      } while (luck.NextOutcome());
      EXPECT_NEAR(all, 1, 1e-12);
      const LiveTruth truth = LiveTruthOf(**shop, tier, coupon);
      EXPECT_NEAR(truth.purchase_conversion, sum.purchase_conversion, 1e-12);
      EXPECT_NEAR(truth.gmv, sum.gmv, 1e-9);
      EXPECT_NEAR(truth.coupon_cost, sum.coupon_cost, 1e-9);
    }
  }
}

TEST(ReadLiveShop, NamesWhatIsWrongAndLeavesOtherWorldsAlone) {
  EXPECT_FALSE(ReadLiveShop(R"({"experiment": {}})")->has_value());
  const auto message = [](std::string_view text) {
    return std::string(ReadLiveShop(text).status().message());
  };
  EXPECT_NE(message(R"({"live_shop": {"romms": 3}})").find("$.live_shop.romms: unknown key"),
            std::string::npos);
  EXPECT_NE(message(R"({"live_shop": {"rooms": 0}})").find("$.live_shop.rooms"), std::string::npos);
  EXPECT_NE(message(R"({"live_shop": {"moods": [{"share": 0.5, "factor": 1}]}})").find("add up"),
            std::string::npos);
}

TEST(MakeLiveShop, TheSameSeedMakesTheSameBytes) {
  const auto shop = ReadLiveShop(kShop);
  ASSERT_TRUE(shop.ok());
  const auto make = [&](std::uint64_t seed) {
    std::string bytes;
    const auto status = MakeLiveShop(
        **shop, seed,
        [](std::size_t, const std::string& room, const std::string&, std::int64_t) {
          return std::optional<bool>(room.back() % 2 == 0);
        },
        [&](Batch batch) {
          bytes += batch.bytes;
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok());
    return bytes;
  };
  EXPECT_EQ(make(1), make(1));
  EXPECT_NE(make(1), make(2));
}

}  // namespace
}  // namespace upswing::simulation
