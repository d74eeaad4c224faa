#include "server/statistics/power.hpp"

#include <cmath>

#include "server/statistics/distributions.hpp"
#include "server/statistics/group_sequential.hpp"
#include "server/statistics/metric_contrast.hpp"
#include "server/statistics/proportions.hpp"
#include "server/statistics/shrinkage.hpp"
#include "tests/simulation/cells.hpp"
#include "tests/simulation/sample.hpp"

namespace upswing::simulation {
namespace {

using namespace upswing::statistics;  // NOLINT: the subject of this file

using Results = std::vector<bool>;

std::int64_t Units(const PlanningInput& input, const PlanningRule& rule, double effect) {
  return static_cast<std::int64_t>(std::ceil(*UnitsNeeded(input, rule, effect)));
}

Estimate Difference(const Sample& control, const Sample& treatment, const MetricShape& shape = {}) {
  const auto contrast = ContrastOf(control.Reduce(), treatment.Reduce(), shape,
                                   shape.covariates() > 0 ? Adjustment::kCuped : Adjustment::kNone);
  return AbsoluteEffect(contrast->contrast);
}

}  // namespace

void AddPower(std::vector<Cell>* cells) {
  const PlanningRule rule;
  const std::int64_t plain = Units({.variance = 1}, rule, 0.2);
  const std::int64_t cuped = Units({.variance = 2, .correlation = std::sqrt(0.5)}, rule, 0.2);
  const std::int64_t uneven = Units({.variance = 1, .ratio = 3}, rule, 0.2);
  PlanningRule one_sided;
  one_sided.alternative = Alternative::kGreater;
  const std::int64_t greater = Units({.variance = 1}, one_sided, 0.2);
  PlanningRule within;
  within.margin = 0.2;
  const std::int64_t margin = Units({.variance = 1}, within, 0);
  PlanningRule anytime;
  anytime.anytime_tuning_units = 1000;
  const std::int64_t always = Units({.variance = 1}, anytime, 0.2);
  Cell means{.name = "power of the planned size, effect 0.2 sd: ", .target = 0.8};
  means.names = {"Welch",     "CUPED, correlation 0.71",        "split 1 to 3",
                 "one-sided", "non-inferiority, margin 0.2 sd", "anytime at the planned size"};
  means.run = [=](Random& random, Results* rejected) {
    const auto sample = [&](std::int64_t n, double mean) {
      Sample arm;
      for (std::int64_t i = 0; i < n; ++i) arm.Add({mean + random.Normal()});
      return arm;
    };
    (*rejected)[0] = Misses(Difference(sample(plain, 0), sample(plain, 0.2)), 0);
    Sample arms[2] = {Sample(2), Sample(2)};
    for (std::size_t arm = 0; arm < 2; ++arm)
      for (std::int64_t i = 0; i < cuped; ++i) {
        const double x = random.Normal();
        arms[arm].Add({x + random.Normal() + 0.2 * static_cast<double>(arm), x});
      }
    (*rejected)[1] = Misses(Difference(arms[0], arms[1], {.mean_covariates = 1}), 0);
    (*rejected)[2] = Misses(Difference(sample(uneven, 0), sample(3 * uneven, 0.2)), 0);
    (*rejected)[3] = Misses(Difference(sample(greater, 0), sample(greater, 0.2)), 0,
                            {.alternative = Alternative::kGreater});
    (*rejected)[4] = Misses(Difference(sample(margin, 0), sample(margin, 0)), -0.2,
                            {.alternative = Alternative::kGreater});
    (*rejected)[5] =
        Misses(Difference(sample(always, 0), sample(always, 0.2)), 0, {.look = Anytime{1000}});
  };
  cells->push_back(std::move(means));

  const double p_c = 0.10, p_t = 0.12;
  const std::int64_t rates =
      Units({.mean = p_c, .variance = p_c * (1 - p_c), .treatment_variance = p_t * (1 - p_t)}, rule,
            p_t - p_c);
  const auto by_r =
      static_cast<std::int64_t>(std::ceil(*ProportionsUnitsNeeded(p_c, p_t, 0.05, 0.8)));
  Cell conversions{.name = "power of the planned size, conversion 10 % to 12 %: ", .target = 0.8};
  conversions.names = {"means", "power.prop.test"};
  conversions.run = [=](Random& random, Results* rejected) {
    const Conversions c{rates, random.Binomial(rates, p_c)};
    const Conversions t{rates, random.Binomial(rates, p_t)};
    (*rejected)[0] = UnpooledZTest(c, t, Alternative::kTwoSided)->p_value < 0.05;
    (*rejected)[1] = PooledZTest({by_r, random.Binomial(by_r, p_c)},
                                 {by_r, random.Binomial(by_r, p_t)}, Alternative::kTwoSided)
                         ->p_value < 0.05;
  };
  cells->push_back(std::move(conversions));

  // Clusters of 10 units with ICC 0.2: 50 clusters come to one per randomised row.
  const PlanningInput clustered{.variance = 1, .cluster_size = 10, .icc = 0.2};
  const std::int64_t clusters = (Units(clustered, rule, 0.2) + 9) / 10;
  // A ratio 2 of sums, by its delta-method variance: N = 2 D + e, D in 1..4: s^2 = 1 / 2.5^2.
  const std::int64_t ratios = Units({.mean = 2, .variance = 1 / 6.25}, rule, 0.05);
  Cell shapes{.name = "power of the planned size: ", .target = 0.8};
  shapes.names = {"clusters of 10, ICC 0.2", "ratio"};
  shapes.run = [=](Random& random, Results* rejected) {
    Sample arms[2] = {Sample(2), Sample(2)};
    Sample ratio[2] = {Sample(2), Sample(2)};
    for (std::size_t arm = 0; arm < 2; ++arm) {
      const double effect = arm == 1 ? 1 : 0;
      for (std::int64_t i = 0; i < clusters; ++i) {
        const double shared = std::sqrt(0.2) * random.Normal();
        double sum = 0;
        for (int k = 0; k < 10; ++k)
          sum += shared + std::sqrt(0.8) * random.Normal() + 0.2 * effect;
        arms[arm].Add({sum, 10});
      }
      for (std::int64_t i = 0; i < ratios; ++i) {
        const auto denominator = static_cast<double>(1 + random.Bits() % 4);
        ratio[arm].Add({(2 + 0.05 * effect) * denominator + random.Normal(), denominator});
      }
    }
    (*rejected)[0] = Misses(Difference(arms[0], arms[1], {.ratio = true}), 0);
    (*rejected)[1] = Misses(Difference(ratio[0], ratio[1], {.ratio = true}), 0);
  };
  cells->push_back(std::move(shapes));

  // Group sequential: the drift with power 80 % by CrossingProbability.
  const std::vector<double> information = {0.25, 0.5, 0.75, 1};
  const auto bounds = ComputeBounds({}, information)->z;
  double low = 2, high = 4;
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (CrossingProbability(bounds, information, middle, true) < 0.8 ? low : high) = middle;
  }
  const double drift = low;
  const double conditional = *ConditionalPower({1.0, 1, INFINITY, 100}, 0.5, rule, drift / 2);
  Cell looks{.name = "group sequential, 4 looks, ", .target = 0.8};
  looks.names = {"power by the crossing probability"};
  looks.run = [=](Random& random, Results* rejected) {
    double score = 0;
    for (std::size_t look = 0; look < 4; ++look) {
      score += drift / 4 + 0.5 * random.Normal();
      if (std::fabs(score / std::sqrt(information[look])) >= bounds[look]) (*rejected)[0] = true;
    }
  };
  cells->push_back(std::move(looks));

  // Half of the data are in with z = 1; the final standard error is sqrt(1/2) of the present 1, so
  // that an effect of drift / 2 moves the final z by drift / sqrt 2 in all.
  Cell rest{.name = "conditional power, half of the data in with z = 1", .target = conditional};
  rest.names = {""};
  rest.run = [=](Random& random, Results* rejected) {
    const double theta = drift / 2 / std::sqrt(0.5);
    const double z = std::sqrt(0.5) * 1.0 + 0.5 * theta + std::sqrt(0.5) * random.Normal();
    (*rejected)[0] = std::fabs(z) > NormalUpperQuantile(0.025);
  };
  cells->push_back(std::move(rest));
}

void AddMeasures(std::vector<Measure>* measures) {
  for (const double correlation : {0.3, 0.7, 0.9}) {
    Measure cuped;
    cuped.name = "CUPED, correlation " + std::to_string(correlation).substr(0, 3) + ": ";
    cuped.names = {"variance of the estimate over the raw one's", "variance reduction reported"};
    const double gain = correlation * correlation;
    cuped.theory = {1 - gain, gain};
    cuped.run = [correlation](Random& random, std::vector<double>* measured) {
      constexpr int kUnits = 1000;
      Sample arms[2] = {Sample(2), Sample(2)};
      const double rest = std::sqrt(1 - correlation * correlation);
      for (Sample& arm : arms)
        for (int i = 0; i < kUnits; ++i) {
          const double x = random.Normal();
          arm.Add({correlation * x + rest * random.Normal(), x});
        }
      const auto contrast = ContrastOf(arms[0].Reduce(), arms[1].Reduce(), {.mean_covariates = 1},
                                       Adjustment::kCuped);
      // The true difference is 0 and the raw estimate's variance 2 / n.
      const double error = contrast->contrast.difference;
      (*measured)[0] = error * error / (2.0 / kUnits);
      (*measured)[1] = contrast->variance_reduction;
    };
    measures->push_back(std::move(cuped));
  }

  Measure widths;
  widths.name = "anytime interval tuned to 20,000 units, width over the fixed one's: ";
  for (const double units : {200.0, 2000.0, 20'000.0, 200'000.0}) {
    widths.names.push_back("at " + std::to_string(std::lround(units)) + " units");
    const double log_a = std::log(0.05);
    const double rho = (-2 * log_a + std::log(1 - 2 * log_a)) / 20'000;
    const double u = units * rho + 1;
    widths.theory.push_back(std::sqrt(2 * u / (units * rho) * std::log(std::sqrt(u) / 0.05)) /
                            1.959963984540054);
  }
  widths.run = [](Random& random, std::vector<double>* measured) {
    const double estimate = random.Normal();
    std::size_t at = 0;
    for (const std::int64_t units : {200, 2000, 20'000, 200'000}) {
      const Estimate effect{estimate, 1, INFINITY, units};
      const auto fixed = Infer(effect, {})->interval;
      const auto anytime = Infer(effect, {.look = Anytime{20'000}})->interval;
      (*measured)[at++] = (anytime.upper - anytime.lower) / (fixed.upper - fixed.lower);
    }
  };
  measures->push_back(std::move(widths));

  Measure winners;
  winners.name = "effects N(0.5, 1) seen with error 1, the significant ones: ";
  winners.names = {"shrunken effect - true effect"};
  winners.theory = {0};
  winners.run = [](Random& random, std::vector<double>* measured) {
    for (;;) {
      const double truth = 0.5 + random.Normal();
      const double seen = truth + random.Normal();
      if (std::fabs(seen) < 1.96) continue;
      (*measured)[0] = Shrunken({seen, 1, INFINITY, 100}, {0.5, 1})->estimate - truth;
      return;
    }
  };
  measures->push_back(std::move(winners));
}

}  // namespace upswing::simulation
