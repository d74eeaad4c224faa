#include "server/statistics/off_policy.hpp"

#include <algorithm>
#include <cmath>

#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

Estimate FromArm(const Arm& arm) {
  const auto n = static_cast<double>(arm.n);
  return {arm.value, std::sqrt(arm.variance / n), n - 1, arm.n};
}

}  // namespace

absl::StatusOr<OffPolicyValues> EvaluatePolicy(absl::Span<const LoggedRound> rounds, double clip) {
  if (!(clip > 0)) return absl::InvalidArgumentError("clip: must be above 0");
  if (rounds.size() < 2) return Undefined(reason::kNotEnoughData);
  MomentSums weighted(2);  // w r, w
  MomentSums robust(1);
  double sum_w = 0, sum_w2 = 0, clipped = 0, direct = 0, switched = 0;
  const auto n = static_cast<double>(rounds.size());
  for (const LoggedRound& round : rounds) {
    if (!(round.propensity > 0 && round.propensity <= 1))
      return absl::InvalidArgumentError("propensity: must be above 0 and at most 1");
    if (round.action >= round.target_policy.size())
      return absl::InvalidArgumentError("action: has no probability in target_policy");
    const bool model = !round.reward_model.empty();
    if (model && round.reward_model.size() != round.target_policy.size())
      return absl::InvalidArgumentError("reward_model: as long as target_policy");
    const double w = round.target_policy[round.action] / round.propensity;
    double predicted = 0;
    for (std::size_t a = 0; model && a < round.target_policy.size(); ++a)
      predicted += round.target_policy[a] * round.reward_model[a];
    const double surprise = round.reward - (model ? round.reward_model[round.action] : 0);
    weighted.Add({w * round.reward, w});
    robust.Add(predicted + w * surprise);
    sum_w += w;
    sum_w2 += w * w;
    clipped += std::min(w, clip) * round.reward;
    direct += predicted;
    switched += predicted + (w <= clip ? w * surprise : 0);
  }
  if (sum_w == 0) return Undefined(reason::kZeroDenominator);
  const auto moments = weighted.Reduce();
  if (!moments.ok()) return moments.status();
  const auto robust_moments = robust.Reduce();
  if (!robust_moments.ok()) return robust_moments.status();
  const auto ips = MeanArm(*moments);
  const auto snips = RatioArm(*moments);
  const auto dr = MeanArm(*robust_moments);
  if (!snips.ok()) return snips.status();
  OffPolicyValues values;
  values.direct = direct / n;
  values.ips = ips->value;
  values.snips = snips->value;
  values.clipped = clipped / n;
  values.doubly_robust = dr->value;
  values.switch_doubly_robust = switched / n;
  values.effective_rounds = sum_w * sum_w / sum_w2;
  values.reliable = values.effective_rounds >= 100;
  values.ips_estimate = FromArm(*ips);
  values.snips_estimate = FromArm(*snips);
  values.doubly_robust_estimate = FromArm(*dr);
  return values;
}

}  // namespace upswing::statistics
