#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "server/analysis/reducer.hpp"
#include "server/analysis/sql/condition.hpp"
#include "server/analysis/sql/statement.hpp"

namespace upswing::analysis {

using Texts = std::vector<std::string>;

inline constexpr std::int64_t kSqlNever = std::numeric_limits<std::int64_t>::max();

/// What a statement is to find out, and the expressions that all of its parts need. What it is made
/// from outlives it.
class Question {
 public:
  Question(const PassOptions& pass, const Reducer::Wanted& of_it, const SqlScope& where)
      : options(pass),
        plan(*pass.plan),
        spec(*plan.spec),
        wanted(of_it),
        scope(where),
        reads(plan.StreamsOf(of_it.metrics)) {}

  /// Units are clusters of units that are observed.
  bool clusters() const { return !spec.observation_unit.empty(); }
  bool by_day() const { return spec.by_day && !clusters(); }
  const metrics::MetricDefinition& Definition(std::size_t m) const {
    return *plan.metrics[m].definition;
  }
  bool HasWindow(std::size_t m) const {
    return Definition(m).type == metrics::MetricType::kRetention ||
           Definition(m).window_ms.has_value();
  }
  /// Whether a value counts from the day on which it is final, instead of growing day by day.
  bool CountsOnce(std::size_t m) const { return spec.mature_only && HasWindow(m); }
  std::size_t Components(std::size_t m) const {
    return static_cast<std::size_t>(plan.metrics[m].components);
  }
  /// Components and covariates.
  std::size_t Dimension(std::size_t m) const {
    return static_cast<std::size_t>(plan.metrics[m].dimension());
  }
  template <typename Function>
  void ForEachMetric(Function&& function) const {
    for (std::size_t m = 0; m < plan.metrics.size(); ++m)
      if (wanted.metrics[m]) function(m);
  }

  /// Of a metric with a cap: the variables that have one.
  std::vector<std::size_t> CappedVariables(std::size_t m) const {
    if (plan.metrics[m].covariates == 0) return {0};
    return {0, Components(m)};
  }
  /// Variable `i` of a metric below its cap.
  std::string Capped(std::size_t m, std::size_t i, const std::string& value) const;
  /// Int32: the calendar's day in which a time (Int64) lies.
  std::string DayOf(const std::string& time) const;
  /// Int64: start of the day that lies so many after day `d0`.
  std::string StartAfter(int days) const;
  /// Ends of the looks that see final values for the first time; empty where immature units are in.
  Texts Looks() const;
  /// The first look that sees the final value, of a metric with a window; their number if none
  /// does.
  std::string LookOf(std::size_t m) const;

  const PassOptions& options;
  const Plan& plan;
  const ExperimentSpec& spec;
  const Reducer::Wanted& wanted;
  const SqlScope& scope;
  const std::vector<bool> reads;  ///< By stream: what the wanted metrics look at.
};

}  // namespace upswing::analysis
