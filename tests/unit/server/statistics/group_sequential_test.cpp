#include "server/statistics/group_sequential.hpp"

#include <gtest/gtest.h>

#include "server/statistics/bounds_cache.hpp"

namespace upswing::statistics {
namespace {

TEST(ComputeBounds, NeedsOnlyTheRatiosOfInformationWhereTimeIsSpent) {
  const GroupSequentialPlan plan{Spending::kObrienFlemingLike, 0, 0.05, true};
  const auto by_information = ComputeBounds(plan, {0.25, 0.5, 1});
  const auto by_time = ComputeBounds(plan, {2500, 5000, 10000}, {0.25, 0.5, 1});
  ASSERT_TRUE(by_information.ok() && by_time.ok());
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(by_information->z[k], by_time->z[k], 1e-7);
}

// Time 1/2 spends what the function says there, whatever the information: two-sided O'Brien-Fleming
// type, 0.00305 of 5 % (Lan and DeMets 1983), so that the first bound is 2.9626.
TEST(ComputeBounds, SpendsByTimeAndCorrelatesByInformation) {
  const GroupSequentialPlan plan{Spending::kObrienFlemingLike, 0, 0.05, true};
  const auto early = ComputeBounds(plan, {0.2, 1}, {0.5, 1});
  const auto late = ComputeBounds(plan, {0.8, 1}, {0.5, 1});
  ASSERT_TRUE(early.ok() && late.ok());
  EXPECT_NEAR(early->z[0], 2.9626, 1e-4);
  EXPECT_NEAR(late->z[0], 2.9626, 1e-4);
  // The more the looks have in common, the less the first takes from the second.
  EXPECT_GT(early->z[1], late->z[1]);
}

TEST(ComputeBounds, RefusesTimesThatDoNotFitTheLooks) {
  const GroupSequentialPlan plan{Spending::kPocockLike, 0, 0.05, true};
  EXPECT_FALSE(ComputeBounds(plan, {0.5, 1}, {1}).ok());
  EXPECT_FALSE(ComputeBounds(plan, {0.5, 1}, {1, 0.5}).ok());
  EXPECT_FALSE(ComputeBounds({Spending::kPocock, 0, 0.05, true}, {0.5, 1}, {0.5, 1}).ok());
}

TEST(BoundsCache, KnowsWhatItComputedAndNothingElse) {
  BoundsCache cache;
  const GroupSequentialPlan plan{Spending::kObrienFlemingLike, 0, 0.05, true};
  const std::vector<double> times = {0.5, 1};
  const auto first = cache.Bounds(plan, times, times);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(cache.misses(), 1u);
  EXPECT_EQ(cache.Bounds(plan, times, times)->z, first->z);
  EXPECT_EQ(cache.misses(), 1u);
  GroupSequentialPlan other = plan;
  other.alpha = 0.01;
  EXPECT_NE(cache.Bounds(other, times, times)->z, first->z);
  EXPECT_EQ(cache.misses(), 2u);
  const std::vector<double> z = {1.0, 2.5};
  const auto p = cache.P(plan, times, z, times);
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(*cache.P(plan, times, z, times), *p);
  EXPECT_EQ(cache.misses(), 3u);
  EXPECT_NEAR(*p, *RepeatedP(plan, times, z, times), 1e-15);
}

}  // namespace
}  // namespace upswing::statistics
