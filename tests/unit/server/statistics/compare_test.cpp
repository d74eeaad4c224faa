#include "server/statistics/compare.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sdk/base/hash.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

double Normal(std::uint64_t i) {
  return NormalQuantile((static_cast<double>(base::Mix(i) >> 11) + 0.5) * 0x1p-53);
}

// Units (y, x) with y = 10 + effect + x + noise, correlation 1/sqrt 2.
Moments Arm(std::uint64_t seed, int n, double effect) {
  MomentSums sums(2);
  for (int i = 0; i < n; ++i) {
    const double x = Normal(seed + 2 * static_cast<std::uint64_t>(i));
    const double y = 10 + effect + x + Normal(seed + 2 * static_cast<std::uint64_t>(i) + 1);
    sums.Add({y, x});
  }
  return *sums.Reduce();
}

TEST(Compare, AdjustingRemovesTheShareThatTheCovariateExplains) {
  const auto result = Compare(Arm(1'000'000, 4000, 0), Arm(2'000'000, 4000, 0.3),
                              {.shape = {.mean_covariates = 1}});
  ASSERT_TRUE(result.ok());
  ASSERT_TRUE(result->adjusted.has_value());
  EXPECT_NEAR(*result->adjusted->variance_reduction, 0.5, 0.03);
  EXPECT_NEAR(result->adjusted->theta[0], 1, 0.03);
  EXPECT_NEAR(result->adjusted->fixed.absolute->estimate, 0.3, 0.09);
  EXPECT_GT(*result->adjusted->covariate_balance_p, 0.001);
}

TEST(Compare, LinEqualsCupedUpToSecondOrderAndFallsBackToRawOnAConstantCovariate) {
  Moments control = Arm(1, 3000, 0);
  Moments treatment = Arm(77'777, 3000, 0.1);
  const auto cuped = ContrastOf(control, treatment, {.mean_covariates = 1}, Adjustment::kCuped);
  const auto lin = ContrastOf(control, treatment, {.mean_covariates = 1}, Adjustment::kLin);
  EXPECT_NEAR(cuped->contrast.difference, lin->contrast.difference, 2e-3);
  for (Moments* arm : {&control, &treatment}) arm->centred[1] = arm->centred[2] = 0;
  control.mean[1] = treatment.mean[1] = 5;
  const auto constant = ContrastOf(control, treatment, {.mean_covariates = 1}, Adjustment::kCuped);
  const auto raw = ContrastOf(control, treatment, {.mean_covariates = 1}, Adjustment::kNone);
  EXPECT_EQ(constant->dropped_covariates, 1u);
  EXPECT_EQ(constant->contrast.difference, raw->contrast.difference);
  EXPECT_EQ(constant->contrast.difference_variance, raw->contrast.difference_variance);
}

TEST(Compare, SaysThatACovariateTouchedByTheTreatmentMustNotBeUsed) {
  const Moments control = Arm(5, 3000, 0);
  Moments treatment = Arm(99'999, 3000, 0.1);
  treatment.mean[1] += 0.5;
  const auto result = Compare(control, treatment, {.shape = {.mean_covariates = 1}});
  EXPECT_LT(*result->adjusted->covariate_balance_p, 0.001);
}

TEST(Compare, OfStrataRemovesTheDifferencesBetweenThem) {
  std::vector<Stratum> strata;
  for (int k = 0; k < 3; ++k) {
    Moments control = Arm(10 + static_cast<std::uint64_t>(k) * 100'000, 1000, 10.0 * k);
    Moments treatment =
        Arm(5'000'000 + static_cast<std::uint64_t>(k) * 100'000, 1000, 10.0 * k + 1);
    strata.push_back({SelectVariables(control, {0}), SelectVariables(treatment, {0})});
  }
  const auto stratified = ContrastOf(strata, {}, Adjustment::kNone);
  ASSERT_TRUE(stratified.ok());
  EXPECT_NEAR(stratified->contrast.difference, 1, 0.15);
  // Within a stratum the variance is 2, between them 67.
  EXPECT_NEAR(stratified->contrast.difference_variance, 2 * 2.0 / 3000, 2e-4);
}

TEST(MergeSmallStrata, KeepsEveryUnit) {
  const Moments two{2, {1}, {0.5}};
  const Moments one{1, {3}, {0}};
  const Moments many{50, {2}, {20}};
  const auto merged = MergeSmallStrata({{two, one}, {many, many}, {one, one}});
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_EQ(merged[1].control.n, 3);
  EXPECT_EQ(merged[1].treatment.n, 2);
  const auto forced = MergeSmallStrata({{two, one}, {many, many}});
  ASSERT_EQ(forced.size(), 1u);
  EXPECT_EQ(forced[0].control.n, 52);
}

TEST(Compare, PrefersFiellerWhereTheControlIsNoisyAndKeepsLiftAndDifferenceInAgreement) {
  const Moments control{50, {1}, {9.0 * 49}};
  const Moments treatment{60, {1.4}, {8.0 * 59}};
  const auto result = Compare(control, treatment, {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->raw.relative_method, "fieller");
  EXPECT_EQ(result->raw.relative->p_value, result->raw.absolute->p_value);
  const auto open = Compare({40, {0.3}, {4.0 * 39}}, {45, {0.9}, {4.0 * 44}}, {});
  EXPECT_EQ(open->raw.relative.status(), Undefined(reason::kControlMeanNearZero));
  EXPECT_TRUE(open->raw.absolute.ok());
}

TEST(Compare, GivesEveryUndefinedNumberAReason) {
  for (const std::int64_t n : {0, 1}) {
    const Moments few{n, {0}, {0}};
    const auto result = Compare(few, few, {});
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->raw.absolute.status(), Undefined(reason::kNotEnoughData));
    EXPECT_EQ(result->posterior.status(), Undefined(reason::kNotEnoughData));
    EXPECT_EQ(result->detectable_relative.status(), Undefined(reason::kNotEnoughData));
  }
  const Moments same{100, {1}, {0}};
  EXPECT_EQ(Compare(same, same, {})->raw.absolute.status(), Undefined(reason::kZeroVariance));
  const Moments bad{100, {NAN}, {4}};
  EXPECT_EQ(Compare(bad, bad, {})->raw.absolute.status(), Undefined(reason::kNonFiniteInput));
}

TEST(Compare, TestsNonInferiorityOfTheLiftAgainstTheMargin) {
  // Lift -1 % with a standard error of 1.4 %: not inferior by 5 %, nor shown to be within 2 %.
  const Moments control{10'000, {1.00}, {1.0 * 9999}};
  const Moments treatment{10'000, {0.99}, {1.0 * 9999}};
  const auto wide =
      Compare(control, treatment, {.alternative = Alternative::kGreater, .relative_margin = -0.05});
  const auto narrow =
      Compare(control, treatment, {.alternative = Alternative::kGreater, .relative_margin = -0.02});
  EXPECT_LT(wide->raw.relative->p_value, 0.01);
  EXPECT_GT(narrow->raw.relative->p_value, 0.05);
  EXPECT_EQ(wide->raw.relative->interval.lower > -0.05, true);
}

// 0 of 200 against 6 of 210: no variance in control, so that Welch's test is not defined, but the
// score test is (statsmodels' z at a difference of 0 is right: 2.4052).
TEST(Compare, SwitchesToScoreMethodsForFewConversions) {
  const Moments control = MomentsFromSums(200, 0, 0);
  const Moments treatment = MomentsFromSums(210, 6, 6);
  const auto result = Compare(control, treatment, {.binary = true});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->method, "score");
  ASSERT_TRUE(result->raw.absolute.ok());
  EXPECT_NEAR(result->raw.absolute->p_value, 0.01616343286243533, 1e-9);
  EXPECT_GT(result->raw.absolute->interval.lower, 0);
  EXPECT_EQ(result->raw.relative.status(), Undefined(reason::kControlMeanNearZero));
  EXPECT_EQ(Compare(control, treatment, {})->raw.absolute.status(),
            Undefined(reason::kZeroVariance));
  // Nobody converted anywhere: not defined, with a reason.
  EXPECT_EQ(Compare(control, control, {.binary = true})->raw.absolute.status(),
            Undefined(reason::kZeroVariance));
}

}  // namespace
}  // namespace upswing::statistics
