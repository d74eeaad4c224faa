#include "server/analysis/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace upswing::analysis {
namespace {

using metrics::MetricDefinition;
using metrics::MetricType;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

}  // namespace

bool Evaluator::Refers(const CompiledSelector& selector, std::uint64_t ref, Interval in) const {
  if (ref == 0) return false;
  const UnitView& view = Stream(selector.refers_to);
  if (view.event_id == nullptr) return false;
  for (std::size_t i = 0; i < view.size; ++i)
    if (view.event_id[i] == ref) return view.time[i] >= in.from && view.time[i] < in.to;
  return false;
}

std::pair<std::size_t, std::size_t> Evaluator::RowsIn(const UnitView& view, Interval in) {
  // A unit has few rows, and most lie inside: walking from both ends beats a search.
  std::size_t first = 0;
  std::size_t last = view.size;
  // Several at a time: no processor guesses how many came before.
  constexpr std::size_t kStep = 4;
  while (last - first >= kStep) {
    std::size_t before = 0;
    for (std::size_t i = 0; i < kStep; ++i) before += view.time[first + i] < in.from ? 1 : 0;
    first += before;
    if (before < kStep) break;
  }
  while (first < last && view.time[first] < in.from) ++first;
  while (last > first && view.time[last - 1] >= in.to) --last;
  return {first, last};
}

std::int64_t Evaluator::CountOf(const CompiledSelector& selector, Interval in) {
  if (IsPlain(selector)) {
    const auto [first, last] = RowsIn(Stream(selector.parts[0].stream), in);
    return static_cast<std::int64_t>(last - first);
  }
  std::int64_t count = 0;
  ForEach(selector, in,
          [&](const UnitView&, const CompiledSelector::Part&, std::size_t) { ++count; });
  return count;
}

void Evaluator::Collect(const CompiledSelector& selector, Interval in, std::int32_t tag) {
  ForEach(selector, in,
          [&](const UnitView& view, const CompiledSelector::Part& part, std::size_t i) {
            const double value = view.values[static_cast<std::size_t>(part.value)][i];
            const std::uint64_t id = part.identity >= 0
                                         ? view.identity[static_cast<std::size_t>(part.identity)][i]
                                         : (view.event_id == nullptr ? 0 : view.event_id[i]);
            rows_.push_back({view.time[i], value, id, view.ref_id == nullptr ? 0 : view.ref_id[i],
                             tag, static_cast<std::uint64_t>(part.stream) << 32 | i});
          });
}

// By time; rows of one time keep the order of selectors and streams, then of `store::SortRows`.
void Evaluator::SortCollected() {
  std::stable_sort(rows_.begin(), rows_.end(),
                   [](const Row& a, const Row& b) { return a.time < b.time; });
}

Interval Evaluator::Window(const CompiledMetric& metric, std::int64_t t0, std::int64_t end) const {
  const MetricDefinition& definition = *metric.definition;
  if (definition.type == MetricType::kRetention) {
    Interval days;
    if (definition.elapsed_days) {
      days = {t0 + definition.first_day * Calendar::kDayMs,
              t0 + (definition.last_day + 1) * Calendar::kDayMs};
    } else {
      days = {calendar_->StartOfDayAfter(t0, definition.first_day),
              calendar_->StartOfDayAfter(t0, definition.last_day + 1)};
    }
    return {std::max(t0, days.from), std::min(days.to, end)};
  }
  return {t0, std::min(Closes(metric, t0), end)};
}

std::int64_t Evaluator::Closes(const CompiledMetric& metric, std::int64_t t0) const {
  const MetricDefinition& definition = *metric.definition;
  if (definition.type == MetricType::kRetention) {
    return definition.elapsed_days ? t0 + (definition.last_day + 1) * Calendar::kDayMs
                                   : calendar_->StartOfDayAfter(t0, definition.last_day + 1);
  }
  if (!definition.window_ms.has_value() || t0 > kNever - *definition.window_ms) return kNever;
  return t0 + *definition.window_ms;
}

double Evaluator::SumOf(const CompiledSelector& selector, Interval in) {
  UnitSum sum;
  ForEachNumber(selector, in, [&](double value) { sum.Add(value); });
  return sum.Round();
}

bool Evaluator::Value(const CompiledMetric& metric, std::int64_t t0, Interval in, double* out,
                      std::int64_t* events) {
  const MetricDefinition& definition = *metric.definition;
  std::int64_t count = 0;
  // A term keeps its own window.
  const auto value_of_term = [&](std::size_t i, double* value) {
    const CompiledMetric& term = plan_->metrics[static_cast<std::size_t>(metric.terms[i].first)];
    Interval own = Window(term, t0, in.to);
    own.from = std::max(own.from, in.from);
    return Value(term, t0, own, value, &count);
  };
  const auto count_or_sum = [&](const CompiledSelector& selector) {
    const std::int64_t n = CountOf(selector, in);
    count += n;
    return selector.sum ? SumOf(selector, in) : static_cast<double>(n);
  };
  switch (definition.type) {
    case MetricType::kConversion:
    case MetricType::kRetention:
    case MetricType::kCount:
      count = CountOf(metric.events, in);
      out[0] = definition.type == MetricType::kCount ? static_cast<double>(count)
                                                     : (count >= definition.threshold ? 1 : 0);
      break;
    case MetricType::kSum:
    case MetricType::kMean: {
      UnitSum sum;
      ForEachNumber(metric.events, in, [&](double value) {
        sum.Add(value);
        ++count;
      });
      out[0] = sum.Round();
      if (definition.type == MetricType::kMean) out[1] = static_cast<double>(count);
      break;
    }
    case MetricType::kMax: {
      double max = -std::numeric_limits<double>::infinity();
      ForEachNumber(metric.events, in, [&](double value) {
        max = std::max(max, value);
        ++count;
      });
      out[0] = count == 0 ? 0 : max;
      break;
    }
    case MetricType::kLast: {
      rows_.clear();
      Collect(metric.events, in, 0);
      std::erase_if(rows_, [](const Row& row) { return std::isnan(row.value); });
      SortCollected();
      count = static_cast<std::int64_t>(rows_.size());
      if (rows_.empty() && !definition.missing.has_value()) return false;
      out[0] = rows_.empty() ? *definition.missing : rows_.back().value;
      break;
    }
    case MetricType::kRatio:
      out[0] = count_or_sum(metric.events);
      out[1] = count_or_sum(metric.denominator);
      break;
    case MetricType::kFunnel:
      FunnelValue(metric, in, out, &count);
      break;
    case MetricType::kTimeTo: {
      std::int64_t first = kNever;
      ForEach(metric.events, in,
              [&](const UnitView& view, const CompiledSelector::Part&, std::size_t i) {
                first = std::min(first, view.time[i]);
                ++count;
              });
      out[0] = static_cast<double>(first == kNever ? *definition.window_ms : first - t0) / 1000.0;
      break;
    }
    case MetricType::kDistinct: {
      ids_.clear();
      ForEach(metric.events, in,
              [&](const UnitView& view, const CompiledSelector::Part& part, std::size_t i) {
                ids_.push_back(view.identity[static_cast<std::size_t>(part.identity)][i]);
                ++count;
              });
      std::sort(ids_.begin(), ids_.end());
      ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
      const bool missing = !ids_.empty() && ids_.front() == 0;
      out[0] = static_cast<double>(ids_.size()) - (missing ? 1 : 0);
      break;
    }
    case MetricType::kPair:
      PairValue(metric, in, out, &count);
      break;
    case MetricType::kLinear: {
      double total = 0;
      for (std::size_t i = 0; i < metric.terms.size(); ++i) {
        double value = 0;
        // A term without a value (kLast) adds nothing.
        if (value_of_term(i, &value)) total += metric.terms[i].second * value;
      }
      out[0] = total;
      break;
    }
    case MetricType::kIncrementalRatio:
      for (std::size_t i = 0; i < 2; ++i) {
        if (!value_of_term(i, &out[i])) out[i] = 0;
      }
      break;
    case MetricType::kQuantile: {
      const double quantile =
          quantiles_ == nullptr
              ? std::numeric_limits<double>::quiet_NaN()
              : (*quantiles_)[static_cast<std::size_t>(&metric - plan_->metrics.data())];
      std::int64_t below = 0;
      ForEachNumber(metric.events, in, [&](double value) {
        ++count;
        if (value <= quantile) ++below;
      });
      out[0] = static_cast<double>(count);
      out[1] = static_cast<double>(below);
      break;
    }
  }
  *events += count;
  return true;
}

// Each answer takes the question it names (by `ref_id`), or else the oldest one that is open.
void Evaluator::PairValue(const CompiledMetric& metric, Interval in, double* out,
                          std::int64_t* events) {
  rows_.clear();
  Collect(metric.from, in, 0);
  Collect(metric.events, in, 1);
  SortCollected();
  UnitSum seconds;
  std::int64_t pairs = 0;
  std::vector<const Row*> open;
  for (const Row& row : rows_) {
    if (row.tag == 0) {
      open.push_back(&row);
      continue;
    }
    const auto question =
        row.ref == 0 ? open.begin() : std::find_if(open.begin(), open.end(), [&](const Row* o) {
          return o->id == row.ref;
        });
    if (question == open.end()) continue;
    seconds.Add(static_cast<double>(row.time - (*question)->time) / 1000.0);
    ++pairs;
    open.erase(question);
  }
  out[0] = seconds.Round();
  out[1] = static_cast<double>(pairs);
  *events += static_cast<std::int64_t>(rows_.size());
}

// An event takes at most one step; taking the earliest that fits reaches as far as any choice.
void Evaluator::FunnelValue(const CompiledMetric& metric, Interval in, double* out,
                            std::int64_t* events) {
  rows_.clear();
  for (std::size_t s = 0; s < metric.steps.size(); ++s)
    Collect(metric.steps[s], in, static_cast<std::int32_t>(s));
  SortCollected();
  std::size_t reached = 0;
  std::uint64_t taken = 0;
  for (const Row& row : rows_) {
    if (reached == metric.steps.size() || row.tag != static_cast<std::int32_t>(reached)) continue;
    // A record that matches two steps stands in rows_ once per step.
    if (reached > 0 && row.record == taken) continue;
    ++reached;
    taken = row.record;
  }
  for (std::size_t s = 0; s < metric.steps.size(); ++s) out[s] = s < reached ? 1 : 0;
  *events += static_cast<std::int64_t>(rows_.size());
}

bool Evaluator::HasDaily(const CompiledMetric& metric) {
  switch (metric.definition->type) {
    case MetricType::kConversion:
    case MetricType::kCount:
    case MetricType::kSum:
    case MetricType::kMean:
    case MetricType::kMax:
    case MetricType::kRatio:
    case MetricType::kDistinct:
    case MetricType::kLinear:
    case MetricType::kIncrementalRatio:
      return true;
    default:
      return false;
  }
}

bool Evaluator::HasHistogram(const CompiledMetric& metric) {
  switch (metric.definition->type) {
    case MetricType::kCount:
    case MetricType::kSum:
    case MetricType::kMax:
    case MetricType::kLast:
    case MetricType::kTimeTo:
    case MetricType::kDistinct:
    case MetricType::kLinear:
      return true;
    default:
      return false;
  }
}

bool Evaluator::StartsAtZero(const CompiledMetric& metric) {
  switch (metric.definition->type) {
    case MetricType::kConversion:
    case MetricType::kCount:
    case MetricType::kSum:
    case MetricType::kMean:
    case MetricType::kMax:
    case MetricType::kRatio:
    case MetricType::kDistinct:
      return true;
    default:
      return false;
  }
}

void Evaluator::WalkDays(const CompiledSelector& selector, bool sums, Interval in,
                         std::vector<PartOfDay>* days) {
  days->clear();
  UnitSum total;
  UnitSum of_day;
  PartOfDay now{.day = -1};
  std::int64_t day_end = std::numeric_limits<std::int64_t>::min();
  const auto end_day = [&] {
    if (now.day < 0) return;
    if (sums) {
      now.sum = total.Round();
      now.sum_of_day = of_day.Round();
    }
    days->push_back(now);
  };
  ForEach(selector, in,
          [&](const UnitView& view, const CompiledSelector::Part& part, std::size_t i) {
            double number = 0;
            if (sums) {
              number = view.values[static_cast<std::size_t>(part.value)][i];
              if (std::isnan(number)) return;
            }
            if (view.time[i] >= day_end) {
              end_day();
              now.day = calendar_->Day(view.time[i]);
              day_end = now.day + 1 == calendar_->days() ? kNever : calendar_->Start(now.day + 1);
              now.count_of_day = 0;
              of_day.Clear();
            }
            ++now.count;
            ++now.count_of_day;
            if (sums) {
              total.Add(number);
              of_day.Add(number);
            }
          });
  end_day();
}

std::size_t Evaluator::ByDay(const CompiledMetric& metric, std::int64_t t0, Interval in,
                             std::vector<DayValue>* days) {
  const MetricDefinition& definition = *metric.definition;
  const auto components = static_cast<std::size_t>(metric.components);
  std::size_t size = 0;
  const auto next = [&](int day) -> DayValue& {
    if (size == days->size()) days->emplace_back();
    DayValue& value = (*days)[size++];
    value.day = day;
    std::fill_n(value.cumulative, components, 0.0);
    std::fill_n(value.daily, components, 0.0);
    return value;
  };
  switch (definition.type) {
    case MetricType::kConversion:
    case MetricType::kCount:
    case MetricType::kSum:
    case MetricType::kMean: {
      if (!IsWalk(metric.events)) break;
      const bool sums = definition.type == MetricType::kSum || definition.type == MetricType::kMean;
      WalkDays(metric.events, sums, in, &days_);
      for (const PartOfDay& part : days_) {
        DayValue& value = next(part.day);
        if (sums) {
          value.cumulative[0] = part.sum;
          value.daily[0] = part.sum_of_day;
          if (definition.type == MetricType::kSum) continue;
          value.cumulative[1] = static_cast<double>(part.count);
          value.daily[1] = static_cast<double>(part.count_of_day);
        } else if (definition.type == MetricType::kCount) {
          value.cumulative[0] = static_cast<double>(part.count);
          value.daily[0] = static_cast<double>(part.count_of_day);
        } else {
          value.cumulative[0] = part.count >= definition.threshold ? 1 : 0;
          value.daily[0] = part.count_of_day >= definition.threshold ? 1 : 0;
        }
      }
      return size;
    }
    case MetricType::kRatio: {
      if (!IsWalk(metric.events) || !IsWalk(metric.denominator)) break;
      WalkDays(metric.events, metric.events.sum, in, &days_);
      WalkDays(metric.denominator, metric.denominator.sum, in, &denominator_days_);
      // Both lists are in order of days; a part stays as it was on the other's days.
      const std::vector<PartOfDay>* lists[] = {&days_, &denominator_days_};
      const bool sums[] = {metric.events.sum, metric.denominator.sum};
      std::size_t at[] = {0, 0};
      double so_far[] = {0, 0};
      while (at[0] < days_.size() || at[1] < denominator_days_.size()) {
        int day = std::numeric_limits<int>::max();
        for (int c = 0; c < 2; ++c)
          if (at[c] < lists[c]->size()) day = std::min(day, (*lists[c])[at[c]].day);
        DayValue& value = next(day);
        for (int c = 0; c < 2; ++c) {
          if (at[c] < lists[c]->size() && (*lists[c])[at[c]].day == day) {
            const PartOfDay& part = (*lists[c])[at[c]++];
            so_far[c] = sums[c] ? part.sum : static_cast<double>(part.count);
            value.daily[c] = sums[c] ? part.sum_of_day : static_cast<double>(part.count_of_day);
          }
          value.cumulative[c] = so_far[c];
        }
      }
      return size;
    }
    default:
      break;
  }
  // Any other metric: its value over each prefix that ends with a day that has events.
  std::vector<int> with_events;
  const auto note = [&](const CompiledSelector& selector) {
    for (const CompiledSelector::Part& part : selector.parts) {
      const UnitView& view = Stream(part.stream);
      for (std::size_t i = 0; i < view.size && view.time[i] < in.to; ++i)
        if (view.time[i] >= in.from) with_events.push_back(calendar_->Day(view.time[i]));
    }
  };
  const auto note_metric = [&](const CompiledMetric& m) {
    note(m.events);
    note(m.denominator);
    note(m.from);
    for (const CompiledSelector& step : m.steps) note(step);
  };
  note_metric(metric);
  for (const auto& [term, weight] : metric.terms) {
    const CompiledMetric& part = plan_->metrics[static_cast<std::size_t>(term)];
    note_metric(part);
    for (const auto& [inner, unused_weight] : part.terms)
      note_metric(plan_->metrics[static_cast<std::size_t>(inner)]);
  }
  std::sort(with_events.begin(), with_events.end());
  with_events.erase(std::unique(with_events.begin(), with_events.end()), with_events.end());
  std::int64_t unused = 0;
  for (const int day : with_events) {
    const std::int64_t end =
        day + 1 == calendar_->days() ? in.to : std::min(in.to, calendar_->Start(day + 1));
    const std::int64_t start = day == 0 ? in.from : std::max(in.from, calendar_->Start(day));
    DayValue& value = next(day);
    if (!Value(metric, t0, {in.from, end}, value.cumulative, &unused))
      std::fill_n(value.cumulative, components, 0.0);
    if (HasDaily(metric)) Value(metric, t0, {start, end}, value.daily, &unused);
  }
  return size;
}

}  // namespace upswing::analysis
