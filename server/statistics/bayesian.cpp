#include "server/statistics/bayesian.hpp"

#include <algorithm>
#include <cmath>

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

// Integral of g(x) dBeta(x; a, b), by substituting x = sin^2(t), which takes the square-root
// singularities of small a and b away.
template <typename Function>
double ExpectBeta(const Function& g, double a, double b) {
  const Interval support = Support(a, b);
  const double from = std::asin(std::sqrt(std::max(0.0, support.lower)));
  const double to = std::asin(std::sqrt(std::min(1.0, support.upper)));
  return Integrate(
      [&](double t) {
        const double s = std::sin(t);
        const double x = s * s;
        if (x <= 0 || x >= 1) return 0.0;
        return g(x) * BetaDensity(x, a, b) * 2 * s * std::cos(t);
      },
      from, to, 24);
}

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
  BetaBinomialPosterior posterior;
  posterior.chance_to_win = ExpectBeta([&](double x) { return BetaCdf(x, a_c, b_c); }, a_t, b_t);
  // E[(p_c - x)+] = mean_c P(Beta(a_c + 1, b_c) > x) - x P(Beta(a_c, b_c) > x).
  posterior.expected_loss_shipping_treatment = ExpectBeta(
      [&](double x) {
        return mean_c * BetaSurvival(x, a_c + 1, b_c) - x * BetaSurvival(x, a_c, b_c);
      },
      a_t, b_t);
  posterior.expected_loss_keeping_control = ExpectBeta(
      [&](double x) {
        return mean_t * BetaSurvival(x, a_t + 1, b_t) - x * BetaSurvival(x, a_t, b_t);
      },
      a_c, b_c);
  const Interval c = Support(a_c, b_c);
  const Interval t = Support(a_t, b_t);
  const auto quantile = [&](double level) {
    return FindZero(
        [&](double d) {
          return ExpectBeta([&](double x) { return BetaCdf(x + d, a_t, b_t); }, a_c, b_c) - level;
        },
        t.lower - c.upper, t.upper - c.lower);
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
