#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/estimate.hpp"
#include "server/statistics/proportions.hpp"

namespace upswing::statistics {

/// A normal prior of the effect, on the scale of the estimate.
struct NormalPrior {
  double mean = 0;
  double variance = 0;  ///< above 0

  /// The same belief about the absolute effect when this one is about the lift, and back: effects
  /// scale with |base|, the control's value.
  NormalPrior Scaled(double factor) const { return {mean * factor, variance * factor * factor}; }
};

struct EffectPosterior {
  double mean = 0;
  double standard_deviation = 0;
  Interval interval;                      ///< central, probability 1 - alpha
  double chance_to_win = 0;               ///< P(effect is good)
  double risk_of_shipping_treatment = 0;  ///< E max(loss, 0) if the treatment is shipped
  double risk_of_keeping_control = 0;     ///< E max(gain, 0) that is forgone otherwise
};

/// Normal likelihood with known variance; without a prior the flat one:
///
///     1/sd^2 = 1/se^2 + 1/v0,   mean = sd^2 (estimate/se^2 + m0/v0)
///     risk of shipping = sd phi(z) - mean Phi(-z), of keeping = sd phi(z) + mean Phi(z), z =
///     mean/sd
///
/// Risks are on the scale of the estimate. `good_is_lower` turns the meaning of winning around. A
/// chance to win above 95 % at a moment of one's choice is not an error rate of 5 %: use the
/// anytime p-value for that. Errors: kInvalidArgument for alpha or a prior variance outside its
/// range; undefined `zero_variance`.
absl::StatusOr<EffectPosterior> NormalEffectPosterior(const Estimate& estimate,
                                                      const std::optional<NormalPrior>& prior,
                                                      double alpha, bool good_is_lower = false);

/// Conversions with a Beta(prior_alpha, prior_beta) prior on each rate.
struct BetaBinomialPosterior {
  double chance_to_win = 0;                     ///< P(p_treatment > p_control)
  double expected_loss_shipping_treatment = 0;  ///< E max(p_control - p_treatment, 0)
  double expected_loss_keeping_control = 0;     ///< E max(p_treatment - p_control, 0)
  Interval difference;  ///< central 1 - alpha interval of p_treatment - p_control
};

/// By quadrature of the two beta densities; absolute error below 1e-11 for the chance.
/// Errors: kInvalidArgument for conversions outside [0, n] or priors not above 0.
absl::StatusOr<BetaBinomialPosterior> CompareBetaBinomial(const Conversions& control,
                                                          const Conversions& treatment,
                                                          double prior_alpha, double prior_beta,
                                                          double alpha = 0.05);

/// P(arm i has the largest value) for independent normal posteriors, by quadrature; they sum to 1.
/// kInvalidArgument if the lengths differ or a standard deviation is not above 0.
absl::StatusOr<std::vector<double>> BestArmProbabilities(absl::Span<const double> means,
                                                         absl::Span<const double> deviations);

}  // namespace upswing::statistics
