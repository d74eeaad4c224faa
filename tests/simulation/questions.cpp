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
    peeking.names = {"e-BH", "Benjamini-Yekutieli on anytime p-values"};
    peeking.run = [moved](Random& random, std::vector<bool>* found) {
      std::vector<double> score(kMetrics, 0.0);
      bool stopped[2] = {false, false};
      for (int look = 1; look <= 50; ++look) {
        std::vector<double> log_e, p;
        for (std::size_t i = 0; i < kMetrics; ++i) {
          score[i] += random.Normal() + (i < moved ? 0.4 : 0);
          const Estimate estimate{score[i] / look, 1 / std::sqrt(look), INFINITY, 100 * look};
          log_e.push_back(*LogEValue(estimate, {.look = Anytime{5000}}));
          p.push_back(Infer(estimate, {.look = Anytime{5000}})->p_value);
        }
        const auto stop = [&](const std::vector<double>& adjusted, std::size_t method) {
          if (stopped[method] || !Any(adjusted)) return;
          stopped[method] = true;
          (*found)[method] = DrawnDiscoveryIsFalse(random, adjusted, moved);
        };
        stop(AdjustEValues(log_e), 0);
        stop(*AdjustPValues(p, Correction::kBenjaminiYekutieli), 1);
        if (stopped[0] && stopped[1]) return;
      }
    };
    cells->push_back(std::move(peeking));
  }

  // Three variants share their control; the interval is asked for at the level that Holm leaves.
  Cell variants{.name = "3 variants, 50 looks, the first one has an effect: ", .upper_only = true};
  variants.names = {"Holm on anytime p-values, any false discovery at any look",
                    "anytime interval at Holm's level misses at any look"};
  variants.run = [](Random& random, std::vector<bool>* found) {
    std::vector<double> score(4, 0.0);
    for (int look = 1; look <= 50; ++look) {
      for (std::size_t i = 0; i < 4; ++i) score[i] += random.Normal() + (i == 1 ? 0.5 : 0);
      std::vector<Estimate> estimates;
      std::vector<double> p;
      const Rule rule{.look = Anytime{5000, 0.05}};
      for (std::size_t i = 1; i < 4; ++i) {
        estimates.push_back(
            {(score[i] - score[0]) / look, std::sqrt(2.0 / look), INFINITY, 100 * look});
        p.push_back(Infer(estimates.back(), rule)->p_value);
      }
      const auto adjusted = AdjustPValues(p, Correction::kHolm);
      const auto levels = IntervalLevels(p, 0.05, Correction::kHolm);
      for (std::size_t i = 0; i < 3; ++i) {
        if (i > 0 && (*adjusted)[i] <= 0.05) (*found)[0] = true;
        Rule at = rule;
        at.alpha = (*levels)[i];
        const auto interval = Infer(estimates[i], at)->interval;
        const double truth = i == 0 ? 0.5 : 0;
        // Holm promises nothing about the values of what it has rejected.
        if ((*adjusted)[i] > 0.05 && (truth < interval.lower || truth > interval.upper))
          (*found)[1] = true;
      }
    }
  };
  cells->push_back(std::move(variants));
}

}  // namespace upswing::simulation
