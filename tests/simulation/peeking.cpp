#include <algorithm>
#include <cmath>

#include "server/statistics/confidence_sequence.hpp"
#include "server/statistics/distributions.hpp"
#include "server/statistics/group_sequential.hpp"
#include "server/statistics/inference.hpp"
#include "server/statistics/metric_contrast.hpp"
#include "tests/simulation/cells.hpp"
#include "tests/simulation/sample.hpp"

namespace upswing::simulation {
namespace {

using namespace upswing::statistics;  // NOLINT: the subject of this file

using Results = std::vector<bool>;

// A look after every 1 % of 20,000 units.
void AddAnytime(std::vector<Cell>* cells) {
  Cell peeking{.name = "100 looks, 20,000 units: ", .upper_only = true, .run_share = 0.1};
  peeking.names = {"anytime interval, normal",
                   "anytime interval, conversion 5 %",
                   "anytime interval, CUPED",
                   "anytime interval, ratio",
                   "anytime interval, CUPED, effect 0.5 sd",
                   "anytime, one-sided"};
  peeking.run = [](Random& random, Results* rejected) {
    Sample sums[2][4] = {{Sample(1), Sample(1), Sample(2), Sample(2)},
                         {Sample(1), Sample(1), Sample(2), Sample(2)}};
    static constexpr MetricShape kShapes[4] = {{}, {}, {.mean_covariates = 1}, {.ratio = true}};
    for (int look = 0; look < 100; ++look) {
      for (auto& arm : sums) {
        for (int i = 0; i < 100; ++i) {
          const double x = random.Normal();
          const std::uint64_t bits = random.Bits();
          const auto orders = static_cast<double>(1 + bits % 4);
          arm[0].Add({x});
          arm[1].Add({bits >> 32 < 214748365 ? 1.0 : 0.0});  // 5 % of 2^32
          arm[2].Add({x + random.Normal() + (&arm == &sums[1] ? 0.5 : 0), x});
          arm[3].Add({orders * (2 + 0.5 * x), orders});
        }
      }
      for (std::size_t k = 0; k < 4; ++k) {
        const auto contrast = ContrastOf(sums[0][k].Reduce(), sums[1][k].Reduce(), kShapes[k],
                                         k == 2 ? Adjustment::kCuped : Adjustment::kNone);
        if (!contrast.ok()) continue;
        Estimate effect = AbsoluteEffect(contrast->contrast);
        const Rule rule{.look = Anytime{20'000}};
        if (Misses(effect, k == 2 ? 0.5 : 0, rule)) (*rejected)[k == 3 ? 3 : k == 2 ? 4 : k] = true;
        if (k == 0 &&
            Misses(effect, 0, {.alternative = Alternative::kGreater, .look = Anytime{20'000}}))
          (*rejected)[5] = true;
        effect.estimate -= 0.5;
        if (k == 2 && Misses(effect, 0, rule)) (*rejected)[2] = true;
      }
    }
  };
  cells->push_back(std::move(peeking));

  Cell streams{.name = "a look after each of 1,000 observations: ", .upper_only = true};
  streams.names = {
      "normal mixture",  "gamma-exponential mixture",  "polynomial stitching", "Bernoulli sequence",
      "anytime-valid t", "quantile, double stitching", "distribution function"};
  struct Bounds {
    std::vector<double> normal, gamma, poly, quantile, lil;
  } bounds;
  for (int t = 1; t <= 1000; ++t) {
    bounds.normal.push_back(*NormalMixture{.optimum = 300}.Bound(t, 0.05));
    bounds.gamma.push_back(*GammaExponentialBound(t, 0.05, 300, 1, 0.05));
    bounds.poly.push_back(*PolynomialStitching(t, 0.05, 10));
    bounds.quantile.push_back(*QuantileDoubleStitching(0.5, t, 0.05, 50));
    bounds.lil.push_back(t < 50 ? 1 : *EmpiricalProcessBound(t, 0.05, 50));
  }
  streams.run = [bounds](Random& random, Results* crossed) {
    double walk = 0, exponential = 0, squares = 0;
    std::int64_t successes = 0, below = 0;
    std::vector<double> seen;
    for (std::size_t t = 1; t <= 1000; ++t) {
      const double x = random.Normal();
      const auto count = static_cast<double>(t);
      walk += x;
      squares += x * x;
      if (std::fabs(walk) >= bounds.normal[t - 1]) (*crossed)[0] = true;
      exponential += -std::log(random.Uniform()) - 1;
      if (exponential >= bounds.gamma[t - 1]) (*crossed)[1] = true;
      if (walk >= bounds.poly[t - 1]) (*crossed)[2] = true;
      successes += random.Chance(0.1);
      if (t % 20 == 0 &&
          Outside(*BernoulliSequence(successes, static_cast<std::int64_t>(t), 0.05, 300), 0.1))
        (*crossed)[3] = true;
      if (t >= 3) {
        const double mean = walk / count;
        const double variance = (squares - walk * mean) / (count - 1);
        const double t_squared = mean * mean * count / variance;
        const auto n = static_cast<std::int64_t>(t);
        if (AnytimeTTest(t_squared, n, 1, 100, 0.05)->p_value <= 0.05) (*crossed)[4] = true;
      }
      below += x < 0;
      if (std::fabs(static_cast<double>(below) - count / 2) >= bounds.quantile[t - 1])
        (*crossed)[5] = true;
      if (t > 300) continue;  // the distribution function is inspected after each of the first 300
      const double u = random.Uniform();
      seen.insert(std::upper_bound(seen.begin(), seen.end(), u), u);
      double gap = 0;
      for (std::size_t i = 0; i < seen.size(); ++i)
        gap = std::max({gap, seen[i] - static_cast<double>(i) / count,
                        static_cast<double>(i + 1) / count - seen[i]});
      if (gap >= bounds.lil[t - 1]) (*crossed)[6] = true;
    }
  };
  streams.run_share = 0.5;
  cells->push_back(std::move(streams));
}

// Four looks as a report makes them: the error is spent by the day, and the looks' correlation
// comes from their estimated information. `add` brings the data up to a look, and `effect` tells
// what they say then.
template <class Add, class Effect>
void LookFourTimes(Add add, Effect effect, Results* rejected) {
  std::vector<double> information, z, days;
  for (int look = 0; look < 4; ++look) {
    add(look);
    const Estimate found = effect();
    information.push_back(look == 0 ? found.information()
                                    : std::max(found.information(), 1.001 * information.back()));
    const double t = std::fabs(found.estimate / found.standard_error);
    z.push_back(std::isinf(found.degrees_of_freedom)
                    ? t
                    : NormalUpperQuantile(StudentTSurvival(t, found.degrees_of_freedom)));
    days.push_back(static_cast<double>(look + 1) / 4);
  }
  for (std::size_t which = 0; which < rejected->size(); ++which) {
    const auto bounds = ComputeBounds(
        {which == 0 ? Spending::kObrienFlemingLike : Spending::kPocockLike, 0, 0.05, true},
        information, days);
    for (std::size_t look = 0; look < 4; ++look)
      if (z[look] >= bounds->z[look]) (*rejected)[which] = true;
  }
}

void AddPlannedLooks(std::vector<Cell>* cells) {
  const std::vector<std::string> names = {"O'Brien-Fleming-like by the day",
                                          "Pocock-like by the day"};
  Cell cell{.name = "looks after 7, 14, 21, 28 days at 40, 70, 90, 100 % of 2,000 units, skewed: "};
  cell.names = names;
  cell.run_share = 0.25;
  cell.run = [](Random& random, Results* rejected) {
    static constexpr int kUnits[] = {800, 1400, 1800, 2000};
    Sample arms[2];
    int seen = 0;
    const auto add = [&](int look) {
      for (; seen < kUnits[look]; seen += 2) {
        for (Sample& arm : arms) arm.Add({-std::log(random.Uniform())});
      }
    };
    const auto effect = [&] {
      return AbsoluteEffect(
          ContrastOf(arms[0].Reduce(), arms[1].Reduce(), {}, Adjustment::kNone)->contrast);
    };
    LookFourTimes(add, effect, rejected);
  };
  cells->push_back(std::move(cell));

  Cell cuped{.name = "the same looks, judged with CUPED, correlation 0.7: "};
  cuped.names = names;
  cuped.run_share = 0.25;
  cuped.run = [](Random& random, Results* rejected) {
    static constexpr int kUnits[] = {800, 1400, 1800, 2000};
    Sample arms[2] = {Sample(2), Sample(2)};
    int seen = 0;
    const auto add = [&](int look) {
      for (; seen < kUnits[look]; seen += 2) {
        for (Sample& arm : arms) {
          const double before = -std::log(random.Uniform());
          arm.Add({before - std::log(random.Uniform()), before});
        }
      }
    };
    const auto effect = [&] {
      return AbsoluteEffect(
          ContrastOf(arms[0].Reduce(), arms[1].Reduce(), {.mean_covariates = 1}, Adjustment::kCuped)
              ->contrast);
    };
    LookFourTimes(add, effect, rejected);
  };
  cells->push_back(std::move(cuped));

  // Rooms enter over time and grow from look to look, unevenly.
  Cell clusters{.name = "the same looks at 100 rooms an arm that enter and grow, ICC 0.3: "};
  clusters.names = names;
  clusters.run_share = 0.25;
  clusters.run = [](Random& random, Results* rejected) {
    static constexpr int kUsers[] = {400, 700, 900, 1000};
    static constexpr std::uint64_t kRooms[] = {60, 85, 95, 100};
    struct Room {
      double level = 0, sum = 0, users = 0;
    };
    std::vector<Room> arms[2] = {std::vector<Room>(100), std::vector<Room>(100)};
    for (auto& arm : arms)
      for (Room& room : arm) room.level = std::sqrt(0.3) * random.Normal();
    int seen = 0;
    const auto add = [&](int look) {
      for (; seen < kUsers[look]; ++seen) {
        for (auto& arm : arms) {
          Room& room = arm[random.Bits() % kRooms[look]];
          room.sum += 5 + room.level + std::sqrt(0.7) * random.Normal();
          room.users += 1;
        }
      }
    };
    const auto effect = [&] {
      Sample sums[2] = {Sample(2), Sample(2)};
      for (std::size_t arm = 0; arm < 2; ++arm)
        for (const Room& room : arms[arm])
          if (room.users > 0) sums[arm].Add({room.sum, room.users});
      return AbsoluteEffect(
          ContrastOf(sums[0].Reduce(), sums[1].Reduce(), {.ratio = true}, Adjustment::kNone)
              ->contrast);
    };
    LookFourTimes(add, effect, rejected);
  };
  cells->push_back(std::move(clusters));
}

void AddGroupSequential(std::vector<Cell>* cells) {
  AddPlannedLooks(cells);
  const std::vector<double> fifths = {0.2, 0.4, 0.6, 0.8, 1};
  for (const bool two_sided : {true, false}) {
    for (const Spending spending :
         {Spending::kObrienFleming, Spending::kPocock, Spending::kObrienFlemingLike,
          Spending::kPocockLike, Spending::kPower, Spending::kHwangShihDeCani}) {
      static const char* const kNames[] = {"O'Brien-Fleming",      "Pocock",
                                           "O'Brien-Fleming-like", "Pocock-like",
                                           "Kim-DeMets 2",         "Hwang-Shih-DeCani -4"};
      const double parameter = spending == Spending::kPower ? 2 : -4;
      const auto bounds = ComputeBounds({spending, parameter, 0.05, two_sided}, fifths)->z;
      Cell cell{.name = std::string("group sequential, 5 looks, ") +
                        (two_sided ? "two-sided: " : "one-sided: ") +
                        kNames[static_cast<int>(spending)]};
      cell.names = {""};
      cell.run = [bounds, two_sided](Random& random, Results* rejected) {
        double score = 0;
        for (int look = 1; look <= 5; ++look) {
          score += random.Normal();
          const double z = score / std::sqrt(look);
          if ((two_sided ? std::fabs(z) : z) >= bounds[static_cast<std::size_t>(look - 1)])
            (*rejected)[0] = true;
        }
      };
      cells->push_back(std::move(cell));
    }
  }
  Cell repeated{.name = "group sequential, 3 looks, repeated p-value at every look",
                .run_share = 0.2};
  repeated.names = {""};
  repeated.run = [](Random& random, Results* rejected) {
    std::vector<double> z, information;
    double score = 0;
    for (int look = 1; look <= 3; ++look) {
      score += random.Normal();
      z.push_back(score / std::sqrt(look));
      information.push_back(look / 3.0);
    }
    // The p-value of the last look holds the crossings of the earlier ones.
    (*rejected)[0] = *RepeatedP({}, information, z) < 0.05;
  };
  cells->push_back(std::move(repeated));
}

}  // namespace

void AddPeeking(std::vector<Cell>* cells) {
  AddAnytime(cells);
  AddGroupSequential(cells);
}

}  // namespace upswing::simulation
