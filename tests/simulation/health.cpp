#include "server/statistics/health.hpp"

#include <cmath>

#include "server/statistics/compare.hpp"
#include "server/statistics/sample_ratio.hpp"
#include "tests/simulation/cells.hpp"
#include "tests/simulation/sample.hpp"

namespace upswing::simulation {
namespace {

using namespace upswing::statistics;  // NOLINT: the subject of this file

using Results = std::vector<bool>;

void AddSampleRatios(std::vector<Cell>* cells) {
  Cell cell{.name = "sample ratio: ", .upper_only = true};
  cell.names = {"3 arms, n = 3,000, chi-square", "3 arms, n = 30, exact",
                "two periods of other weights, chi-square"};
  cell.run = [](Random& random, Results* alarm) {
    const auto draw = [&](int n, std::uint64_t first) {  // first: weight of arm 0 against 1 and 1
      std::vector<std::int64_t> observed(3, 0);
      for (int i = 0; i < n; ++i) {
        const std::uint64_t pick = random.Bits() % (first + 2);
        ++observed[pick < first ? 0 : pick - first + 1];
      }
      return observed;
    };
    (*alarm)[0] = SampleRatioChiSquare(draw(3000, 1), {1, 1, 1})->p_value < 0.05;
    (*alarm)[1] = *SampleRatioExactP(draw(30, 1), {1, 1, 1}) <= 0.05;
    (*alarm)[2] = SampleRatioOverPeriods(std::vector<SampleRatioPeriod>{{draw(900, 1), {1, 1, 1}},
                                                                        {draw(900, 8), {8, 1, 1}}})
                      ->p_value < 0.05;
  };
  cells->push_back(std::move(cell));

  Cell small{.name = "sample ratio: 1 to 99, n = 2,000, by the expected count, at 0.1 %",
             .target = 0.001,
             .upper_only = true};
  small.names = {""};
  small.run = [](Random& random, Results* alarm) {
    const std::int64_t few = random.Binomial(2000, 0.01);
    (*alarm)[0] = TestSampleRatio({few, 2000 - few}, {1, 99})->p_value < 0.001;
  };
  cells->push_back(std::move(small));

  Cell sequential{.name = "sequential sample ratio, 60 looks", .upper_only = true};
  sequential.names = {""};
  sequential.run = [](Random& random, Results* alarm) {
    std::vector<std::int64_t> totals(2, 0);
    for (int look = 0; look < 60; ++look) {
      for (int i = 0; i < 2; ++i) {  // 128 units
        const auto ones = static_cast<std::int64_t>(__builtin_popcountll(random.Bits()));
        totals[0] += ones;
        totals[1] += 64 - ones;
      }
      if (*SampleRatioLogOdds(totals, {1, 1}) >= std::log(20.0)) (*alarm)[0] = true;
    }
  };
  cells->push_back(std::move(sequential));

  Cell losses{.name = "1 % of 4,000 units left out, difference between the arms",
              .upper_only = true};
  losses.names = {""};
  losses.run = [](Random& random, Results* alarm) {
    const auto p =
        LossDifferenceP({2000, random.Binomial(2000, 0.01)}, {2000, random.Binomial(2000, 0.01)});
    (*alarm)[0] = p.ok() && *p < 0.05;
  };
  cells->push_back(std::move(losses));
}

}  // namespace

void AddHealth(std::vector<Cell>* cells) {
  AddSampleRatios(cells);

  Cell controls{.name = "negative controls, 200 splits of 400 units: ", .upper_only = true};
  controls.names = {"p < 0.05"};
  controls.run = [](Random& random, Results* alarm) {
    std::vector<ControlUnit> units(400);
    for (ControlUnit& unit : units) {
      unit.randomisation_hash = random.Bits();
      unit.numerator = random.Normal();
    }
    (*alarm)[0] = RunNegativeControls(units)->p_value < 0.05;
  };
  cells->push_back(std::move(controls));

  Cell covariate{.name = "pre-period imbalance, 400 units, two covariates", .upper_only = true};
  covariate.names = {""};
  covariate.run = [](Random& random, Results* alarm) {
    Sample arms[2] = {Sample(3), Sample(3)};
    for (Sample& arm : arms)
      for (int i = 0; i < 200; ++i)
        arm.Add({random.Normal(), random.Normal(), random.Chance(0.2) ? 1.0 : 0.0});
    const auto result =
        Compare(arms[0].Reduce(), arms[1].Reduce(), {.shape = {.mean_covariates = 2}});
    const auto& p = result->adjusted->covariate_balance_p;
    (*alarm)[0] = p.ok() && *p < 0.05;
  };
  cells->push_back(std::move(covariate));

  Cell trend{.name = "the same effect in 14 ages and 8 segments: "};
  trend.names = {"novelty trend", "heterogeneity Q", "any segment differs (corrected)"};
  trend.run = [](Random& random, Results* alarm) {
    std::vector<EffectAtAge> ages;
    for (int age = 0; age < 14; ++age) {
      const double variance = 1.0 + 0.2 * age;
      ages.push_back(
          {static_cast<double>(age), 0.5 + std::sqrt(variance) * random.Normal(), variance});
    }
    (*alarm)[0] = EffectTrend(ages)->p_value < 0.05;
    std::vector<double> effects, variances;
    for (int i = 0; i < 8; ++i) {
      variances.push_back(1.0 + i);
      effects.push_back(0.5 + std::sqrt(variances.back()) * random.Normal());
    }
    const auto segments = CompareSegments(effects, variances);
    (*alarm)[1] = segments->q_p_value < 0.05;
    for (const double p : segments->differs_p)
      if (p <= 0.05) (*alarm)[2] = true;
  };
  cells->push_back(std::move(trend));

  // What units do falls with the days since the exposure, or differs between segments, and the
  // treatment multiplies it.
  Cell lifts{
      .name = "the same lift of 20 % where control's value falls from 20 to 6 standard errors: "};
  lifts.names = {"novelty trend over 14 ages", "heterogeneity Q of 8 segments"};
  lifts.run = [](Random& random, Results* alarm) {
    const auto place = [&](double b, double variance) {
      const double control = b + std::sqrt(variance) * random.Normal();
      const double treatment = 1.2 * b + std::sqrt(1.2 * variance) * random.Normal();
      return Contrast{.difference = treatment - control,
                      .base = control,
                      .raw_difference = treatment - control,
                      .difference_variance = 2.2 * variance,
                      .base_variance = variance,
                      .covariance = -variance};
    };
    std::vector<Contrast> ages, segments;
    // A rate's variance falls with it: b of 400 to 36 counts.
    for (int age = 0; age < 14; ++age) {
      const double count = 36 + 364 * std::exp(-0.3 * age);
      ages.push_back(place(count, count));
    }
    for (int i = 0; i < 8; ++i) segments.push_back(place(36 * (1 + i), 36 * (1 + i)));
    const auto by_age = LiftsToCompare(ages);
    std::vector<EffectAtAge> effects;
    for (std::size_t age = 0; by_age.ok() && age < by_age->size(); ++age)
      if ((*by_age)[age])
        effects.push_back(
            {static_cast<double>(age), (*by_age)[age]->lift, (*by_age)[age]->variance});
    (*alarm)[0] = EffectTrend(effects)->p_value < 0.05;
    const auto parts = LiftsToCompare(segments);
    std::vector<double> values, variances;
    for (const auto& part : *parts) {
      if (!part) continue;
      values.push_back(part->lift);
      variances.push_back(part->variance);
    }
    (*alarm)[1] = CompareSegments(values, variances)->q_p_value < 0.05;
  };
  cells->push_back(std::move(lifts));

  Cell interaction{.name = "two experiments on 2,000 units, both with an effect: "};
  interaction.names = {"interaction", "assignments depend on each other"};
  interaction.run = [](Random& random, Results* alarm) {
    Sample arms[2][2];
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t bits = random.Bits();
      const auto a = static_cast<double>(bits >> 63);
      const auto b = static_cast<double>(bits >> 62 & 1);
      arms[bits >> 63][bits >> 62 & 1].Add({0.3 * a + 0.5 * b + random.Normal()});
    }
    const auto arm = [&](std::size_t a, std::size_t b) { return *MeanArm(arms[a][b].Reduce()); };
    const auto test = TestInteraction(arm(0, 0), arm(0, 1), arm(1, 0), arm(1, 1));
    (*alarm)[0] = test->p_value < 0.05;
    (*alarm)[1] = test->assignment_p < 0.05;
  };
  cells->push_back(std::move(interaction));
}

}  // namespace upswing::simulation
