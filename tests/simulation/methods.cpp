#include <cmath>

#include "server/statistics/counts.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/group_sequential.hpp"
#include "server/statistics/inference.hpp"
#include "server/statistics/metric_contrast.hpp"
#include "server/statistics/power.hpp"
#include "server/statistics/proportions.hpp"
#include "server/statistics/ranks.hpp"
#include "server/statistics/sample_ratio.hpp"
#include "tests/simulation/cells.hpp"

namespace upswing::simulation {
namespace {

using namespace upswing::statistics;  // NOLINT: the subject of this file

using Results = std::vector<bool>;

Moments NormalSample(Random& random, std::int64_t n, double mean) {
  MomentSums sums;
  for (std::int64_t i = 0; i < n; ++i) sums.Add(mean + random.Normal());
  return *sums.Reduce();
}

// Orders of a shop: 1 % buy, log-normal baskets; the others are zeros.
Moments Revenue(Random& random, std::int64_t n, double factor) {
  MomentSums sums;
  const std::int64_t buyers = random.Binomial(n, 0.01);
  for (std::int64_t i = 0; i < buyers; ++i) sums.Add(factor * std::exp(random.Normal()));
  sums.AddZeros(n - buyers);
  return *sums.Reduce();
}

bool Outside(const Interval& interval, double truth) {
  return truth < interval.lower || truth > interval.upper;
}

bool Misses(const absl::StatusOr<Estimate>& estimate, double truth, const Rule& rule = {}) {
  if (!estimate.ok()) return false;
  const auto result = Infer(*estimate, rule);
  return result.ok() && Outside(result->interval, truth);
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
  for (const double factor : {1.0, 1.2}) {
    Cell cell{.name = factor == 1 ? "revenue, 99 % zeros, n = 100,000, no effect: "
                                  : "revenue, 99 % zeros, n = 100,000, lift 20 %: "};
    cell.names = {"Welch", "delta lift", "Fieller lift"};
    cell.run_share = 0.5;
    cell.run = [factor](Random& random, Results* misses) {
      const double mean = 0.01 * std::exp(0.5);
      Lifts(Revenue(random, 100'000, 1), Revenue(random, 100'000, factor), (factor - 1) * mean,
            factor - 1, misses);
    };
    cells->push_back(std::move(cell));
  }
  Cell small{.name = "Welch, n = 5 and 8"};
  small.names = {""};
  // Satterthwaite's degrees of freedom are approximate: the level is met within half a point here.
  small.target = 0.05;
  small.run = [](Random& random, Results* misses) {
    const auto contrast =
        ContrastOf(NormalSample(random, 5, 0), NormalSample(random, 8, 0), {}, Adjustment::kNone);
    (*misses)[0] = Misses(AbsoluteEffect(contrast->contrast), 0);
  };
  cells->push_back(std::move(small));
}

void AddExact(std::vector<Cell>* cells) {
  for (const double rate : {0.02, 0.3}) {
    Cell cell{.name = rate < 0.1 ? "conversion 2 %, n = 200: " : "conversion 30 %, n = 200: ",
              .upper_only = true};
    cell.names = {"Fisher", "Newcombe", "Clopper-Pearson"};
    cell.run = [rate](Random& random, Results* rejected) {
      const Conversions c{200, random.Binomial(200, rate)};
      const Conversions t{200, random.Binomial(200, rate)};
      (*rejected)[0] = *FisherExactP(c, t, Alternative::kTwoSided) <= 0.05;
      (*rejected)[1] = Outside(*NewcombeDifference(c, t, 0.05), 0);
      (*rejected)[2] = Outside(*ClopperPearsonInterval(c, 0.05), rate);
    };
    cells->push_back(std::move(cell));
  }
  Cell score{.name = "conversion 5 %, n = 5,000: "};
  score.names = {"score test", "pooled z", "score interval"};
  score.upper_only = true;
  score.run = [](Random& random, Results* rejected) {
    const Conversions c{5000, random.Binomial(5000, 0.05)};
    const Conversions t{5000, random.Binomial(5000, 0.05)};
    (*rejected)[0] = ScoreTest(c, t, Alternative::kTwoSided)->p_value < 0.05;
    (*rejected)[1] = PooledZTest(c, t, Alternative::kTwoSided)->p_value < 0.05;
    (*rejected)[2] = Outside(*ScoreDifference(c, t, 0.05), 0);
  };
  cells->push_back(std::move(score));
  Cell poisson{.name = "crashes, 20 expected: exact rates", .upper_only = true};
  poisson.names = {""};
  poisson.run = [](Random& random, Results* rejected) {
    const auto test = CompareRates({random.Poisson(20), 1}, {random.Poisson(20), 1});
    (*rejected)[0] = test.ok() && test->exact_p <= 0.05;
  };
  cells->push_back(std::move(poisson));
  Cell ranks{.name = "Mann-Whitney, n = 50, with ties", .upper_only = true};
  ranks.names = {""};
  ranks.run = [](Random& random, Results* rejected) {
    std::vector<double> c, t;
    for (int i = 0; i < 50; ++i) {
      c.push_back(std::round(3 * random.Normal()));
      t.push_back(std::round(3 * random.Normal()));
    }
    (*rejected)[0] = MannWhitney(c, t)->asymptotic.p_value < 0.05;
  };
  cells->push_back(std::move(ranks));
  Cell srm{.name = "sample ratio, 3 arms, n = 3,000: chi-square"};
  srm.names = {""};
  srm.upper_only = true;
  srm.run = [](Random& random, Results* rejected) {
    std::vector<std::int64_t> observed(3, 0);
    for (int i = 0; i < 3000; ++i) ++observed[random.Bits() % 3];
    (*rejected)[0] = SampleRatioChiSquare(observed, {1, 1, 1})->p_value < 0.05;
  };
  srm.run_share = 0.5;
  cells->push_back(std::move(srm));
}

void AddPeeking(std::vector<Cell>* cells) {
  Cell peeking{.name = "100 looks, n = 10,000: ", .upper_only = true, .run_share = 0.05};
  peeking.names = {"anytime interval, normal", "anytime interval, conversion 5 %",
                   "anytime interval, CUPED"};
  peeking.run = [](Random& random, Results* rejected) {
    MomentSums sums[2][3] = {{MomentSums(1), MomentSums(1), MomentSums(2)},
                             {MomentSums(1), MomentSums(1), MomentSums(2)}};
    for (int look = 0; look < 100; ++look) {
      for (auto& arm : sums) {
        for (int i = 0; i < 100; ++i) {
          const double x = random.Normal();
          arm[0].Add(x);
          arm[1].Add(random.Chance(0.05) ? 1.0 : 0.0);
          arm[2].Add({x + random.Normal(), x});
        }
      }
      for (std::size_t k = 0; k < 3; ++k) {
        const auto contrast = ContrastOf(*sums[0][k].Reduce(), *sums[1][k].Reduce(),
                                         {.mean_covariates = k == 2 ? 1u : 0u},
                                         k == 2 ? Adjustment::kCuped : Adjustment::kNone);
        if (contrast.ok() &&
            Misses(AbsoluteEffect(contrast->contrast), 0, {.look = Anytime{20'000}}))
          (*rejected)[k] = true;
      }
    }
  };
  cells->push_back(std::move(peeking));
  Cell srm{.name = "sequential sample ratio, 60 looks", .upper_only = true, .run_share = 0.25};
  srm.names = {""};
  srm.run = [](Random& random, Results* rejected) {
    std::vector<std::int64_t> totals(2, 0);
    for (int look = 0; look < 60; ++look) {
      for (int i = 0; i < 100; ++i) ++totals[random.Bits() >> 63];
      if (*SampleRatioLogOdds(totals, {1, 1}) >= std::log(20.0)) (*rejected)[0] = true;
    }
  };
  cells->push_back(std::move(srm));
  const std::vector<double> information = {0.2, 0.4, 0.6, 0.8, 1};
  for (const Spending spending :
       {Spending::kObrienFleming, Spending::kPocock, Spending::kObrienFlemingLike,
        Spending::kPocockLike, Spending::kPower, Spending::kHwangShihDeCani}) {
    static const char* const kNames[] = {"O'Brien-Fleming", "Pocock",       "O'Brien-Fleming-like",
                                         "Pocock-like",     "Kim-DeMets 2", "Hwang-Shih-DeCani -4"};
    const double parameter = spending == Spending::kPower ? 2 : -4;
    const auto bounds = ComputeBounds({spending, parameter, 0.05, true}, information)->z;
    Cell cell{.name =
                  std::string("group sequential, 5 looks: ") + kNames[static_cast<int>(spending)]};
    cell.names = {""};
    cell.run = [bounds](Random& random, Results* rejected) {
      double score = 0;
      for (int look = 1; look <= 5; ++look) {
        score += random.Normal();
        if (std::fabs(score) / std::sqrt(look) >= bounds[static_cast<std::size_t>(look - 1)])
          (*rejected)[0] = true;
      }
    };
    cells->push_back(std::move(cell));
  }
}

void AddPower(std::vector<Cell>* cells) {
  const PlanningRule rule;
  const double plain = std::ceil(*UnitsNeeded({.variance = 1}, rule, 0.2));
  const double cuped =
      std::ceil(*UnitsNeeded({.variance = 2, .correlation = std::sqrt(0.5)}, rule, 0.2));
  Cell cell{.name = "power of the planned size, effect 0.2 sd: ", .target = 0.8};
  cell.names = {"Welch", "CUPED, correlation 0.71"};
  cell.run = [plain, cuped](Random& random, Results* rejected) {
    const auto n = static_cast<std::int64_t>(plain);
    const auto raw =
        ContrastOf(NormalSample(random, n, 0), NormalSample(random, n, 0.2), {}, Adjustment::kNone);
    (*rejected)[0] = Misses(AbsoluteEffect(raw->contrast), 0);
    MomentSums arms[2] = {MomentSums(2), MomentSums(2)};
    for (int arm = 0; arm < 2; ++arm)
      for (int i = 0; i < static_cast<int>(cuped); ++i) {
        const double x = random.Normal();
        arms[arm].Add({x + random.Normal() + 0.2 * arm, x});
      }
    const auto adjusted = ContrastOf(*arms[0].Reduce(), *arms[1].Reduce(), {.mean_covariates = 1},
                                     Adjustment::kCuped);
    (*rejected)[1] = Misses(AbsoluteEffect(adjusted->contrast), 0);
  };
  cells->push_back(std::move(cell));
}

}  // namespace

void AddMethods(std::vector<Cell>* cells) {
  AddLifts(cells);
  AddExact(cells);
  AddPeeking(cells);
  AddPower(cells);
}

}  // namespace upswing::simulation
