#include "server/report/columns.hpp"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/report/figures.hpp"
#include "server/statistics/quantile.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::report {
namespace {

using metrics::MetricType;

bool IsRatio(const metrics::MetricDefinition& metric) {
  return metric.type == MetricType::kRatio || metric.type == MetricType::kMean ||
         metric.type == MetricType::kPair || IsIncremental(metric);
}

// The names of the metric language.
const char* NameOf(MetricType type) {
  static constexpr const char* kNames[] = {
      "conversion", "count",    "sum",      "mean",      "max",
      "last",       "ratio",    "quantile", "retention", "funnel",
      "time_to",    "distinct", "pair",     "linear",    "incremental_ratio"};
  return kNames[static_cast<std::size_t>(type)];
}

}  // namespace

std::vector<Column> Columns(const analysis::ExperimentSpec& spec) {
  std::vector<Column> columns;
  for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
    const metrics::MetricDefinition& metric = spec.metrics[i];
    if (metric.type == MetricType::kFunnel) {
      for (std::size_t step = 0; step < metric.steps.size(); ++step) {
        const auto& events = metric.steps[step].events;
        columns.push_back(
            {&metric,
             i,
             step,
             absl::StrCat(metric.key, ".", step + 1, events.empty() ? "" : "_" + events[0]),
             {}});
      }
      continue;
    }
    Column column{&metric, i, 0, metric.key, {}};
    // Rows of a cluster design are clusters: sums over observation units, and their number.
    const bool clusters = !spec.observation_unit.empty() && metrics::Components(metric) == 1;
    column.shape.ratio = IsRatio(metric) || clusters;
    if (clusters) {
      columns.push_back(std::move(column));
      continue;
    }
    if (metric.covariate) {
      // The covariate's components come first, then the indicator of units
      // without a full history.
      column.shape.ratio_covariate = column.shape.ratio;
      column.shape.mean_covariates = column.shape.ratio ? 1 : 2;
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

std::string RoleOf(const Plan& plan, std::string_view metric) {
  if (metric == plan.primary) return "primary";
  for (const Plan::Guardrail& guardrail : plan.guardrails) {
    if (guardrail.metric == metric) return "guardrail";
  }
  return std::find(plan.secondary.begin(), plan.secondary.end(), metric) != plan.secondary.end()
             ? "secondary"
             : "";
}

std::string GoodOf(const metrics::MetricDefinition& metric) {
  return metric.good == metrics::GoodDirection::kDown ? "down"
         : metric.good == metrics::GoodDirection::kUp ? "up"
                                                      : "neither";
}

bool IsIncremental(const metrics::MetricDefinition& metric) {
  return metric.type == MetricType::kIncrementalRatio;
}

bool IsBinary(const metrics::MetricDefinition& metric) {
  return metric.type == MetricType::kConversion || metric.type == MetricType::kRetention ||
         metric.type == MetricType::kFunnel;
}

bool IsClosed(const metrics::MetricDefinition& metric) {
  return metric.window_ms.has_value() || metric.type == MetricType::kRetention;
}

std::vector<MetricInfo> DescribeColumns(const std::vector<Column>& columns, const Plan& plan,
                                        const analysis::AnalysisResult& result) {
  std::vector<MetricInfo> list;
  for (const Column& column : columns) {
    const metrics::MetricDefinition& metric = *column.metric;
    MetricInfo info{column.name,
                    metric.key,
                    NameOf(metric.type),
                    RoleOf(plan, metric.key),
                    GoodOf(metric),
                    {},
                    {},
                    {},
                    {},
                    0};
    if (metric.window_ms) info.window_days = static_cast<double>(*metric.window_ms) / 86'400'000.0;
    if (metric.type == MetricType::kFunnel)
      info.funnel_step = static_cast<int>(column.component) + 1;
    if (metric.type == MetricType::kQuantile) info.quantile = metric.quantile;
    if (const auto cap = result.caps.find(metric.key); cap != result.caps.end()) {
      info.cap = cap->second.cap;
      info.removed_share = cap->second.removed_share;
    }
    list.push_back(std::move(info));
  }
  return list;
}

absl::StatusOr<statistics::Moments> MomentsOf(const analysis::Cell& cell,
                                              const analysis::MetricCells& arm,
                                              const Column& column) {
  absl::StatusOr<statistics::Moments> moments = cell.sums.Reduce();
  if (column.metric->type == MetricType::kQuantile) {
    if (!moments.ok()) return moments;
    if (!arm.quantile) return statistics::Undefined(statistics::reason::kNotEnoughData);
    const absl::StatusOr<statistics::Moments> whole = arm.total.sums.Reduce();
    if (!whole.ok()) return whole;
    return statistics::QuantileMoments(*arm.quantile, whole->mean[0], *moments);
  }
  if (!moments.ok() || moments->dimension() == column.shape.dimension()) return moments;
  // Cells of days have no covariates.
  if (moments->dimension() == (column.shape.ratio ? 2u : 1u)) return moments;
  if (column.component >= moments->dimension())
    return statistics::Undefined(statistics::reason::kNotEnoughData);
  statistics::Moments part;
  part.n = moments->n;
  part.mean = {moments->mean[column.component]};
  part.centred = {moments->n < 2
                      ? 0.0
                      : moments->Variance(column.component) * static_cast<double>(moments->n - 1)};
  return part;
}

std::vector<Bin> DistributionOf(const analysis::MetricCells& arm) {
  std::vector<Bin> bins;
  const auto end = [](double value) {
    return std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
  };
  for (const analysis::HistogramBin& bin : arm.histogram)
    bins.push_back({end(bin.low), end(bin.high), bin.count});
  return bins;
}

MetricSummary Summarise(const analysis::Cell& cell, const analysis::MetricCells& arm,
                        const Column& column) {
  MetricSummary summary;
  summary.metric = column.name;
  summary.units = cell.units;
  summary.pending = cell.pending;
  const absl::StatusOr<statistics::Moments> moments = MomentsOf(cell, arm, column);
  if (!moments.ok()) {
    summary.sum.reason = summary.mean.reason = summary.variance.reason = Reason(moments.status());
    return summary;
  }
  if (column.metric->type == MetricType::kQuantile) {
    summary.sum.reason = "not_supported";  // A quantile has no sum.
  } else {
    summary.sum.value =
        column.component < cell.sums.dimension() ? cell.sums.sum(column.component).Round() : 0;
  }
  if (IsIncremental(*column.metric)) {
    summary.mean.reason = summary.variance.reason = "only_between_variants";
    return summary;
  }
  if (column.shape.ratio) {
    const absl::StatusOr<statistics::Arm> ratio = statistics::RatioArm(*moments);
    summary.mean =
        ratio.ok() ? Figure{ratio->value, ""} : Figure{std::nullopt, Reason(ratio.status())};
    summary.variance =
        ratio.ok() ? Figure{ratio->variance, ""} : Figure{std::nullopt, Reason(ratio.status())};
    return summary;
  }
  if (moments->n > 0) summary.mean.value = moments->mean[0];
  if (moments->n > 1) summary.variance.value = moments->Variance(0);
  if (moments->n < 1) summary.mean.reason = "not_enough_data";
  if (moments->n < 2) summary.variance.reason = "not_enough_data";
  return summary;
}

}  // namespace upswing::report
