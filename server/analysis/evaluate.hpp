#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "server/analysis/calendar.hpp"
#include "server/analysis/plan.hpp"
#include "server/analysis/unit_sum.hpp"
#include "server/analysis/unit_view.hpp"

namespace upswing::analysis {

/// A stretch of time, half-open. Unit: milliseconds since 1970.
struct Interval {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

/// Most components that a metric may have.
inline constexpr int kMostComponents = 32;

/// A unit's value at the end of a day, and on that day alone; as many components as the metric has.
struct DayValue {
  int day = 0;
  double cumulative[kMostComponents];
  double daily[kMostComponents];
};

/// Values of one unit's metrics. Holds scratch memory; one per thread.
class Evaluator {
 public:
  Evaluator(const Plan* plan, const Calendar* calendar) : plan_(plan), calendar_(calendar) {}

  /// The streams of the unit at hand, by the plan's numbers.
  void SetUnit(const std::vector<const UnitView*>& streams) { streams_ = &streams; }

  /// kQuantile: the quantiles that events are compared with, by metric; they outlive the values
  /// asked for. Null: none is known yet.
  void SetQuantiles(const std::vector<double>* quantiles) { quantiles_ = quantiles; }

  /// The stretch in which events count for a unit exposed at `t0`, cut at the end (exclusive) of
  /// what is observed; for retention the days asked for.
  Interval Window(const CompiledMetric& metric, std::int64_t t0, std::int64_t end) const;
  /// When the window closes; INT64_MAX without one.
  std::int64_t Closes(const CompiledMetric& metric, std::int64_t t0) const;

  /// Writes the metric's components over `in`. False: the unit has no value (kLast without
  /// `missing`). Adds the number of events behind the value to `events`.
  bool Value(const CompiledMetric& metric, std::int64_t t0, Interval in, double* out,
             std::int64_t* events);
  /// Sum of the values that a selector finds.
  double SumOf(const CompiledSelector& selector, Interval in);

  /// Calls function(number) for the numbers of the events that a selector finds.
  template <typename Function>
  void ForEachNumber(const CompiledSelector& selector, Interval in, Function&& function) {
    ForEach(selector, in,
            [&](const UnitView& view, const CompiledSelector::Part& part, std::size_t i) {
              const double value = view.values[static_cast<std::size_t>(part.value)][i];
              if (!std::isnan(value)) function(value);
            });
  }

  /// True for metrics whose value of a day means something.
  static bool HasDaily(const CompiledMetric& metric);
  /// True for metrics of which a unit without events has zeros.
  static bool StartsAtZero(const CompiledMetric& metric);
  /// True for metrics whose values of single units are counted in a histogram: not those of nothing
  /// but 0 and 1, and not ratios, of which a unit has only a part.
  static bool HasHistogram(const CompiledMetric& metric);
  /// The metric's value after each day in which it may have changed, in order. Entries are in
  /// `days`[0, the result).
  std::size_t ByDay(const CompiledMetric& metric, std::int64_t t0, Interval in,
                    std::vector<DayValue>* days);

 private:
  struct Row {
    std::int64_t time;
    double value;
    std::uint64_t id;  // event id, or identity for kDistinct
    std::uint64_t ref;
    std::int32_t tag;
    std::uint64_t record;  // stream and row: the same record collected twice has the same
  };
  /// What a selector finds up to the end of a day, and on that day alone.
  struct PartOfDay {
    int day = 0;
    std::int64_t count = 0, count_of_day = 0;
    double sum = 0, sum_of_day = 0;
  };
  const UnitView& Stream(int number) const {
    return *(*streams_)[static_cast<std::size_t>(number)];
  }
  /// Rows [first, last) of a view whose times lie in the interval.
  static std::pair<std::size_t, std::size_t> RowsIn(const UnitView& view, Interval in);
  static bool IsPlain(const CompiledSelector& selector) {
    return selector.parts.size() == 1 && selector.parts[0].filter < 0 && selector.refers_to < 0;
  }
  /// True if one walk over the rows, which are in order of time, tells its days.
  static bool IsWalk(const CompiledSelector& selector) {
    return selector.parts.size() == 1 && selector.refers_to < 0;
  }
  std::int64_t CountOf(const CompiledSelector& selector, Interval in);
  /// The days with events; with `sums` those of numbers only. For `IsWalk`.
  void WalkDays(const CompiledSelector& selector, bool sums, Interval in,
                std::vector<PartOfDay>* days);
  // Calls function(view, part, row) for the rows that pass. Rows of one part come in order of time.
  template <typename Function>
  void ForEach(const CompiledSelector& selector, Interval in, Function&& function) {
    for (const CompiledSelector::Part& part : selector.parts) {
      const UnitView& view = Stream(part.stream);
      const std::uint8_t* pass =
          part.filter < 0 ? nullptr : view.pass[static_cast<std::size_t>(part.filter)];
      const auto [first, last] = RowsIn(view, in);
      for (std::size_t i = first; i < last; ++i) {
        if (pass != nullptr && pass[i] == 0) continue;
        if (selector.refers_to >= 0 &&
            !Refers(selector, view.ref_id == nullptr ? 0 : view.ref_id[i], in))
          continue;
        function(view, part, i);
      }
    }
  }
  void Collect(const CompiledSelector& selector, Interval in, std::int32_t tag);
  void SortCollected();
  bool Refers(const CompiledSelector& selector, std::uint64_t ref, Interval in) const;
  void PairValue(const CompiledMetric& metric, Interval in, double* out, std::int64_t* events);
  void FunnelValue(const CompiledMetric& metric, Interval in, double* out, std::int64_t* events);

  const Plan* plan_;
  const Calendar* calendar_;
  const std::vector<const UnitView*>* streams_ = nullptr;
  const std::vector<double>* quantiles_ = nullptr;
  std::vector<Row> rows_;
  std::vector<std::uint64_t> ids_;
  std::vector<PartOfDay> days_, denominator_days_;
};

}  // namespace upswing::analysis
