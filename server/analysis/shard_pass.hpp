#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "server/analysis/calendar.hpp"
#include "server/analysis/cell_sums.hpp"
#include "server/analysis/evaluate.hpp"
#include "server/analysis/histogram.hpp"
#include "server/analysis/plan.hpp"
#include "server/analysis/selection.hpp"
#include "server/store/record_source.hpp"

namespace upswing::analysis {

/// Pooled order statistics that have to be found before values can be capped and quantiles counted.
struct Search {
  struct Slot {
    double level = 0;     ///< The inverted CDF at this,
    bool bounds = false;  ///< between its values at the bounds of `statistics::QuantileSummary`.
    Narrowing narrowing;
    bool found = false;
    std::int64_t count = 0;  ///< Numbers behind it.
    /// Once found: one, or lower bound, quantile, upper bound; empty if there is no number.
    std::vector<double> values;
  };
  std::size_t kept = 0;  ///< Numbers that a slot may keep in memory, per thread.
  std::vector<Slot> slots;
  /// Slot by metric, -1 = none. Caps look at the non-zero values of analysed units.
  std::vector<int> cap, covariate_cap;
  /// By variant, then metric: the numbers of the events of its analysed units.
  std::vector<std::vector<int>> quantile;
};

/// One cell while it grows.
struct CellState {
  CellSums sums;
  std::int64_t units = 0;
  std::int64_t pending = 0;
  std::int64_t events = 0;

  void Merge(const CellState& other);
  void Subtract(const CellState& other);
};
/// Empty cells, one for each metric.
std::vector<CellState> CellsOf(const Plan& plan);

struct SegmentState {
  std::int64_t units_first_variant = 0;
  std::vector<CellState> metrics;
};

/// Changes at each day; running sums over days give the series.
struct DayState {
  std::vector<CellSums> cumulative;
  std::vector<CellSums> daily;
  std::vector<std::int64_t>
      entered;  ///< Units under observation from this day; the last: to no day.
};

struct PhaseState {
  std::int64_t units_first_variant = 0;
  std::vector<CellState> metrics;  ///< Without crossovers.
};

struct ArmState {
  std::map<std::uint32_t, PhaseState> phases;
  std::vector<CellState> crossed;  ///< Units that crossed over, by metric.
  std::int64_t crossovers = 0;
  std::vector<std::int64_t> units_by_day;
  std::vector<DayState> days;  ///< By metric.
  /// By metric, then look: what came to it since the look before.
  std::vector<std::vector<CellSums>> looks;
  std::vector<Histogram> values;  ///< By metric, without crossovers: `MetricCells::histogram`.
  std::map<std::pair<std::uint32_t, std::string>, SegmentState> segments;
};

/// What a pass took down of single units; see `UnitSample`.
struct SampledRows {
  std::uint64_t last_key = 0;       ///< Units with keys up to this are in it.
  std::vector<std::size_t> widths;  ///< By metric.
  std::vector<std::uint64_t> keys;
  std::vector<std::int32_t> variants;
  std::vector<double> values;                              ///< Row after row, metric after metric.
  std::vector<std::vector<std::vector<CellSums>>> by_age;  ///< By metric, variant, day.

  void Merge(SampledRows&& other);
};

/// Everything that a pass over some shards found. Passes merge in any order.
struct PassState {
  std::vector<ArmState> arms;
  std::int64_t exposures = 0;
  std::int64_t events = 0;
  std::int64_t forced_units = 0;
  std::int64_t unknown_variant_records = 0;
  std::vector<FastSum> removed;  ///< By metric: what caps took away.
  std::vector<FastSum> covariate_removed;
  std::vector<std::int64_t> nonzero;  ///< By metric: units with a value other than 0.
  std::vector<std::int64_t> covariate_nonzero;
  std::vector<std::string> unreadable;
  /// Passes that look for pooled order statistics only: by slot of `Search`.
  std::vector<Selection> selections;
  /// Of passes that take down single units; they add to nothing else that is shown.
  SampledRows sampled;

  /// `search`: null unless the pass looks for order statistics.
  PassState(const Plan& plan, int days, const Search* search);
  void Merge(PassState&& other);
  /// Appends days on which nothing happened, up to `days`.
  void Widen(int days);
  /// Takes out again, exactly, what some of the units put in.
  void Subtract(const PassState& other);
};

/// Caps by metric; infinity = none. Quantiles by variant, then metric; NaN = none.
struct Pooled {
  std::vector<double> cap;
  std::vector<double> covariate_cap;
  std::vector<std::vector<double>> quantile;

  /// A NaN is not equal to itself: pooled values with an arm without events differ.
  bool operator==(const Pooled&) const = default;
};

struct PassOptions {
  const Plan* plan = nullptr;
  const Calendar* calendar = nullptr;
  const store::RecordSource* source = nullptr;
  const Pooled* pooled = nullptr;
  std::int64_t history_start_ms = 0;
  /// If set: only gather the numbers that it asks for, in slots that are not found.
  const Search* search = nullptr;
  /// The metrics to look at; null = all.
  const std::vector<bool>* metrics = nullptr;
  /// Whether `PassState::sampled`, which has its limits set, is filled.
  bool sample = false;
  /// Fallback ids that became analysis units of their own, and since when: by key.
  const absl::flat_hash_map<std::uint64_t, std::int64_t>* fallback_since = nullptr;
};

/// Joins one shard of one unit type into `state`. `fallback`: `unit_type` is the spec's fallback.
/// `only`: the units to look at, ascending; null = all. kNotFound: the snapshot is gone; take a new
/// one.
absl::Status RunShard(const PassOptions& options, const std::string& unit_type, bool fallback,
                      int shard, const std::vector<std::uint32_t>* only, PassState* state);

/// Finds units of the fallback type that were exposed without an id of the spec's unit type, and
/// when first.
absl::Status FindFallbacks(const PassOptions& options, int shard,
                           absl::flat_hash_map<std::uint64_t, std::int64_t>* since);

}  // namespace upswing::analysis
