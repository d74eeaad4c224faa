#include "server/statistics/designs.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sdk/base/hash.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

double Normal(std::uint64_t i) {
  return NormalQuantile((static_cast<double>(base::Mix(i) >> 11) + 0.5) * 0x1p-53);
}

// Every treated unit costs about 1 and brings about 1.5 of margin.
TEST(PromotionReturn, IsMarginPerCost) {
  MomentSums control(2), treatment(2);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    control.Add({10 + Normal(i), 0});
    treatment.Add({11.5 + Normal(100'000 + i), 1 + 0.1 * Normal(200'000 + i)});
  }
  const auto roi = PromotionReturn(*control.Reduce(), *treatment.Reduce());
  ASSERT_TRUE(roi.ok());
  EXPECT_NEAR(roi->ratio, 1.5, 0.05);
  EXPECT_LT(roi->interval.interval.lower, 1.5);
  EXPECT_GT(roi->interval.interval.upper, 1.5);
  EXPECT_LT(roi->p_pays, 1e-6);
}

// Of the 6 ways to choose 2 of {1, 2, 10, 11}, {10, 11} and {1, 2} are as extreme as the observed.
TEST(RandomisationP, CountsAllWaysOfASmallDesign) {
  EXPECT_DOUBLE_EQ(*RandomisationP({1, 2}, {10, 11}), 2.0 / 6);
  EXPECT_EQ(RandomisationP({1}, {10, 11}).status(), Undefined(reason::kNotEnoughData));
}

TEST(RandomisationP, DrawsReproduciblyWhereThereAreTooManyWays) {
  std::vector<double> control, treatment;
  for (std::uint64_t i = 0; i < 30; ++i) {
    control.push_back(Normal(i));
    treatment.push_back(Normal(100 + i));
  }
  EXPECT_EQ(*RandomisationP(control, treatment), *RandomisationP(control, treatment));
  EXPECT_GT(*RandomisationP(control, treatment), 0.01);
}

std::vector<Slice> Rotation(double effect, double carry) {
  std::vector<Slice> slices;
  for (std::int64_t region = 0; region < 6; ++region) {
    bool before = false;
    for (std::int64_t i = 0; i < 60; ++i) {
      const bool treated = base::Mix(static_cast<std::uint64_t>(region * 100 + i / 3)) >> 63;
      const auto key = static_cast<std::uint64_t>(1000 * region + i);
      const double value = 5.0 * static_cast<double>(region) + (treated ? effect : 0) +
                           (before ? carry : 0) + 0.3 * Normal(key);
      slices.push_back({region, i, treated, value});
      before = treated;
    }
  }
  return slices;
}

TEST(AnalyseSwitchback, LeavesOutSlicesThatStillFeelTheLastTreatment) {
  const auto clean = AnalyseSwitchback(Rotation(1, 0), 0);
  ASSERT_TRUE(clean.ok());
  EXPECT_NEAR(clean->difference, 1, 0.15);
  EXPECT_LT(clean->p_value, 0.001);
  EXPECT_GT(clean->carry_over_p, 0.001);
  // Half of the effect lasts into the next slice: without a burn-in the estimate misses it.
  const auto guarded = AnalyseSwitchback(Rotation(1, 0.5), 1);
  EXPECT_NEAR(guarded->difference, 1.5, 0.15);
  EXPECT_LT(AnalyseSwitchback(Rotation(1, 0.5), 0)->difference, guarded->difference - 0.1);
  EXPECT_LT(AnalyseSwitchback(Rotation(1, 0.5), 0)->carry_over_p, 0.01);
}

TEST(InterleaveTeams, AlternatesInPairsAndPlacesEveryItemOnce) {
  const auto list = InterleaveTeams({1, 2, 3, 4}, {3, 1, 5, 6}, 6, 7);
  ASSERT_EQ(list.size(), 6u);
  int by_treatment = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    by_treatment += list[i].by_treatment;
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(list[i].item, list[j].item);
  }
  EXPECT_EQ(by_treatment, 3);
}

TEST(CompareRankers, CountsUsersNotClicks) {
  std::vector<Credit> users(60, Credit{0, 1});
  users.resize(100, Credit{5, 0});
  users.push_back({2, 2});
  const auto result = CompareRankers(users);
  ASSERT_TRUE(result.ok());
  EXPECT_NEAR(result->signs.p_value, 0.05688793364098088, 1e-12);  // scipy: binomtest(60, 100)
  EXPECT_EQ(result->ties, 1);
  EXPECT_NEAR(result->preference.estimate, 20.0 / 101, 1e-12);
}

TEST(Bootstrap, AgreesWithTheFormulaOnOrdinaryData) {
  std::vector<double> control, treatment;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    control.push_back(10 + Normal(i));
    treatment.push_back(10.2 + Normal(5000 + i));
  }
  const auto result = Bootstrap(control, treatment);
  ASSERT_TRUE(result.ok());
  const double half = 1.96 * std::sqrt(2.0 / 1000);
  EXPECT_NEAR(result->difference.upper - result->difference.lower, 2 * half, 0.02);
  ASSERT_TRUE(result->lift.ok());
  EXPECT_NEAR(result->lift->lower, result->difference.lower / 10, 0.002);
}

}  // namespace
}  // namespace upswing::statistics
