#include "server/analysis/sql/entries.hpp"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/analysis/evaluate.hpp"
#include "server/analysis/sql/values.hpp"

namespace upswing::analysis {
namespace {

using absl::StrCat;
using metrics::MetricDefinition;
using metrics::MetricType;

constexpr char kKept[] = "enrolled AND NOT crossed";

Texts PartsOf(const std::string& tuple, std::size_t size) {
  Texts parts;
  for (std::size_t i = 1; i <= size; ++i) parts.push_back(StrCat(tuple, ".", i));
  return parts;
}

Texts Variables(std::size_t m, std::size_t size) {
  Texts variables;
  for (std::size_t i = 0; i < size; ++i) variables.push_back(StrCat("w", m, "_", i));
  return variables;
}

// The days on which something happened and the values at their ends: dd<m>, hd<m> of the day alone,
// dr<m>, hr<m> up to then, and h0_<m> before the first.
void AddDays(const Question& question, Steps* steps) {
  question.ForEachMetric([&](std::size_t m) {
    if (Evaluator::HasDaily(question.plan.metrics[m]))
      steps->Add(StrCat("dd", m),
                 StrCat("arrayDistinct(arrayFilter(d -> d >= 0, arrayMap(y -> y.2, g", m, ")))"));
    if (!question.CountsOnce(m))
      steps->Add(StrCat("dr", m), StrCat("arraySort(arrayDistinct(arrayMap(y -> y.1, g", m, ")))"));
  });
  steps->Next();
  question.ForEachMetric([&](std::size_t m) {
    // The rows are handed to each day: old servers do not find what only a lambda within a lambda
    // names.
    const auto at_days = [&](const char* name, const char* days, const std::string& condition) {
      Texts values = ValuesOf(question, m, StrCat("arrayFilter(y -> ", condition, ", g)"));
      values[0] = question.Capped(m, 0, values[0]);
      steps->Add(StrCat(name, m),
                 StrCat("arrayMap((d, g) -> tuple(", absl::StrJoin(values, ", "), "), ", days, m,
                        ", arrayMap(z -> g", m, ", ", days, m, "))"));
    };
    if (Evaluator::HasDaily(question.plan.metrics[m])) at_days("hd", "dd", "y.2 = d");
    if (question.CountsOnce(m)) return;
    at_days("hr", "dr", "y.1 <= d");
    Texts none(question.Components(m), "toFloat64(0)");
    const MetricDefinition& d = question.Definition(m);
    if (d.type == MetricType::kTimeTo)
      none[0] = question.Capped(m, 0, SqlReal(static_cast<double>(*d.window_ms) / 1000));
    steps->Add(StrCat("h0_", m), StrCat("tuple(", absl::StrJoin(none, ", "), ")"));
  });
  steps->Next();
}

void AppendDayEntries(const Question& question, std::size_t m, Texts* single, Texts* lists) {
  const ExperimentSpec& spec = question.spec;
  const std::size_t components = question.Components(m);
  if (Evaluator::HasDaily(question.plan.metrics[m])) {
    single->push_back(
        SqlEntry{.when = kKept, .kind = SqlKind::kEntered, .metric = m, .slot = "d0", .units = "1"}
            .Text());
    if (question.HasWindow(m))
      single->push_back(
          SqlEntry{.when = StrCat(kKept, " AND closes", m, " <= ", SqlWide(spec.as_of_ms)),
                   .kind = SqlKind::kEntered,
                   .metric = m,
                   .slot = StrCat(question.DayOf(StrCat("(closes", m, " - 1)")), " + 1"),
                   .units = "-1"}
              .Text());
    const SqlEntry of_day{.when = kKept,
                          .kind = SqlKind::kDaily,
                          .metric = m,
                          .slot = "d",
                          .sums = WithProducts(PartsOf("h", components))};
    lists->push_back(StrCat("arrayMap((d, h) -> ", of_day.Text(), ", dd", m, ", hd", m, ")"));
  }
  if (question.CountsOnce(m)) {
    single->push_back(
        SqlEntry{.when = StrCat("mature", m, " AND NOT crossed"),
                 .kind = SqlKind::kFinal,
                 .metric = m,
                 .slot = question.DayOf(StrCat("(closes", m, " + ", spec.lateness_ms, ")")),
                 .units = "1",
                 .sums = WithProducts(Variables(m, components))}
            .Text());
    return;
  }
  SqlEntry change{.when = kKept,
                  .kind = SqlKind::kChange,
                  .metric = m,
                  .slot = "d0",
                  .units = "1",
                  .sums = WithProducts(PartsOf(StrCat("h0_", m), components))};
  single->push_back(change.Text());
  const Texts before = WithProducts(PartsOf("b", components));
  change.slot = "d";
  change.units = "0";
  change.sums = WithProducts(PartsOf("h", components));
  for (std::size_t i = 0; i < before.size(); ++i)
    absl::StrAppend(&change.sums[i], " - ", before[i]);
  lists->push_back(StrCat("arrayMap((d, h, b) -> ", change.Text(), ", dr", m, ", hr", m,
                          ", arrayPopBack(arrayPushFront(hr", m, ", h0_", m, ")))"));
}

}  // namespace

std::string SqlEntry::Text() const {
  return StrCat("(toUInt8(", when, "), toUInt8(", static_cast<int>(kind), "), toUInt16(", metric,
                "), toInt64(", slot, "), toInt64(", units, "), toInt64(", pending, "), toInt64(",
                events, "), ",
                sums.empty() ? "[toFloat64(0)]" : StrCat("[", absl::StrJoin(sums, ", "), "]"), ")");
}

Texts WithProducts(Texts variables) {
  const std::size_t size = variables.size();
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = i; j < size; ++j)
      variables.push_back(StrCat(variables[i], " * ", variables[j]));
  return variables;
}

std::string BinOf(const std::string& value) {
  return StrCat("bitShiftRight(reinterpretAsUInt64(reinterpretAsString(", value, " + 0)), 51)");
}

void AddEntryList(const Texts& single, const Texts& lists, Steps* steps) {
  std::string all = StrCat("[", absl::StrJoin(single, ", "), "]");
  if (!lists.empty()) all = StrCat("arrayConcat(", all, ", ", absl::StrJoin(lists, ", "), ")");
  steps->Add("entries", StrCat("arrayFilter(c -> c.1 = 1, ", all, ")"));
  steps->Next();
}

void AppendUnitEntries(const Question& question, Texts* single) {
  if (question.wanted.units)
    single->push_back(SqlEntry{.when = "enrolled",
                               .kind = SqlKind::kUnits,
                               .slot = "d0",
                               .units = "1",
                               .sums = {"toFloat64(crossed)"}}
                          .Text());
  SqlEntry records{.kind = SqlKind::kRecords, .units = "1"};
  records.sums = {"toFloat64(0)", "toFloat64(0)", "toFloat64(0)",
                  "if(enrolled, n_events, toFloat64(0))"};
  if (question.wanted.units) {
    records.sums[0] = "toFloat64(n_exposures)";
    records.sums[1] = "toFloat64(n_ok > 0 AND n_free = 0)";
    records.sums[2] = "toFloat64(n_unknown)";
  }
  single->push_back(records.Text());
}

void AddEntries(const Question& question, Steps* steps) {
  if (question.by_day()) AddDays(question, steps);
  Texts single;
  Texts lists;
  AppendUnitEntries(question, &single);
  const Texts looks = question.Looks();
  question.ForEachMetric([&](std::size_t m) {
    const MetricDefinition& d = question.Definition(m);
    const std::string mature = StrCat("mature", m);
    const std::string kept = StrCat(mature, " AND NOT crossed");
    const Texts sums = WithProducts(Variables(m, question.Dimension(m)));
    SqlEntry cell{.when = "enrolled",
                  .kind = SqlKind::kCell,
                  .metric = m,
                  .units = mature,
                  .pending = StrCat("NOT ", mature),
                  .events = StrCat("if(", mature, ", events", m, ", toInt64(0))")};
    for (const std::string& sum : sums)
      cell.sums.push_back(StrCat("if(", mature, ", ", sum, ", toFloat64(0))"));
    single.push_back(cell.Text());
    if (d.winsorize.has_value()) {
      SqlEntry capped{.when = kept, .kind = SqlKind::kCapped, .metric = m, .units = "1"};
      for (const std::size_t i : question.CappedVariables(m)) {
        capped.sums.push_back(StrCat("v", m, "_", i, " - w", m, "_", i));
        capped.sums.push_back(StrCat("toFloat64(v", m, "_", i, " != 0)"));
      }
      single.push_back(capped.Text());
    }
    if (Evaluator::HasHistogram(question.plan.metrics[m]))
      single.push_back(SqlEntry{.when = kept,
                                .kind = SqlKind::kBin,
                                .metric = m,
                                .slot = BinOf(StrCat("w", m, "_0")),
                                .units = "1"}
                           .Text());
    if (!looks.empty() && question.HasWindow(m)) {
      const std::string look = question.LookOf(m);
      single.push_back(SqlEntry{.when = StrCat(kept, " AND ", look, " < ", looks.size()),
                                .kind = SqlKind::kLook,
                                .metric = m,
                                .slot = look,
                                .units = "1",
                                .sums = sums}
                           .Text());
    }
    if (question.by_day()) AppendDayEntries(question, m, &single, &lists);
  });
  AddEntryList(single, lists, steps);
}

}  // namespace upswing::analysis
