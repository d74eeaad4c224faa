#include "server/report/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/report/build.hpp"
#include "tests/unit/server/report/example_report.hpp"

namespace upswing::report {
namespace {

using testing::ExampleExperiment;
using ::testing::HasSubstr;

const HealthCheck* Find(const Report& report, std::string_view name) {
  for (const HealthCheck& check : report.health.checks)
    if (check.name == name) return &check;
  return nullptr;
}

// Of 6,000 exposures each, so many were made and lost.
Report WithLosses(std::int64_t old, std::int64_t one_tap, std::int64_t big_photo) {
  ExampleExperiment example;
  const std::int64_t lost[] = {old, one_tap, big_photo};
  for (std::size_t v = 0; v < 3; ++v) {
    store::DecisionCounts& counts = example.result.variants[v].decisions;
    counts.evaluated = 30'000;
    counts.exposed = counts.queued = 6'000;
    counts.dropped[1] = lost[v];
  }
  return Build(example.AsInput());
}

TEST(CheckLosses, AFewLostOfEachVariantAlikeAreNoMatter) {
  const Report report = WithLosses(20, 22, 18);
  const HealthCheck* losses = Find(report, "losses");
  ASSERT_NE(losses, nullptr);
  EXPECT_TRUE(losses->ok);
  EXPECT_DOUBLE_EQ(*losses->effect.value, 60.0 / 18'000);
  ASSERT_EQ(report.health.stages.size(), 3u);
  EXPECT_EQ(report.health.stages[1].dropped, 22);
  EXPECT_EQ(report.health.stages[1].evaluated, 30'000);
}

TEST(CheckLosses, MoreThanOnePercentWarns) {
  const Report report = WithLosses(80, 82, 78);
  EXPECT_FALSE(Find(report, "losses")->ok);
  EXPECT_THAT(Find(report, "losses")->detail, HasSubstr("lost 1.3 % of the exposures"));
  EXPECT_TRUE(report.health.ok);  // A warning withholds nothing.
}

// 0, 0 and 12 of equal numbers: 3^-12 for each variant that loses all, 5.6e-6 together.
TEST(CheckLosses, OneVariantThatLosesMoreThanTheOthersWarnsAndIsRankedAmongTheCauses) {
  const Report report = WithLosses(0, 0, 12);
  const HealthCheck* losses = Find(report, "losses");
  EXPECT_FALSE(losses->ok);
  EXPECT_NEAR(*losses->p_value.value, 3 * std::pow(3.0, -12), 1e-12);
  EXPECT_THAT(losses->detail, HasSubstr("of some variants more than of others"));
  ASSERT_FALSE(report.health.srm_causes.empty());
  EXPECT_EQ(report.health.srm_causes.front().dimension, "stage");
  EXPECT_EQ(report.health.srm_causes.front().value, "lost on the client");
}

TEST(CheckLostEvents, NamesTheEventOfWhichMostWereLost) {
  ExampleExperiment example;  // 240,000 events were read
  example.result.dropped_events["purchase"][0] = 2'000;
  example.result.dropped_events["view"][2] = 1'000;
  const Report report = Build(example.AsInput());
  const HealthCheck* lost = Find(report, "lost_events");
  ASSERT_NE(lost, nullptr);
  EXPECT_FALSE(lost->ok);
  EXPECT_DOUBLE_EQ(*lost->effect.value, 3'000.0 / 243'000);
  EXPECT_THAT(lost->detail, HasSubstr("most of \"purchase\""));
}

// At 1 to 99 two of 20 units in the small arm are chance; chi-square would block.
TEST(CheckSampleRatio, FewUnitsAreTestedExactly) {
  ExampleExperiment example;
  example.spec.variants = {{"old", 1}, {"one_tap", 99}};
  example.result.variants.resize(2);
  const std::int64_t units[] = {2, 18};
  for (std::size_t v = 0; v < 2; ++v) {
    auto& variant = example.result.variants[v];
    variant.units = variant.units_first_variant = units[v];
    variant.crossovers = 0;
    variant.units_by_day.assign(14, 0);
    variant.units_by_day[0] = units[v];
    variant.segments.clear();
  }
  const Report few = Build(example.AsInput());
  EXPECT_EQ(few.health.srm_method, "exact");
  EXPECT_NEAR(*few.health.srm_p_value.value, 1 - std::pow(0.99, 20) - 0.2 * std::pow(0.99, 19),
              1e-9);
  EXPECT_TRUE(few.health.ok);
  EXPECT_EQ(Build(ExampleExperiment().AsInput()).health.srm_method, "chi_square");
}

}  // namespace
}  // namespace upswing::report
