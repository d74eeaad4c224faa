#pragma once

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/bayesian.hpp"

namespace upswing::statistics {

/// The prior N(mean, variance) of true effects that past experiments imply: the moment estimate of
/// DerSimonian and Laird with the variance held at 0 or above (then `variance` is 0 and every
/// effect shrinks to the mean). Undefined: `not_enough_data` below 10 experiments.
absl::StatusOr<NormalPrior> PriorOfPastEffects(absl::Span<const double> effects,
                                               absl::Span<const double> variances);

/// The effect as the prior sees it: the posterior mean and its central interval. Of winners chosen
/// from many, these are unbiased where the raw effects are too large (if the prior fits).
absl::StatusOr<Estimate> Shrunken(const Estimate& estimate, const NormalPrior& prior);

/// Without a prior: the effect that would have exceeded the observed one in half of the experiments
/// that turned out significant in the two-sided test at `alpha` (median-unbiased given selection).
/// Equal to the estimate when that is far from the threshold, close to 0 just above it. Not defined
/// (`not_supported`) for an effect that was not significant: nothing was selected.
/// Source: H. Zhong, R. L. Prentice (2008), "Bias-reduced estimators and confidence intervals for
/// odds ratios in genome-wide association studies", Biostatistics 9(4).
absl::StatusOr<double> MedianUnbiasedGivenSignificance(const Estimate& estimate, double alpha);

}  // namespace upswing::statistics
