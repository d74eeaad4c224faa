#include "server/analysis/sql/statement.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/analysis/sql/clusters.hpp"
#include "server/analysis/sql/entries.hpp"
#include "server/analysis/sql/question.hpp"
#include "server/analysis/sql/units.hpp"
#include "server/analysis/sql/values.hpp"

namespace upswing::analysis {
namespace {

using absl::StrCat;
using metrics::MetricDefinition;
using metrics::MetricType;

// The columns that tell cells apart; the other columns are added up.
std::size_t KeyColumns(const ExperimentSpec& spec) { return 6 + spec.report_by.size(); }

Steps RowsWithEntries(const Question& question) {
  Steps units = UnitsOf(question);
  AddEnrolment(question,
               question.clusters() ? "notEmpty(exposed) AND observed != 0" : "notEmpty(exposed)",
               &units);
  AddValues(question, &units);
  if (question.clusters()) return ClustersOf(question, std::move(units));
  AddEntries(question, &units);
  return units;
}

}  // namespace

std::vector<std::string> SqlColumns(const ExperimentSpec& spec) {
  Texts columns = {"kind", "metric", "slot", "of_arm", "of_phase", "of_crossed"};
  for (std::size_t a = 0; a < spec.report_by.size(); ++a) columns.push_back(StrCat("of_", a));
  for (const char* sum : {"all_units", "all_pending", "all_events", "all_sums"})
    columns.push_back(sum);
  return columns;
}

std::string SqlRow(const ExperimentSpec& spec, SqlKind kind, const std::string& units,
                   const std::string& pending, const std::string& sums) {
  std::string none;
  for (std::size_t a = 0; a < spec.report_by.size(); ++a) none += ", ''";
  return StrCat("SELECT toUInt8(", static_cast<int>(kind),
                "), toUInt16(0), toInt64(0), toUInt16(0), toUInt32(0), toUInt8(0)", none, ", ",
                units, ", ", pending, ", toInt64(0), ", sums);
}

std::string ReduceStatement(const PassOptions& options, const Reducer::Wanted& wanted,
                            const SqlScope& scope) {
  const Question question(options, wanted, scope);
  const ExperimentSpec& spec = question.spec;
  // Only cells have phases, crossovers and attributes.
  const std::string of_cell = StrCat("c.2 IN (", static_cast<int>(SqlKind::kCell), ", ",
                                     static_cast<int>(SqlKind::kUnits), ")");
  Texts values = {"c.2",
                  "c.3",
                  "c.4",
                  "toUInt16(arm)",
                  StrCat("toUInt32(if(", of_cell, ", phase, 0))"),
                  StrCat("toUInt8(if(", of_cell, ", crossed, 0))")};
  std::string kept = "arm, phase, crossed, entries";
  for (std::size_t a = 0; a < spec.report_by.size(); ++a) {
    absl::StrAppend(&kept, ", at", a);
    values.push_back(StrCat("if(", of_cell, ", at", a, ", '')"));
  }
  const Texts columns = SqlColumns(spec);
  const Texts keys(columns.begin(),
                   columns.begin() + static_cast<std::ptrdiff_t>(KeyColumns(spec)));
  for (std::size_t i = 0; i < keys.size(); ++i) absl::StrAppend(&values[i], " AS ", keys[i]);
  const std::string list = absl::StrJoin(keys, ", ");
  const std::string sums =
      StrCat("SELECT ", list,
             ", sum(units) AS all_units, sum(pending) AS all_pending, sum(events) AS all_events, "
             "sumForEach(sums) AS all_sums FROM (SELECT ",
             absl::StrJoin(values, ", "),
             ", c.5 AS units, c.6 AS pending, c.7 AS events, c.8 AS sums", " FROM (",
             RowsWithEntries(question).Select(kept), ") ARRAY JOIN entries AS c) GROUP BY ", list);
  if (!question.clusters()) return sums;
  return StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM (", sums, ") UNION ALL ",
                SqlRow(spec, SqlKind::kRecords, "toInt64(0)", "toInt64(0)",
                       "[toFloat64(0), toFloat64(0), toFloat64(0), n]"),
                " FROM (", EventsOfClusters(question), ")");
}

std::vector<std::size_t> ArmsInOrder(const ExperimentSpec& spec) {
  std::vector<std::size_t> arms(spec.variants.size());
  std::iota(arms.begin(), arms.end(), std::size_t{0});
  std::sort(arms.begin(), arms.end(), [&](std::size_t a, std::size_t b) {
    return spec.variants[a].key < spec.variants[b].key;
  });
  return arms;
}

bool SqlKnows(const Plan& plan, std::size_t metric) {
  const MetricDefinition& d = *plan.metrics[metric].definition;
  const bool by_day = plan.spec->by_day && plan.spec->observation_unit.empty();
  switch (d.type) {
    case MetricType::kConversion:
    case MetricType::kRetention:
    case MetricType::kCount:
    case MetricType::kSum:
    case MetricType::kMean:
    case MetricType::kMax:
    case MetricType::kRatio:
    case MetricType::kTimeTo:
    case MetricType::kDistinct:
      return true;
    case MetricType::kFunnel:
      // Its running value is only made where it is final when it enters.
      return (plan.spec->mature_only && d.window_ms.has_value()) || !by_day;
    default:
      return false;
  }
}

}  // namespace upswing::analysis
