#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/analysis/histogram.hpp"
#include "server/statistics/moments.hpp"
#include "server/statistics/quantile.hpp"
#include "server/store/record_source.hpp"

namespace upswing::analysis {

/// One metric over one group of units (an arm, an arm in a segment, an arm up to a day, ...).
struct Cell {
  /// Variables per unit: the metric's components (`metrics::Components`: value; numerator and
  /// denominator; one per funnel step), then, where the metric has a covariate, the same components
  /// before the exposure and an indicator that is 1 if the unit's history was not fully observable.
  ///
  /// kQuantile: number of events with a number; how many of these are at or below the quantile of
  /// the arm, `MetricCells::quantile->estimate`: what `statistics::QuantileMoments` takes, of the
  /// arm or of any part of it.
  ///
  /// In a cluster design a row is a cluster: for single-component metrics (sum over its observation
  /// units, number of observation units), else sums of the components.
  statistics::MomentSums sums{1};
  /// Observation units inside `sums`; equals `sums.n()` unless units are clusters.
  std::int64_t units = 0;
  std::int64_t pending = 0;  ///< Units whose window is still open; not in `sums`.
  std::int64_t events = 0;   ///< Events behind the values.
};

struct MetricCells {
  std::string metric;
  Cell total;                ///< Without crossovers: the main analysis.
  Cell first_variant;        ///< With crossovers, by first variant: the intent-to-treat twin.
  std::vector<Cell> phases;  ///< As `total`, by phase of the first exposure; see `phases` below.
  std::vector<Cell> cumulative;  ///< As `total`, by day: everything up to the end of `days[i]`.
  /// By look of the spec: the units whose window had closed, and the lateness gone by, at the end
  /// of its day, with their covariates; in a cluster design the clusters as far as that. Looks
  /// after `as_of` hold what is known now. Without `pending` and `events`. Nothing in it for
  /// metrics whose window does not close; empty where immature units are in.
  std::vector<Cell> looks;
  std::vector<Cell> daily;  ///< Events on `days[i]` only, units exposed by its end.
  /// kQuantile: the quantile of the events of all units in `total`, exact, with its bounds; nullopt
  /// without events. With `m = total.sums.Reduce()`, an arm for comparisons is
  /// `statistics::QuantileMoments(*quantile, m.mean[0], m)`; a phase, a segment or a day takes the
  /// same `quantile` and the arm's `m.mean[0]` with its own moments.
  std::optional<statistics::QuantileSummary> quantile;
  /// How the values of `total` are spread, after caps: of units (of observation units in a cluster
  /// design) for counts, sums, maxima, last values, times, distinct things and linear metrics; of
  /// events for kQuantile. Empty for the other types.
  std::vector<HistogramBin> histogram;
};

struct SegmentCells {
  std::string attribute;
  std::string value;  ///< "" is also the value of units that lack the attribute.
  std::int64_t units_first_variant = 0;
  std::vector<Cell> metrics;  ///< In the spec's order.
};

struct VariantResult {
  std::string key;
  std::int64_t units = 0;  ///< Analysed: without crossovers.
  std::int64_t units_first_variant =
      0;                        ///< By first variant, before exclusion: what SRM is run on.
  std::int64_t crossovers = 0;  ///< Left out, by first variant.
  std::int64_t erased = 0;      ///< Erased since, by first variant; in no other number.
  /// What clients counted from the day of the iteration's first unit to that of `as_of`. By day of
  /// arrival in UTC, not by iteration: of an iteration that began on a day when another one ran,
  /// the first day holds both.
  store::DecisionCounts decisions;
  std::vector<std::int64_t> units_by_phase;  ///< By first variant, before exclusion.
  std::vector<std::int64_t> units_by_day;    ///< New units per day, by first variant.
  std::vector<MetricCells> metrics;          ///< In the spec's order.
  std::vector<SegmentCells> segments;        ///< Sorted by (attribute, value).
};

/// What was found out about a winsorised metric.
struct CapResult {
  double cap = 0;
  std::int64_t nonzero_units = 0;  ///< From 1,000 on the caller freezes the cap.
  bool frozen = false;             ///< It was given in the spec.
  double removed_share = 0;        ///< Share of the sum that the cap took away.
};

struct AnalysisResult {
  std::vector<VariantResult> variants;  ///< In the spec's order.
  std::vector<std::uint32_t> phases;    ///< Ascending; columns of the by-phase numbers.
  /// Local dates "2026-11-22", contiguous, from the first exposure to `as_of` or the last record.
  std::vector<std::string> days;
  /// From the first exposure record, of any iteration, to the last record of the metrics' names up
  /// to `as_of`. Milliseconds since 1970; nullopt without records.
  std::optional<std::int64_t> first_exposure_ms, last_record_ms;
  std::int64_t exposures = 0;     ///< Exposure records read, of any iteration.
  std::int64_t events = 0;        ///< Event records read, of the metrics' names.
  std::int64_t forced_units = 0;  ///< Units whose every exposure was forced.
  std::int64_t crossover_units = 0;
  std::int64_t unknown_variant_records = 0;  ///< Exposures to a variant the spec does not name.
  std::int64_t events_without_unit = 0;  ///< Events of the metrics' names without the needed id.
  /// Events of the metrics' names that clients lost in those days, by name, then
  /// `wire::DropReason`.
  std::map<std::string, std::map<std::uint8_t, std::int64_t>> dropped_events;
  std::int64_t erased_units = 0;          ///< Erased from this experiment since it began.
  std::map<std::string, CapResult> caps;  ///< By metric key.
  std::map<std::string, CapResult> covariate_caps;
  /// Blobs that failed their checksum and are not in the numbers. Not empty = do not trust.
  std::vector<std::string> unreadable;
};

}  // namespace upswing::analysis
