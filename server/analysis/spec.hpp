#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/metrics/definition.hpp"

namespace upswing::analysis {

struct VariantSpec {
  std::string key;
  double weight = 1;

  bool operator==(const VariantSpec&) const = default;
};

/// A cut by a condition instead of an attribute's values: units are "in" or "out".
struct SegmentCut {
  std::string key;         ///< As the report calls it.
  std::string definition;  ///< Whatever changes the meaning of `holds` changes this.
  /// Of the values of `ExperimentSpec::report_by` at first exposure, "" where there was none.
  /// Called by several threads.
  std::function<bool(absl::Span<const std::string>)> holds;

  friend bool operator==(const SegmentCut& a, const SegmentCut& b) {
    return a.key == b.key && a.definition == b.definition;
  }
};

/// What to analyse: one iteration of one experiment. All times are milliseconds since
/// 1970-01-01T00:00:00Z. The result is a function of the records and of this.
struct ExperimentSpec {
  std::string experiment;  ///< Key; `holdout:<key>` for a holdout (variants `held` and `open`).
  std::uint32_t iteration = 1;
  std::string unit_type;      ///< What is randomised.
  std::string fallback_unit;  ///< Unit type that decides when `unit_type` is missing; empty = none.
  /// Observation unit inside a cluster: with `unit_type` "room" and this "user", rooms are the
  /// clusters and each (room, user) pair is one observation. Empty = units are not clusters.
  std::string observation_unit;
  std::vector<VariantSpec> variants;  ///< In the report's order.
  /// Enrolment ends here (exclusive); events go on counting within their windows.
  std::optional<std::int64_t> end_ms;
  /// Records later than this are ignored, whenever they arrived.
  std::int64_t as_of_ms = 0;
  /// A windowed metric counts a unit once t0 + window + lateness <= as_of.
  std::int64_t lateness_ms = 24LL * 3600 * 1000;
  bool mature_only = true;
  std::string timezone = "UTC";        ///< IANA name: what a day is.
  std::vector<std::string> report_by;  ///< Attributes to cut by, as at first exposure.
  std::size_t carried = 0;  ///< The last so many of `report_by` are read for `cuts` alone.
  std::vector<SegmentCut> cuts;
  std::vector<metrics::MetricDefinition> metrics;  ///< Terms of linear metrics included.
  /// From when events can be seen (for covariates); nullopt = the earliest event in the store.
  std::optional<std::int64_t> history_start_ms;
  /// Frozen winsorisation caps by metric key; others are computed (see `MetricResult::cap`).
  std::map<std::string, double> caps;
  std::map<std::string, double> covariate_caps;
  bool by_day = true;
  /// Days from 1, ascending: what was final at the end of each is kept apart, for planned looks;
  /// see `MetricCells::looks`.
  std::vector<int> looks;

  bool operator==(const ExperimentSpec&) const = default;
};

}  // namespace upswing::analysis
