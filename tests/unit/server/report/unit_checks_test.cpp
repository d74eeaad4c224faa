#include "server/report/unit_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "sdk/base/hash.hpp"

namespace upswing::report {
namespace {

using ::testing::HasSubstr;

double Chance(std::uint64_t unit, std::uint64_t what) {
  return static_cast<double>(base::Mix(unit * 0x9e3779b97f4a7c15ULL + what) >> 11) * 0x1p-53;
}

// 4,000 units of two variants on one sum metric, uniform on [0, 1) and higher by `effect` with the
// variant.
struct World {
  analysis::ExperimentSpec spec;
  analysis::UnitSample sample;
  Plan plan;
  std::vector<OtherExperiment> others;

  explicit World(double effect = 0) {
    spec.experiment = "e";
    spec.variants = {{"off", 1}, {"on", 1}};
    spec.metrics.resize(1);
    spec.metrics[0].key = "gmv";
    spec.metrics[0].type = metrics::MetricType::kSum;
    plan.primary = "gmv";
    sample.metrics.resize(1);
    sample.by_age.resize(1);
    for (std::uint64_t i = 0; i < 4000; ++i) {
      const std::int32_t variant = Chance(i, 1) < 0.5 ? 0 : 1;
      sample.units.push_back({i << 40, variant});
      sample.metrics[0].rows.push_back(Chance(i, 2) + effect * variant);
    }
  }

  UnitChecks Check() const {
    UnitCheckInput input;
    input.spec = &spec;
    input.sample = &sample;
    input.control = "off";
    input.plan = &plan;
    input.others = others;
    return CheckUnits(input);
  }
  Report Reported() const {
    Report report;
    report.plan = plan;
    AddUnitChecks(Check(), &report);
    return report;
  }
};

const HealthCheck* Find(const Report& report, std::string_view name) {
  for (const HealthCheck& check : report.health.checks) {
    if (check.name == name) return &check;
  }
  return nullptr;
}

TEST(CheckUnits, SplitsAtRandomSpreadAsTheStandardErrorsSay) {
  const UnitChecks checks = World().Check();
  ASSERT_EQ(checks.negative_controls.size(), 1u);
  EXPECT_EQ(checks.negative_controls[0].splits, 200);
  EXPECT_FALSE(checks.negative_controls[0].flagged);
  // The standard deviation of a variance over 200 splits is sqrt(2 / 200) = 0.1.
  EXPECT_NEAR(checks.negative_controls[0].variance_ratio, 1, 0.4);
}

// Rows that are randomised together but counted alone: every unit four times has a quarter of the
// variance it claims.
TEST(CheckUnits, FlagsAStandardErrorThatTakesRowsForRandomisedUnits) {
  World world;
  analysis::UnitSample repeated;
  repeated.metrics.resize(1);
  repeated.by_age.resize(1);
  for (std::size_t i = 0; i < world.sample.units.size(); ++i) {
    for (int copy = 0; copy < 4; ++copy) {
      repeated.units.push_back(world.sample.units[i]);
      repeated.metrics[0].rows.push_back(world.sample.metrics[0].rows[i]);
    }
  }
  world.sample = repeated;
  const Report report = world.Reported();
  EXPECT_NEAR(report.health.unit_checks->negative_controls[0].variance_ratio, 4, 1.6);
  EXPECT_TRUE(report.health.unit_checks->negative_controls[0].flagged);
  ASSERT_NE(Find(report, "negative_controls"), nullptr);
  EXPECT_FALSE(Find(report, "negative_controls")->ok);
}

TEST(CheckUnits, HasNoNegativeControlOfTooFewUnits) {
  World world;
  world.sample.units.resize(50);
  world.sample.metrics[0].rows.resize(50);
  const UnitChecks checks = world.Check();
  EXPECT_EQ(checks.negative_controls[0].p_value.reason, "not_enough_data");
}

TEST(CheckUnits, NamesTheEffectThatOneUnitCarries) {
  World world;
  EXPECT_EQ(Find(world.Reported(), "outlier"), nullptr);
  for (std::size_t i = 0; i < world.sample.units.size(); ++i) {
    if (world.sample.units[i].variant != 1) continue;
    world.sample.metrics[0].rows[i] = 5000;
    break;
  }
  const Report report = world.Reported();
  ASSERT_NE(Find(report, "outlier"), nullptr);
  EXPECT_FALSE(Find(report, "outlier")->ok);
  EXPECT_THAT(Find(report, "outlier")->detail, HasSubstr("gmv of on"));
  const UnitChecks::Outlier& outlier = report.health.unit_checks->outliers[0];
  EXPECT_GT(outlier.with_all, 2);  // 5000 over about 2,000 units
  EXPECT_NEAR(outlier.without_largest, 0, 0.1);
}

// Control has 1/2 on average. Effects of 1 on the first day and 0.1 less on each that follows, with
// standard errors of 0.02: lifts of 200 %, and 20 % less on each.
TEST(CheckUnits, SeesAnEffectWearOffWithTheDaysSinceTheExposure) {
  World world;
  // `rest`: the share of everything that is left on each next day.
  const auto fill = [&](double fall, double rest = 1) {
    world.sample.by_age[0].assign(2, {});
    for (int day = 0; day < 7; ++day) {
      for (std::size_t v = 0; v < 2; ++v) {
        statistics::MomentSums& sums = world.sample.by_age[0][v].emplace_back(1);
        for (std::uint64_t i = 0; i < 500; ++i)
          sums.Add(std::pow(rest, day) * (Chance(i * 7 + static_cast<std::uint64_t>(day), v + 10) +
                                          (v == 1 ? 1 - fall * day : 0)));
      }
    }
  };
  fill(0.1);
  const Report report = world.Reported();
  ASSERT_NE(Find(report, "effect_by_age"), nullptr);
  EXPECT_FALSE(Find(report, "effect_by_age")->ok);
  EXPECT_THAT(Find(report, "effect_by_age")->detail, HasSubstr("novelty"));
  EXPECT_TRUE(report.health.unit_checks->ages[0].of_lifts);
  EXPECT_NEAR(report.health.unit_checks->ages[0].slope, -0.2, 0.04);
  EXPECT_EQ(report.health.unit_checks->ages[0].effects.size(), 7u);
  fill(0);
  EXPECT_TRUE(Find(world.Reported(), "effect_by_age")->ok);
  // What units do falls, and the difference with it: the lift stays, and nothing wears off.
  fill(0, 0.7);
  EXPECT_TRUE(Find(world.Reported(), "effect_by_age")->ok);
  // Days beyond the metric's window say nothing about it.
  world.spec.metrics[0].window_ms = 5LL * 86'400'000;
  EXPECT_EQ(world.Check().ages[0].effects.size(), 5u);
}

TEST(CheckUnits, SeesAnEffectThatDependsOnAnotherExperiment) {
  World world(0.2);
  OtherExperiment other{"banner", {"none", "red"}, {}};
  for (std::size_t i = 0; i < world.sample.units.size(); ++i)
    other.units.push_back({world.sample.units[i].key, Chance(i, 3) < 0.5 ? 0 : 1});
  world.others = {other};
  Report report = world.Reported();
  ASSERT_NE(Find(report, "interaction"), nullptr);
  EXPECT_TRUE(Find(report, "interaction")->ok);
  for (std::size_t i = 0; i < world.sample.units.size(); ++i) {
    if (world.sample.units[i].variant == 1 && other.units[i].variant == 1)
      world.sample.metrics[0].rows[i] -= 0.2;
  }
  report = world.Reported();
  EXPECT_FALSE(Find(report, "interaction")->ok);
  const UnitChecks::Interaction& interaction = report.health.unit_checks->interactions[0];
  EXPECT_EQ(interaction.experiment, "banner");
  EXPECT_NEAR(interaction.estimate, -0.2, 0.08);
  EXPECT_EQ(interaction.units, 4000);
  EXPECT_GT(interaction.assignment_p_value, 0.001);
}

TEST(AgesToCompare, AsManyAsHalfOfTheUnitsHaveBehindThem) {
  analysis::AnalysisResult result;
  result.days.resize(20);
  result.variants.resize(1);
  result.variants[0].units_by_day.assign(20, 0);
  result.variants[0].units_by_day[0] = 10;
  result.variants[0].units_by_day[9] = 10;
  EXPECT_EQ(AgesToCompare(result), 18);  // half of them entered on the first day
  result.variants[0].units_by_day[9] = 11;
  EXPECT_EQ(AgesToCompare(result), 9);
  result.days.resize(4);
  EXPECT_EQ(AgesToCompare(result), 0);
}

}  // namespace
}  // namespace upswing::report
