#include "server/analysis/sql/units.hpp"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/store/records.hpp"

namespace upswing::analysis {
namespace {

using absl::StrCat;

// An array of tuples from arrays, in order.
std::string Sorted(const Texts& arrays) {
  Texts parts;
  for (std::size_t i = 0; i < arrays.size(); ++i) parts.push_back(StrCat("y", i));
  const std::string list = absl::StrJoin(parts, ", ");
  return StrCat("arraySort(arrayMap((", list, ") -> (", list, "), ", absl::StrJoin(arrays, ", "),
                "))");
}

// Of a cluster's events that were reported twice the first, whoever was observed.
std::string WithoutRepeats(const std::string& records) {
  return StrCat("SELECT * FROM (", records,
                ") ORDER BY lane, name, unit, t, p LIMIT 1 BY lane, name, unit, i, record");
}

}  // namespace

std::string RecordsOf(const Question& question) {
  const ExperimentSpec& spec = question.spec;
  const SqlScope& scope = question.scope;
  Texts columns = {"unit",          "lane",        "time_ms AS t", "position AS p",
                   "event_id AS i", "ref_id AS r", "value AS v",   "toUInt32(phase) AS h"};
  Texts arms;
  for (const std::size_t arm : ArmsInOrder(spec)) arms.push_back(SqlQuoted(spec.variants[arm].key));
  columns.push_back(StrCat("toUInt16(indexOf([", absl::StrJoin(arms, ", "), "], variant)) AS arm"));
  columns.push_back(StrCat(
      "lane = 0 AND iteration = ", spec.iteration, " AND time_ms <= ", SqlWide(spec.as_of_ms),
      spec.end_ms.has_value() ? StrCat(" AND time_ms < ", SqlWide(*spec.end_ms)) : "", " AS ok"));
  columns.push_back(StrCat("reason != ", store::kForcedReason, " AS free"));
  if (question.clusters()) {
    columns.push_back("name");
    columns.push_back(StrCat("companion.key[indexOf(companion.type, ",
                             SqlQuoted(spec.observation_unit), ")] AS observed"));
    // Tells records without an id apart.
    columns.push_back(
        "if(lane = 1 AND event_id != 0, toUInt64(0), cityHash64(attempt, batch, position, "
        "time_ms)) "
        "AS record");
  }
  for (std::size_t a = 0; a < spec.report_by.size(); ++a)
    columns.push_back(StrCat(SqlAttribute(spec.report_by[a]), " AS a", a));
  Texts names;
  for (std::size_t k = 0; k < question.plan.streams.size(); ++k) {
    if (!question.reads[k]) continue;
    const Stream& stream = question.plan.streams[k];
    names.push_back(SqlQuoted(stream.event));
    columns.push_back(StrCat("lane = 1 AND name = ", SqlQuoted(stream.event), " AS c", k));
    for (std::size_t v = 1; v < stream.values.size(); ++v)
      columns.push_back(StrCat(SqlNumber(stream.values[v]), " AS v", k, "_", v));
    for (std::size_t f = 0; f < stream.filters.size(); ++f)
      columns.push_back(StrCat(SqlConditions(stream.filters[f]), " AS f", k, "_", f));
    for (std::size_t d = 0; d < stream.identities.size(); ++d)
      columns.push_back(StrCat(SqlIdentity(stream.identities[d]), " AS d", k, "_", d));
  }
  const std::string keys = StrCat(" AND unit >= ", scope.first, " AND unit <= ", scope.last);
  const std::string exposures = StrCat("unit_type = ", SqlQuoted(spec.unit_type), keys,
                                       " AND lane = 0 AND name = ", SqlQuoted(spec.experiment));
  return StrCat(
      "SELECT ", absl::StrJoin(columns, ", "), " FROM ", scope.records,
      " WHERE unit_type = ", SqlQuoted(spec.unit_type), keys,
      " AND ((lane = 0 AND name = ", SqlQuoted(spec.experiment), ")",
      names.empty() ? "" : StrCat(" OR (lane = 1 AND name IN (", absl::StrJoin(names, ", "), "))"),
      ") AND unit IN (SELECT unit FROM ", scope.records, " WHERE ", exposures, ") AND ",
      scope.counted);
}

Steps UnitsOf(const Question& question) {
  const ExperimentSpec& spec = question.spec;
  Texts columns = {"countIf(lane = 0) AS n_exposures", "countIf(ok) AS n_ok",
                   "countIf(ok AND free) AS n_free",
                   "countIf(ok AND free AND arm = 0) AS n_unknown"};
  Texts made = {"n_exposures", "n_ok", "n_free", "n_unknown"};
  if (question.clusters()) {
    made.emplace_back("unit");
    made.emplace_back("observed");
  }
  Texts names = made;
  const auto make = [&](const std::string& name, const std::string& expression) {
    made.push_back(StrCat(expression, " AS ", name));
    names.push_back(name);
  };
  const auto gathered = [&](const std::string& column, const std::string& condition,
                            const std::string& name) {
    columns.push_back(StrCat("groupArrayIf(", column, ", ", condition, ") AS ", name));
    return name;
  };
  Texts exposures;
  for (const char* column : {"t", "p", "arm", "h"})
    exposures.push_back(gathered(column, "ok AND free AND arm != 0", StrCat("x_", column)));
  for (std::size_t a = 0; a < spec.report_by.size(); ++a)
    exposures.push_back(gathered(StrCat("a", a), "ok AND free AND arm != 0", StrCat("x_a", a)));
  make("exposed", Sorted(exposures));
  Texts counted;
  for (std::size_t k = 0; k < question.plan.streams.size(); ++k) {
    if (!question.reads[k]) continue;
    const Stream& stream = question.plan.streams[k];
    const std::string of = StrCat("c", k);
    Texts arrays;
    for (const char* column : {"t", "p", "i", "r", "v"})
      arrays.push_back(gathered(column, of, StrCat("e", k, "_", column)));
    for (std::size_t v = 1; v < stream.values.size(); ++v)
      arrays.push_back(gathered(StrCat("v", k, "_", v), of, StrCat("e", k, "_v", v)));
    for (std::size_t f = 0; f < stream.filters.size(); ++f)
      arrays.push_back(gathered(StrCat("f", k, "_", f), of, StrCat("e", k, "_f", f)));
    for (std::size_t d = 0; d < stream.identities.size(); ++d)
      arrays.push_back(gathered(StrCat("d", k, "_", d), of, StrCat("e", k, "_d", d)));
    // Of events that were reported twice the first.
    const std::string events = Sorted(arrays);
    make(StrCat("q", k),
         StrCat("arrayFilter((x, n) -> x.", kEventId, " = 0 OR n = 1, ", events,
                ", arrayEnumerateUniq(arrayMap(x -> x.", kEventId, ", ", events, ")))"));
    if (question.wanted.streams[k]) counted.push_back(StrCat("length(e", k, "_t)"));
  }
  make("n_events",
       StrCat("toFloat64(", counted.empty() ? "0" : absl::StrJoin(counted, " + "), ")"));
  const std::string records = RecordsOf(question);
  const std::string grouped =
      question.clusters()
          ? StrCat("SELECT unit, observed, ", absl::StrJoin(columns, ", "), " FROM (",
                   WithoutRepeats(records), ") GROUP BY unit, observed")
          : StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM (", records, ") GROUP BY unit");
  return Steps(StrCat("SELECT ", absl::StrJoin(made, ", "), " FROM (", grouped, ")"), names);
}

void AddEnrolment(const Question& question, const std::string& condition, Steps* steps) {
  const auto first = [](std::size_t part) {
    return StrCat("arrayMap(y -> y.", part, ", exposed)[1]");
  };
  steps->Add("enrolled", condition);
  steps->Add("t0", StrCat("toInt64(", first(1), ")"));
  steps->Add("arm", first(3));
  steps->Add("phase", first(4));
  for (std::size_t a = 0; a < question.spec.report_by.size(); ++a)
    steps->Add(StrCat("at", a), first(5 + a));
  steps->Next();
  const std::int64_t window = question.plan.longest_window_ms;
  steps->Add("crossed",
             StrCat("toUInt8(arrayExists(y -> y.3 != arm",
                    window == kSqlNever ? "" : StrCat(" AND y.1 < t0 + ", SqlWide(window)),
                    ", exposed))"));
  steps->Add("d0", question.DayOf("t0"));
  steps->Next();
}

}  // namespace upswing::analysis
