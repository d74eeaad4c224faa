#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace upswing::report {

/// A number that may not exist; then `reason` says why, in one of the words of
/// server/statistics/reason.hpp or of analysis (`open_window`, `window_not_complete`, ...).
struct Figure {
  std::optional<double> value;
  std::string reason;
};

/// An estimate and its interval at the plan's confidence level. An end that is not finite
/// (Fieller's unbounded cases) is absent.
struct Interval {
  Figure estimate;
  std::optional<double> low;
  std::optional<double> high;
  std::string method;  ///< Shown beside the numbers where one metric has several; may be empty.
};

/// One metric in one variant. `mean` is per unit, except for ratios, where it is the ratio of the
/// sums.
struct MetricSummary {
  std::string metric;
  std::int64_t units = 0;    ///< Units whose window is complete.
  std::int64_t pending = 0;  ///< Units whose window is still open.
  Figure sum;
  Figure mean;
  Figure variance;  ///< Between units, divisor n - 1.
};

struct VariantSummary {
  std::string key;
  std::int64_t units = 0;
  std::vector<MetricSummary> metrics;
};

struct AnytimeResult {
  Interval interval;
  Figure p_value;
};

struct CupedResult {
  Interval absolute;
  Interval relative;
  Figure p_value;
  Figure variance_reduction;  ///< Share of the variance that the covariate explains, in [0, 1].
};

struct BayesianResult {
  Figure chance_to_win;  ///< Probability that the variant is better than control, direction of
                         ///< `good` applied.
  Figure expected_loss;  ///< Of choosing the variant, in the metric's unit.
};

/// One variant against control on one metric.
struct Comparison {
  std::string metric;
  std::string variant;
  std::string role;    ///< "primary", "secondary", "guardrail" or "" (not in the plan).
  std::string good;    ///< "up" or "down": which direction is an improvement.
  std::string method;  ///< Of absolute and p_value, e.g. "welch".
  Interval absolute;
  Interval relative;
  Interval relative_fieller;
  Figure p_value;
  Figure p_value_adjusted;
  AnytimeResult anytime;
  std::optional<CupedResult> cuped;  ///< Absent where the metric has no covariate.
  BayesianResult bayesian;
  Figure detectable;  ///< Smallest relative lift that this many units would find with power 0.8.
};

/// Comparisons of the units whose attribute had this value at first exposure.
struct Segment {
  std::string attribute;
  std::string value;
  std::vector<VariantSummary> variants;
  std::vector<Comparison> comparisons;
};

/// The comparisons of one calendar day: units that entered until its end (`cumulative`) or on it.
struct Day {
  std::string date;  ///< YYYY-MM-DD in the project's time zone.
  bool cumulative = false;
  std::vector<VariantSummary> variants;
  std::vector<Comparison> comparisons;
};

struct HealthCheck {
  std::string name;
  std::string severity;  ///< "block" or "warn"
  bool ok = true;
  Figure p_value;
  Figure effect;
  double threshold = 0;
  std::string detail;
};

struct Health {
  bool ok = true;  ///< No check of severity "block" failed.
  Figure srm_p_value;
  std::vector<double> srm_expected;  ///< Shares by variant, in the order of `Report::variants`.
  std::vector<HealthCheck> checks;
};

/// What the plan says to do now.
struct Decision {
  std::string
      action;  ///< "ship", "keep_running", "stop_harm", "stop_futile" or "blocked_unhealthy"
  std::string reason;   ///< One sentence.
  std::string variant;  ///< The variant that `action` is about; may be empty.
};

/// Everything a report says about one experiment. The renderers add nothing to it.
struct Report {
  std::string experiment;
  std::string hypothesis;
  std::int64_t iteration = 1;
  std::string as_of;  ///< RFC 3339, UTC.
  std::string first_exposure;
  std::string last_record;
  std::string control;
  double confidence = 0.95;
  std::int64_t records = 0;  ///< Exposures and events that the analysis read.
  std::int64_t units_in_several_variants = 0;
  std::int64_t units_forced = 0;
  std::int64_t events_without_unit = 0;
  std::vector<VariantSummary> variants;  ///< Control first.
  std::vector<Comparison> comparisons;
  std::vector<Segment> segments;
  std::vector<Day> days;
  Decision decision;
  Health health;
};

}  // namespace upswing::report
