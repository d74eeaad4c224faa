#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/statistics/estimate.hpp"

namespace upswing::statistics {

enum class DecisionAction { kShip, kKeepRunning, kStopHarm, kStopFutile, kBlockedUnhealthy };

/// "ship", "keep_running", "stop_harm", "stop_futile", "blocked_unhealthy".
const char* NameOf(DecisionAction action);

/// One metric's evidence, on the scale on which it is decided (usually the lift). `interval` and
/// `p_value` are those after corrections, and valid at this moment if `valid_now` below says so.
struct DecisionMetric {
  std::string name;
  bool defined = true;  ///< false: no interval; `reason` says why
  std::string reason;
  double estimate = 0;
  Interval interval;
  double p_value = 1;
  bool good_is_lower = false;
  /// Guardrails: the loss that is still accepted, above or equal 0, on the same scale.
  double margin = 0;
  bool absolute = false;  ///< The scale is the metric's own, not that of the lift.
  double null_value = 0;  ///< The value that means no effect: 1 for a return, else 0.
  /// Guardrails: whether the interval holds at this moment. One that does not cannot let a variant
  /// ship, and stops it only on very strong evidence.
  bool valid_now = true;
};

struct DecisionInput {
  /// Name and sentence of the first failed blocking check, if any.
  std::optional<std::string> unhealthy;
  DecisionMetric primary;
  std::vector<DecisionMetric> guardrails;
  double alpha = 0.05;
  /// Whether the intervals hold at this moment: an anytime or group-sequential plan, or the planned
  /// end of a fixed one.
  bool valid_now = false;
  bool planned_end_reached = false;
  std::int64_t days = 0;
  std::int64_t min_days = 0;
  std::int64_t units = 0;
  std::int64_t min_units = 0;
  /// Probability that the primary metric will still be significant if the planned effect is true.
  std::optional<double> conditional_power;
  double futile_below = 0.1;
};

struct Decision {
  DecisionAction action = DecisionAction::kKeepRunning;
  std::string reason;  ///< one sentence
  /// Why, as a word, and what the sentence names (metric, interval, days, ...), so that a report
  /// can say it in other languages: `unhealthy` {check}; `primary_harm` {metric, effect, interval};
  /// `guardrail_harm` {metric, margin, interval}; `too_early` {day, days}; `too_few` {units,
  /// least}; `undefined` {metric, reason}; `guardrail_undefined` {primary, guardrail, reason};
  /// `guardrail_open` {primary, guardrail, margin, interval}; `gain` {metric, effect, interval};
  /// `not_inferior` {metric, margin, effect, interval}; `no_gain` {metric, interval}; `not_shown`
  /// {metric, margin, interval}; `futile` {metric, chance}; `not_at_end` {metric, interval};
  /// `unclear` {metric, interval}.
  std::string cause;
  std::vector<std::string> terms;
};

/// In this order: an unhealthy experiment is blocked; harm (an interval wholly on the bad side for
/// the primary metric, wholly beyond its margin for a guardrail; a primary metric with a margin is
/// one of non-inferiority: it need not gain, but must be shown to lose less) stops it, also before
/// the planned end if the evidence is valid now or p < 0.001; before the minimum of days and units
/// nothing else is decided; a gain of the primary metric with every guardrail shown to be within
/// its margin ships; low conditional power or the planned end without a gain is futile; else it
/// keeps running.
Decision Decide(const DecisionInput& input);

}  // namespace upswing::statistics
