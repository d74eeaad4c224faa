#include "server/statistics/health.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sdk/base/hash.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/shrinkage.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

double Normal(std::uint64_t i) {
  return NormalQuantile((static_cast<double>(base::Mix(i) >> 11) + 0.5) * 0x1p-53);
}

TEST(RankSampleRatioCauses, PutsTheBrokenBrowserFirst) {
  const auto causes = RankSampleRatioCauses({{"browser", "a", {5000, 5010}},
                                             {"browser", "b", {3000, 2400}},
                                             {"browser", "c", {800, 790}}},
                                            {1, 1});
  ASSERT_TRUE(causes.ok());
  EXPECT_EQ((*causes)[0].value, "b");
  EXPECT_GT((*causes)[0].log_e_value, 10);
  EXPECT_LT((*causes)[1].log_e_value, 1);
  EXPECT_NEAR((*causes)[0].share_gap, 3000.0 / 5400 - 0.5, 1e-12);
}

TEST(RunNegativeControls, ConfirmsTheFormulaForIndependentUnits) {
  std::vector<ControlUnit> units;
  for (std::uint64_t i = 0; i < 4000; ++i) units.push_back({base::Mix(i), std::exp(Normal(i)), 1});
  const auto control = RunNegativeControls(units);
  ASSERT_TRUE(control.ok());
  EXPECT_FALSE(control->flagged) << control->variance_ratio;
}

// Sessions of a user share the user's level: analysing sessions as units understates the error.
TEST(RunNegativeControls, FlagsTheWrongUnitOfAnalysis) {
  std::vector<ControlUnit> units;
  for (std::uint64_t user = 0; user < 800; ++user)
    for (std::uint64_t session = 0; session < 5; ++session)
      units.push_back(
          {base::Mix(user), Normal(user) + 0.5 * Normal(10'000 + user * 5 + session), 1});
  const auto control = RunNegativeControls(units);
  ASSERT_TRUE(control.ok());
  EXPECT_TRUE(control->flagged);
  EXPECT_GT(control->variance_ratio, 2);
}

// Effects on a line: the fit is the line.
// A place where control has mean b and the treatment (1 + lift) b, with these variances of the
// means.
Contrast PlaceOf(double b, double lift, double variance) {
  return {.difference = lift * b,
          .base = b,
          .raw_difference = lift * b,
          .difference_variance = 2 * variance,
          .base_variance = variance,
          .covariance = -variance};
}

TEST(LiftsToCompare, AConstantLiftOnAFallingBaseIsConstant) {
  const auto lifts =
      LiftsToCompare({PlaceOf(10, 0.2, 0.01), PlaceOf(4, 0.2, 0.01), PlaceOf(1, 0.2, 0.01)});
  ASSERT_TRUE(lifts.ok());
  // e = 0 everywhere, so that b* = b and v = (2 + 2 L + L^2) 0.01 = 2.44 * 0.01.
  for (std::size_t i = 0; i < 3; ++i) {
    const double b = std::vector<double>{10, 4, 1}[i];
    EXPECT_NEAR((*lifts)[i]->lift, 0.2, 1e-12);
    EXPECT_NEAR((*lifts)[i]->variance, 0.0244 / (b * b), 1e-12);
  }
}

TEST(LiftsToCompare, LiftsOfNegativeValuesHaveTheSignOfTheDifference) {
  // From -10 to -5 and from -4 to -2: +50 % of the size, upwards.
  const auto lifts = LiftsToCompare({PlaceOf(-10, -0.5, 0.01), PlaceOf(-4, -0.5, 0.01)});
  ASSERT_TRUE(lifts.ok());
  EXPECT_NEAR((*lifts)[0]->lift, 0.5, 1e-12);
  EXPECT_NEAR((*lifts)[1]->lift, 0.5, 1e-12);
}

// Two places, lifts 0.5 and 0.1, the second so exact that it is the common lift. At the first, by
// hand with L = 0.1: e = 5 - 1 = 4, v = (2 + 0.2 + 0.01) 1 = 2.21, cov(b, e) = -1 - 0.1 = -1.1, b*
// = 10 + 1.1 / 2.21 * 4.
TEST(LiftsToCompare, WeighsAPlaceByWhatControlsValueMostProbablyIs) {
  const auto lifts = LiftsToCompare({PlaceOf(10, 0.5, 1), PlaceOf(10, 0.1, 1e-12)});
  ASSERT_TRUE(lifts.ok());
  const double base = 10 + 1.1 / 2.21 * 4;
  EXPECT_NEAR((*lifts)[0]->lift, 0.1 + 4 / base, 1e-9);
  EXPECT_NEAR((*lifts)[0]->variance, 2.21 / (base * base), 1e-9);
  EXPECT_NEAR((*lifts)[1]->lift, 0.1, 1e-9);
}

TEST(LiftsToCompare, IsNotDefinedWhereControlMayBeZero) {
  EXPECT_EQ(LiftsToCompare({}).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(LiftsToCompare({PlaceOf(1, 0.2, 1), PlaceOf(-1, 0.2, 1)}).status(),
            Undefined(reason::kControlMeanNearZero));
  EXPECT_EQ(LiftsToCompare({PlaceOf(0, 0, 0)}).status(), Undefined(reason::kControlMeanNearZero));
  // One place on the wrong side of 0 says nothing of the lift; the others do.
  const auto lifts = LiftsToCompare({PlaceOf(10, 0.2, 0.01), PlaceOf(-1, 0.2, 0.01)});
  ASSERT_TRUE(lifts.ok());
  EXPECT_TRUE((*lifts)[0].has_value());
  EXPECT_FALSE((*lifts)[1].has_value());
}

TEST(EffectTrend, FindsANoveltyThatWearsOff) {
  const auto trend =
      EffectTrend({{0, 0.10, 1e-4}, {1, 0.08, 1e-4}, {2, 0.06, 1e-4}, {3, 0.04, 1e-4}});
  ASSERT_TRUE(trend.ok());
  EXPECT_NEAR(trend->slope, -0.02, 1e-12);
  EXPECT_NEAR(trend->last_effect, 0.04, 1e-12);
  EXPECT_NEAR(trend->standard_error, 0.01 / std::sqrt(5.0), 1e-12);  // sum (x - 1.5)^2 = 5
  EXPECT_EQ(EffectTrend({{0, 0.1, 1}, {1, 0.1, 1}}).status(), Undefined(reason::kNotEnoughData));
}

TEST(InfluenceOfLargest, SeesOneWhaleCarryTheEffect) {
  MomentSums control, treatment;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    control.Add(Normal(i));
    treatment.Add(Normal(5000 + i) + (i == 0 ? 600 : 0));
  }
  const auto influence =
      InfluenceOfLargest(*control.Reduce(), 3, *treatment.Reduce(), 600 + Normal(5000), 0.05);
  ASSERT_TRUE(influence.ok());
  EXPECT_GT(influence->with_all, 0.2);
  EXPECT_LT(std::fabs(influence->without_largest), 0.1);
  // The rest is what one gets without that unit in the first place.
  MomentSums rest;
  for (std::uint64_t i = 1; i < 2000; ++i) rest.Add(Normal(5000 + i));
  EXPECT_NEAR(influence->without_largest + control.Reduce()->mean[0], rest.Reduce()->mean[0], 3e-3);
}

TEST(TestInteraction, IsTheDifferenceOfTheDifferences) {
  const auto test = TestInteraction({100, 1, 4}, {100, 2, 4}, {100, 3, 4}, {100, 7, 4});
  ASSERT_TRUE(test.ok());
  EXPECT_DOUBLE_EQ(test->interaction.estimate, (7 - 2) - (3 - 1));
  EXPECT_DOUBLE_EQ(test->interaction.standard_error, std::sqrt(4 * 0.04));
  EXPECT_DOUBLE_EQ(test->assignment_p, 1);
}

TEST(CompareSegments, NamesTheSegmentThatDiffers) {
  const auto result = CompareSegments({0.01, 0.012, 0.2, 0.009}, {1e-4, 1e-4, 1e-4, 1e-4});
  ASSERT_TRUE(result.ok());
  EXPECT_LT(result->q_p_value, 1e-6);
  EXPECT_LT(result->differs_p[2], 1e-6);
  EXPECT_GT(result->differs_p[0], 1e6 * result->differs_p[2]);
}

// With many effects drawn from N(0, 0.02^2) and noise 0.02, half of an observed effect is noise.
TEST(Shrunken, UndoesTheWinnersCurse) {
  std::vector<double> truth, effects, variances;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    truth.push_back(0.02 * Normal(i));
    effects.push_back(truth.back() + 0.02 * Normal(100'000 + i));
    variances.push_back(0.0004);
  }
  const auto prior = PriorOfPastEffects(effects, variances);
  ASSERT_TRUE(prior.ok());
  EXPECT_NEAR(prior->variance, 0.0004, 0.00005);
  double raw = 0, shrunk = 0, real = 0;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    if (effects[i] < 0.0392) continue;  // the winners
    raw += effects[i];
    shrunk += Shrunken({effects[i], 0.02, INFINITY, 1}, *prior)->estimate;
    real += truth[i];
  }
  EXPECT_GT(raw, 1.7 * real);
  EXPECT_NEAR(shrunk / real, 1, 0.1);
}

TEST(MedianUnbiasedGivenSignificance, ShrinksMostAtTheThreshold) {
  EXPECT_EQ(MedianUnbiasedGivenSignificance({1.9, 1, INFINITY, 1}, 0.05).status(),
            Undefined(reason::kNotSupported));
  EXPECT_LT(*MedianUnbiasedGivenSignificance({2.0, 1, INFINITY, 1}, 0.05), 0.5);
  EXPECT_NEAR(*MedianUnbiasedGivenSignificance({-6, 1, INFINITY, 1}, 0.05), -6, 0.01);
}

TEST(LossDifferenceP, IsSmallWhenOneArmLosesMore) {
  EXPECT_LT(*LossDifferenceP({10'000, 50}, {10'000, 150}), 1e-6);
  EXPECT_EQ(LossDifferenceP({100, 0}, {100, 0}).status(), Undefined(reason::kZeroVariance));
}

}  // namespace
}  // namespace upswing::statistics
