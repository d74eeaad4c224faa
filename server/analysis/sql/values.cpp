#include "server/analysis/sql/values.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/analysis/sql/units.hpp"

namespace upswing::analysis {
namespace {

using absl::StrCat;
using metrics::MetricDefinition;
using metrics::MetricType;

constexpr std::int64_t kAlways = std::numeric_limits<std::int64_t>::min();

// A stretch of time, half-open, as expressions.
struct Stretch {
  std::string from, to;
};

class Values {
 public:
  Values(const Question& question, Steps* steps)
      : question_(question), plan_(question.plan), steps_(steps) {}

  void Add() {
    AddIntervals();
    AddRefers();
    AddRows();
    AddFunnelSteps();
    AddVariables();
    AddCapped();
  }

 private:
  // What a selector is asked for: the events that refer to others look those up in `refers`.
  struct Role {
    bool days = false;
    bool denominator = false;
    bool covariate = false;
    std::string refers;
  };
  Stretch Within(std::size_t m) const { return {StrCat("from", m), StrCat("to", m)}; }
  Stretch Before(std::size_t m) const {
    return {StrCat("t0 - ", question_.Definition(m).covariate->window_ms), "t0"};
  }
  std::string Condition(const CompiledSelector& selector, const CompiledSelector::Part& part,
                        const Stretch& in, const std::string& refers) const;
  std::string RowsOf(std::size_t m, const CompiledSelector& selector, const Stretch& in,
                     const Role& role) const;
  void AddReferred(const CompiledSelector& selector, const Stretch& in, const std::string& name);
  void AddIntervals();
  void AddRefers();
  void AddRows();
  void AddFunnelRows(std::size_t m);
  void AddFunnelSteps();
  void AddVariables();
  void AddCovariates(std::size_t m);
  void AddCapped();

  const Question& question_;
  const Plan& plan_;
  Steps* const steps_;
};

// Where metric m looks after the exposure.
void Values::AddIntervals() {
  const std::int64_t as_of = question_.spec.as_of_ms;
  const std::string end = SqlWide(as_of == kSqlNever ? kSqlNever : as_of + 1);
  question_.ForEachMetric([&](std::size_t m) {
    const MetricDefinition& d = question_.Definition(m);
    std::string closes = SqlWide(kSqlNever);
    std::string from = "t0";
    if (d.type == MetricType::kRetention) {
      from = StrCat("greatest(t0, ",
                    d.elapsed_days ? StrCat("t0 + ", SqlWide(d.first_day * Calendar::kDayMs))
                                   : question_.StartAfter(d.first_day),
                    ")");
      closes = d.elapsed_days ? StrCat("t0 + ", SqlWide((d.last_day + 1) * Calendar::kDayMs))
                              : question_.StartAfter(d.last_day + 1);
    } else if (d.window_ms.has_value()) {
      closes = StrCat("t0 + ", SqlWide(*d.window_ms));
    }
    steps_->Add(StrCat("from", m), from);
    steps_->Add(StrCat("to", m), StrCat("least(", closes, ", ", end, ")"));
    steps_->Add(StrCat("closes", m), closes);
  });
  steps_->Next();
}

std::string Values::Condition(const CompiledSelector& selector, const CompiledSelector::Part& part,
                              const Stretch& in, const std::string& refers) const {
  const Stream& stream = plan_.streams[static_cast<std::size_t>(part.stream)];
  std::string text = StrCat("x.", kEventTime, " >= ", in.from, " AND x.", kEventTime, " < ", in.to);
  if (part.filter >= 0)
    absl::StrAppend(&text, " AND x.",
                    kEventValue + stream.values.size() + static_cast<std::size_t>(part.filter));
  if (selector.refers_to >= 0)
    absl::StrAppend(&text, " AND x.", kEventRefers, " != 0 AND has(", refers, "i, x.", kEventRefers,
                    ")");
  return text;
}

// Ids and times of what events may refer to in a stretch: `<name>i`, `<name>t`.
void Values::AddReferred(const CompiledSelector& selector, const Stretch& in,
                         const std::string& name) {
  if (selector.refers_to < 0) return;
  for (const auto& [column, suffix] : {std::pair(kEventId, "i"), std::pair(kEventTime, "t")})
    steps_->Add(StrCat(name, suffix),
                StrCat("arrayMap(x -> x.", column, ", arrayFilter(x -> x.", kEventTime,
                       " >= ", in.from, " AND x.", kEventTime, " < ", in.to, " AND x.", kEventId,
                       " != 0, q", selector.refers_to, "))"));
}

void Values::AddRefers() {
  question_.ForEachMetric([&](std::size_t m) {
    const CompiledMetric& metric = plan_.metrics[m];
    AddReferred(metric.events, Within(m), StrCat("r", m));
    AddReferred(metric.denominator, Within(m), StrCat("rd", m));
    for (std::size_t s = 0; s < metric.steps.size(); ++s)
      AddReferred(metric.steps[s], Within(m), StrCat("fr", m, "_", s));
    if (metric.covariates == 0) return;
    AddReferred(metric.covariate, Before(m), StrCat("rc", m));
    AddReferred(metric.events, Before(m), StrCat("rb", m));
    AddReferred(metric.denominator, Before(m), StrCat("rbd", m));
  });
  steps_->Next();
}

std::string Values::RowsOf(std::size_t m, const CompiledSelector& selector, const Stretch& in,
                           const Role& role) const {
  const MetricType type = question_.Definition(m).type;
  Texts parts;
  for (const CompiledSelector::Part& part : selector.parts) {
    const Stream& stream = plan_.streams[static_cast<std::size_t>(part.stream)];
    const std::string value = StrCat("x.", kEventValue + part.value);
    std::string condition = Condition(selector, part, in, role.refers);
    std::string first = "toFloat64(1)";
    std::string second = "toFloat64(0)";
    if (role.covariate || type == MetricType::kSum || type == MetricType::kMean ||
        type == MetricType::kMax) {
      absl::StrAppend(&condition, " AND NOT isNaN(", value, ")");
      first = value;
      second = "toFloat64(1)";
    } else if (type == MetricType::kRatio) {
      if (selector.sum) first = StrCat("if(isNaN(", value, "), toFloat64(0), ", value, ")");
      if (role.denominator) std::swap(first, second);
    } else if (type == MetricType::kTimeTo) {
      first = StrCat("toFloat64(x.", kEventTime, " - t0)");
    } else if (type == MetricType::kDistinct) {
      first = StrCat("x.", kEventValue + stream.values.size() + stream.filters.size() +
                               static_cast<std::size_t>(part.identity));
    }
    std::string running = "toInt32(0)";
    std::string daily = "toInt32(0)";
    if (role.days) {
      running = daily = question_.DayOf(StrCat("x.", kEventTime));
      if (selector.refers_to >= 0) {
        // What it refers to has to be seen too.
        const std::string other = question_.DayOf(
            StrCat(role.refers, "t[indexOf(", role.refers, "i, x.", kEventRefers, ")]"));
        daily = StrCat("if(", running, " = ", other, ", ", running, ", toInt32(-1))");
        running = StrCat("greatest(", running, ", ", other, ")");
      }
    }
    parts.push_back(StrCat("arrayMap(x -> (", running, ", ", daily, ", ", first, ", ", second,
                           "), arrayFilter(x -> ", condition, ", q", part.stream, "))"));
  }
  return parts.size() == 1 ? parts[0] : StrCat("arrayConcat(", absl::StrJoin(parts, ", "), ")");
}

// g<m>, and b<m> for the covariate; of funnels the rows of each step.
void Values::AddRows() {
  question_.ForEachMetric([&](std::size_t m) {
    const CompiledMetric& metric = plan_.metrics[m];
    const MetricDefinition& d = question_.Definition(m);
    if (d.type == MetricType::kFunnel) {
      AddFunnelRows(m);
    } else {
      steps_->Add(StrCat("g", m), [&] {
        Role role{.days = question_.by_day(), .refers = StrCat("r", m)};
        const std::string rows = RowsOf(m, metric.events, Within(m), role);
        if (d.type != MetricType::kRatio) return rows;
        role.denominator = true;
        role.refers = StrCat("rd", m);
        return StrCat("arrayConcat(", rows, ", ", RowsOf(m, metric.denominator, Within(m), role),
                      ")");
      }());
    }
    if (metric.covariates == 0) return;
    steps_->Add(StrCat("b", m), [&] {
      if (!d.covariate->selector.events.empty())
        return RowsOf(m, metric.covariate, Before(m),
                      {.covariate = true, .refers = StrCat("rc", m)});
      const std::string rows = RowsOf(m, metric.events, Before(m), {.refers = StrCat("rb", m)});
      if (d.type != MetricType::kRatio) return rows;
      return StrCat("arrayConcat(", rows, ", ",
                    RowsOf(m, metric.denominator, Before(m),
                           {.denominator = true, .refers = StrCat("rbd", m)}),
                    ")");
    }());
  });
  steps_->Next();
}

// f<m>_<step>: time, part and record of what may be the step; a record is named by its stream and
// place, and takes at most one step.
void Values::AddFunnelRows(std::size_t m) {
  const CompiledMetric& metric = plan_.metrics[m];
  for (std::size_t s = 0; s < metric.steps.size(); ++s) {
    Texts parts;
    for (std::size_t p = 0; p < metric.steps[s].parts.size(); ++p) {
      const CompiledSelector::Part& part = metric.steps[s].parts[p];
      parts.push_back(StrCat("arrayFilter((z, x) -> ",
                             Condition(metric.steps[s], part, Within(m), StrCat("fr", m, "_", s)),
                             ", arrayMap((x, n) -> (x.", kEventTime, ", toUInt32(", p,
                             "), toUInt64(", std::uint64_t{1} << 40, " * ", part.stream + 1,
                             " + n)), q", part.stream, ", arrayEnumerate(q", part.stream, ")), q",
                             part.stream, ")"));
    }
    steps_->Add(StrCat("f", m, "_", s),
                parts.size() == 1
                    ? parts[0]
                    : StrCat("arraySort(arrayConcat(", absl::StrJoin(parts, ", "), "))"));
  }
}

// k<m>_<step>: time and record of the first that comes after that of the step before.
void Values::AddFunnelSteps() {
  std::size_t most = 0;
  question_.ForEachMetric(
      [&](std::size_t m) { most = std::max(most, plan_.metrics[m].steps.size()); });
  for (std::size_t s = 0; s < most; ++s) {
    question_.ForEachMetric([&](std::size_t m) {
      if (s >= plan_.metrics[m].steps.size()) return;
      std::string rows = StrCat("f", m, "_", s);
      if (s > 0) {
        const std::string last = StrCat("k", m, "_", s - 1);
        rows = StrCat("arrayFilter(y -> y.1 >= ", last, ".1 AND y.3 != ", last, ".2 AND ", last,
                      ".2 != 0, ", rows, ")");
      }
      steps_->Add(StrCat("k", m, "_", s),
                  StrCat("(arrayMap(y -> y.1, ", rows, ")[1], arrayMap(y -> y.3, ", rows, ")[1])"));
    });
    steps_->Next();
  }
}

void Values::AddVariables() {
  question_.ForEachMetric([&](std::size_t m) {
    const CompiledMetric& metric = plan_.metrics[m];
    if (question_.Definition(m).type == MetricType::kFunnel) {
      Texts lengths;
      for (std::size_t s = 0; s < metric.steps.size(); ++s) {
        steps_->Add(StrCat("v", m, "_", s), StrCat("toFloat64(k", m, "_", s, ".2 != 0)"));
        lengths.push_back(StrCat("length(f", m, "_", s, ")"));
      }
      steps_->Add(StrCat("events", m), StrCat("toInt64(", absl::StrJoin(lengths, " + "), ")"));
    } else {
      const Texts values = ValuesOf(question_, m, StrCat("g", m));
      for (std::size_t i = 0; i < values.size(); ++i)
        steps_->Add(StrCat("v", m, "_", i), values[i]);
      steps_->Add(StrCat("events", m), StrCat("toInt64(length(g", m, "))"));
    }
    if (metric.covariates > 0) AddCovariates(m);
  });
  steps_->Next();
}

// The values before the exposure, and whether they are unknown.
void Values::AddCovariates(std::size_t m) {
  const metrics::Covariate& covariate = *question_.Definition(m).covariate;
  const std::int64_t start = question_.options.history_start_ms;
  Texts before = covariate.selector.events.empty()
                     ? ValuesOf(question_, m, StrCat("b", m))
                     : Texts{StrCat("toFloat64(arraySum(arrayMap(y -> y.3, b", m, ")))")};
  const bool all_seen = covariate.complete_history || start == kAlways;
  const std::string unseen = StrCat("t0 - ", covariate.window_ms, " < ", SqlWide(start));
  if (!all_seen)
    for (std::string& value : before) value = StrCat("if(", unseen, ", toFloat64(0), ", value, ")");
  before.push_back(all_seen ? "toFloat64(0)" : StrCat("toFloat64(", unseen, ")"));
  for (std::size_t i = 0; i < before.size(); ++i)
    steps_->Add(StrCat("v", m, "_", question_.Components(m) + i), before[i]);
}

void Values::AddCapped() {
  const ExperimentSpec& spec = question_.spec;
  question_.ForEachMetric([&](std::size_t m) {
    for (std::size_t i = 0; i < question_.Dimension(m); ++i)
      steps_->Add(StrCat("w", m, "_", i), question_.Capped(m, i, StrCat("v", m, "_", i)));
    steps_->Add(StrCat("mature", m), question_.CountsOnce(m)
                                         ? StrCat("enrolled AND closes", m,
                                                  " <= ", SqlWide(spec.as_of_ms - spec.lateness_ms))
                                         : "enrolled");
  });
  steps_->Next();
}

}  // namespace

Texts ValuesOf(const Question& question, std::size_t m, const std::string& rows) {
  const MetricDefinition& d = question.Definition(m);
  const auto sum = [&](int column) {
    return StrCat("toFloat64(arraySum(arrayMap(y -> y.", column, ", ", rows, ")))");
  };
  const auto extreme = [&](const char* which) {
    return StrCat("arrayReduce('", which, "', arrayMap(y -> y.3, ", rows, "))");
  };
  switch (d.type) {
    case MetricType::kConversion:
    case MetricType::kRetention:
      return {StrCat("toFloat64(length(", rows, ") >= ", d.threshold, ")")};
    case MetricType::kCount:
      return {StrCat("toFloat64(length(", rows, "))")};
    case MetricType::kSum:
      return {sum(3)};
    case MetricType::kMean:
    case MetricType::kRatio:
      return {sum(3), sum(4)};
    case MetricType::kMax:
      return {StrCat("if(empty(", rows, "), toFloat64(0), ", extreme("max"), ")")};
    case MetricType::kTimeTo:
      return {StrCat("if(empty(", rows, "), ", SqlReal(static_cast<double>(*d.window_ms)), ", ",
                     extreme("min"), ") / 1000")};
    default:  // kDistinct
      return {
          StrCat("toFloat64(arrayUniq(arrayFilter(y -> y != 0, arrayMap(y -> y.3, ", rows, "))))")};
  }
}

void AddValues(const Question& question, Steps* steps) { Values(question, steps).Add(); }

}  // namespace upswing::analysis
