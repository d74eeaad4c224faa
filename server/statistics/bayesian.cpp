#include "server/statistics/bayesian.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "server/statistics/distributions.hpp"
#include "server/statistics/quadrature.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

// E max(-(z + Z), 0) = phi(z) - z P(Z > z) without cancellation.
double UnitLoss(double z) {
  if (z < 30) return NormalDensity(z) - z * NormalSurvival(z);
  const double r = 1 / (z * z);
  return NormalDensity(z) * r * (1 - r * (3 - r * (15 - 105 * r)));
}

}  // namespace

absl::StatusOr<EffectPosterior> NormalEffectPosterior(const Estimate& estimate,
                                                      const std::optional<NormalPrior>& prior,
                                                      double alpha, bool good_is_lower) {
  if (!(alpha > 0 && alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  if (prior && !(prior->variance > 0 && std::isfinite(prior->mean)))
    return absl::InvalidArgumentError("prior.variance: must be above 0");
  if (!std::isfinite(estimate.estimate) || !std::isfinite(estimate.standard_error))
    return Undefined(reason::kNonFiniteInput);
  if (!(estimate.standard_error > 0)) return Undefined(reason::kZeroVariance);
  EffectPosterior posterior;
  posterior.mean = estimate.estimate;
  posterior.standard_deviation = estimate.standard_error;
  if (prior) {
    const double precision = estimate.information() + 1 / prior->variance;
    posterior.mean =
        (estimate.estimate * estimate.information() + prior->mean / prior->variance) / precision;
    posterior.standard_deviation = 1 / std::sqrt(precision);
  }
  const double reach = NormalUpperQuantile(alpha / 2) * posterior.standard_deviation;
  posterior.interval = {posterior.mean - reach, posterior.mean + reach};
  const double z = (good_is_lower ? -1 : 1) * posterior.mean / posterior.standard_deviation;
  posterior.chance_to_win = NormalCdf(z);
  posterior.risk_of_shipping_treatment = posterior.standard_deviation * UnitLoss(z);
  posterior.risk_of_keeping_control = posterior.standard_deviation * UnitLoss(-z);
  return posterior;
}

namespace {

// The range that holds all but 1e-18 of a Beta(a, b) on either side, and something to integrate by.
Interval Support(double a, double b) {
  return {BetaQuantile(1e-18, a, b), BetaUpperQuantile(1e-18, a, b)};
}

// Nodes of an integral over a Beta(a, b) density, made once for all integrals over it. The
// substitution x = sin^2(t) takes the square-root singularities of small a and b away.
class BetaNodes {
 public:
  BetaNodes(double a, double b) {
    const Interval support = Support(a, b);
    const double from = std::asin(std::sqrt(std::max(0.0, support.lower)));
    const double to = std::asin(std::sqrt(std::min(1.0, support.upper)));
    ForEachNode(from, to, 12, [&](double t, double weight) {
      const double s = std::sin(t);
      const double x = s * s;
      if (x <= 0 || x >= 1) return;
      const double mass = weight * BetaDensity(x, a, b) * 2 * s * std::cos(t);
      if (mass > 0) nodes_.push_back({x, mass});
    });
  }

  /// Integral of g(x) dBeta(x; a, b).
  template <typename Function>
  double Expect(const Function& g) const {
    double sum = 0;
    for (const auto& [x, mass] : nodes_) sum += mass * g(x);
    return sum;
  }

 private:
  std::vector<std::pair<double, double>> nodes_;
};

}  // namespace

absl::StatusOr<BetaBinomialPosterior> CompareBetaBinomial(const Conversions& control,
                                                          const Conversions& treatment,
                                                          double prior_alpha, double prior_beta,
                                                          double alpha) {
  if (!(prior_alpha > 0) || !(prior_beta > 0))
    return absl::InvalidArgumentError("prior: alpha and beta must be above 0");
  if (!(alpha > 0 && alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  for (const Conversions* arm : {&control, &treatment})
    if (arm->conversions < 0 || arm->conversions > arm->n)
      return absl::InvalidArgumentError("conversions: must be between 0 and n");
  const double a_c = prior_alpha + static_cast<double>(control.conversions);
  const double b_c = prior_beta + static_cast<double>(control.n - control.conversions);
  const double a_t = prior_alpha + static_cast<double>(treatment.conversions);
  const double b_t = prior_beta + static_cast<double>(treatment.n - treatment.conversions);
  const double mean_c = a_c / (a_c + b_c);
  const double mean_t = a_t / (a_t + b_t);
  const BetaNodes control_nodes(a_c, b_c);
  const BetaNodes treatment_nodes(a_t, b_t);
  const double variance_c = mean_c * (1 - mean_c) / (a_c + b_c + 1);
  const double variance_t = mean_t * (1 - mean_t) / (a_t + b_t + 1);
  // Integrals run over the narrower density: the other's distribution function is smooth on the
  // scale of its panels.
  const bool over_control = variance_c < variance_t;
  const auto difference_cdf = [&](double d) {
    if (over_control)
      return control_nodes.Expect([&](double x) { return BetaCdf(x + d, a_t, b_t); });
    return treatment_nodes.Expect([&](double x) { return BetaSurvival(x - d, a_c, b_c); });
  };
  // E[(X - x)+] for X ~ Beta(a, b).
  const auto above = [](double x, double a, double b) {
    return a / (a + b) * BetaSurvival(x, a + 1, b) - x * BetaSurvival(x, a, b);
  };
  // E[(x - X)+].
  const auto below = [](double x, double a, double b) {
    return x * BetaCdf(x, a, b) - a / (a + b) * BetaCdf(x, a + 1, b);
  };
  BetaBinomialPosterior posterior;
  if (over_control) {
    posterior.chance_to_win =
        control_nodes.Expect([&](double x) { return BetaSurvival(x, a_t, b_t); });
    posterior.expected_loss_shipping_treatment =
        control_nodes.Expect([&](double x) { return below(x, a_t, b_t); });
    posterior.expected_loss_keeping_control =
        control_nodes.Expect([&](double x) { return above(x, a_t, b_t); });
  } else {
    posterior.chance_to_win =
        treatment_nodes.Expect([&](double x) { return BetaCdf(x, a_c, b_c); });
    posterior.expected_loss_shipping_treatment =
        treatment_nodes.Expect([&](double x) { return above(x, a_c, b_c); });
    posterior.expected_loss_keeping_control =
        treatment_nodes.Expect([&](double x) { return below(x, a_c, b_c); });
  }
  const Interval c = Support(a_c, b_c);
  const Interval t = Support(a_t, b_t);
  const double deviation = std::sqrt(variance_c + variance_t);
  const auto quantile = [&](double level) {
    const auto gap = [&](double d) { return difference_cdf(d) - level; };
    // The normal approximation is within half a standard deviation for all but tiny counts.
    const double near = mean_t - mean_c + NormalQuantile(level) * deviation;
    const double low = std::max(t.lower - c.upper, near - deviation / 2);
    const double high = std::min(t.upper - c.lower, near + deviation / 2);
    if (low < high && (gap(low) < 0) != (gap(high) < 0)) return FindZero(gap, low, high);
    return FindZero(gap, t.lower - c.upper, t.upper - c.lower);
  };
  posterior.difference = {quantile(alpha / 2), quantile(1 - alpha / 2)};
  return posterior;
}

absl::StatusOr<std::vector<double>> BestArmProbabilities(absl::Span<const double> means,
                                                         absl::Span<const double> deviations) {
  if (means.size() != deviations.size())
    return absl::InvalidArgumentError("deviations: as many as means");
  for (std::size_t i = 0; i < means.size(); ++i)
    if (!(deviations[i] > 0) || !std::isfinite(means[i]) || !std::isfinite(deviations[i]))
      return absl::InvalidArgumentError("deviations: must be finite and above 0");
  std::vector<double> best;
  double total = 0;
  for (std::size_t i = 0; i < means.size(); ++i) {
    // The other arms' steps may be much narrower than arm i: cut at each arm's range, so that every
    // function is smooth within a part.
    const double lower = means[i] - 9 * deviations[i];
    const double upper = means[i] + 9 * deviations[i];
    std::vector<double> cuts = {lower, upper};
    for (std::size_t j = 0; j < means.size(); ++j)
      for (const double k : {-9.0, -3.0, 0.0, 3.0, 9.0})
        if (const double cut = means[j] + k * deviations[j]; cut > lower && cut < upper)
          cuts.push_back(cut);
    std::sort(cuts.begin(), cuts.end());
    double sum = 0;
    for (std::size_t k = 0; k + 1 < cuts.size(); ++k) {
      sum += Integrate(
          [&](double x) {
            double f = NormalDensity((x - means[i]) / deviations[i]) / deviations[i];
            for (std::size_t j = 0; j < means.size(); ++j)
              if (j != i) f *= NormalCdf((x - means[j]) / deviations[j]);
            return f;
          },
          cuts[k], cuts[k + 1], 3);
    }
    best.push_back(sum);
    total += sum;
  }
  for (double& p : best) p /= total;
  return best;
}

}  // namespace upswing::statistics
