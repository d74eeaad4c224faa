#include "server/store/embedded/client_counts.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sdk/base/hash.hpp"
#include "server/store/bytes.hpp"

namespace upswing::store {
namespace {

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
// As many rows as an SDK keeps apart, and as a batch may bring (sdk/wire/batch.hpp). What a client
// says beyond is no reason to grow.
constexpr std::size_t kMostRows = 4096;
// No device counts further, nor do all of them of one row in a day. So sums of what clients claim
// do not overflow: a year of 64 names with all 256 reasons is below 2^63.
constexpr std::int64_t kMost = std::int64_t{1} << 40;

// Column `what` of the table `tally`.
enum What : int {
  kEvaluated = 0,
  kExposed = 1,
  kQueued = 2,
  kExposureDropped = 3,
  kEventDropped = 4
};

std::int64_t DayOf(std::int64_t time_ms) {
  return time_ms >= 0 ? time_ms / kDayMs : (time_ms + 1) / kDayMs - 1;
}

/// A client's row as the table `counter` keeps it.
struct Row {
  std::uint64_t name = 0;  ///< Hash of all that names it.
  std::uint64_t values[3] = {};
};

std::uint64_t NameOf(const ClientCount& count) {
  std::string text(1, static_cast<char>(count.kind));
  text.push_back(static_cast<char>(count.reason));
  PutSized(count.name, &text);
  text.append(count.variant);
  return base::Hash64(text);
}

bool Decode(std::string_view data, std::vector<Row>* rows) {
  ByteReader reader(data);
  while (reader.ok() && !reader.AtEnd()) {
    Row& row = rows->emplace_back();
    row.name = reader.Fixed<std::uint64_t>();
    for (std::uint64_t& value : row.values) value = reader.Varint();
  }
  return reader.ok();
}

}  // namespace

ClientCounts::ClientCounts(Database* database, ClientRows* rows)
    : rows_(rows),
      add_(database->Prepare(
          "INSERT INTO tally(name,variant,what,reason,day,value) VALUES(?1,?2,?3,?4,?5,?6) "
          "ON CONFLICT(name,variant,what,reason,day) DO UPDATE SET "
          "value=min(value+excluded.value,?7)")) {}

absl::Status ClientCounts::Add(const LandingBatch& batch) {
  if (batch.counts.empty()) return absl::OkStatus();
  const ClientRows::Key key{ClientRows::Table::kCounter, batch.key.epoch_hi, batch.key.epoch_lo};
  const absl::StatusOr<std::string_view> known = rows_->Get(key);
  if (!known.ok()) return known.status();
  std::vector<Row> rows;
  if (!Decode(*known, &rows)) rows.clear();

  absl::flat_hash_map<std::uint64_t, std::size_t> places;  // in `rows`, by name
  places.reserve(rows.size() + batch.counts.size());
  for (std::size_t i = 0; i < rows.size(); ++i) places.try_emplace(rows[i].name, i);

  bool changed = false;
  for (const ClientCount& count : batch.counts) {
    const std::uint64_t name = NameOf(count);
    if (!places.contains(name)) {
      if (rows.size() >= kMostRows) continue;
      places.emplace(name, rows.size());
      rows.push_back({name, {}});
    }
    Row& row = rows[places[name]];
    for (int i = 0; i < 3; ++i) {
      const std::uint64_t value = std::min<std::uint64_t>(count.values[i], kMost);
      if (value <= row.values[i]) continue;
      const int what = count.kind == ClientCount::Kind::kDecisions          ? i
                       : count.kind == ClientCount::Kind::kDroppedExposures ? kExposureDropped
                                                                            : kEventDropped;
      std::int64_t& grown =
          grown_[{count.name, count.variant, what, count.reason, DayOf(batch.received_ms)}];
      grown = std::min(kMost, grown + static_cast<std::int64_t>(value - row.values[i]));
      row.values[i] = value;
      changed = true;
    }
  }
  if (!changed) return absl::OkStatus();
  const absl::StatusOr<std::string*> data = rows_->Edit(key);
  if (!data.ok()) return data.status();
  (*data)->clear();
  for (const Row& row : rows) {
    PutFixed(row.name, *data);
    for (const std::uint64_t value : row.values) PutVarint(value, *data);
  }
  return absl::OkStatus();
}

absl::Status ClientCounts::Finish() {
  for (const auto& [key, value] : grown_) {
    const auto& [name, variant, what, reason, day] = key;
    absl::Status status = add_.BindText(1, name)
                              .BindText(2, variant)
                              .Bind(3, what)
                              .Bind(4, reason)
                              .Bind(5, day)
                              .Bind(6, value)
                              .Bind(7, kMost)
                              .Run();
    if (!status.ok()) return status;
  }
  grown_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, DecisionCounts>> ReadDecisions(Database* database,
                                                                    std::string_view experiment,
                                                                    std::int64_t from_ms,
                                                                    std::int64_t to_ms) {
  std::map<std::string, DecisionCounts> counts;
  Statement select = database->Prepare(
      "SELECT variant, what, reason, sum(min(value,?5)) FROM tally WHERE name=?1 AND what<?2 AND "
      "day>=?3 AND day<=?4 GROUP BY variant, what, reason");
  select.BindText(1, experiment)
      .Bind(2, kEventDropped)
      .Bind(3, DayOf(from_ms))
      .Bind(4, DayOf(to_ms))
      .Bind(5, kMost);
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) return counts;
    DecisionCounts& of = counts[std::string(select.Blob(0))];
    const std::int64_t value = select.Int(3);
    switch (select.Int(1)) {
      case kEvaluated:
        of.evaluated = value;
        break;
      case kExposed:
        of.exposed = value;
        break;
      case kQueued:
        of.queued = value;
        break;
      default:
        of.dropped[static_cast<std::uint8_t>(select.Int(2))] = value;
    }
  }
}

absl::StatusOr<std::map<std::uint8_t, std::int64_t>> ReadDroppedEvents(Database* database,
                                                                       std::string_view name,
                                                                       std::int64_t from_ms,
                                                                       std::int64_t to_ms) {
  std::map<std::uint8_t, std::int64_t> dropped;
  Statement select = database->Prepare(
      "SELECT reason, sum(min(value,?5)) FROM tally WHERE name=?1 AND variant='' AND what=?2 AND "
      "day>=?3 AND day<=?4 GROUP BY reason");
  select.BindText(1, name)
      .Bind(2, kEventDropped)
      .Bind(3, DayOf(from_ms))
      .Bind(4, DayOf(to_ms))
      .Bind(5, kMost);
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) return dropped;
    dropped[static_cast<std::uint8_t>(select.Int(0))] = select.Int(1);
  }
}

}  // namespace upswing::store
