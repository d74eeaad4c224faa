#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/estimate.hpp"

namespace upswing::statistics {

/// One logged decision of a recommendation policy.
struct LoggedRound {
  double reward = 0;
  std::size_t action = 0;
  double propensity = 0;  ///< probability with which the logging policy chose `action`; in (0, 1]
  std::vector<double> target_policy;  ///< probability of each action under the policy to evaluate
  std::vector<double> reward_model;   ///< predicted reward of each action; empty if there is none
};

/// What the target policy would have earned per round. Weights w = target / propensity of the
/// logged action.
struct OffPolicyValues {
  double direct = 0;   ///< mean of the model's prediction under the target policy (needs a model)
  double ips = 0;      ///< mean(w r): unbiased, noisy
  double snips = 0;    ///< sum(w r) / sum(w)
  double clipped = 0;  ///< mean(min(w, clip) r)
  double doubly_robust = 0;         ///< direct + mean(w (r - prediction)) (needs a model)
  double switch_doubly_robust = 0;  ///< as doubly_robust, with w set to 0 where it is above clip
  /// (sum w)^2 / sum w^2: how many rounds the weighted ones are worth. Below 100 no estimate should
  /// be used; `reliable` says so.
  double effective_rounds = 0;
  bool reliable = false;
  Estimate ips_estimate;            ///< with standard error, rounds independent
  Estimate snips_estimate;          ///< delta method
  Estimate doubly_robust_estimate;  ///< with standard error
};

/// Undefined: `not_enough_data` below 2 rounds, `zero_denominator` if all weights are 0.
/// kInvalidArgument names the field: a propensity outside (0, 1], an action without probability,
/// lengths. Source: M. Dudik, J. Langford, L. Li (2011), ICML; A. Swaminathan, T. Joachims (2015),
/// NeurIPS; Y.-X. Wang, A. Agarwal, M. Dudik (2017), ICML.
absl::StatusOr<OffPolicyValues> EvaluatePolicy(absl::Span<const LoggedRound> rounds, double clip);

}  // namespace upswing::statistics
