#include "server/statistics/counts.hpp"

#include <cmath>

#include "server/statistics/distributions.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {

absl::StatusOr<RateTests> CompareRates(const EventCount& control, const EventCount& treatment,
                                       double alpha) {
  for (const EventCount* arm : {&control, &treatment}) {
    if (arm->events < 0) return absl::InvalidArgumentError("events: must not be negative");
    if (!(arm->exposure > 0) || std::isinf(arm->exposure))
      return absl::InvalidArgumentError("exposure: must be finite and above 0");
  }
  const std::int64_t total = control.events + treatment.events;
  if (total == 0) return Undefined(reason::kNotEnoughData);
  const auto share_interval = ClopperPearsonInterval({total, treatment.events}, alpha);
  if (!share_interval.ok()) return share_interval.status();

  const auto x_c = static_cast<double>(control.events);
  const auto x_t = static_cast<double>(treatment.events);
  const double odds = treatment.exposure / control.exposure;
  const auto test = [](double z) { return ZTest{z, 2 * NormalSurvival(std::fabs(z))}; };
  RateTests tests;
  tests.score = test((x_t - x_c * odds) / std::sqrt((x_t + x_c) * odds));
  tests.square_root =
      test(2 * (std::sqrt(x_t + 0.375) - std::sqrt((x_c + 0.375) * odds)) / std::sqrt(1 + odds));
  const double share = treatment.exposure / (treatment.exposure + control.exposure);
  tests.exact_p = BinomialTestP(treatment.events, total, share, Alternative::kTwoSided);
  tests.exact_mid_p = BinomialTestP(treatment.events, total, share, Alternative::kTwoSided, true);
  const auto ratio = [&](double p) { return p >= 1 ? INFINITY : p / (1 - p) / odds; };
  tests.rate_ratio = {ratio(share_interval->lower), ratio(share_interval->upper)};
  return tests;
}

}  // namespace upswing::statistics
