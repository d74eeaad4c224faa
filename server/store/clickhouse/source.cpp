#include "server/store/clickhouse/source.hpp"

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sdk/base/text.hpp"
#include "server/store/bytes.hpp"
#include "server/store/chunk.hpp"
#include "server/store/clickhouse/ledger.hpp"
#include "server/store/clickhouse/rows.hpp"
#include "server/store/clickhouse/schema.hpp"

namespace upswing::store {
namespace {

// Shards of a source are ranges of keys, so that each is one part of a sorted answer.
constexpr int kShards = 16;
constexpr int kShardShift = 60;
constexpr std::size_t kChunkRows = 16'384;
constexpr std::uint64_t kFailed = ~std::uint64_t{0};
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

int ShardOfKey(std::uint64_t key) { return static_cast<int>(key >> kShardShift); }

// Chunks, one after the other. Thread-safe.
class ChunkFile {
 public:
  ChunkFile() : file_(std::tmpfile()) {}
  ~ChunkFile() {
    if (file_ != nullptr) std::fclose(file_);
  }
  absl::StatusOr<std::uint64_t> Append(std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    if (file_ == nullptr || std::fseek(file_, 0, SEEK_END) != 0)
      return absl::UnavailableError("no temporary file can be made for the records of a report");
    const auto offset = static_cast<std::uint64_t>(std::ftell(file_));
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size())
      return absl::ResourceExhaustedError("the disk is full: no room for the records of a report");
    places_.emplace_back(offset, bytes.size());
    return places_.size() - 1;
  }
  absl::StatusOr<std::string> Read(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    if (id >= places_.size()) return absl::InternalError("no such chunk");
    std::string bytes(places_[id].second, '\0');
    if (std::fseek(file_, static_cast<long>(places_[id].first), SEEK_SET) != 0 ||
        std::fread(bytes.data(), 1, bytes.size(), file_) != bytes.size())
      return absl::UnavailableError("the temporary file of a report cannot be read");
    return bytes;
  }

 private:
  std::mutex mutex_;
  std::FILE* file_;                                            // guarded by mutex_
  std::vector<std::pair<std::uint64_t, std::size_t>> places_;  // guarded by mutex_
};

class Source : public RecordSource {
 public:
  Source(ClickHouseClient* client, const SnapshotScope& scope)
      : client_(client),
        scope_(scope),
        records_(absl::StrCat(client->address().database, ".",
                              base::ToAbsl(RecordsTable(client->address())))),
        counted_(CountedRows(client->address())) {}

  absl::Status Load();

  int shards() const override { return kShards; }
  std::uint32_t Units(std::string_view unit_type, int shard) const override;
  std::uint32_t StableUnits(std::string_view, int) const override { return 0; }
  std::vector<ChunkRef> Chunks(std::string_view unit_type, int shard, Lane lane,
                               std::string_view name) const override;
  std::optional<std::pair<std::int64_t, std::int64_t>> TimeRange(
      std::string_view unit_type, Lane lane, std::string_view name) const override;
  std::vector<ChunkGroup> Groups() const override;
  absl::StatusOr<std::string> Read(const ChunkRef& chunk) const override;
  absl::StatusOr<std::vector<std::uint64_t>> Keys(std::string_view unit_type,
                                                  int shard) const override;
  int ShardOf(std::uint64_t key) const override { return ShardOfKey(key); }
  std::optional<std::int64_t> EarliestEventMs() const override { return earliest_; }
  std::int64_t EventsWithout(std::string_view name,
                             const std::vector<std::string>& unit_types) const override;
  std::map<std::string, std::int64_t> Erased(std::string_view experiment) const override;
  absl::StatusOr<std::map<std::string, DecisionCounts>> Decisions(
      std::string_view experiment, std::int64_t from_ms, std::int64_t to_ms) const override;
  absl::StatusOr<std::map<std::uint8_t, std::int64_t>> DroppedEvents(
      std::string_view name, std::int64_t from_ms, std::int64_t to_ms) const override;
  std::vector<std::string> Unreadable() const override;

 private:
  using GroupKey = std::tuple<std::string, Lane, std::string>;  // unit type, lane, name
  struct Fetched {
    std::once_flag once;
    std::vector<ChunkRef> chunks[kShards];
    absl::Status status;
  };
  struct UnitKeys {
    std::once_flag once;
    std::vector<std::uint64_t> of[kShards];
    absl::Status status;
  };
  const UnitKeys& KeysOf(std::string_view unit_type) const;
  void FetchKeys(std::string_view unit_type, UnitKeys* keys) const;
  const Fetched& FetchedOf(std::string_view unit_type, Lane lane, std::string_view name) const;
  absl::Status Fetch(const GroupKey& group, Fetched* fetched) const;
  std::string OfUnits(std::string_view unit_type) const;
  void Note(const absl::Status& status) const;
  absl::StatusOr<std::string> Ask(const std::string& sql) const {
    return client_->Read(sql, {}, scope_.cancelled);
  }
  absl::StatusOr<std::string> Grown(ClientCount::Kind kind, std::string_view name,
                                    std::int64_t from_ms, std::int64_t to_ms) const;

  ClickHouseClient* client_;
  const SnapshotScope scope_;
  const std::string records_;  // table
  const std::string counted_;  // condition
  struct Group {
    std::int64_t first_ms = 0;
    std::int64_t last_ms = 0;
  };
  std::map<GroupKey, Group> groups_;
  std::optional<std::int64_t> earliest_;
  mutable ChunkFile file_;
  mutable std::mutex mutex_;
  mutable std::map<GroupKey, std::unique_ptr<Fetched>> fetched_;   // guarded by mutex_
  mutable std::map<std::string, std::unique_ptr<UnitKeys>> keys_;  // guarded by mutex_
  mutable std::vector<std::string> unreadable_;                    // guarded by mutex_
};

absl::Status Source::Load() {
  const absl::StatusOr<std::string> groups =
      Ask(absl::StrCat("SELECT unit_type, lane, name, min(time_ms), max(time_ms) FROM ", records_,
                       " WHERE ", counted_, " GROUP BY unit_type, lane, name FORMAT RowBinary"));
  if (!groups.ok()) return groups.status();
  ByteReader in(*groups);
  while (!in.AtEnd()) {
    std::string type(in.Sized());
    const auto lane = static_cast<Lane>(in.Fixed<std::uint8_t>());
    std::string name(in.Sized());
    Group group;
    group.first_ms = in.Fixed<std::int64_t>();
    group.last_ms = in.Fixed<std::int64_t>();
    if (!in.ok()) return absl::InternalError("ClickHouse: the answer is cut off");
    if (lane == Lane::kEvents)
      earliest_ = std::min(earliest_.value_or(group.first_ms), group.first_ms);
    groups_.emplace(GroupKey(std::move(type), lane, std::move(name)), group);
  }
  return absl::OkStatus();
}

void Source::Note(const absl::Status& status) const {
  if (status.ok()) return;
  const std::lock_guard lock(mutex_);
  unreadable_.emplace_back(status.message());
}

// The units in question; those of attempts that do not count do no harm.
std::string Source::OfUnits(std::string_view unit_type) const {
  if (scope_.experiment.empty()) return "";
  return absl::StrCat(" AND unit IN (SELECT unit FROM ", client_->address().database,
                      ".records_local WHERE unit_type = ", Quoted(unit_type),
                      " AND lane = 0 AND name = ", Quoted(scope_.experiment), ")");
}

void Source::FetchKeys(std::string_view unit_type, UnitKeys* keys) const {
  const std::string sql =
      absl::StrCat("SELECT DISTINCT unit FROM ", records_, " WHERE unit_type = ", Quoted(unit_type),
                   scope_.experiment.empty()
                       ? ""
                       : absl::StrCat(" AND lane = 0 AND name = ", Quoted(scope_.experiment)),
                   " FORMAT RowBinary");
  std::string rest;
  keys->status = client_->Stream(
      sql,
      [&](std::string_view piece) {
        rest.append(piece);
        ByteReader in(rest);
        const std::size_t whole = rest.size() / 8;
        for (std::size_t i = 0; i < whole; ++i) {
          const auto key = in.Fixed<std::uint64_t>();
          keys->of[ShardOfKey(key)].push_back(key);
        }
        rest.erase(0, whole * 8);
        return absl::OkStatus();
      },
      [&] {
        rest.clear();
        for (auto& of_shard : keys->of) of_shard.clear();
      },
      {}, scope_.cancelled);
  for (auto& of_shard : keys->of) std::sort(of_shard.begin(), of_shard.end());
}

const Source::UnitKeys& Source::KeysOf(std::string_view unit_type) const {
  UnitKeys* keys;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = keys_[std::string(unit_type)];
    if (slot == nullptr) slot = std::make_unique<UnitKeys>();
    keys = slot.get();
  }
  std::call_once(keys->once, [&] { FetchKeys(unit_type, keys); });
  return *keys;
}

std::uint32_t Source::Units(std::string_view unit_type, int shard) const {
  const UnitKeys& keys = KeysOf(unit_type);
  Note(keys.status);
  return static_cast<std::uint32_t>(keys.of[shard].size());
}

absl::StatusOr<std::vector<std::uint64_t>> Source::Keys(std::string_view unit_type,
                                                        int shard) const {
  const UnitKeys& keys = KeysOf(unit_type);
  if (!keys.status.ok()) return keys.status;
  return keys.of[shard];
}

// Rows come in order of units; whenever enough of them are there, they become a chunk.
absl::Status Source::Fetch(const GroupKey& group, Fetched* fetched) const {
  // Named one by one: Clang 14 takes no structured bindings into a lambda.
  const std::string& unit_type = std::get<0>(group);
  const Lane lane = std::get<1>(group);
  const std::string& name = std::get<2>(group);
  const UnitKeys& keys = KeysOf(unit_type);
  if (!keys.status.ok()) return keys.status;
  Records records;
  std::vector<std::uint64_t> units;
  std::uint64_t run = 0;
  const auto cut = [&](std::size_t end) -> absl::Status {
    // Chunks hold one shard each.
    for (std::size_t begin = 0; begin < end;) {
      const int shard = ShardOfKey(units[begin]);
      const std::vector<std::uint64_t>& of_shard = keys.of[shard];
      std::vector<ChunkRow> rows;
      ChunkRef ref;
      ref.min_time_ms = std::numeric_limits<std::int64_t>::max();
      ref.max_time_ms = std::numeric_limits<std::int64_t>::min();
      std::size_t i = begin;
      for (; i < end && ShardOfKey(units[i]) == shard; ++i) {
        const auto found = std::lower_bound(of_shard.begin(), of_shard.end(), units[i]);
        // A unit that came after its like were asked for.
        if (found == of_shard.end() || *found != units[i]) continue;
        rows.push_back(
            {static_cast<std::uint32_t>(found - of_shard.begin()), static_cast<std::uint32_t>(i)});
        const std::int64_t time =
            lane == Lane::kEvents ? records.events.time_ms[i] : records.exposures.time_ms[i];
        ref.min_time_ms = std::min(ref.min_time_ms, time);
        ref.max_time_ms = std::max(ref.max_time_ms, time);
      }
      begin = i;
      if (rows.empty()) continue;
      SortRows(records, lane, &rows);
      const std::string bytes = EncodeChunk(records, lane, records.strings.Intern(unit_type), rows);
      const absl::StatusOr<std::uint64_t> id = file_.Append(bytes);
      if (!id.ok()) return id.status();
      ref.id = *id;
      ref.run = run;
      ref.rows = static_cast<std::uint32_t>(rows.size());
      ref.min_unit = rows.front().unit;
      ref.max_unit = rows.back().unit;
      ref.bytes = static_cast<std::int64_t>(bytes.size());
      fetched->chunks[shard].push_back(ref);
    }
    return absl::OkStatus();
  };
  RowReader reader;
  absl::Status status = client_->Stream(
      absl::StrCat("SELECT ", base::ToAbsl(ReadColumns()), " FROM ", records_,
                   " WHERE unit_type = ", Quoted(unit_type), " AND lane = ", static_cast<int>(lane),
                   " AND name = ", Quoted(name), OfUnits(unit_type), " AND ", counted_,
                   " ORDER BY unit, time_ms, position FORMAT RowBinary"),
      [&](std::string_view piece) -> absl::Status {
        if (!reader.Add(piece, lane, unit_type, name, &records, &units))
          return absl::InternalError("ClickHouse: the answer does not hold the rows asked for");
        if (units.size() < kChunkRows) return absl::OkStatus();
        if (absl::Status done = cut(units.size()); !done.ok()) return done;
        records.Clear();
        units.clear();
        return absl::OkStatus();
      },
      [&] {
        reader.Clear();
        records.Clear();
        units.clear();
        for (auto& chunks : fetched->chunks) chunks.clear();
      },
      {{"max_bytes_before_external_sort", "1000000000"}}, scope_.cancelled);
  if (!status.ok()) return status;
  if (!reader.AtEnd()) return absl::UnavailableError("ClickHouse: the answer is cut off");
  return cut(units.size());
}

const Source::Fetched& Source::FetchedOf(std::string_view unit_type, Lane lane,
                                         std::string_view name) const {
  const GroupKey group(unit_type, lane, name);
  Fetched* fetched;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = fetched_[group];
    if (slot == nullptr) slot = std::make_unique<Fetched>();
    fetched = slot.get();
  }
  std::call_once(fetched->once, [&] {
    if (groups_.count(group) == 0) return;
    fetched->status = Fetch(group, fetched);
    if (fetched->status.ok()) return;
    for (auto& chunks : fetched->chunks) chunks.clear();
  });
  return *fetched;
}

std::vector<ChunkRef> Source::Chunks(std::string_view unit_type, int shard, Lane lane,
                                     std::string_view name) const {
  const Fetched& fetched = FetchedOf(unit_type, lane, name);
  if (fetched.status.ok()) return fetched.chunks[shard];
  // The error comes with the chunk's bytes.
  ChunkRef failed;
  failed.id = kFailed;
  failed.rows = 1;
  failed.max_unit = std::numeric_limits<std::uint32_t>::max() - 1;
  const std::lock_guard lock(mutex_);
  unreadable_.emplace_back(fetched.status.message());
  return {failed};
}

std::optional<std::pair<std::int64_t, std::int64_t>> Source::TimeRange(
    std::string_view unit_type, Lane lane, std::string_view name) const {
  const auto found = groups_.find(GroupKey(unit_type, lane, name));
  if (found == groups_.end()) return std::nullopt;
  return std::pair(found->second.first_ms, found->second.last_ms);
}

std::vector<ChunkGroup> Source::Groups() const {
  std::vector<ChunkGroup> groups;
  for (const auto& [key, group] : groups_) {
    const auto& [unit_type, lane, name] = key;
    const Fetched& fetched = FetchedOf(unit_type, lane, name);
    for (int shard = 0; shard < kShards; ++shard)
      if (!fetched.status.ok() || !fetched.chunks[shard].empty())
        groups.push_back({unit_type, shard, lane, name});
  }
  return groups;
}

absl::StatusOr<std::string> Source::Read(const ChunkRef& chunk) const {
  if (chunk.id != kFailed) return file_.Read(chunk.id);
  if (scope_.cancelled && scope_.cancelled()) return absl::CancelledError("cancelled");
  const std::lock_guard lock(mutex_);
  return absl::UnavailableError(unreadable_.empty() ? "ClickHouse" : unreadable_.back());
}

std::vector<std::string> Source::Unreadable() const {
  const std::lock_guard lock(mutex_);
  return unreadable_;
}

std::int64_t Source::EventsWithout(std::string_view name,
                                   const std::vector<std::string>& unit_types) const {
  std::string none;
  for (const std::string& type : unit_types)
    absl::StrAppend(&none, " AND unit_type != ", Quoted(type), " AND NOT has(companion.type, ",
                    Quoted(type), ")");
  const absl::StatusOr<std::string> answer =
      Ask(absl::StrCat("SELECT toInt64(count()) FROM ", records_,
                       " WHERE lane = 1 AND copy = 0 AND name = ", Quoted(name), none, " AND ",
                       counted_, " FORMAT RowBinary"));
  Note(answer.status());
  return answer.ok() && answer->size() == 8 ? ByteReader(*answer).Fixed<std::int64_t>() : 0;
}

std::map<std::string, std::int64_t> Source::Erased(std::string_view experiment) const {
  std::map<std::string, std::int64_t> erased;
  const absl::StatusOr<std::string> answer = Ask(absl::StrCat(
      "SELECT variant, toInt64(sum(units)) FROM (SELECT DISTINCT variant, units, id FROM ",
      client_->address().database, ".erased WHERE experiment = ", Quoted(experiment),
      ") GROUP BY variant FORMAT RowBinary"));
  Note(answer.status());
  if (!answer.ok()) return erased;
  ByteReader in(*answer);
  while (!in.AtEnd()) {
    std::string variant(in.Sized());
    erased[std::move(variant)] = in.Fixed<std::int64_t>();
  }
  return erased;
}

// How much each row of counters grew in those days, summed over epochs: columns variant, reason,
// and the three values.
absl::StatusOr<std::string> Source::Grown(ClientCount::Kind kind, std::string_view name,
                                          std::int64_t from_ms, std::int64_t to_ms) const {
  const std::int64_t from = from_ms / kDayMs * kDayMs;
  const std::int64_t to = (to_ms / kDayMs + 1) * kDayMs;
  std::string inner;
  std::string outer;
  for (const char* value : {"first", "second", "third"}) {
    absl::StrAppend(&inner, ", toInt64(maxIf(c.", value, ", received_ms < ", to,
                    ")) - toInt64(maxIf(c.", value, ", received_ms < ", from, ")) AS ", value, "_");
    absl::StrAppend(&outer, ", sum(", value, "_)");
  }
  return Ask(absl::StrCat(
      "SELECT variant_, reason_", outer, " FROM (SELECT c.variant AS variant_, c.reason AS reason_",
      inner, " FROM ", client_->address().database, ".ledger ARRAY JOIN count AS c WHERE c.kind = ",
      static_cast<int>(kind), " AND c.name = ", Quoted(name),
      " GROUP BY epoch_hi, epoch_lo, c.variant, c.reason) GROUP BY variant_, reason_ FORMAT "
      "RowBinary"));
}

absl::StatusOr<std::map<std::string, DecisionCounts>> Source::Decisions(std::string_view experiment,
                                                                        std::int64_t from_ms,
                                                                        std::int64_t to_ms) const {
  std::map<std::string, DecisionCounts> counts;
  for (const auto kind : {ClientCount::Kind::kDecisions, ClientCount::Kind::kDroppedExposures}) {
    const absl::StatusOr<std::string> answer = Grown(kind, experiment, from_ms, to_ms);
    if (!answer.ok()) return answer.status();
    ByteReader in(*answer);
    while (!in.AtEnd()) {
      const std::string variant(in.Sized());
      const auto reason = in.Fixed<std::uint8_t>();
      const auto first = in.Fixed<std::int64_t>();
      const auto second = in.Fixed<std::int64_t>();
      const auto third = in.Fixed<std::int64_t>();
      if (first == 0 && second == 0 && third == 0) continue;
      DecisionCounts& of = counts[variant];
      if (kind == ClientCount::Kind::kDroppedExposures) {
        of.dropped[reason] += first;
      } else {
        of.evaluated += first;
        of.exposed += second;
        of.queued += third;
      }
    }
  }
  return counts;
}

absl::StatusOr<std::map<std::uint8_t, std::int64_t>> Source::DroppedEvents(
    std::string_view name, std::int64_t from_ms, std::int64_t to_ms) const {
  const absl::StatusOr<std::string> answer =
      Grown(ClientCount::Kind::kDroppedEvents, name, from_ms, to_ms);
  if (!answer.ok()) return answer.status();
  std::map<std::uint8_t, std::int64_t> dropped;
  ByteReader in(*answer);
  while (!in.AtEnd()) {
    in.Sized();
    const auto reason = in.Fixed<std::uint8_t>();
    const auto lost = in.Fixed<std::int64_t>();
    in.Fixed<std::int64_t>();
    in.Fixed<std::int64_t>();
    if (lost != 0) dropped[reason] += lost;
  }
  return dropped;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const RecordSource>> OpenSource(ClickHouseClient* client,
                                                               const SnapshotScope& scope) {
  auto source = std::make_shared<Source>(client, scope);
  if (absl::Status status = source->Load(); !status.ok()) return status;
  return source;
}

}  // namespace upswing::store
