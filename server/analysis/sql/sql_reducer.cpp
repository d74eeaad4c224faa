#include "server/analysis/sql/sql_reducer.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/analysis/sql/answer.hpp"
#include "server/analysis/sql/condition.hpp"
#include "server/analysis/sql/statement.hpp"
#include "server/store/bytes.hpp"
#include "server/store/clickhouse/ledger.hpp"

namespace upswing::analysis {
namespace {

constexpr int kMostDays = 1000;  // of a calendar: earlier ones may have been cut off
constexpr std::int64_t kMostParts = 4096;

// Servers may be behind each other in what they know of the newest batches: then those are left
// out, at every attempt longer ones. 0: none.
constexpr std::int64_t kNewestLeftOutMs[] = {0, 2'000, 8'000, 32'000, 128'000};

std::string OfShards(const store::ClickHouseAddress& address, const std::string& here,
                     const std::string& columns) {
  if (address.cluster.empty()) return absl::StrCat("SELECT ", columns, " FROM (", here, ")");
  // Every shard has one row to join with, so that it does all of the query by itself.
  return absl::StrCat("SELECT ", columns, " FROM cluster('", address.cluster,
                      "', 'system', 'one') ALL INNER JOIN (SELECT toUInt8(0) AS dummy, * FROM (",
                      here, ")) USING dummy");
}

// Whether all shards looked up in the same ledger which records count.
bool Agree(const std::vector<SqlSums>& rows) {
  const SqlSums* first = nullptr;
  for (const SqlSums& row : rows) {
    if (row.kind != SqlKind::kLedger) continue;
    if (first == nullptr) first = &row;
    if (row.units != first->units || row.pending != first->pending) return false;
  }
  return true;
}

}  // namespace

std::vector<bool> SqlReducer::Knows(const Plan& plan, const Calendar& calendar) const {
  std::vector<bool> known(plan.metrics.size(), false);
  if (!plan.spec->fallback_unit.empty() || calendar.days() >= kMostDays) return known;
  for (std::size_t m = 0; m < known.size(); ++m) known[m] = SqlKnows(plan, m);
  return known;
}

// On the shard that has most.
absl::StatusOr<std::int64_t> SqlReducer::Rows(const PassOptions& options,
                                              const Wanted& wanted) const {
  const Plan& plan = *options.plan;
  std::vector<std::string> names;
  const std::vector<bool> read = plan.StreamsOf(wanted.metrics);
  for (std::size_t k = 0; k < read.size(); ++k)
    if (read[k]) names.push_back(SqlQuoted(plan.streams[k].event));
  const std::string events =
      names.empty() ? ""
                    : absl::StrCat(" OR (lane = 1 AND name IN (", absl::StrJoin(names, ", "), "))");
  const store::ClickHouseAddress& address = client_->address();
  const std::string here = absl::StrCat(
      "SELECT count() AS n FROM ", address.database,
      ".records_local WHERE unit_type = ", SqlQuoted(plan.spec->unit_type),
      " AND ((lane = 0 AND name = ", SqlQuoted(plan.spec->experiment), ")", events, ")");
  const absl::StatusOr<std::string> rows =
      client_->Read(absl::StrCat("SELECT toInt64(max(n)) FROM (", OfShards(address, here, "n"),
                                 ") FORMAT RowBinary"),
                    {}, cancelled_);
  if (!rows.ok()) return rows.status();
  return store::ByteReader(*rows).Fixed<std::int64_t>();
}

absl::Status SqlReducer::AddPart(const PassOptions& options, const Wanted& wanted,
                                 std::uint64_t first, std::uint64_t last, PassState* state) const {
  const store::ClickHouseAddress& address = client_->address();
  const ExperimentSpec& spec = *options.plan->spec;
  const std::string columns = absl::StrJoin(SqlColumns(spec), ", ");
  SqlScope scope;
  scope.records = absl::StrCat(address.database, ".records_local");
  scope.first = first;
  scope.last = last;
  const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
  for (const std::int64_t left_out : kNewestLeftOutMs) {
    const std::int64_t until =
        left_out == 0 ? std::numeric_limits<std::int64_t>::max() : now - left_out;
    scope.counted = store::CountedRowsHere(address, until);
    std::string here = ReduceStatement(options, wanted, scope);
    if (!address.cluster.empty())
      here = absl::StrCat("SELECT ", columns, " FROM (", here, ") UNION ALL ",
                          SqlRow(spec, SqlKind::kLedger, "mark", "n", "[toFloat64(0)]"),
                          " FROM (SELECT mark, n FROM (", store::LedgerMark(address, until), "))");
    const absl::StatusOr<std::string> answer =
        client_->Read(absl::StrCat(OfShards(address, here, columns), " FORMAT RowBinary"),
                      {{"max_ast_elements", "1000000"},
                       {"max_expanded_ast_elements", "2000000"},
                       {"max_ast_depth", "5000"}},
                      cancelled_);
    if (!answer.ok()) return answer.status();
    const absl::StatusOr<std::vector<SqlSums>> rows = ReadSums(spec, *answer);
    if (!rows.ok()) return rows.status();
    if (Agree(*rows)) return AddSums(*options.plan, *rows, state);
  }
  return absl::AbortedError("ClickHouse: the shards do not agree on the batches that are stored");
}

absl::StatusOr<PassState> SqlReducer::Reduce(const PassOptions& options,
                                             const Wanted& wanted) const {
  const absl::StatusOr<std::int64_t> rows = Rows(options, wanted);
  if (!rows.ok()) return rows.status();
  if (*rows < limits_.fewest_rows) return absl::AbortedError("few records");
  PassState state(*options.plan, options.calendar->days(), nullptr);
  const auto count = static_cast<std::uint64_t>(std::clamp<std::int64_t>(
      (*rows + limits_.rows_at_once - 1) / limits_.rows_at_once, 1, kMostParts));
  const std::uint64_t width = ~std::uint64_t{0} / count;
  for (std::uint64_t part = 0; part < count; ++part) {
    const std::uint64_t first = part * width + (part == 0 ? 0 : 1);
    const std::uint64_t last = part + 1 == count ? ~std::uint64_t{0} : (part + 1) * width;
    if (absl::Status status = AddPart(options, wanted, first, last, &state); !status.ok())
      return status;
  }
  return state;
}

}  // namespace upswing::analysis
