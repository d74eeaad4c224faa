#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/analysis/result.hpp"
#include "server/analysis/spec.hpp"
#include "server/report/plan.hpp"
#include "server/report/result.hpp"
#include "server/statistics/bounds_cache.hpp"

namespace upswing::report {

/// What a report is made of.
struct Input {
  std::string hypothesis;
  std::string control;  ///< Key of a variant of `spec`.
  Plan plan;
  /// Weights of the variants, in the spec's order, by phase; where weights never changed, empty.
  std::map<std::uint32_t, std::vector<double>> phase_weights;
  const analysis::ExperimentSpec* spec = nullptr;
  const analysis::AnalysisResult* result = nullptr;
  /// Bounds of group-sequential plans that were computed before; may be null.
  statistics::BoundsCache* bounds = nullptr;
};

/// Turns sufficient statistics into a report. Pure. A metric that a method
/// cannot judge has a reason in the place of the number; nothing here fails.
Report Build(const Input& input);

/// Milliseconds since 1970 as "2026-11-22T00:00:00Z", with ".250" where there
/// are milliseconds.
std::string FormatTime(std::int64_t millis);

}  // namespace upswing::report
