#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/analysis/result.hpp"
#include "server/analysis/spec.hpp"
#include "server/report/build.hpp"
#include "server/report/result.hpp"
#include "server/statistics/metric_contrast.hpp"

namespace upswing::report {

/// One column of the report: a metric, or one step of a funnel.
struct Column {
  const metrics::MetricDefinition* metric = nullptr;
  std::size_t index = 0;      ///< Of the metric in the spec.
  std::size_t component = 0;  ///< First variable of the cell that this column looks at.
  std::string name;
  statistics::MetricShape shape;
};

std::vector<Column> Columns(const analysis::ExperimentSpec& spec);

/// What the report says about the columns themselves; caps come from the
/// result.
std::vector<MetricInfo> DescribeColumns(const std::vector<Column>& columns, const Plan& plan,
                                        const analysis::AnalysisResult& result);

/// "primary", "guardrail", "secondary" or "" (not in the plan).
std::string RoleOf(const Plan& plan, std::string_view metric);

/// "up", "down" or "neither".
std::string GoodOf(const metrics::MetricDefinition& metric);

/// Whether a unit's value is 0 or 1.
bool IsBinary(const metrics::MetricDefinition& metric);

/// Whether only differences between arms enter the metric, so that an arm alone has no value.
bool IsIncremental(const metrics::MetricDefinition& metric);

/// Whether a window closes after which a unit's value cannot change. Anytime
/// results need one.
bool IsClosed(const metrics::MetricDefinition& metric);

/// The variables of `cell` that belong to `column`. `arm` is the whole arm that
/// the cell is a part of; a quantile is that of the arm.
absl::StatusOr<statistics::Moments> MomentsOf(const analysis::Cell& cell,
                                              const analysis::MetricCells& arm,
                                              const Column& column);

std::vector<Bin> DistributionOf(const analysis::MetricCells& arm);

MetricSummary Summarise(const analysis::Cell& cell, const analysis::MetricCells& arm,
                        const Column& column);

}  // namespace upswing::report
