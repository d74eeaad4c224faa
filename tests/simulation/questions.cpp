#include <cmath>

#include "server/statistics/distributions.hpp"
#include "server/statistics/inference.hpp"
#include "server/statistics/multiple_testing.hpp"
#include "tests/simulation/cells.hpp"
#include "tests/simulation/sample.hpp"

namespace upswing::simulation {
namespace {

using namespace upswing::statistics;  // NOLINT: the subject of this file

constexpr std::size_t kMetrics = 20;
constexpr std::size_t kMoved = 10;  // of these, where some move
constexpr Correction kAll[] = {
    Correction::kBonferroni,        Correction::kHolm,   Correction::kHolmSidak,
    Correction::kHochberg,          Correction::kHommel, Correction::kBenjaminiHochberg,
    Correction::kBenjaminiYekutieli};

// z scores of 20 metrics with common correlation 0.3; the first `moved` have mean 3.
std::vector<double> Scores(Random& random, std::size_t moved) {
  const double shared = random.Normal();
  std::vector<double> z;
  for (std::size_t i = 0; i < kMetrics; ++i)
    z.push_back(std::sqrt(0.3) * shared + std::sqrt(0.7) * random.Normal() + (i < moved ? 3 : 0));
  return z;
}

std::vector<double> TwoSided(const std::vector<double>& z) {
  std::vector<double> p;
  for (const double x : z) p.push_back(2 * NormalSurvival(std::fabs(x)));
  return p;
}

// One of the discoveries at random is false. Its probability is the false discovery rate (no
// discovery, no false one), so that the rate can be judged as a binomial.
bool DrawnDiscoveryIsFalse(Random& random, const std::vector<double>& adjusted, std::size_t moved) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < adjusted.size(); ++i)
    if (adjusted[i] <= 0.05) found.push_back(i);
  return !found.empty() && found[random.Bits() % found.size()] >= moved;
}

bool Any(const std::vector<double>& adjusted) {
  for (const double p : adjusted)
    if (p <= 0.05) return true;
  return false;
}

}  // namespace

void AddQuestions(std::vector<Cell>* cells) {
  Cell none{.name = "20 correlated metrics, none moves, any discovery: ", .upper_only = true};
  none.names = {"Bonferroni",         "Holm",   "Holm-Sidak",
                "Hochberg",           "Hommel", "Benjamini-Hochberg",
                "Benjamini-Yekutieli"};
  none.run = [](Random& random, std::vector<bool>* found) {
    const std::vector<double> p = TwoSided(Scores(random, 0));
    for (std::size_t i = 0; i < std::size(kAll); ++i) (*found)[i] = Any(*AdjustPValues(p, kAll[i]));
  };
  cells->push_back(std::move(none));

  Cell some{.name = "20 correlated metrics, 10 move, false discovery rate: ", .upper_only = true};
  some.names = {"Benjamini-Hochberg", "Benjamini-Yekutieli", "e-BH",
                "interval of a discovery by Benjamini-Hochberg misses"};
  some.run = [](Random& random, std::vector<bool>* found) {
    const std::vector<double> z = Scores(random, kMoved);
    const std::vector<double> p = TwoSided(z);
    const auto adjusted = AdjustPValues(p, Correction::kBenjaminiHochberg);
    (*found)[0] = DrawnDiscoveryIsFalse(random, *adjusted, kMoved);
    (*found)[1] =
        DrawnDiscoveryIsFalse(random, *AdjustPValues(p, Correction::kBenjaminiYekutieli), kMoved);
    std::vector<double> log_e;
    for (const double x : z)
      log_e.push_back(*LogEValue({x, 1, INFINITY, 5000}, {.look = Anytime{5000}}));
    (*found)[2] = DrawnDiscoveryIsFalse(random, AdjustEValues(log_e), kMoved);
    // The false coverage rate: of the discoveries' intervals one at random misses its true value.
    const auto levels = IntervalLevels(p, 0.05, Correction::kBenjaminiHochberg);
    std::vector<std::size_t> selected;
    for (std::size_t i = 0; i < p.size(); ++i)
      if ((*adjusted)[i] <= 0.05) selected.push_back(i);
    if (selected.empty()) return;
    const std::size_t i = selected[random.Bits() % selected.size()];
    (*found)[3] = std::fabs(z[i] - (i < kMoved ? 3 : 0)) > NormalUpperQuantile((*levels)[i] / 2);
  };
  cells->push_back(std::move(some));

  for (const std::size_t moved : {std::size_t{0}, kMoved}) {
    Cell peeking{.name = moved == 0
                             ? "20 metrics, 50 looks, none moves, any discovery at any look: "
                             : "20 metrics, 50 looks, 10 move, false discovery rate when stopping "
                               "at the first discovery: ",
                 .upper_only = true};
    peeking.names = {"e-BH"};
    peeking.run = [moved](Random& random, std::vector<bool>* found) {
      std::vector<double> score(kMetrics, 0.0);
      for (int look = 1; look <= 50; ++look) {
        std::vector<double> log_e;
        for (std::size_t i = 0; i < kMetrics; ++i) {
          score[i] += random.Normal() + (i < moved ? 0.4 : 0);
          log_e.push_back(*LogEValue({score[i] / look, 1 / std::sqrt(look), INFINITY, 100 * look},
                                     {.look = Anytime{5000}}));
        }
        const std::vector<double> adjusted = AdjustEValues(log_e);
        if (!Any(adjusted)) continue;
        (*found)[0] = DrawnDiscoveryIsFalse(random, adjusted, moved);
        return;
      }
    };
    cells->push_back(std::move(peeking));
  }
}

}  // namespace upswing::simulation
