// Defects that were found in other engines (by running them, or by their own documentation). Each
// test shows that this engine does not have the one that its name describes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "sdk/base/hash.hpp"
#include "server/statistics/bayesian.hpp"
#include "server/statistics/confidence_sequence.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/estimate.hpp"
#include "server/statistics/group_sequential.hpp"
#include "server/statistics/inference.hpp"
#include "server/statistics/proportions.hpp"
#include "server/statistics/sample_ratio.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

// gbstats compares an object with a string, so that a prior of the absolute effect is used as one
// of the lift. Here N(0, 0.1^2) of the lift at a base of 20 is N(0, 2^2) of the difference.
TEST(DefectsOfOthers, APriorOfTheLiftIsNotTakenForOneOfTheDifference) {
  const Estimate difference{1, 1, INFINITY, 100};
  const NormalPrior lift{0, 0.01};
  const auto scaled = NormalEffectPosterior(difference, lift.Scaled(20), 0.05);
  const auto unscaled = NormalEffectPosterior(difference, lift, 0.05);
  EXPECT_DOUBLE_EQ(scaled->mean, 0.8);  // by hand: 1 / (1 + 1/4)
  EXPECT_NEAR(unscaled->mean, 0.01 / 1.01, 1e-15);
}

// gbstats' top-two weights for "lower is better" take the second and third best arm.
TEST(DefectsOfOthers, TheBestArmOfALowMetricIsTheLowest) {
  const auto best = BestArmProbabilities({-3.0, -1.0, -2.0}, {0.1, 0.1, 0.1});
  EXPECT_GT((*best)[1], 0.999);
  EXPECT_EQ(BestArmProbabilities({-3.0, -1.0}, {0.1, 0.1})->size(), 2u);
}

// gbstats clips one-sided sequential p-values to [1e-5, 0.4999].
TEST(DefectsOfOthers, OneSidedAnytimePValuesReachBothEnds) {
  const Rule rule{.alternative = Alternative::kGreater, .look = Anytime{5000}};
  EXPECT_LT(Infer({15, 1, INFINITY, 5000}, rule)->p_value, 1e-20);
  EXPECT_EQ(Infer({-1, 1, INFINITY, 5000}, rule)->p_value, 1);
}

// gbstats overflows in exp() of a large e-value, savvi keeps odds as exp(), which are inf at
// 40,000 units split 60 to 40, and stay so.
TEST(DefectsOfOthers, EvidenceIsKeptAsALogarithm) {
  EXPECT_TRUE(std::isfinite(*LogEValue({1000, 1, INFINITY, 5000}, {.look = Anytime{5000}})));
  EXPECT_TRUE(std::isfinite(*SampleRatioLogOdds({24'000, 16'000}, {1, 1})));
  EXPECT_GT(*SampleRatioLogOdds({24'000, 16'000}, {1, 1}), 700);
  // And it falls again when the split recovers.
  EXPECT_LT(*SampleRatioLogOdds({24'000, 24'000}, {1, 1}), 0);
}

// gbstats has no result when one arm has no conversion, and reports (0, 0) with p = 1 instead.
TEST(DefectsOfOthers, AnArmWithoutConversionsIsNoReportOfNoEffect) {
  const Conversions none{1000, 0};
  const Conversions some{1000, 12};
  EXPECT_LT(*FisherExactP(none, some, Alternative::kTwoSided), 0.001);
  const auto interval = ScoreDifference(none, some, 0.05);
  EXPECT_GT(interval->lower, 0);
  EXPECT_LT(interval->lower, interval->upper);
  EXPECT_EQ(CompareArms({1000, 0, 0}, {1000, 0, 0}).status(), Undefined(reason::kZeroVariance));
}

// A mixture that shrinks with the data makes the bound a constant (3.58 at alpha 5 %), which is
// crossed in the end by the law of the iterated logarithm. A fixed mixture's bound grows.
TEST(DefectsOfOthers, TheAlwaysValidBoundGrowsForEver) {
  double before = 0;
  for (const std::int64_t units : {100'000LL, 10'000'000LL, 1'000'000'000LL, 100'000'000'000LL}) {
    const double bound = Infer({0, 1, INFINITY, units}, {.look = Anytime{5000}})->critical_value;
    EXPECT_GT(bound, before + 0.3);
    before = bound;
  }
}

// spotify/confidence divides the absolute interval by control's mean: the noise of the control is
// missing. By hand: means 10 and 12, both with squared standard error 1: the lift's variance is
// (1 + 1.44) / 100, not 2 / 100.
TEST(DefectsOfOthers, TheLiftsIntervalHasTheNoiseOfTheControl) {
  const auto contrast = CompareArms({100, 10, 100}, {100, 12, 100});
  EXPECT_NEAR(RelativeLift(*contrast)->standard_error, std::sqrt(2.44) / 10, 1e-12);
}

// spotify/confidence scales all information by the larger of planned and present size, so that an
// over-run moves the bounds of looks that are over (its issue 110).
TEST(DefectsOfOthers, AnOverRunMovesNoEarlierBound) {
  const auto planned = ComputeBounds({}, {0.3, 0.6, 1.0});
  const auto over = ComputeBounds({}, {0.3, 0.6, 1.25});
  EXPECT_DOUBLE_EQ(planned->z[0], over->z[0]);
  EXPECT_DOUBLE_EQ(planned->z[1], over->z[1]);
}

// tea-tasting turns the log-ratio interval around when the means have opposite signs.
TEST(DefectsOfOthers, MeansOfOppositeSignsHaveNoLogRatio) {
  EXPECT_EQ(LogRatio({100, -1, 1}, {100, 2, 1}).status(), Undefined(reason::kMeanNotPositive));
}

// tea-tasting's one-sided "less" interval of a lift of positive means begins at minus infinity; a
// mean that can only be positive loses at most all of itself.
TEST(DefectsOfOthers, ALiftOfPositiveMeansLosesAtMostAll) {
  const auto ratio = LogRatio({100, 10, 4}, {100, 9, 4});
  const auto result = Infer(*ratio, {.alternative = Alternative::kLess});
  EXPECT_EQ(std::expm1(result->interval.lower), -1);
  EXPECT_LT(std::expm1(result->interval.upper), 0);
}

// Chi-square at 0.001, read after each of 60 days, is the norm; it is right for one look. 400
// experiments without a mismatch, 4,992 units a day: about 7 of them are taken for broken.
TEST(DefectsOfOthers, ASampleRatioReadDailyIsJudgedByATestForManyLooks) {
  int by_chi_square = 0;
  int by_sequence = 0;
  for (std::uint64_t experiment = 0; experiment < 400; ++experiment) {
    std::int64_t totals[2] = {0, 0};
    bool chi_square = false;
    bool sequence = false;
    for (std::uint64_t day = 0; day < 60; ++day) {
      for (std::uint64_t word = 0; word < 78; ++word) {
        const auto ones = static_cast<std::int64_t>(
            __builtin_popcountll(base::Mix((experiment * 60 + day) * 78 + word + 1)));
        totals[0] += ones;
        totals[1] += 64 - ones;
      }
      chi_square |= SampleRatioChiSquare(totals, {1, 1})->p_value < 0.001;
      sequence |= *SampleRatioLogOdds(totals, {1, 1}) >= std::log(1000.0);
    }
    by_chi_square += chi_square;
    by_sequence += sequence;
  }
  EXPECT_GE(by_chi_square, 3);
  EXPECT_EQ(by_sequence, 0);
}

// savvi uses n - p - 1 degrees of freedom where the model has n - k. By hand with n = 12, k = 2,
// g = 1: nu = 10, r = 1/13, t^2 = 5: log e = log(1/13)/2 + 5.5 (log 1.5 - log(1 + 0.5/13)).
TEST(DefectsOfOthers, TheAnytimeTHasTheModelsDegreesOfFreedom) {
  const double expected = 0.5 * std::log(1.0 / 13) + 5.5 * (std::log(1.5) - std::log1p(0.5 / 13));
  EXPECT_NEAR(AnytimeTTest(5, 12, 2, 1, 0.05)->log_e_value, expected, 1e-12);
}

// gbstats counts an arm of weight 0 as a degree of freedom. Two arms of weight: one.
TEST(DefectsOfOthers, AnArmOfWeightZeroAddsNoDegreeOfFreedom) {
  EXPECT_EQ(SampleRatioChiSquare({50, 50, 0}, {1, 1, 0})->degrees_of_freedom, 1);
}

// gbstats gives p = 0 where 1 - cdf is 0, from 1e-16 on.
TEST(DefectsOfOthers, TinyPValuesAreTails) {
  EXPECT_NEAR(std::log10(Infer({30, 1, INFINITY, 1000}, {})->p_value), -197.0, 1.0);
}

// Statsig and PostHog say that the interval and the p-value may disagree; here they come from one
// rule, at every level.
TEST(DefectsOfOthers, TheIntervalExcludesZeroExactlyWhenPIsBelowAlpha) {
  for (const double z : {1.0, 1.9599, 1.96, 2.5, 3.0, 3.5, 4.0}) {
    for (const auto& look :
         {decltype(Rule::look){FixedHorizon{}}, decltype(Rule::look){Anytime{}}}) {
      const auto result = Infer({z, 1, INFINITY, 3000}, {.look = look});
      EXPECT_EQ(result->interval.lower > 0, result->p_value < 0.05) << z;
    }
  }
}

}  // namespace
}  // namespace upswing::statistics
