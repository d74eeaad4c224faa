#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/statistics/estimate.hpp"
#include "server/statistics/proportions.hpp"

namespace upswing::statistics {

/// Events of a Poisson process over an exposure (seconds, sessions, ...). For counts of users'
/// events, which vary more than a Poisson process does, compare means per user instead; this is for
/// system counters such as crashes.
struct EventCount {
  std::int64_t events = 0;
  double exposure = 0;  ///< above 0
};

/// Two-sided tests that both rates are equal.
struct RateTests {
  ZTest score;
  ZTest square_root;   ///< variance-stabilised, with 3/8 added
  double exact_p = 1;  ///< conditional on the total: binomial
  double exact_mid_p = 1;
  /// treatment / control, exact (Clopper-Pearson on the conditional binomial); the upper end may be
  /// infinite.
  Interval rate_ratio;
};

/// Errors: kInvalidArgument for negative events or an exposure not above 0; undefined
/// `not_enough_data` without any event.
/// Sources: K. Gu, H. K. T. Ng, M. L. Tang, W. R. Schucany (2008), Biometrical Journal 50(2).
absl::StatusOr<RateTests> CompareRates(const EventCount& control, const EventCount& treatment,
                                       double alpha = 0.05);

}  // namespace upswing::statistics
