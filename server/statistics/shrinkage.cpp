#include "server/statistics/shrinkage.hpp"

#include <algorithm>
#include <cmath>

#include "server/statistics/distributions.hpp"
#include "server/statistics/meta_analysis.hpp"
#include "server/statistics/quadrature.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {

absl::StatusOr<NormalPrior> PriorOfPastEffects(absl::Span<const double> effects,
                                               absl::Span<const double> variances) {
  if (effects.size() < 10) return Undefined(reason::kNotEnoughData);
  const auto combined = CombineEffects(effects, variances);
  if (!combined.ok()) return combined.status();
  if (combined->tau2 <= 0) return NormalPrior{combined->fixed, 0};
  return NormalPrior{combined->random, combined->tau2};
}

absl::StatusOr<Estimate> Shrunken(const Estimate& estimate, const NormalPrior& prior) {
  if (!(estimate.standard_error > 0)) return Undefined(reason::kZeroVariance);
  if (!(prior.variance >= 0))
    return absl::InvalidArgumentError("prior.variance: must not be negative");
  const double variance = estimate.standard_error * estimate.standard_error;
  const double weight = prior.variance / (prior.variance + variance);
  return Estimate{prior.mean + weight * (estimate.estimate - prior.mean),
                  std::sqrt(weight * variance), INFINITY, estimate.units};
}

absl::StatusOr<double> MedianUnbiasedGivenSignificance(const Estimate& estimate, double alpha) {
  if (!(alpha > 0 && alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  if (!(estimate.standard_error > 0)) return Undefined(reason::kZeroVariance);
  const double z = std::fabs(estimate.estimate) / estimate.standard_error;
  const double c = NormalUpperQuantile(alpha / 2);
  if (!(z > c)) return Undefined(reason::kNotSupported);
  // P(Z > z | |Z| > c) rises in the mean mu of Z; with mu in [0, z] it passes 1/2, or the answer is
  // 0 because the observed value is large even for an effect of 0.
  const auto excess = [&](double mu) {
    return NormalSurvival(z - mu) / (NormalSurvival(c - mu) + NormalSurvival(c + mu)) - 0.5;
  };
  const double mu = excess(0) >= 0 ? 0 : FindZero(excess, 0, z);
  return std::copysign(mu * estimate.standard_error, estimate.estimate);
}

}  // namespace upswing::statistics
