// What every method says where its formula breaks: a named reason, never NaN.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "server/statistics/bayesian.hpp"
#include "server/statistics/compare.hpp"
#include "server/statistics/confidence_sequence.hpp"
#include "server/statistics/counts.hpp"
#include "server/statistics/designs.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/group_sequential.hpp"
#include "server/statistics/meta_analysis.hpp"
#include "server/statistics/multiple_testing.hpp"
#include "server/statistics/off_policy.hpp"
#include "server/statistics/power.hpp"
#include "server/statistics/proportions.hpp"
#include "server/statistics/quantile.hpp"
#include "server/statistics/ranks.hpp"
#include "server/statistics/sample_ratio.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kTrillion = 1'000'000'000'000;

void ExpectFinite(const absl::StatusOr<Effect>& effect, const char* what) {
  if (!effect.ok()) {
    EXPECT_EQ(effect.status().code(), absl::StatusCode::kFailedPrecondition) << what;
    EXPECT_FALSE(effect.status().message().empty()) << what;
    return;
  }
  EXPECT_TRUE(std::isfinite(effect->estimate)) << what;
  EXPECT_FALSE(std::isnan(effect->interval.lower)) << what;
  EXPECT_FALSE(std::isnan(effect->interval.upper)) << what;
  EXPECT_GE(effect->p_value, 0) << what;
  EXPECT_LE(effect->p_value, 1) << what;
}

// All sizes, means and variances of both arms, through everything that Compare computes.
TEST(Edges, NoCombinationOfSizesMeansAndVariancesGivesNaN) {
  std::vector<Moments> arms;
  for (const std::int64_t n :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, std::int64_t{50}, kTrillion})
    for (const double mean : {0.0, 1.0, -3.0, 1e-300, 1e150, kNan})
      for (const double variance : {0.0, 1.0, 1e-300, 1e150})
        arms.push_back({n, {mean}, {variance * static_cast<double>(n > 1 ? n - 1 : 0)}});
  for (const Moments& control : arms) {
    for (const Moments& treatment : arms) {
      for (const Alternative alternative : {Alternative::kTwoSided, Alternative::kGreater}) {
        const auto result = Compare(control, treatment, {.alternative = alternative});
        ASSERT_TRUE(result.ok());
        ExpectFinite(result->raw.absolute, "absolute");
        ExpectFinite(result->raw.relative, "relative");
        ExpectFinite(result->anytime.absolute, "anytime");
        if (result->posterior.ok()) {
          EXPECT_FALSE(std::isnan(result->posterior->chance_to_win));
          EXPECT_GE(result->posterior->risk_of_shipping_treatment, 0);
        }
        if (result->detectable_relative.ok()) {
          EXPECT_FALSE(std::isnan(*result->detectable_relative));
        }
      }
    }
  }
}

TEST(Edges, ConversionsOfNoneAllAndATrillion) {
  const Conversions none{100, 0}, all{100, 100}, empty{0, 0};
  const Conversions huge{kTrillion, kTrillion / 100};
  for (const Conversions& a : {none, all, huge}) {
    for (const Conversions& b : {none, all, huge}) {
      const auto interval = NewcombeDifference(a, b, 0.05);
      ASSERT_TRUE(interval.ok());
      EXPECT_LE(interval->lower, b.rate() - a.rate());
      EXPECT_GE(interval->upper, b.rate() - a.rate());
      const auto score = ScoreDifference(a, b, 0.05);
      ASSERT_TRUE(score.ok());
      EXPECT_LE(score->lower, score->upper);
    }
    EXPECT_TRUE(ClopperPearsonInterval(a, 0.05).ok());
  }
  EXPECT_EQ(PooledZTest(none, none, Alternative::kTwoSided).status(),
            Undefined(reason::kZeroVariance));
  EXPECT_EQ(PooledZTest(empty, none, Alternative::kTwoSided).status(),
            Undefined(reason::kNotEnoughData));
  EXPECT_EQ(FisherExactP(huge, huge, Alternative::kTwoSided).status(),
            Undefined(reason::kNotSupported));
  EXPECT_DOUBLE_EQ(*FisherExactP(none, none, Alternative::kTwoSided), 1);
  EXPECT_FALSE(WilsonInterval({10, 11}, 0.05).ok());
  EXPECT_FALSE(WilsonInterval({10, 5}, 0).ok());
}

TEST(Edges, SmallSamplesOfTheOtherMethods) {
  EXPECT_EQ(MannWhitney({}, {1}).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(MannWhitney({1, 1}, {1, 1}).status(), Undefined(reason::kZeroVariance));
  EXPECT_EQ(MannWhitney({1, kNan}, {1, 1}).status(), Undefined(reason::kNonFiniteInput));
  EXPECT_EQ(CompareRates({0, 1}, {0, 1}).status(), Undefined(reason::kNotEnoughData));
  EXPECT_FALSE(CompareRates({1, 0}, {0, 1}).ok());
  EXPECT_EQ(CombineEffects({0.1}, {1}).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(TestSigns(0, 0).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(EvaluatePolicy({}, 2).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(BernoulliSequence(0, 0, 0.05, 100).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(AnytimeTTest(1, 2, 2, 1, 0.05).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(CompareRankers({}).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(AnalyseSwitchback({}, 0).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(Bootstrap({1}, {1, 2}).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(UnitsNeeded({.variance = 1}, {}, 0).status(), Undefined(reason::kNotSupported));
  EXPECT_FALSE(UnitsNeeded({.variance = 0}, {}, 1).ok());
  EXPECT_EQ(DaysNeeded({0, 0}, 10).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(UnitsAfter({}, 7).status(), Undefined(reason::kNotEnoughData));
  EXPECT_EQ(UnitsAfter({1}, 731).status(), Undefined(reason::kNotSupported));
  EXPECT_FALSE(UnitsAfter({1}, -1).ok());
  EXPECT_FALSE(UnitsAfter({kNan}, 7).ok());
  EXPECT_FALSE(ComputeBounds({}, {0.5, 0.5}).ok());
  EXPECT_FALSE(ComputeBounds({.alpha = 2}, {1}).ok());
}

// 1000 / d new units on day d is a straight line of the logarithms: 1000 (1 + 1/2 + 1/3 + 1/4).
TEST(UnitsAfter, FollowsTheDeclineOfNewcomersAndAgreesWithDaysNeeded) {
  EXPECT_NEAR(*UnitsAfter({1000, 500}, 4), 1000 * (1 + 1 / 2.0 + 1 / 3.0 + 1 / 4.0), 1e-9);
  EXPECT_EQ(*UnitsAfter({1000, 500}, 1), 1000);
  EXPECT_NEAR(*UnitsAfter({500, 1000}, 4), 1500 + 2 * std::sqrt(500 * 1000.0), 1e-9) << "no rise";
  for (const int weeks : {1, 3, 12}) {
    const double units = *UnitsAfter({1000, 700, 640, 500, 520}, 7 * weeks);
    EXPECT_EQ(*DaysNeeded({1000, 700, 640, 500, 520}, units), 7 * weeks);
  }
}

// A change of unit changes nothing but the unit: seconds instead of milliseconds.
TEST(Edges, AQuantileHasNoFloorOnItsVariance) {
  const QuantileSummary ms{0.9, 120, 110, 133, 2000, 5000};
  const QuantileSummary s{0.9, 0.120, 0.110, 0.133, 2000, 5000};
  EXPECT_NEAR(QuantileArm(ms)->variance / QuantileArm(s)->variance, 1e6, 1e-3);
  EXPECT_EQ(QuantileArm({0.99, 3, 2, 4, 20, 20}).status(),
            Undefined(reason::kQuantileNotIdentified));
  EXPECT_EQ(QuantileArm({0.5, 3, 3, 3, 200, 200}).status(),
            Undefined(reason::kQuantileNotIdentified));
}

TEST(Edges, CorrectionsPassUndefinedComparisonsThrough) {
  const auto adjusted = AdjustPValues({0.01, kNan, 0.04}, Correction::kBonferroni);
  EXPECT_DOUBLE_EQ((*adjusted)[0], 0.02);
  EXPECT_TRUE(std::isnan((*adjusted)[1]));
  EXPECT_FALSE(AdjustPValues({1.5}, Correction::kHolm).ok());
  EXPECT_TRUE(AdjustPValues({}, Correction::kHolm)->empty());
}

// An interval at the level given excludes 0 exactly for what the correction rejects.
TEST(IntervalLevels, AgreeWithTheAdjustedPValues) {
  const std::vector<double> p_values = {0.0001, 0.004, 0.019, 0.03, 0.04, 0.6};
  for (const Correction correction :
       {Correction::kNone, Correction::kBonferroni, Correction::kHolm, Correction::kHolmSidak,
        Correction::kHochberg, Correction::kHommel, Correction::kBenjaminiHochberg,
        Correction::kBenjaminiYekutieli}) {
    const auto adjusted = AdjustPValues(p_values, correction);
    const auto levels = IntervalLevels(p_values, 0.05, correction);
    for (std::size_t i = 0; i < p_values.size(); ++i)
      EXPECT_EQ((*adjusted)[i] <= 0.05, p_values[i] <= (*levels)[i])
          << static_cast<int>(correction) << " " << i;
  }
}

// By hand: m = 3, e = {60, 30, 1}: 3 / 60 = 0.05; 3 / (2 * 30) = 0.05; 3 / 3 = 1.
TEST(AdjustEValues, IsBenjaminiHochbergOnTheReciprocals) {
  const auto adjusted = AdjustEValues({std::log(60.0), std::log(30.0), 0});
  EXPECT_NEAR(adjusted[0], 0.05, 1e-12);
  EXPECT_NEAR(adjusted[1], 0.05, 1e-12);
  EXPECT_NEAR(adjusted[2], 1, 1e-12);
}

// One look: the repeated p-value is the ordinary one. A later look cannot undo an earlier crossing.
TEST(RepeatedP, IsTheOrdinaryPAtASingleLookAndNeverBelowIt) {
  EXPECT_NEAR(*RepeatedP({}, {1}, {2.5}) / (2 * NormalSurvival(2.5)), 1, 2e-4);
  EXPECT_GT(*RepeatedP({}, {0.5, 1}, {0.3, 2.5}), 2 * NormalSurvival(2.5));
  EXPECT_LE(*RepeatedP({}, {0.5, 1}, {4, 0.1}), *RepeatedP({}, {0.5, 1}, {3.5, 0.1}));
}

// Conditional power at the very end of the data is 0 or 1; at the start it is the power.
TEST(ConditionalPower, RunsFromThePowerToTheVerdict) {
  const PlanningRule rule;
  EXPECT_NEAR(*ConditionalPower({3, 1, INFINITY, 100}, 0.9999, rule, 0), 1, 1e-6);
  EXPECT_NEAR(*ConditionalPower({1, 1, INFINITY, 100}, 0.9999, rule, 0), 0, 1e-6);
  // Final standard error 0.1 at t = 1e-6 means 100 now; an effect of 0.28 has power 0.8.
  EXPECT_NEAR(*ConditionalPower({0, 100, INFINITY, 100}, 1e-6, rule, 0.2801585), 0.8, 1e-3);
}

// Two outcomes are as extreme as 8:0 at 1:1, of probability 2^-8 each.
TEST(SampleRatioExactP, CountsTheOutcomes) {
  EXPECT_NEAR(*SampleRatioExactP({8, 0}, {1, 1}), 2.0 / 256, 1e-12);
  EXPECT_NEAR(*SampleRatioExactP({4, 4}, {1, 1}), 1, 1e-12);
  EXPECT_EQ(SampleRatioExactP({5000, 5000, 5000}, {1, 1, 1}).status(),
            Undefined(reason::kNotSupported));
}

// Weights 1 to 9: the small arm expects 99.9 units of 999, and 100 of 1,000.
TEST(TestSampleRatio, IsExactBelowTheDocumentedCountAndChiSquareFromItOn) {
  const auto below = TestSampleRatio({120, 879}, {1, 9});
  EXPECT_TRUE(below->exact);
  EXPECT_EQ(below->p_value, *SampleRatioExactP({120, 879}, {1, 9}));
  EXPECT_NE(below->p_value, SampleRatioChiSquare({120, 879}, {1, 9})->p_value);
  const auto from = TestSampleRatio({120, 880}, {1, 9});
  EXPECT_FALSE(from->exact);
  EXPECT_EQ(from->p_value, SampleRatioChiSquare({120, 880}, {1, 9})->p_value);
  // Both are alike there, so that a report does not jump as units come in.
  EXPECT_NEAR(below->p_value, from->p_value, 0.01);
}

// A small arm beside large ones has more outcomes than can be counted.
TEST(TestSampleRatio, IsChiSquareWhereTheExactTestCannotBeComputed) {
  const auto test = TestSampleRatio({50, 5000, 5000}, {1, 100, 100});
  EXPECT_FALSE(test->exact);
  EXPECT_EQ(test->p_value, SampleRatioChiSquare({50, 5000, 5000}, {1, 100, 100})->p_value);
}

// By the binomial distribution P(2 or more of 20) at 1 in 100 is 1.7 %: no outcome below the
// expected 0.2 is as unlikely. Chi-square says 5e-5.
TEST(TestSampleRatio, DoesNotTakeAFewUnitsForTheEndOfTheWorld) {
  const auto test = TestSampleRatio({2, 18}, {1, 99});
  EXPECT_NEAR(test->p_value, 1 - std::pow(0.99, 20) - 20 * 0.01 * std::pow(0.99, 19), 1e-12);
  EXPECT_GT(test->p_value, 0.001);
  EXPECT_LT(SampleRatioChiSquare({2, 18}, {1, 99})->p_value, 0.001);
  EXPECT_EQ(TestSampleRatio({0, 0}, {1, 1})->p_value, 1);
}

}  // namespace
}  // namespace upswing::statistics
