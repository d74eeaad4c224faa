#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace upswing::metrics {

/// How a metric reduces the events of one unit to a number (or to a numerator and a denominator).
enum class MetricType : std::uint8_t {
  kConversion,  ///< 1 if the unit has at least `threshold` events, else 0.
  kCount,       ///< Number of events.
  kSum,         ///< Sum of the events' values.
  kMean,        ///< Mean per event: sum of values over number of events (a ratio of sums).
  kMax,         ///< Largest value; 0 without events.
  kLast,        ///< Value of the last event; see `missing`.
  kRatio,       ///< `events` over `denominator`, both summed over units.
  kQuantile,    ///< Quantile of the events' values, clustered by unit.
  kRetention,   ///< 1 if the unit has at least `threshold` events on days [first, last] after
                ///< exposure.
  kFunnel,      ///< Per step, 1 if the unit reached it in order.
  kTimeTo,      ///< Seconds until the first event, the whole window without one.
  kDistinct,    ///< Number of distinct values of `value.property`.
  kPair,        ///< Seconds from each `from` event to the `events` event that answers it, per pair.
  kLinear,      ///< Signed sum of other metrics' unit values.
  kIncrementalRatio,  ///< Difference between arms of one metric over that of another: terms[0],
                      ///< [1].
};

/// A property's value as written in a condition.
using Literal = std::variant<bool, double, std::string>;

/// A test of one property of an event. A missing or mistyped property fails every operator except
/// `kNotIn`, which is the negation of `kIn`. Numbers compare as doubles; int64 beyond 2^53 exactly.
struct Condition {
  enum class Operator : std::uint8_t {
    kIn,
    kNotIn,
    kSet,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual
  };
  std::string property;
  Operator op = Operator::kIn;
  /// kIn, kNotIn: any number; the comparisons: exactly one number; kSet: one bool (is it set?).
  std::vector<Literal> values;

  bool operator==(const Condition&) const = default;
};

/// Which events enter, and which number of each.
struct EventSelector {
  /// Any of these names.
  std::vector<std::string> events;
  /// All must hold.
  std::vector<Condition> where;
  /// Property that holds the number; empty = the event's own value. Events without it are passed
  /// over where a value is needed.
  std::string value;
  /// kRatio: sum of the values instead of the number of events.
  bool sum = false;
  /// If not empty: only events whose `ref_id` names an event of this name (by `event_id`, same
  /// unit) that lies in the same window. So a refund of a purchase made before the exposure does
  /// not count.
  std::string refers_to;

  bool operator==(const EventSelector&) const = default;
};

/// Cap of unit values from above.
struct Winsorize {
  /// Quantile of the non-zero unit values (inverted CDF), in (0, 1); or
  std::optional<double> percentile_nonzero;
  /// the cap itself, above 0.
  std::optional<double> value;

  bool operator==(const Winsorize&) const = default;
};

/// The same metric before the exposure, or another selector's.
struct Covariate {
  /// Look-back: events in [t0 - window, t0). Unit: milliseconds, above 0.
  std::int64_t window_ms = 0;
  /// If it has no names, the metric itself before the exposure; else the sum of these events'
  /// values.
  EventSelector selector;
  /// True: no event means 0, also for units exposed sooner than `window_ms` after records began. An
  /// import that brings a pre-experiment value per unit writes it as an event before the exposure
  /// and sets this.
  bool complete_history = false;

  bool operator==(const Covariate&) const = default;
};

enum class GoodDirection : std::uint8_t { kUp, kDown, kNeither };

struct LinearTerm {
  std::string metric;  ///< Key of a metric with one value per unit (not ratio, mean, pair, ...).
  double weight = 1;

  bool operator==(const LinearTerm&) const = default;
};

/// How much of a loss a guardrail on the metric allows where the plan does not say: exactly one.
struct Margin {
  std::optional<double> relative;
  std::optional<double> absolute;

  bool operator==(const Margin&) const = default;
};

/// One metric. What a field means for a type is said at `MetricType`; `ParseMetrics` and
/// `Validate` refuse fields that a type does not use.
struct MetricDefinition {
  std::string key;
  MetricType type = MetricType::kConversion;
  EventSelector events;              ///< All types but kFunnel, kLinear, kIncrementalRatio.
  EventSelector denominator;         ///< kRatio.
  EventSelector from;                ///< kPair.
  std::vector<EventSelector> steps;  ///< kFunnel: at least 2.
  /// kLinear; kIncrementalRatio: numerator and denominator, which may be linear themselves.
  std::vector<LinearTerm> terms;
  std::int64_t threshold = 1;  ///< kConversion, kRetention. At least 1.
  double quantile = 0.5;       ///< kQuantile, in (0, 1).
  /// kRetention: whole days after the exposure, both included. By local calendar day (day 0 = that
  /// of the exposure) unless `elapsed_days`, where day k is [t0 + k*24h, t0 + (k+1)*24h).
  std::int32_t first_day = 0;
  std::int32_t last_day = 0;
  bool elapsed_days = false;
  /// kLast: value of a unit without events; nullopt = it is left out and not counted.
  std::optional<double> missing;
  /// Events count in [t0, t0 + window); nullopt = until `as_of`. kTimeTo needs one. kLinear and
  /// kIncrementalRatio: the longest of their terms' windows, if all have one.
  std::optional<std::int64_t> window_ms;
  std::optional<Covariate> covariate;
  std::optional<Winsorize> winsorize;
  GoodDirection good = GoodDirection::kUp;
  std::optional<Margin> margin;
  std::string description;

  bool operator==(const MetricDefinition&) const = default;
};

/// Number of values per unit: 2 (numerator, denominator) for kRatio, kMean, kPair and
/// kIncrementalRatio, 2 for kQuantile (events, and those of them at or below the arm's quantile),
/// the number of steps for kFunnel, else 1.
int Components(const MetricDefinition& metric);

}  // namespace upswing::metrics
