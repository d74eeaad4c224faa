#include "server/report/build.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace upswing::report {
namespace {

using ::testing::HasSubstr;

// Two variants of 2 and 4 units on one sum metric.
struct Example {
  analysis::ExperimentSpec spec;
  analysis::AnalysisResult result;

  Example() {
    spec.experiment = "e";
    spec.variants = {{"on", 1}, {"off", 1}};
    metrics::MetricDefinition metric;
    metric.key = "gmv";
    metric.type = metrics::MetricType::kSum;
    spec.metrics = {metric};
    result.variants = {Variant("on", {12, 16}), Variant("off", {10, 11, 12, 13})};
  }

  static analysis::VariantResult Variant(std::string key, const std::vector<double>& values) {
    analysis::VariantResult variant;
    variant.key = std::move(key);
    variant.units = variant.units_first_variant = static_cast<std::int64_t>(values.size());
    variant.metrics.resize(1);
    for (const double value : values) variant.metrics[0].total.sums.Add(value);
    variant.metrics[0].total.units = variant.units;
    return variant;
  }

  Report Build() const {
    return report::Build({.control = "off", .spec = &spec, .result = &result});
  }
};

TEST(Build, PutsControlFirstAndComparesTheOthersWithIt) {
  const Report report = Example().Build();
  ASSERT_EQ(report.variants.size(), 2u);
  EXPECT_EQ(report.variants[0].key, "off");
  EXPECT_EQ(report.variants[0].metrics[0].mean.value, 11.5);
  ASSERT_EQ(report.comparisons.size(), 1u);
  EXPECT_EQ(report.comparisons[0].variant, "on");
  // By hand: control {10, 11, 12, 13} has mean 23/2, treatment {12, 16} mean 14.
  EXPECT_EQ(report.comparisons[0].absolute.estimate.value, 2.5);
  EXPECT_DOUBLE_EQ(report.comparisons[0].relative.estimate.value.value_or(0), 5.0 / 23);
}

// By hand: profit and cost per unit {1, 0}, {3, 0} against {5, 1}, {9, 3}: extra profit 7 - 2 = 5,
// extra cost 2 - 0 = 2.
TEST(Build, AnIncrementalRatioComparesDifferencesAndHasNoValueInOneArm) {
  Example example;
  example.spec.metrics[0].type = metrics::MetricType::kIncrementalRatio;
  example.result.variants = {Example::Variant("on", {}), Example::Variant("off", {})};
  for (std::size_t v = 0; v < 2; ++v) {
    analysis::Cell& cell = example.result.variants[v].metrics[0].total;
    cell.sums = statistics::MomentSums(2);
    for (const auto& row : v == 0 ? std::vector<std::vector<double>>{{5, 1}, {9, 3}}
                                  : std::vector<std::vector<double>>{{1, 0}, {3, 0}})
      cell.sums.Add(row);
    cell.units = 2;
  }
  const Report report = example.Build();
  EXPECT_EQ(report.variants[0].metrics[0].mean.reason, "only_between_variants");
  EXPECT_EQ(report.comparisons[0].method, "fieller");
  EXPECT_DOUBLE_EQ(report.comparisons[0].absolute.estimate.value.value_or(0), 2.5);
  EXPECT_EQ(report.comparisons[0].relative.estimate.reason, "not_applicable");
}

// By hand: two rooms of {3, 1} and two of {2, 4} viewers who spent {6, 3} and {10, 14} together.
TEST(Build, ARowOfAClusterDesignIsAClusterAndTheMeanIsPerObservation) {
  Example example;
  example.spec.observation_unit = "user";
  example.result.variants = {Example::Variant("on", {}), Example::Variant("off", {})};
  for (std::size_t v = 0; v < 2; ++v) {
    analysis::Cell& cell = example.result.variants[v].metrics[0].total;
    cell.sums = statistics::MomentSums(2);
    for (const auto& row : v == 0 ? std::vector<std::vector<double>>{{10, 2}, {14, 4}}
                                  : std::vector<std::vector<double>>{{6, 3}, {3, 1}})
      cell.sums.Add(row);
    cell.units = v == 0 ? 6 : 4;
  }
  const Report report = example.Build();
  EXPECT_DOUBLE_EQ(report.variants[0].metrics[0].mean.value.value_or(0), 9.0 / 4);
  EXPECT_DOUBLE_EQ(report.comparisons[0].absolute.estimate.value.value_or(0), 4 - 9.0 / 4);
}

TEST(Build, GivesAReasonWhereAnArmIsTooSmall) {
  Example example;
  example.result.variants[0] = Example::Variant("on", {});
  const Report report = example.Build();
  EXPECT_FALSE(report.comparisons[0].p_value.value.has_value());
  EXPECT_EQ(report.comparisons[0].p_value.reason, "not_enough_data");
}

// With more units the same means are far apart: 100 copies of each value.
Example Decisive() {
  Example example;
  std::vector<double> on;
  std::vector<double> off;
  for (int i = 0; i < 100; ++i) {
    on.insert(on.end(), {12, 14, 16});
    off.insert(off.end(), {10, 11, 13});
  }
  example.result.variants = {Example::Variant("on", on), Example::Variant("off", off)};
  return example;
}

Report BuildWith(const Example& example, Plan plan) {
  return report::Build({.control = "off",
                        .plan = std::move(plan),
                        .spec = &example.spec,
                        .result = &example.result});
}

TEST(Build, ShipsAGainOnlyWhenThePlanAllowsToLook) {
  EXPECT_EQ(BuildWith(Decisive(), {.primary = "gmv", .ended = true}).decision.action, "ship");
  EXPECT_EQ(BuildWith(Decisive(), {.primary = "gmv"}).decision.action, "keep_running");
  EXPECT_EQ(BuildWith(Decisive(), {}).decision.action, "keep_running");
}

TEST(Build, StopsWhenAGuardrailIsHarmedBeyondItsMargin) {
  Example example = Decisive();
  example.spec.metrics[0].good = metrics::GoodDirection::kDown;
  const Report report = BuildWith(
      example, {.primary = "gmv", .guardrails = {{"gmv", 0.02, std::nullopt}}, .ended = true});
  EXPECT_EQ(report.decision.action, "stop_harm") << report.decision.reason;
}

TEST(Build, AdjustsMetricsOfOneFamilyTogether) {
  Example example = Decisive();
  example.spec.metrics.push_back(example.spec.metrics[0]);
  example.spec.metrics[1].key = "other";
  for (auto& variant : example.result.variants) variant.metrics.push_back(variant.metrics[0]);
  const Report report =
      BuildWith(example, {.secondary = {"gmv", "other"}, .correction = "bonferroni"});
  EXPECT_DOUBLE_EQ(*report.comparisons[0].p_value_adjusted.value,
                   2 * *report.comparisons[0].p_value.value);
}

TEST(Build, HasNoAnytimeIntervalWhileUnitsCanStillChange) {
  EXPECT_EQ(Example().Build().comparisons[0].anytime.p_value.reason, "open_window");
}

TEST(Build, BlocksOnASplitThatThePlanCannotExplain) {
  Example example;
  example.result.variants[0].units_first_variant = 5000;
  example.result.variants[1].units_first_variant = 5500;
  const Report report = example.Build();
  EXPECT_FALSE(report.health.ok);
  EXPECT_THAT(report.health.checks[0].detail, HasSubstr("planned"));
}

TEST(Build, BlocksWhenMoreThanOnePercentOfUnitsCrossOver) {
  Example example;
  for (auto& variant : example.result.variants) variant.units_first_variant = 10'000;
  example.result.variants[0].crossovers = example.result.variants[1].crossovers = 100;
  EXPECT_TRUE(example.Build().health.ok);
  example.result.variants[0].crossovers = 101;
  EXPECT_FALSE(example.Build().health.ok);
}

TEST(FormatTime, IsRfc3339InUtc) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(1'577'934'245'250), "2020-01-02T03:04:05.250Z");
}

}  // namespace
}  // namespace upswing::report
