#include "server/statistics/designs.hpp"

#include <cmath>

#include "server/statistics/bayesian.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/meta_analysis.hpp"
#include "server/statistics/metric_contrast.hpp"
#include "server/statistics/off_policy.hpp"
#include "server/statistics/regression.hpp"
#include "server/statistics/shrinkage.hpp"
#include "tests/simulation/cells.hpp"
#include "tests/simulation/sample.hpp"

namespace upswing::simulation {
namespace {

using namespace upswing::statistics;  // NOLINT: the subject of this file

using Results = std::vector<bool>;

// Split 80 to 20, and the covariate matters twice as much in the treatment arm.
void AddRegression(std::vector<Cell>* cells) {
  Cell lin{.name = "uneven split, slopes 1 and 2, effect 0.5: "};
  lin.names = {"Lin from moments, n = 800 and 200", "Lin regression with HC2, n = 160 and 40"};
  lin.run = [](Random& random, Results* misses) {
    Sample arms[2] = {Sample(2), Sample(2)};
    Matrix rows(200, 4);
    std::vector<double> y(200);
    for (std::size_t i = 0; i < 1000; ++i) {
      const std::size_t arm = i % 5 == 0 ? 1 : 0;
      const double t = arm == 1 ? 1 : 0;
      const double x = random.Normal();
      const double value = 0.5 * t + (1 + t) * x + random.Normal();
      arms[arm].Add({value, x});
      if (i >= 200) continue;
      y[i] = value;
      rows(i, 0) = 1;
      rows(i, 1) = t;
      rows(i, 2) = x;
    }
    const auto contrast =
        ContrastOf(arms[0].Reduce(), arms[1].Reduce(), {.mean_covariates = 1}, Adjustment::kLin);
    // From moments the interval is about the population's effect 0.5, at the covariate's mean 0.
    // The regression takes the sample's covariates as given: its effect is that at their mean.
    double mean = 0;
    for (std::size_t i = 0; i < 200; ++i) mean += rows(i, 2) / 200;
    for (std::size_t i = 0; i < 200; ++i) {
      rows(i, 2) -= mean;
      rows(i, 3) = rows(i, 1) * rows(i, 2);
    }
    (*misses)[0] = Misses(AbsoluteEffect(contrast->contrast), 0.5);
    const auto fit = FitLeastSquares(rows, y);
    const Matrix covariance = CoefficientCovariance(rows, *fit, RobustVariance::kHc2);
    (*misses)[1] =
        Misses(Estimate{fit->coefficients[1], std::sqrt(covariance(1, 1)), 196, 200}, 0.5 + mean);
  };
  cells->push_back(std::move(lin));

  Cell bootstrap{.name = "bootstrap, n = 200, 600 replicates: ", .run_share = 0.5};
  bootstrap.names = {"difference", "lift"};
  bootstrap.run = [](Random& random, Results* misses) {
    std::vector<double> c, t;
    for (int i = 0; i < 200; ++i) {
      c.push_back(5 + random.Normal());
      t.push_back(5 + random.Normal());
    }
    const auto result = Bootstrap(c, t, 600, 0.05, random.Bits());
    (*misses)[0] = Outside(result->difference, 0);
    (*misses)[1] = Outside(*result->lift, 0);
  };
  cells->push_back(std::move(bootstrap));
}

// Live rooms of 1 to 20 viewers whose values depend on each other (ICC 0.3).
void AddClusters(std::vector<Cell>* cells) {
  const auto rooms = [](Random& random, int count, std::vector<double>* means) {
    Sample arm(2);
    for (int room = 0; room < count; ++room) {
      const auto viewers = static_cast<int>(1 + random.Bits() % 20);
      const double shared = std::sqrt(0.3) * random.Normal();
      double sum = 0;
      for (int i = 0; i < viewers; ++i) sum += 2 + shared + std::sqrt(0.7) * random.Normal();
      arm.Add({sum, static_cast<double>(viewers)});
      if (means != nullptr) means->push_back(sum / viewers);
    }
    return arm.Reduce();
  };
  Cell many{.name = "200 clusters, ICC 0.3: "};
  many.names = {"ratio over clusters"};
  many.run = [rooms](Random& random, Results* misses) {
    const auto contrast = ContrastOf(rooms(random, 100, nullptr), rooms(random, 100, nullptr),
                                     {.ratio = true}, Adjustment::kNone);
    (*misses)[0] = Misses(AbsoluteEffect(contrast->contrast), 0);
  };
  cells->push_back(std::move(many));
  Cell few{.name = "12 clusters, ICC 0.3: ", .upper_only = true};
  few.names = {"randomisation test"};
  few.run = [rooms](Random& random, Results* rejected) {
    std::vector<double> c, t;
    rooms(random, 6, &c);
    rooms(random, 6, &t);
    (*rejected)[0] = *RandomisationP(c, t) <= 0.05;
  };
  cells->push_back(std::move(few));

  for (const double effect : {0.0, 0.5}) {
    Cell switchback{.name = "switchback, 3 regions x 42 slices, carry-over of one slice, effect " +
                            std::to_string(effect).substr(0, 3) + ": ",
                    .upper_only = true,
                    .run_share = 0.25};
    switchback.names = {"interval"};
    if (effect == 0)
      switchback.names.insert(switchback.names.end(), {"randomisation test", "carry-over guard"});
    switchback.run = [effect](Random& random, Results* rejected) {
      std::vector<Slice> slices;
      for (std::int64_t region = 0; region < 3; ++region) {
        bool before = false;
        for (std::int64_t index = 0; index < 42; ++index) {
          const bool treated = random.Bits() >> 63;
          // Half of the effect comes from the slice itself, half from the one before.
          slices.push_back({region, index, treated,
                            static_cast<double>(region) + effect / 2 * treated +
                                effect / 2 * before + random.Normal()});
          before = treated;
        }
      }
      const auto result = AnalyseSwitchback(slices, 1);
      if (!result.ok()) return;
      (*rejected)[0] = Outside(result->interval, effect);
      if (effect != 0) return;
      (*rejected)[1] = result->p_value <= 0.05;
      (*rejected)[2] = result->carry_over_p < 0.05;
    };
    cells->push_back(std::move(switchback));
  }
}

void AddRankings(std::vector<Cell>* cells) {
  Cell interleaving{.name = "interleaving, 200 users, no preference: ", .upper_only = true};
  interleaving.names = {"sign test", "mean preference"};
  interleaving.run = [](Random& random, Results* rejected) {
    std::vector<Credit> users;
    for (int i = 0; i < 200; ++i)
      users.push_back(
          {static_cast<double>(random.Poisson(0.7)), static_cast<double>(random.Poisson(0.7))});
    const auto result = CompareRankers(users);
    (*rejected)[0] = result->signs.p_value <= 0.05;
    (*rejected)[1] = Outside(result->preference_interval, 0);
  };
  cells->push_back(std::move(interleaving));

  // Three actions with rewards 0.1, 0.3, 0.5; the target policy chooses them with 0.2, 0.3, 0.5.
  Cell policy{.name = "off-policy value from 1,000 rounds: "};
  policy.names = {"IPS", "SNIPS", "doubly robust"};
  policy.run_share = 0.5;
  policy.run = [](Random& random, Results* misses) {
    static const std::vector<double> kTarget = {0.2, 0.3, 0.5};
    static const std::vector<double> kModel = {0.2, 0.25, 0.4};
    constexpr double kLogging[] = {0.5, 0.3, 0.2};
    constexpr double kReward[] = {0.1, 0.3, 0.5};
    std::vector<LoggedRound> rounds;
    for (int i = 0; i < 1000; ++i) {
      const double pick = random.Uniform();
      const std::size_t action = pick < 0.5 ? 0 : pick < 0.8 ? 1 : 2;
      rounds.push_back(
          {random.Chance(kReward[action]) ? 1.0 : 0.0, action, kLogging[action], kTarget, kModel});
    }
    const auto value = EvaluatePolicy(rounds, 2);
    const double truth = 0.2 * 0.1 + 0.3 * 0.3 + 0.5 * 0.5;
    (*misses)[0] = Misses(value->ips_estimate, truth);
    (*misses)[1] = Misses(value->snips_estimate, truth);
    (*misses)[2] = Misses(value->doubly_robust_estimate, truth);
  };
  cells->push_back(std::move(policy));

  Cell promotion{.name = "promotion, 1,000 units, incremental cost 4 standard errors from 0: "};
  promotion.names = {"return by Fieller", "p that it pays (return 1)"};
  promotion.run = [](Random& random, Results* misses) {
    Sample arms[2] = {Sample(2), Sample(2)};
    const double cost = 4 * std::sqrt(2.0 / 500);
    for (std::size_t arm = 0; arm < 2; ++arm)
      for (int i = 0; i < 500; ++i) {
        const double spent = random.Normal() + (arm == 1 ? cost : 0);
        arms[arm].Add({0.5 * random.Normal() + spent, spent});
      }
    const auto result = PromotionReturn(arms[0].Reduce(), arms[1].Reduce());
    const Interval& ends = result->interval.interval;
    (*misses)[0] = result->interval.shape == FiellerLift::Shape::kInterval  ? Outside(ends, 1)
                   : result->interval.shape == FiellerLift::Shape::kTwoRays ? !Outside(ends, 1)
                                                                            : false;
    (*misses)[1] = result->p_pays < 0.05;
  };
  cells->push_back(std::move(promotion));
}

void AddBayes(std::vector<Cell>* cells) {
  Cell rates{.name = "beta-binomial, n = 300, rates drawn from the prior Beta(2, 18): ",
             .run_share = 0.2};
  rates.names = {"interval of the difference"};
  rates.run = [](Random& random, Results* misses) {
    // Beta(2, 18) is the second smallest of 19 uniform numbers.
    const auto draw = [&] {
      double smallest = 1, second = 1;
      for (int i = 0; i < 19; ++i) {
        const double u = random.Uniform();
        if (u < smallest) {
          second = smallest;
          smallest = u;
        } else if (u < second) {
          second = u;
        }
      }
      return second;
    };
    const double c = draw(), t = draw();
    const auto posterior =
        CompareBetaBinomial({300, random.Binomial(300, c)}, {300, random.Binomial(300, t)}, 2, 18);
    (*misses)[0] = Outside(posterior->difference, t - c);
  };
  cells->push_back(std::move(rates));

  Cell drawn{.name = "effects drawn from the prior N(0.5, 1), seen with error 1: "};
  drawn.names = {"normal posterior interval", "shrunken interval",
                 "shrunken interval of the significant ones"};
  drawn.run = [](Random& random, Results* misses) {
    const NormalPrior prior{0.5, 1};
    const double truth = 0.5 + random.Normal();
    const Estimate seen{truth + random.Normal(), 1, INFINITY, 100};
    (*misses)[0] = Outside(NormalEffectPosterior(seen, prior, 0.05)->interval, truth);
    (*misses)[1] = Misses(Shrunken(seen, prior), truth);
    for (;;) {
      const double value = 0.5 + random.Normal();
      const Estimate winner{value + random.Normal(), 1, INFINITY, 100};
      if (std::fabs(winner.estimate) < 1.96) continue;
      (*misses)[2] = Misses(Shrunken(winner, prior), value);
      return;
    }
  };
  cells->push_back(std::move(drawn));

  for (const double truth : {1.0, 3.0}) {
    Cell median{.name = "significant effects of " + std::to_string(truth).substr(0, 3) +
                        " standard errors: ",
                .target = 0.5};
    median.names = {"median-unbiased estimate is too large"};
    median.run = [truth](Random& random, Results* larger) {
      for (;;) {
        const auto estimate =
            MedianUnbiasedGivenSignificance({truth + random.Normal(), 1, INFINITY, 100}, 0.05);
        if (!estimate.ok()) continue;
        (*larger)[0] = *estimate > truth;
        return;
      }
    };
    cells->push_back(std::move(median));
  }

  Cell meta{.name = "10 experiments of one effect: "};
  meta.names = {"combined effect (fixed)", "heterogeneity Q"};
  meta.run = [](Random& random, Results* misses) {
    std::vector<double> effects, variances;
    for (int i = 0; i < 10; ++i) {
      variances.push_back(0.5 + 0.3 * i);
      effects.push_back(1 + std::sqrt(variances.back()) * random.Normal());
    }
    const auto result = CombineEffects(effects, variances);
    (*misses)[0] = std::fabs(result->fixed - 1) > 1.959963984540054 * result->fixed_standard_error;
    (*misses)[1] = result->q_p_value < 0.05;
  };
  cells->push_back(std::move(meta));
}

}  // namespace

void AddDesigns(std::vector<Cell>* cells) {
  AddRegression(cells);
  AddClusters(cells);
  AddRankings(cells);
  AddBayes(cells);
}

}  // namespace upswing::simulation
