#include <algorithm>
#include <cmath>

#include "server/statistics/group_sequential.hpp"
#include "server/statistics/inference.hpp"
#include "server/statistics/metric_contrast.hpp"
#include "server/statistics/quantile.hpp"
#include "server/statistics/ranks.hpp"
#include "tests/simulation/cells.hpp"
#include "tests/simulation/sample.hpp"

namespace upswing::simulation {
namespace {

using namespace upswing::statistics;  // NOLINT: the subject of this file

constexpr int kLooks = 4;
constexpr std::size_t kStrata = 3;

// What one unit shows. The stratum shifts the metric, the covariate goes along with it.
struct Unit {
  std::size_t stratum = 0;
  double value = 0;        // mean, retention, numerator
  double denominator = 1;  // ratio, or number of events for the quantile
  double covariate = 0;
  double covariate_denominator = 1;
  double events[3] = {0, 0, 0};  // quantile
};

enum class Truth { kNone, kMargin, kLarge };
enum class Kind { kMean, kRatio, kQuantile, kRetention };

// A unit of the arm whose true value is `effect` above control's.
Unit Draw(Kind kind, double effect, Random& random) {
  Unit unit;
  const double pick = random.Uniform();
  unit.stratum = pick < 0.5 ? 0 : pick < 0.8 ? 1 : 2;
  const double level = 0.5 * static_cast<double>(unit.stratum);
  const double shared = random.Normal();
  unit.covariate = level + shared;
  switch (kind) {
    case Kind::kMean:
      unit.value = 5 + level + shared + random.Normal() + effect;
      break;
    case Kind::kRetention: {
      const double p = 0.3 + 0.1 * static_cast<double>(unit.stratum) + 0.1 * std::tanh(shared);
      unit.value = random.Chance(p + effect) ? 1 : 0;
      break;
    }
    case Kind::kRatio:
      unit.denominator = 1 + static_cast<double>(random.Bits() % 4);
      unit.value = unit.denominator * (2 + effect + 0.3 * level + 0.5 * shared) + random.Normal();
      unit.covariate_denominator = 1 + static_cast<double>(random.Bits() % 4);
      unit.covariate = unit.covariate_denominator * (3 + shared) + random.Normal();
      break;
    case Kind::kQuantile:
      unit.denominator = 1 + static_cast<double>(random.Bits() % 3);
      for (std::size_t i = 0; i < 3; ++i)
        if (static_cast<double>(i) < unit.denominator)
          unit.events[i] = 5 + level + 0.7 * shared + random.Normal() + effect;
      break;
  }
  return unit;
}

MetricShape ShapeOf(Kind kind, bool covariate) {
  if (kind == Kind::kRatio) return {.ratio = true, .ratio_covariate = covariate};
  return {.mean_covariates = covariate ? 1u : 0u};
}

// Moments of the first `count` units by stratum (all in stratum 0 unless `stratified`).
absl::StatusOr<std::vector<Moments>> Summarise(Kind kind, const std::vector<Unit>& units,
                                               std::size_t count, bool covariate, bool stratified) {
  QuantileSummary summary{.nu = 0.5};
  double mean_events = 0;
  if (kind == Kind::kQuantile) {
    std::vector<double> values;
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t k = 0; static_cast<double>(k) < units[i].denominator; ++k)
        values.push_back(units[i].events[k]);
    std::sort(values.begin(), values.end());
    summary.n = static_cast<std::int64_t>(values.size());
    summary.n_star = static_cast<double>(values.size());
    const double margin = 1.959963984540054 * std::sqrt(0.25 / summary.n_star);
    const auto at = [&](double q) {
      return SampleQuantile(values, q, QuantileDefinition::kInvertedCdf);
    };
    summary.estimate = at(0.5);
    summary.lower = at(0.5 - margin);
    summary.upper = at(0.5 + margin);
    mean_events = summary.n_star / static_cast<double>(count);
  }
  const std::size_t base = kind == Kind::kMean || kind == Kind::kRetention ? 1 : 2;
  const std::size_t extra = !covariate ? 0 : kind == Kind::kRatio ? 2 : 1;
  std::vector<Sample> sums(stratified ? kStrata : 1, Sample(base + extra));
  double row[4] = {};
  for (std::size_t i = 0; i < count; ++i) {
    const Unit& unit = units[i];
    std::size_t at = 0;
    if (kind == Kind::kQuantile) {
      double below = 0;
      for (std::size_t k = 0; static_cast<double>(k) < unit.denominator; ++k)
        below += unit.events[k] <= summary.estimate;
      row[at++] = unit.denominator;
      row[at++] = below;
    } else {
      row[at++] = unit.value;
      if (kind == Kind::kRatio) row[at++] = unit.denominator;
    }
    if (covariate) {
      row[at++] = unit.covariate;
      if (kind == Kind::kRatio) row[at++] = unit.covariate_denominator;
    }
    sums[stratified ? unit.stratum : 0].Add(row);
  }
  std::vector<Moments> moments;
  for (const Sample& part : sums) {
    absl::StatusOr<Moments> reduced = part.Reduce();
    if (kind == Kind::kQuantile) reduced = QuantileMoments(summary, mean_events, *reduced);
    if (!reduced.ok()) return reduced.status();
    moments.push_back(*std::move(reduced));
  }
  return moments;
}

}  // namespace

void AddCombinations(std::vector<Cell>* cells) {
  const std::pair<Kind, const char*> kinds[] = {{Kind::kMean, "mean"},
                                                {Kind::kRatio, "ratio"},
                                                {Kind::kQuantile, "quantile"},
                                                {Kind::kRetention, "retention"}};
  const char* adjustments[] = {"raw", "cuped", "post-stratified"};
  const std::vector<double> information = {0.25, 0.5, 0.75, 1};
  const auto two_sided = ComputeBounds({}, information)->z;
  const auto one_sided = ComputeBounds({.two_sided = false}, information)->z;
  for (const auto& [kind, kind_name] : kinds) {
    for (int adjustment = 0; adjustment < 3; ++adjustment) {
      // At the margin the null hypothesis of non-inferiority holds, just. A large effect is a
      // matter of coverage.
      for (const Truth truth : {Truth::kNone, Truth::kMargin, Truth::kLarge}) {
        Cell cell;
        cell.name = std::string(kind_name) + " x " + adjustments[adjustment];
        cell.run_share = kind == Kind::kQuantile ? 0.25 : 1;
        for (const char* look : {"fixed", "group sequential", "anytime"}) {
          if (truth == Truth::kMargin) {
            cell.names.push_back(std::string(" x ") + look + " x non-inferiority");
          } else if (truth == Truth::kLarge) {
            cell.names.push_back(std::string(" x ") + look + " x coverage of a large effect");
          } else {
            cell.names.push_back(std::string(" x ") + look + " x two-sided");
            cell.names.push_back(std::string(" x ") + look + " x one-sided");
          }
        }
        const double large = kind == Kind::kRetention ? 0.25 : 2;
        const double effect = truth == Truth::kMargin ? -0.1 : truth == Truth::kLarge ? large : 0;
        const std::size_t n = kind == Kind::kQuantile ? 1000 : 400;
        cell.run = [kind = kind, adjustment, truth, effect, n, two_sided, one_sided](
                       Random& random, std::vector<bool>* rejected) {
          std::vector<Unit> control, treatment;
          for (std::size_t i = 0; i < n; ++i) {
            control.push_back(Draw(kind, 0, random));
            treatment.push_back(Draw(kind, effect, random));
          }
          for (std::size_t look = 1; look <= kLooks; ++look) {
            const std::size_t count = n * look / kLooks;
            const auto c = Summarise(kind, control, count, adjustment == 1, adjustment == 2);
            const auto t = Summarise(kind, treatment, count, adjustment == 1, adjustment == 2);
            if (!c.ok() || !t.ok()) continue;
            std::vector<Stratum> strata;
            for (std::size_t k = 0; k < c->size(); ++k) strata.push_back({(*c)[k], (*t)[k]});
            const auto contrast =
                ContrastOf(strata, ShapeOf(kind, adjustment == 1),
                           adjustment == 1 ? Adjustment::kCuped : Adjustment::kNone);
            if (!contrast.ok()) continue;
            const Estimate estimate = AbsoluteEffect(contrast->contrast);
            std::size_t at = 0;
            for (int way = 0; way < 3; ++way) {
              const int first = truth == Truth::kMargin ? 1 : 0;
              const int last = truth == Truth::kLarge ? 0 : 1;
              for (int side = first; side <= last; ++side, ++at) {
                if (way == 0 && look < kLooks) continue;
                Rule rule{.alternative = side == 0 ? Alternative::kTwoSided : Alternative::kGreater,
                          .null_value = effect};
                if (way == 1)
                  rule.look = GroupSequentialLook{(side == 0 ? two_sided : one_sided)[look - 1]};
                if (way == 2) rule.look = Anytime{static_cast<double>(n)};
                const auto result = Infer(estimate, rule);
                if (result.ok() &&
                    (effect < result->interval.lower || effect > result->interval.upper))
                  (*rejected)[at] = true;
              }
            }
          }
        };
        cells->push_back(std::move(cell));
      }
    }
  }
}

}  // namespace upswing::simulation
