#include "server/statistics/estimate.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "server/statistics/distributions.hpp"
#include "server/statistics/inference.hpp"
#include "server/statistics/sample_ratio.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

// By hand: control {1, 2, 3, 4}: mean 5/2, centred 5, v_c = 5/12. Treatment {2, 6}: mean 4, centred
// 8, v_t = 4. Sum 53/12, so the degrees of freedom are (53/12)^2 / (v_c^2/3 + v_t^2/1) = 8427/6937.
TEST(CompareArms, MatchesTheHandComputedExample) {
  const auto contrast = CompareArms({4, 2.5, 5.0 / 3}, {2, 4.0, 8.0});
  ASSERT_TRUE(contrast.ok());
  const Estimate effect = AbsoluteEffect(*contrast);
  EXPECT_DOUBLE_EQ(effect.estimate, 1.5);
  EXPECT_DOUBLE_EQ(effect.standard_error, std::sqrt(53.0 / 12.0));
  EXPECT_DOUBLE_EQ(effect.degrees_of_freedom, 8427.0 / 6937.0);
  EXPECT_DOUBLE_EQ(effect.information(), 12.0 / 53.0);
}

TEST(CompareArms, RefusesAnArmThatSaysNothingAboutChance) {
  EXPECT_EQ(CompareArms({1, 3, 0}, {2, 4, 8}).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(CompareArms({0, 0, 0}, {2, 4, 8}).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(CompareArms({9, 3, 0}, {9, 4, 8}).status(), Undefined(reason::kZeroVariance));
  EXPECT_EQ(CompareArms({9, 3, NAN}, {9, 4, 8}).status(), Undefined(reason::kNonFiniteInput));
}

TEST(RelativeLift, OfANegativeMetricKeepsItsSign) {
  const auto contrast = CompareArms({100, -10, 4}, {100, -5, 4});
  const auto lift = RelativeLift(*contrast);
  ASSERT_TRUE(lift.ok());
  EXPECT_DOUBLE_EQ(lift->estimate, 0.5);
  // Mirror image of +10 to +5, which is a loss with the same error.
  const auto mirrored = RelativeLift(*CompareArms({100, 10, 4}, {100, 5, 4}));
  EXPECT_DOUBLE_EQ(mirrored->estimate, -0.5);
  EXPECT_DOUBLE_EQ(mirrored->standard_error, lift->standard_error);
}

TEST(RelativeLift, IsNotDefinedOverAMeanOfZero) {
  EXPECT_EQ(RelativeLift(*CompareArms({100, 0, 4}, {100, 5, 4})).status(),
            Undefined(reason::kControlMeanNearZero));
}

// At a limit L of the set, (d - L b)^2 = z^2 var(d - L b) by definition.
TEST(FiellerInterval, EndsWhereTheTestOfThatLiftIsJustSignificant) {
  for (const double base : {3.0, -3.0}) {
    const auto contrast = CompareArms({50, base, 20}, {60, 4, 30});
    const double z = 1.96;
    const FiellerLift set = FiellerInterval(*contrast, z);
    ASSERT_EQ(set.shape, FiellerLift::Shape::kInterval);
    for (const double lift : {set.interval.lower, set.interval.upper}) {
      const double theta = 1 + lift * (base < 0 ? -1 : 1);  // treatment = theta * control
      const double t = (4 - theta * base) / std::sqrt(30.0 / 60 + theta * theta * 20.0 / 50);
      EXPECT_NEAR(std::fabs(t), z, 1e-12) << base;
    }
  }
}

TEST(FiellerInterval, SaysWhenTheDataLeaveTheLiftOpen) {
  // Control 0.3 with standard error 0.32 is not distinguishable from 0. Treatment 3 is clearly not
  // 0, so small lifts are excluded (two rays); treatment 0.2 is not clearly anything.
  EXPECT_EQ(FiellerInterval(*CompareArms({40, 0.3, 4}, {40, 3, 4}), 1.96).shape,
            FiellerLift::Shape::kTwoRays);
  EXPECT_EQ(FiellerInterval(*CompareArms({40, 0.3, 4}, {40, 0.2, 4}), 1.96).shape,
            FiellerLift::Shape::kEverything);
}

TEST(RatioArm, OfAConstantRatioHasNoVariance) {
  MomentSums sums(2);
  for (int i = 1; i < 50; ++i) sums.Add({0.1 * i, 0.3 * i});
  const auto arm = RatioArm(*sums.Reduce());
  ASSERT_TRUE(arm.ok());
  EXPECT_EQ(arm->variance, 0);
  MomentSums none(2);
  none.AddZeros(10);
  EXPECT_EQ(RatioArm(*none.Reduce()).status(), Undefined(reason::kZeroDenominator));
}

TEST(Infer, AgreesWithItsOwnIntervalForEveryRule) {
  const double infinity = INFINITY;
  for (const double estimate : {-3.0, -1.7, 0.2, 1.6, 2.5}) {
    for (const Alternative alternative :
         {Alternative::kTwoSided, Alternative::kGreater, Alternative::kLess}) {
      for (const double null : {0.0, -0.5}) {
        for (const int look : {0, 1}) {
          Rule rule{.alpha = 0.1, .alternative = alternative, .null_value = null};
          if (look == 1) rule.look = Anytime{1000};
          const auto result = Infer({estimate, 1, infinity, 1200}, rule);
          ASSERT_TRUE(result.ok());
          const bool excluded = null < result->interval.lower || null > result->interval.upper;
          EXPECT_EQ(excluded, result->p_value < rule.alpha);
        }
      }
    }
  }
}

TEST(Infer, ReportsTinyPValuesAsTheyAre) {
  const auto result = Infer({20, 1, INFINITY, 1000}, {});
  EXPECT_NEAR(result->p_value / (2 * 2.7536241186061556e-89), 1, 1e-12);  // P(Z > 20): scipy 1.10
}

TEST(Infer, NamesWhatIsWrong) {
  EXPECT_EQ(Infer({1, 0, 10, 20}, {}).status(), Undefined(reason::kZeroVariance));
  EXPECT_EQ(Infer({NAN, 1, 10, 20}, {}).status(), Undefined(reason::kNonFiniteInput));
  EXPECT_EQ(Infer({1, 1, 10, 20}, {.alpha = 1}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// X^2 = 2 * 100^2 / 5100, and P(chi^2_1 > x) = 2 P(Z > sqrt x).
TEST(SampleRatioChiSquare, IsPearsonsTest) {
  const auto test = SampleRatioChiSquare({5000, 5200}, {0.5, 0.5});
  ASSERT_TRUE(test.ok());
  EXPECT_DOUBLE_EQ(test->chi_square, 2 * 100.0 * 100.0 / 5100);
  EXPECT_DOUBLE_EQ(test->p_value, 2 * NormalSurvival(std::sqrt(test->chi_square)));
}

TEST(SampleRatioChiSquare, TreatsAnArmWithoutWeightAsAnErrorOnlyIfItHasUnits) {
  const auto test = SampleRatioChiSquare({5000, 5200, 0}, {0.5, 0.5, 0});
  ASSERT_TRUE(test.ok());
  EXPECT_EQ(test->degrees_of_freedom, 1);
  EXPECT_FALSE(SampleRatioChiSquare({5000, 5200, 1}, {0.5, 0.5, 0}).ok());
  EXPECT_EQ(SampleRatioChiSquare({0, 0}, {1, 1})->p_value, 1);
}

}  // namespace
}  // namespace upswing::statistics
