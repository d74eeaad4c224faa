#include "server/report/judgement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/report/build.hpp"
#include "tests/unit/server/report/example_report.hpp"

namespace upswing::report {
namespace {

using testing::ExampleExperiment;
using ::testing::HasSubstr;

const Comparison& Find(const Report& report, std::string_view metric, std::string_view variant) {
  for (const Comparison& comparison : report.comparisons) {
    if (comparison.metric == metric && comparison.variant == variant) return comparison;
  }
  ADD_FAILURE() << metric << " of " << variant << " is not in the report";
  return report.comparisons.front();
}

// The plan of the example with looks at the end of days 7 and 14, an hour before the end of day 14.
Input WithLooks(ExampleExperiment& example) {
  example.spec.as_of_ms = 1'795'305'600'000 - 3'600'000;
  example.LookAt({7, 14});
  Input input = example.AsInput();
  input.plan.anytime = false;
  input.plan.group_sequential =
      Plan::GroupSequential{statistics::Spending::kObrienFlemingLike, 0, {7, 14}};
  input.plan.correction_primary = "none";
  return input;
}

// Bounds: Lan and DeMets' O'Brien-Fleming type, two looks at 1/2 and 1, two-sided 5 %: 2.9626 and
// 1.9686 (rpact 3.3, gsDesign 3.6). The second depends on the estimates' information, which is only
// about half at the first look.
TEST(Judge, TakesTheBoundOfTheLookThatHasCome) {
  ExampleExperiment example;
  Input input = WithLooks(example);
  Report report = Build(input);
  const Judgement& first = *Find(report, "purchase_rate", "one_tap").judged;
  ASSERT_TRUE(first.look.has_value());
  EXPECT_EQ(first.look->number, 1);
  EXPECT_EQ(first.look->day, 7);
  EXPECT_EQ(first.look->next_day, 14);
  EXPECT_EQ(first.look->date, "2026-11-14");
  EXPECT_NEAR(first.look->z_bound, 2.9626, 1e-4);
  EXPECT_TRUE(first.valid_now);

  example.spec.as_of_ms += 3'600'000;  // The 14th day is over, too.
  report = Build(input);
  const Judgement& second = *Find(report, "purchase_rate", "one_tap").judged;
  EXPECT_EQ(second.look->number, 2);
  EXPECT_EQ(second.look->next_day, 0);
  EXPECT_NEAR(second.look->z_bound, 1.9686, 2e-3);
  EXPECT_NEAR(second.look->alpha_spent, 0.05, 1e-12);
}

// z by hand from the shares of buyers p and units n of the first seven days.
TEST(Judge, ALookSeesTheDataUntilItsDayAndNoLater) {
  ExampleExperiment example;
  const Input input = WithLooks(example);
  const auto moments = [&](std::size_t v) {
    return *example.result.variants[v].metrics[0].looks[0].sums.Reduce();
  };
  const auto c = moments(0), t = moments(1);
  const double z = (t.mean[0] - c.mean[0]) / std::sqrt(c.Variance(0) / static_cast<double>(c.n) +
                                                       t.Variance(0) / static_cast<double>(t.n));
  const Judgement before = *Find(Build(input), "purchase_rate", "one_tap").judged;
  EXPECT_NEAR(before.look->z, z, 1e-2);  // as if normal: Student's t has 6,000 degrees of freedom
  for (int i = 0; i < 500; ++i) {
    example.result.variants[1].metrics[0].total.sums.Add(1);
    example.result.variants[1].metrics[0].looks[1].sums.Add(1);
  }
  const Judgement after = *Find(Build(input), "purchase_rate", "one_tap").judged;
  EXPECT_EQ(after.look->z, before.look->z);
  EXPECT_EQ(after.p_value.value, before.p_value.value);
  EXPECT_EQ(after.relative.low, before.relative.low);
}

// The adjusted numbers of the first seven days, as the engine gives them by itself.
TEST(Judge, ALookWithCupedSeesTheAdjustedNumbersOfItsDays) {
  ExampleExperiment example;
  Input input = WithLooks(example);
  input.plan.cuped = true;
  const Judgement judged = *Find(Build(input), "gmv_per_user", "one_tap").judged;
  EXPECT_TRUE(judged.cuped);
  EXPECT_EQ(judged.looks, "group_sequential");
  const auto moments = [&](std::size_t v) {
    return *example.result.variants[v].metrics[1].looks[0].sums.Reduce();
  };
  const auto contrast = statistics::ContrastOf(moments(0), moments(1), {.mean_covariates = 2},
                                               statistics::Adjustment::kCuped);
  const auto effect = statistics::AbsoluteEffect(contrast->contrast);
  EXPECT_DOUBLE_EQ(*judged.absolute.estimate.value, effect.estimate);
  EXPECT_NEAR(judged.look->z, effect.estimate / effect.standard_error, 1e-2);
  // The repeated interval at the bound of the look, to which Student's t adds a little.
  EXPECT_NEAR((*judged.absolute.high - effect.estimate) / effect.standard_error,
              judged.look->z_bound, 1e-2);
  input.plan.cuped = false;
  const Judgement raw = *Find(Build(input), "gmv_per_user", "one_tap").judged;
  EXPECT_FALSE(raw.cuped);
  EXPECT_GT(*raw.absolute.high - *raw.absolute.low, *judged.absolute.high - *judged.absolute.low);
}

// Rows of {sum over the users, users}: the look compares the users' means, with the clusters'
// error.
TEST(Judge, ALookAtClustersComparesTheirUsers) {
  ExampleExperiment example;
  Input input = WithLooks(example);
  example.spec.observation_unit = "user";
  example.spec.metrics.resize(1);
  for (std::size_t v = 0; v < 3; ++v) {
    auto& variant = example.result.variants[v];
    variant.metrics.resize(1);
    analysis::Cell rooms{statistics::MomentSums(2)};
    for (int room = 0; room < 60; ++room)
      rooms.sums.Add({static_cast<double>(room % 4 + (v == 1 ? 2 : 1)), 10.0 + room % 3});
    variant.metrics[0].total = variant.metrics[0].looks[0] = rooms;
    variant.metrics[0].cumulative.clear();
    variant.metrics[0].daily.clear();
    for (auto& segment : variant.segments) segment.metrics = {rooms};
  }
  input.plan.secondary.clear();
  input.plan.guardrails.clear();
  const Judgement judged = *Find(Build(input), "purchase_rate", "one_tap").judged;
  EXPECT_EQ(judged.looks, "group_sequential");
  // By hand: 60 rooms of 10, 11, 12 users: 660; sums 60 x 3.5 and 60 x 2.5.
  EXPECT_NEAR(*judged.absolute.estimate.value, 60 * 3.5 / 660 - 60 * 2.5 / 660, 1e-12);
  EXPECT_EQ(judged.look->number, 1);
}

// A change of the traffic alone leaves the weights; another split does not.
TEST(Judge, LooksGoOnOverPhasesOfTheSameWeights) {
  ExampleExperiment example;
  Input input = WithLooks(example);
  example.result.phases = {1, 2};
  for (auto& variant : example.result.variants) {
    variant.units_by_phase = {variant.units_first_variant / 2,
                              variant.units_first_variant - variant.units_first_variant / 2};
    for (auto& cells : variant.metrics) cells.phases = {cells.total, cells.total};
  }
  input.phase_weights = {{1, {1, 1, 1}}, {2, {2, 2, 2}}};
  EXPECT_EQ(Find(Build(input), "purchase_rate", "one_tap").judged->looks, "group_sequential");
  input.phase_weights = {{1, {1, 1, 1}}, {2, {4, 1, 1}}};
  EXPECT_EQ(Find(Build(input), "purchase_rate", "one_tap").judged->looks, "fixed");
  input.phase_weights = {{1, {1, 1, 1}}};  // Those of the second are not known.
  EXPECT_EQ(Find(Build(input), "purchase_rate", "one_tap").judged->looks, "fixed");
}

TEST(Judge, HasNothingToSayBeforeTheFirstLook) {
  ExampleExperiment example;
  Input input = WithLooks(example);
  input.plan.group_sequential->days = {20, 30};
  example.LookAt({20, 30});
  const Report report = Build(input);
  EXPECT_EQ(Find(report, "purchase_rate", "one_tap").judged->p_value.reason, "before_first_look");
  EXPECT_EQ(report.decision.action, "keep_running");
}

TEST(Judge, ComputesTheBoundsOfAPlanAndItsLooksOnce) {
  ExampleExperiment example;
  Input input = WithLooks(example);
  statistics::BoundsCache cache;
  input.bounds = &cache;
  const Report first = Build(input);
  const std::size_t misses = cache.misses();
  EXPECT_GT(misses, 0u);
  const Report again = Build(input);
  EXPECT_EQ(cache.misses(), misses);
  EXPECT_EQ(Find(again, "gmv_per_user", "one_tap").judged->p_value.value,
            Find(first, "gmv_per_user", "one_tap").judged->p_value.value);
}

TEST(Judge, ShipsWhenTheBoundIsCrossedBeforeThePlannedEnd) {
  ExampleExperiment example;
  Input input = WithLooks(example);
  input.plan.guardrails.clear();
  const Report report = Build(input);
  // one_tap raises purchases from 10 % to 15 % of 3,000 units each: 5.8 standard errors.
  EXPECT_EQ(report.decision.action, "ship") << report.decision.reason;
  EXPECT_EQ(report.decision.variant, "one_tap");
  EXPECT_EQ(report.account.looks, "group_sequential");
}

TEST(Judge, AOneSidedPlanAsksForTheGainAndStillSeesHarm) {
  ExampleExperiment example;
  Input input = example.AsInput();
  input.plan.anytime = false;
  input.plan.ended = true;
  input.plan.one_sided = true;
  input.plan.guardrails.clear();
  const Report better = Build(input);
  const Comparison& gain = Find(better, "purchase_rate", "big_photo");
  EXPECT_EQ(gain.judged->alternative, "greater");
  EXPECT_DOUBLE_EQ(*gain.judged->p_value.value, *gain.p_value.value / 2);
  EXPECT_FALSE(gain.judged->absolute.high.has_value());
  EXPECT_TRUE(gain.judged->absolute.low.has_value());
  // The control of a metric that should fall: what rose is harm.
  example.spec.metrics[0].good = metrics::GoodDirection::kDown;
  const Report worse = Build(input);
  EXPECT_EQ(Find(worse, "purchase_rate", "one_tap").judged->alternative, "less");
  EXPECT_EQ(worse.decision.action, "stop_harm") << worse.decision.reason;
}

TEST(Judge, NonInferiorityShipsWhatLosesLessThanTheMargin) {
  const ExampleExperiment example;
  Input input = example.AsInput();
  input.plan.anytime = false;
  input.plan.ended = true;
  input.plan.guardrails.clear();
  input.plan.primary = "watch_time";  // lift of big_photo: about 0.5 %, standard error 0.5 %
  EXPECT_EQ(Build(input).decision.action, "stop_futile");
  input.plan.non_inferiority = Margin{0.03, std::nullopt};
  const Report report = Build(input);
  EXPECT_EQ(report.decision.action, "ship") << report.decision.reason;
  EXPECT_EQ(report.decision.cause, "not_inferior");
  const Comparison& comparison = Find(report, "watch_time", "big_photo");
  // The test of the margin goes with the interval: p below alpha exactly where it leaves -3 % out.
  EXPECT_GT(*comparison.judged->relative.low, -0.03);
  EXPECT_LT(*comparison.judged->p_value_adjusted.value, 0.05);
  input.plan.non_inferiority = Margin{std::nullopt, 0.001};
  EXPECT_EQ(Build(input).decision.action, "stop_futile");
}

// Guardrails of a plan that is looked at any time are looked at any time, too.
TEST(Judge, AnAnytimePlanJudgesItsGuardrailsByAnytimeIntervals) {
  const ExampleExperiment example;
  Input anytime = example.AsInput();
  Input fixed = anytime;
  fixed.plan.anytime = false;
  fixed.plan.ended = true;
  const Report report = Build(anytime);
  const Comparison& guardrail = Find(report, "refund_rate", "one_tap");
  EXPECT_EQ(guardrail.judged->looks, "anytime");
  EXPECT_EQ(guardrail.judged->absolute.high, guardrail.anytime.interval.high);
  // Control has about 60 refunds: 8 standard errors from 0, where Fieller's is judged by.
  EXPECT_EQ(guardrail.judged->relative.method, "fieller");
  // A margin between the ends of the two intervals holds for one look only.
  const double any_look = *guardrail.judged->relative.high;
  const double one_look = *Find(Build(fixed), "refund_rate", "one_tap").judged->relative.high;
  ASSERT_LT(one_look, any_look);
  anytime.plan.guardrails[0].relative_margin = (one_look + any_look) / 2;
  fixed.plan.guardrails = anytime.plan.guardrails;
  EXPECT_EQ(Build(anytime).decision.action, "keep_running");
  EXPECT_EQ(Build(fixed).decision.action, "ship");
}

TEST(Judge, AGuardrailWithoutAClosedWindowHoldsAtTheEndOnly) {
  const ExampleExperiment example;
  Input input = example.AsInput();
  input.plan.guardrails = {{"watch_time", 0.5, std::nullopt}};
  const Report early = Build(input);
  EXPECT_FALSE(Find(early, "watch_time", "one_tap").judged->valid_now);
  EXPECT_EQ(early.decision.action, "keep_running");
  EXPECT_THAT(early.decision.reason, HasSubstr("not_valid_before_the_end"));
  input.plan.ended = true;
  EXPECT_EQ(Build(input).decision.action, "ship");
}

TEST(Judge, APriorPullsTheChanceToWinTowardsItself) {
  const ExampleExperiment example;
  Input input = example.AsInput();
  const double flat =
      *Find(Build(input), "purchase_rate", "big_photo").bayesian.chance_to_win.value;
  input.plan.prior = Plan::Prior{0, 0.001};
  const double narrow =
      *Find(Build(input), "purchase_rate", "big_photo").bayesian.chance_to_win.value;
  EXPECT_GT(flat, 0.9);
  EXPECT_NEAR(narrow, 0.5, 0.05);
}

TEST(Judge, IsFutileWhereThePlannedEffectCanHardlyBeShownAnyMore) {
  const ExampleExperiment example;
  Input input = example.AsInput();
  input.plan.anytime = false;
  input.plan.primary = "watch_time";
  input.plan.guardrails.clear();
  input.plan.max_days = 16;
  input.plan.mde = Margin{0.0001, std::nullopt};
  const Report report = Build(input);
  const Outlook& outlook = *Find(report, "watch_time", "big_photo").outlook;
  EXPECT_NEAR(*outlook.information.value, 14.0 / 16, 1e-12);
  EXPECT_LT(*outlook.power_now.value, 0.06);  // 0.0001 of a mean with a standard error of 0.5 %
  EXPECT_GT(*outlook.units_needed.value, 1e6);
  EXPECT_TRUE(outlook.conditional_power.value.has_value());
  // Planned for a large effect there is no such chance to miss.
  input.plan.mde = Margin{0.5, std::nullopt};
  EXPECT_GT(*Find(Build(input), "watch_time", "big_photo").outlook->power_now.value, 0.999);
  input.plan.mde.reset();
  EXPECT_EQ(Find(Build(input), "watch_time", "big_photo").outlook->power_now.reason,
            "no_planned_effect");
}

TEST(Judge, WithCupedTheAdjustedNumbersDecide) {
  const ExampleExperiment example;
  Input input = example.AsInput();
  input.plan.anytime = false;
  input.plan.cuped = true;
  input.plan.correction = "none";
  const Report report = Build(input);
  const Comparison& comparison = Find(report, "gmv_per_user", "one_tap");
  EXPECT_TRUE(comparison.judged->cuped);
  EXPECT_EQ(comparison.judged->absolute.low, comparison.cuped->absolute.low);
  EXPECT_EQ(comparison.judged->p_value.value, comparison.cuped->p_value.value);
  EXPECT_FALSE(Find(report, "purchase_rate", "one_tap").judged->cuped);
}

// Two variants ask twice: Holm doubles the smaller p-value, and the interval follows.
TEST(Judge, CorrectsWhatThePlanAsksOverTheVariants) {
  ExampleExperiment example;
  Input input = WithLooks(example);
  input.plan.correction_primary = "holm";
  const Report report = Build(input);
  const Judgement& judged = *Find(report, "purchase_rate", "one_tap").judged;
  EXPECT_NEAR(*judged.p_value_adjusted.value, 2 * *judged.p_value.value, 1e-12);
  EXPECT_DOUBLE_EQ(*judged.confidence, 1 - 0.025);
  for (const Family& family : report.account.families) {
    if (family.name == "secondary") {
      EXPECT_EQ(family.correction_judged, "by");
    }
  }
}

// Return of 0.5: the promotion costs more than it brings, and is significantly below 1.
TEST(Judge, APromotionThatReturnsHalfOfItsCostIsNoGain) {
  ExampleExperiment example;
  example.spec.metrics.resize(1);
  example.spec.metrics[0].type = metrics::MetricType::kIncrementalRatio;
  for (std::size_t v = 0; v < 3; ++v) {
    auto& metrics = example.result.variants[v].metrics;
    metrics.resize(1);
    metrics[0].cumulative.clear();
    metrics[0].daily.clear();
    example.result.variants[v].segments.clear();
    statistics::MomentSums& sums = metrics[0].total.sums = statistics::MomentSums(2);
    for (int i = 0; i < 1000; ++i)
      sums.Add({10.0 + i % 7 + (v > 0 ? 1 : 0), (v > 0 ? 2.0 : 0.0) + 0.1 * (i % 5)});
  }
  Input input = example.AsInput();
  input.plan = {.primary = "purchase_rate", .ended = true};
  const Report report = Build(input);
  EXPECT_NEAR(*report.comparisons[0].judged->absolute.estimate.value, 0.5, 1e-9);
  EXPECT_EQ(report.decision.action, "stop_harm") << report.decision.reason;
}

// Units of one event each, 1..n in control and 11..n+10 in the variant: the medians are 10 apart,
// and a unit counts in psi with the density of the order statistics.
TEST(Judge, ComparesQuantilesByTheirInfluence) {
  ExampleExperiment example;
  example.spec.metrics.resize(1);
  example.spec.metrics[0].type = metrics::MetricType::kQuantile;
  example.spec.metrics[0].quantile = 0.5;
  constexpr int kUnits = 1000;
  const double margin = statistics::QuantileMargin(0.5, kUnits);
  for (std::size_t v = 0; v < 3; ++v) {
    auto& metrics = example.result.variants[v].metrics;
    metrics.resize(1);
    metrics[0] = {};
    example.result.variants[v].segments.clear();
    const double shift = v == 1 ? 100 : 0;
    statistics::MomentSums& sums = metrics[0].total.sums = statistics::MomentSums(2);
    for (int i = 1; i <= kUnits; ++i) sums.Add({1.0, i <= kUnits / 2 ? 1.0 : 0.0});
    metrics[0].quantile = {0.5,
                           shift + kUnits / 2,
                           shift + std::ceil((0.5 - margin) * kUnits),
                           shift + std::ceil((0.5 + margin) * kUnits),
                           kUnits,
                           kUnits};
    metrics[0].first_variant = metrics[0].total;
  }
  Input input = example.AsInput();
  input.plan = {.primary = "purchase_rate", .ended = true};
  const Report report = Build(input);
  const Comparison& moved = report.comparisons[0];
  EXPECT_NEAR(*moved.absolute.estimate.value, 100, 1e-9);
  // Uniform on 1..1000: density 1/1000, so that the standard error of a median of n = 1000 is
  // sqrt(1/4 / n) * 1000 = 15.8, and of the difference 22.4.
  EXPECT_NEAR(moved.standard_error, 22.4, 1);  // the order statistics see the density to 2 %
  EXPECT_NEAR(*moved.relative.estimate.value, 0.2, 1e-9);
  EXPECT_EQ(report.decision.action, "ship") << report.decision.reason;
  EXPECT_NEAR(*report.comparisons[1].absolute.estimate.value, 0, 1e-9);
}

// 9,000 units at equal weights, then 10,000 at 9 to 1: the units fit the weights of their phases,
// and those of now only by the first phase.
TEST(Build, UnitsAreHeldAgainstTheWeightsOfTheirPhase) {
  ExampleExperiment example;
  example.spec.variants = {{"old", 9}, {"one_tap", 1}};
  example.result.variants.resize(2);
  example.result.phases = {1, 2};
  const std::int64_t units[2][2] = {{4500, 9000}, {4500, 1000}};
  for (std::size_t v = 0; v < 2; ++v) {
    auto& variant = example.result.variants[v];
    variant.units_by_phase = {units[v][0], units[v][1]};
    variant.units_first_variant = units[v][0] + units[v][1];
    variant.units = variant.units_first_variant;
    variant.crossovers = 0;
    variant.units_by_day.assign(14, 0);
    variant.units_by_day[0] = units[v][0];
    variant.units_by_day[8] = units[v][1];
    variant.segments.clear();
    for (analysis::MetricCells& metric : variant.metrics)
      metric.phases = {metric.total, metric.total};
  }
  Input input = example.AsInput();
  EXPECT_FALSE(Build(input).health.ok);
  input.phase_weights = {{1, {1, 1}}, {2, {9, 1}}};
  const Report report = Build(input);
  EXPECT_TRUE(report.health.ok);
  EXPECT_EQ(*report.health.srm_p_value.value, 1);
  EXPECT_EQ(Find(report, "purchase_rate", "one_tap").method, "post_stratified");
  example.result.variants[1].units_by_phase = {3500, 2000};
  const Report wrong = Build(input);
  EXPECT_FALSE(wrong.health.ok);
  for (const HealthCheck& check : wrong.health.checks) {
    if (check.name == "srm" || check.name == "srm_sequential") {
      EXPECT_FALSE(check.ok);
    }
  }
}

}  // namespace
}  // namespace upswing::report
