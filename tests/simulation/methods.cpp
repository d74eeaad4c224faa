#include <algorithm>
#include <cmath>
#include <tuple>

#include "server/statistics/counts.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/inference.hpp"
#include "server/statistics/meta_analysis.hpp"
#include "server/statistics/metric_contrast.hpp"
#include "server/statistics/proportions.hpp"
#include "server/statistics/ranks.hpp"
#include "tests/simulation/cells.hpp"
#include "tests/simulation/sample.hpp"

namespace upswing::simulation {
namespace {

using namespace upswing::statistics;  // NOLINT: the subject of this file

using Results = std::vector<bool>;

// Orders of a shop: 1 % buy, log-normal baskets; the others are zeros.
Moments Revenue(Random& random, std::int64_t n, double factor) {
  Sample sample;
  const std::int64_t buyers = random.Binomial(n, 0.01);
  for (std::int64_t i = 0; i < buyers; ++i) sample.Add({factor * std::exp(random.Normal())});
  sample.AddZeros(n - buyers);
  return sample.Reduce();
}

// Misses of Welch's interval and of the delta and Fieller intervals of the lift.
void Lifts(const Moments& c, const Moments& t, double difference, double lift, Results* misses) {
  const auto contrast = ContrastOf(c, t, {}, Adjustment::kNone);
  if (!contrast.ok()) return;
  (*misses)[0] = Misses(AbsoluteEffect(contrast->contrast), difference);
  (*misses)[1] = Misses(RelativeLift(contrast->contrast), lift);
  const FiellerLift set = FiellerInterval(contrast->contrast, NormalUpperQuantile(0.025));
  const bool inside_gap = lift > set.interval.lower && lift < set.interval.upper;
  (*misses)[2] = set.shape == FiellerLift::Shape::kInterval  ? Outside(set.interval, lift)
                 : set.shape == FiellerLift::Shape::kTwoRays ? inside_gap
                                                             : false;
}

void AddLifts(std::vector<Cell>* cells) {
  for (const double effect : {0.0, 0.1, 1.0}) {
    Cell cell{.name = "normal, n = 200, effect " + std::to_string(effect).substr(0, 3) + " sd: "};
    cell.names = {"Welch", "delta lift", "Fieller lift"};
    cell.run = [effect](Random& random, Results* misses) {
      Lifts(NormalSample(random, 200, 5), NormalSample(random, 200, 5 + effect), effect, effect / 5,
            misses);
    };
    cells->push_back(std::move(cell));
  }
  Cell noisy{.name = "control mean 3 standard errors from 0, lift 20 %: "};
  noisy.names = {"Fieller lift"};
  noisy.run = [](Random& random, Results* misses) {
    const double mean = 3 / std::sqrt(1000.0);
    Results all(3);
    Lifts(NormalSample(random, 1000, mean), NormalSample(random, 1000, 1.2 * mean), 0.2 * mean, 0.2,
          &all);
    (*misses)[0] = all[2];
  };
  noisy.run_share = 0.5;
  cells->push_back(std::move(noisy));
  // The delta method's domain begins at 10 standard errors between control's mean and 0, here 270
  // buyers; Fieller's interval has no such limit.
  for (const std::int64_t n : {10'000, 30'000, 100'000}) {
    for (const double factor : {1.0, 1.2}) {
      Cell cell{.name = "revenue, 99 % zeros, n = " +
                        std::string(n == 10'000   ? "10,000"
                                    : n == 30'000 ? "30,000"
                                                  : "100,000") +
                        (factor == 1 ? ", no effect: " : ", lift 20 %: ")};
      cell.names = {"Welch", "Fieller lift"};
      if (n > 10'000) cell.names.push_back("delta lift");
      cell.run_share = 0.5;
      cell.run = [factor, n](Random& random, Results* misses) {
        const double mean = 0.01 * std::exp(0.5);
        Results all(3);
        Lifts(Revenue(random, n, 1), Revenue(random, n, factor), (factor - 1) * mean, factor - 1,
              &all);
        (*misses)[0] = all[0];
        (*misses)[1] = all[2];
        if (n > 10'000) (*misses)[2] = all[1];
      };
      cells->push_back(std::move(cell));
    }
  }
  for (const double effect : {0.0, 0.05, 1.0}) {
    Cell cell{.name = "log-normal order values, n = 1,000, lift " +
                      std::to_string(std::lround(100 * effect)) + " %: "};
    cell.names = {"log ratio"};
    cell.run = [effect](Random& random, Results* misses) {
      Sample arms[2];
      for (int i = 0; i < 1000; ++i) {
        arms[0].Add({std::exp(0.5 * random.Normal())});
        arms[1].Add({(1 + effect) * std::exp(0.5 * random.Normal())});
      }
      (*misses)[0] = Misses(LogRatio(*MeanArm(arms[0].Reduce()), *MeanArm(arms[1].Reduce())),
                            std::log1p(effect));
    };
    cells->push_back(std::move(cell));
  }
}

void AddSmall(std::vector<Cell>* cells) {
  // Satterthwaite's degrees of freedom are approximate; below 5 units they are too low, never too
  // high, so that the level is kept.
  for (const auto& [c, t, upper_only] :
       {std::tuple(2, 2, true), std::tuple(2, 3, true), std::tuple(5, 8, false)}) {
    Cell cell{.name = "normal, n = " + std::to_string(c) + " and " + std::to_string(t) + ": ",
              .upper_only = upper_only};
    cell.names = {"Welch"};
    cell.run = [c = c, t = t](Random& random, Results* misses) {
      const auto contrast =
          ContrastOf(NormalSample(random, c, 0), NormalSample(random, t, 0), {}, Adjustment::kNone);
      (*misses)[0] = Misses(AbsoluteEffect(contrast->contrast), 0);
    };
    cells->push_back(std::move(cell));
  }
  Cell pooled{.name = "normal, n = 5 and 8: "};
  pooled.names = {"Student"};
  pooled.run = [](Random& random, Results* misses) {
    (*misses)[0] = Misses(PooledDifference(*MeanArm(NormalSample(random, 5, 0)),
                                           *MeanArm(NormalSample(random, 8, 0))),
                          0);
  };
  cells->push_back(std::move(pooled));
  Cell equivalence{.name = "normal, n = 50, difference on the margin of 0.3: ", .upper_only = true};
  equivalence.names = {"equivalence (two one-sided tests)"};
  equivalence.run = [](Random& random, Results* rejected) {
    const auto contrast = ContrastOf(NormalSample(random, 50, 0), NormalSample(random, 50, 0.3), {},
                                     Adjustment::kNone);
    const Estimate effect = AbsoluteEffect(contrast->contrast);
    const auto above = Infer(effect, {.alternative = Alternative::kGreater, .null_value = -0.3});
    const auto below = Infer(effect, {.alternative = Alternative::kLess, .null_value = 0.3});
    (*rejected)[0] = above->p_value < 0.05 && below->p_value < 0.05;
  };
  cells->push_back(std::move(equivalence));
}

void AddConversions(std::vector<Cell>* cells) {
  for (const std::int64_t n : {10, 200}) {
    for (const double rate : {0.02, 0.3}) {
      Cell cell{.name = "conversion " + std::string(rate < 0.1 ? "2" : "30") +
                        " %, n = " + std::to_string(n) + ": ",
                .upper_only = true};
      cell.names = {"Fisher", "Clopper-Pearson"};
      cell.run = [rate, n](Random& random, Results* rejected) {
        const Conversions c{n, random.Binomial(n, rate)};
        const Conversions t{n, random.Binomial(n, rate)};
        (*rejected)[0] = *FisherExactP(c, t, Alternative::kTwoSided) <= 0.05;
        (*rejected)[1] = Outside(*ClopperPearsonInterval(c, 0.05), rate);
      };
      cells->push_back(std::move(cell));
    }
  }
  for (const double lift : {0.0, 0.1, 1.0}) {
    Cell cell{.name = "conversion 5 % with lift " + std::to_string(std::lround(100 * lift)) +
                      " %, n = 5,000: ",
              .upper_only = true};
    cell.names = {"score interval", "score rate ratio", "Newcombe", "Agresti-Caffo", "Wald",
                  "log rate ratio", "Wilson",           "Jeffreys", "Agresti-Coull"};
    cell.run = [lift](Random& random, Results* misses) {
      const double rate = 0.05 * (1 + lift);
      const double difference = rate - 0.05;
      const Conversions c{5000, random.Binomial(5000, 0.05)};
      const Conversions t{5000, random.Binomial(5000, rate)};
      (*misses)[0] = Outside(*ScoreDifference(c, t, 0.05), difference);
      (*misses)[1] = Outside(*ScoreRateRatio(c, t, 0.05), 1 + lift);
      (*misses)[2] = Outside(*NewcombeDifference(c, t, 0.05), difference);
      (*misses)[3] = Outside(*AgrestiCaffoDifference(c, t, 0.05), difference);
      (*misses)[4] = Outside(*WaldDifference(c, t, 0.05), difference);
      (*misses)[5] = Outside(*LogRateRatio(c, t, 0.05), 1 + lift);
      (*misses)[6] = Outside(*WilsonInterval(t, 0.05), rate);
      (*misses)[7] = Outside(*JeffreysInterval(t, 0.05), rate);
      (*misses)[8] = Outside(*AgrestiCoullInterval(t, 0.05), rate);
    };
    cells->push_back(std::move(cell));
  }
  Cell tests{.name = "conversion 5 %, n = 5,000: ", .upper_only = true};
  tests.names = {"score test",          "pooled z", "mid-p of Fisher",
                 "chi-square of 2 x 2", "Yates",    "non-inferiority by score, margin 1 %"};
  tests.run = [](Random& random, Results* rejected) {
    const Conversions c{5000, random.Binomial(5000, 0.05)};
    const Conversions t{5000, random.Binomial(5000, 0.05)};
    (*rejected)[0] = ScoreTest(c, t, Alternative::kTwoSided)->p_value < 0.05;
    (*rejected)[1] = PooledZTest(c, t, Alternative::kTwoSided)->p_value < 0.05;
    (*rejected)[2] = *FisherExactP(c, t, Alternative::kTwoSided, true) <= 0.05;
    const std::vector<std::vector<std::int64_t>> table = {{c.conversions, c.n - c.conversions},
                                                          {t.conversions, t.n - t.conversions}};
    const auto chi = TestContingency(table);
    (*rejected)[3] = chi->p_value < 0.05;
    (*rejected)[4] = chi->yates_p_value < 0.05;
    const Conversions worse{5000, random.Binomial(5000, 0.04)};
    (*rejected)[5] = ScoreTest(c, worse, Alternative::kGreater, -0.01)->p_value < 0.05;
  };
  cells->push_back(std::move(tests));
  Cell strata{.name = "three strata of other rates and allocations: ", .upper_only = true};
  strata.names = {"Mantel-Haenszel", "Breslow-Day"};
  strata.run = [](Random& random, Results* rejected) {
    std::vector<FourfoldTable> tables;
    for (int k = 0; k < 3; ++k) {
      const double rate = 0.1 + 0.1 * k;
      const std::int64_t c = 200 + 200 * k, t = 600 - 200 * k;
      const std::int64_t x = random.Binomial(t, rate), y = random.Binomial(c, rate);
      tables.push_back({x, t - x, y, c - y});
    }
    const auto result = MantelHaenszel(tables);
    (*rejected)[0] = result.ok() && result->p_value < 0.05;
    (*rejected)[1] = result.ok() && result->breslow_day_p < 0.05;
  };
  cells->push_back(std::move(strata));
}

void AddCountsAndRanks(std::vector<Cell>* cells) {
  for (const double expected : {5.0, 20.0, 200.0}) {
    Cell poisson{.name = "crashes, " + std::to_string(std::lround(expected)) + " expected: ",
                 .upper_only = true};
    poisson.names = {"exact rates", "exact ratio interval"};
    // The score test is asymptotic: its domain begins at about 20 events in both arms together.
    if (expected >= 20) poisson.names.insert(poisson.names.end(), {"score", "square root"});
    poisson.run = [expected](Random& random, Results* rejected) {
      const auto test =
          CompareRates({random.Poisson(expected), 1}, {random.Poisson(expected * 1.5), 1.5});
      if (!test.ok()) return;
      (*rejected)[0] = test->exact_p <= 0.05;
      (*rejected)[1] = Outside(test->rate_ratio, 1);
      if (expected < 20) return;
      (*rejected)[2] = test->score.p_value < 0.05;
      (*rejected)[3] = test->square_root.p_value < 0.05;
    };
    cells->push_back(std::move(poisson));
  }
  Cell ranks{.name = "Mann-Whitney: ", .upper_only = true};
  ranks.names = {"n = 50, with ties", "n = 6, exact"};
  ranks.run = [](Random& random, Results* rejected) {
    std::vector<double> c, t;
    for (int i = 0; i < 50; ++i) {
      c.push_back(std::round(3 * random.Normal()));
      t.push_back(std::round(3 * random.Normal()));
    }
    (*rejected)[0] = MannWhitney(c, t)->asymptotic.p_value < 0.05;
    for (int i = 0; i < 6; ++i) {
      c[static_cast<std::size_t>(i)] = random.Normal();
      t[static_cast<std::size_t>(i)] = random.Normal();
    }
    c.resize(6);
    t.resize(6);
    (*rejected)[1] = *MannWhitneyExactP(c, t) <= 0.05;
  };
  cells->push_back(std::move(ranks));
  Cell winsorised{
      .name = "revenue, 99 % zeros, n = 10,000, capped at the pooled 99.9 % of buyers: ",
      .upper_only = true,
      .run_share = 0.5};
  winsorised.names = {"Welch"};
  winsorised.run = [](Random& random, Results* rejected) {
    std::vector<double> values[2], pooled;
    for (auto& arm : values) {
      const std::int64_t buyers = random.Binomial(10'000, 0.01);
      for (std::int64_t i = 0; i < buyers; ++i) arm.push_back(std::exp(1.5 * random.Normal()));
      pooled.insert(pooled.end(), arm.begin(), arm.end());
    }
    std::sort(pooled.begin(), pooled.end());
    const double cap = SampleQuantile(pooled, 0.999, QuantileDefinition::kInvertedCdf);
    Sample arms[2];
    for (std::size_t a = 0; a < 2; ++a) {
      for (const double x : values[a]) arms[a].Add({std::fmin(x, cap)});
      arms[a].AddZeros(10'000 - static_cast<std::int64_t>(values[a].size()));
    }
    const auto contrast = ContrastOf(arms[0].Reduce(), arms[1].Reduce(), {}, Adjustment::kNone);
    (*rejected)[0] = Misses(AbsoluteEffect(contrast->contrast), 0);
  };
  cells->push_back(std::move(winsorised));
}

}  // namespace

void AddMethods(std::vector<Cell>* cells) {
  AddLifts(cells);
  AddSmall(cells);
  AddConversions(cells);
  AddCountsAndRanks(cells);
}

}  // namespace upswing::simulation
