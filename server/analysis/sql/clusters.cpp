#include "server/analysis/sql/clusters.hpp"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/analysis/evaluate.hpp"
#include "server/analysis/sql/entries.hpp"
#include "server/analysis/sql/units.hpp"

namespace upswing::analysis {
namespace {

using absl::StrCat;

// The variables of a cluster's row; `seen`: "", or "_<k>" for what look k sees.
Texts Variables(const Question& question, std::size_t m, const std::string& seen) {
  Texts variables;
  for (std::size_t i = 0; i < question.plan.CellDimension(m); ++i)
    variables.push_back(StrCat("s", m, seen, "_", i));
  // A single component's covariates are not used: in their place stands the number of units.
  if (question.Components(m) == 1) variables[1] = StrCat("toFloat64(n", m, seen, ")");
  return variables;
}

bool HasLooks(const Question& question, std::size_t m) {
  return !question.Looks().empty() && question.HasWindow(m);
}

// One row per cluster: `exposed`, counts, and of each metric m its units n<m>, pending ones p<m>,
// events ev<m>, sums s<m>_<i>; what caps removed c<m>_<i> and how many values z<m>_<i>; bins<m>;
// and with look k the units n<m>_<k> that it sees and their sums s<m>_<k>_<i>.
Steps Grouped(const Question& question, const Steps& observed) {
  Texts columns, names, needed = {"unit", "exposed", "n_exposures", "n_ok", "n_free", "n_unknown"};
  const auto add = [&](const std::string& name, const std::string& expression) {
    columns.push_back(StrCat(expression, " AS ", name));
    names.push_back(name);
  };
  add("exposures", "groupArrayArray(exposed)");
  for (const char* count : {"exposures", "ok", "free", "unknown"})
    add(StrCat("all_", count), StrCat("sum(n_", count, ")"));
  question.ForEachMetric([&](std::size_t m) {
    const std::string mature = StrCat("mature", m);
    for (const char* name : {"mature", "pending", "events"}) needed.push_back(StrCat(name, m));
    const auto sums = [&](const std::string& name, const std::string& condition) {
      for (std::size_t i = 0; i < question.Dimension(m); ++i)
        add(StrCat(name, "_", i), StrCat("sumIf(w", m, "_", i, ", ", condition, ")"));
    };
    add(StrCat("n", m), StrCat("countIf(", mature, ")"));
    add(StrCat("p", m), StrCat("countIf(pending", m, ")"));
    add(StrCat("ev", m), StrCat("sumIf(events", m, ", ", mature, ")"));
    sums(StrCat("s", m), mature);
    for (std::size_t i = 0; i < question.Dimension(m); ++i)
      needed.push_back(StrCat("w", m, "_", i));
    if (question.Definition(m).winsorize.has_value()) {
      for (const std::size_t i : question.CappedVariables(m)) {
        const std::string value = StrCat("v", m, "_", i);
        needed.push_back(value);
        add(StrCat("c", m, "_", i), StrCat("sumIf(", value, " - w", m, "_", i, ", ", mature, ")"));
        add(StrCat("z", m, "_", i), StrCat("countIf(", value, " != 0 AND ", mature, ")"));
      }
    }
    if (Evaluator::HasHistogram(question.plan.metrics[m])) {
      needed.push_back(StrCat("bin", m));
      add(StrCat("bins", m), StrCat("groupArrayIf(bin", m, ", ", mature, ")"));
    }
    if (!HasLooks(question, m)) return;
    needed.push_back(StrCat("look", m));
    for (std::size_t k = 0; k < question.Looks().size(); ++k) {
      const std::string seen = StrCat(mature, " AND look", m, " <= ", k);
      add(StrCat("n", m, "_", k), StrCat("countIf(", seen, ")"));
      sums(StrCat("s", m, "_", k), seen);
    }
  });
  return Steps(StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM (",
                      observed.Select(absl::StrJoin(needed, ", ")), ") GROUP BY unit"),
               names);
}

// A cluster's row takes the place of the one that the look before saw.
void AppendLooks(const Question& question, std::size_t m, Texts* single) {
  for (std::size_t k = 0; k < question.Looks().size(); ++k) {
    const std::string before = k == 0 ? "0" : StrCat("n", m, "_", k - 1);
    SqlEntry entry{.when = StrCat("enrolled AND NOT crossed AND n", m, "_", k, " > ", before),
                   .kind = SqlKind::kLook,
                   .metric = m,
                   .slot = StrCat(k),
                   .units = StrCat(before, " = 0"),
                   .sums = WithProducts(Variables(question, m, StrCat("_", k)))};
    if (k > 0) {
      const Texts last = WithProducts(Variables(question, m, StrCat("_", k - 1)));
      for (std::size_t i = 0; i < last.size(); ++i) absl::StrAppend(&entry.sums[i], " - ", last[i]);
    }
    single->push_back(entry.Text());
  }
}

void AddClusterEntries(const Question& question, Steps* steps) {
  Texts single;
  Texts lists;
  AppendUnitEntries(question, &single);
  question.ForEachMetric([&](std::size_t m) {
    SqlEntry cell{.when = "enrolled",
                  .kind = SqlKind::kCell,
                  .metric = m,
                  .units = StrCat("n", m),
                  .pending = StrCat("p", m),
                  .events = StrCat("ev", m)};
    cell.sums = WithProducts(Variables(question, m, ""));
    cell.sums.push_back(StrCat("toFloat64(n", m, " > 0)"));
    single.push_back(cell.Text());
    if (question.Definition(m).winsorize.has_value()) {
      SqlEntry capped{.when = "enrolled", .kind = SqlKind::kCapped, .metric = m};
      for (const std::size_t i : question.CappedVariables(m)) {
        capped.sums.push_back(StrCat("c", m, "_", i));
        capped.sums.push_back(StrCat("toFloat64(z", m, "_", i, ")"));
      }
      single.push_back(capped.Text());
    }
    if (Evaluator::HasHistogram(question.plan.metrics[m])) {
      const SqlEntry bin{.when = "enrolled AND NOT crossed",
                         .kind = SqlKind::kBin,
                         .metric = m,
                         .slot = "b",
                         .units = "1"};
      lists.push_back(StrCat("arrayMap(b -> ", bin.Text(), ", bins", m, ")"));
    }
    if (HasLooks(question, m)) AppendLooks(question, m, &single);
  });
  AddEntryList(single, lists, steps);
}

}  // namespace

Steps ClustersOf(const Question& question, Steps observed) {
  question.ForEachMetric([&](std::size_t m) {
    observed.Add(StrCat("pending", m), StrCat("enrolled AND NOT mature", m));
    if (Evaluator::HasHistogram(question.plan.metrics[m]))
      observed.Add(StrCat("bin", m), BinOf(StrCat("w", m, "_0")));
    if (HasLooks(question, m)) observed.Add(StrCat("look", m), question.LookOf(m));
  });
  observed.Next();
  Steps clusters = Grouped(question, observed);
  clusters.Add("exposed", "arraySort(exposures)");
  for (const char* count : {"exposures", "ok", "free", "unknown"})
    clusters.Add(StrCat("n_", count), StrCat("all_", count));
  // Counted apart: here every event is there once.
  clusters.Add("n_events", "toFloat64(0)");
  clusters.Next();
  AddEnrolment(question, "notEmpty(exposed)", &clusters);
  AddClusterEntries(question, &clusters);
  return clusters;
}

std::string EventsOfClusters(const Question& question) {
  Texts counted = {"0"};
  for (std::size_t k = 0; k < question.plan.streams.size(); ++k)
    if (question.reads[k] && question.wanted.streams[k]) counted.push_back(StrCat("c", k));
  const std::string records = RecordsOf(question);
  return StrCat("SELECT toFloat64(countIf(", absl::StrJoin(counted, " OR "), ")) AS n FROM (",
                records, ") WHERE unit IN (SELECT unit FROM (", records,
                ") WHERE ok AND free AND arm != 0)");
}

}  // namespace upswing::analysis
