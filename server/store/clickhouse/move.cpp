#include "server/store/clickhouse/move.hpp"

#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "server/store/bytes.hpp"
#include "server/store/chunk.hpp"
#include "server/store/clickhouse/ledger.hpp"
#include "server/store/clickhouse/rows.hpp"
#include "server/store/clickhouse/schema.hpp"

namespace upswing::store {
namespace {

// Epochs of what was moved; random ones of clients do not begin with it.
constexpr std::uint64_t kMovedEpoch = 0x75707377696e6721;
constexpr std::size_t kBodyBytes = 8 << 20;
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

}  // namespace

absl::Status Move::Flush(std::string_view table, std::string_view columns, std::string* body) {
  if (body->empty()) return absl::OkStatus();
  absl::Status status = to_->InsertRows(table, columns, *body);
  body->clear();
  return status;
}

absl::Status Move::AddLedger(const LandingBatch& batch, LedgerKind kind, std::uint64_t attempt,
                             std::uint32_t number) {
  AppendLedgerRow(batch, kind, attempt, number, &ledger_);
  return ledger_.size() < kBodyBytes ? absl::OkStatus()
                                     : Flush("ledger", LedgerColumns(), &ledger_);
}

absl::StatusOr<Move::Rows> Move::Records(const RecordSource& from,
                                         const std::function<void(std::int64_t)>& progress) {
  Rows rows;
  std::string body;
  std::vector<LandingBatch> batches;
  std::uint64_t attempt = RandomId();
  const auto commit = [&]() -> absl::Status {
    absl::Status status = Flush(RecordsTable(to_->client().address()), WrittenColumns(), &body);
    for (std::size_t i = 0; i < batches.size() && status.ok(); ++i)
      status = AddLedger(batches[i], LedgerKind::kStored, attempt, static_cast<std::uint32_t>(i));
    if (status.ok()) status = Flush("ledger", LedgerColumns(), &ledger_);
    batches.clear();
    attempt = RandomId();
    return status;
  };
  store::Records records;
  std::vector<std::uint32_t> units;
  for (const ChunkGroup& group : from.Groups()) {
    const auto keys = from.Keys(group.unit_type, group.shard);
    if (!keys.ok()) return keys.status();
    for (const ChunkRef& chunk :
         from.Chunks(group.unit_type, group.shard, group.lane, group.name)) {
      const absl::StatusOr<std::string> bytes = from.Read(chunk);
      if (!bytes.ok()) return bytes.status();
      records.Clear();
      units.clear();
      absl::Status status = AppendChunk(*bytes, group.lane, group.name, &records, &units);
      if (!status.ok()) return status;
      LandingBatch batch;
      // What the rows will be: the chunk, and where it stands.
      batch.key = {kMovedEpoch,
                   base::Hash64(absl::StrCat(base::Hash64(*bytes), " ", group.shard, " ",
                                             static_cast<int>(group.lane), " ", group.unit_type,
                                             " ", group.name)),
                   1};
      batch.checksum = base::Hash64(*bytes);
      auto known = KnownInLedger::Ask(&to_->client(), absl::MakeConstSpan(&batch, 1));
      if (!known.ok()) return known.status();
      bool part = false;
      if (known->Admit(batch, &part) != LandingOutcome::kStored) {
        rows.there += chunk.rows;
        continue;
      }
      const ChunkRows written =
          AppendChunkRows(records, group.lane, group.name, group.unit_type, units, *keys, attempt,
                          static_cast<std::uint32_t>(batches.size()), &body);
      if (written.rows == 0) continue;
      batch.records = static_cast<std::uint32_t>(written.records);
      batches.push_back(std::move(batch));
      rows.moved += static_cast<std::int64_t>(written.rows);
      if (body.size() < kBodyBytes) continue;
      if (status = commit(); !status.ok()) return status;
      progress(rows.moved + rows.there);
    }
  }
  if (absl::Status status = commit(); !status.ok()) return status;
  return rows;
}

absl::Status Move::Verify(const RecordSource& from) {
  std::map<std::tuple<std::string, int, std::string>, std::int64_t> wanted;
  for (const ChunkGroup& group : from.Groups()) {
    const auto keys = from.Keys(group.unit_type, group.shard);
    if (!keys.ok()) return keys.status();
    std::int64_t& rows = wanted[{group.unit_type, static_cast<int>(group.lane), group.name}];
    for (const ChunkRef& chunk :
         from.Chunks(group.unit_type, group.shard, group.lane, group.name)) {
      const absl::StatusOr<std::string> bytes = from.Read(chunk);
      if (!bytes.ok()) return bytes.status();
      const auto reader = ChunkReader::Open(*bytes);
      if (!reader.ok()) return reader.status();
      std::vector<std::uint32_t> units;
      if (absl::Status status = reader->Read(ColumnId::kUnit, &units); !status.ok()) return status;
      for (const std::uint32_t unit : units) rows += (*keys)[unit] != 0 ? 1 : 0;
    }
  }
  const ClickHouseAddress& address = to_->client().address();
  const absl::StatusOr<std::string> answer = to_->client().Read(
      absl::StrCat("SELECT unit_type, lane, name, toInt64(count()) FROM ", address.database, ".",
                   base::ToAbsl(RecordsTable(address)), " WHERE ", CountedRows(address),
                   " GROUP BY unit_type, lane, name FORMAT RowBinary"));
  if (!answer.ok()) return answer.status();
  for (ByteReader in(*answer); !in.AtEnd();) {
    std::string type(in.Sized());
    const int lane = in.Fixed<std::uint8_t>();
    std::string name(in.Sized());
    wanted[{std::move(type), lane, std::move(name)}] -= in.Fixed<std::int64_t>();
  }
  for (const auto& [group, difference] : wanted) {
    if (difference == 0) continue;
    const auto& [type, lane, name] = group;
    return absl::DataLossError(absl::StrCat(
        address.ToString(), ": ", difference, " rows of ", lane == 0 ? "exposures to " : "events ",
        name, " by ", type, " are ", difference > 0 ? "missing" : "too many"));
  }
  return absl::OkStatus();
}

absl::Status Move::Known(const BatchKey& key, bool split, std::uint32_t mark) {
  LandingBatch batch;
  batch.key = key;
  batch.checksum = mark;
  return AddLedger(batch, split ? LedgerKind::kMovedSplit : LedgerKind::kMoved, 0, 0);
}

absl::Status Move::Boot(const BatchKey& key, std::uint64_t boot_id, std::int64_t offset) {
  LandingBatch batch;
  batch.key = key;
  batch.key.sequence = 0;  // no batch has it
  batch.boot_id = boot_id;
  batch.boot_offset = offset;
  return AddLedger(batch, LedgerKind::kMovedBoot, 0, 0);
}

// As if one client had counted it all: totals that grow from day to day.
absl::Status Move::Tally(std::int64_t day, const ClientCount& count) {
  int which = 0;
  while (which < 2 && count.values[which] == 0) ++which;
  const bool same = running_.kind == count.kind && running_.name == count.name &&
                    running_.variant == count.variant && running_.reason == count.reason &&
                    running_.values[which] != 0;
  if (!same) running_ = {count.kind, count.name, count.variant, count.reason, {}};
  running_.values[which] += count.values[which];
  LandingBatch batch;
  batch.key = {kMovedEpoch,
               base::Hash64(absl::StrCat(static_cast<int>(count.kind), " ", which, " ",
                                         static_cast<int>(count.reason), " ", count.name, " ",
                                         count.variant)),
               0};
  batch.received_ms = day * kDayMs;
  batch.counts = {running_};
  return AddLedger(batch, LedgerKind::kMovedCounts, 0, 0);
}

absl::Status Move::Erased(const std::string& experiment, const std::string& variant,
                          std::int64_t units) {
  PutSized(experiment, &erased_);
  PutSized(variant, &erased_);
  PutFixed(static_cast<std::uint64_t>(units), &erased_);
  PutFixed(base::Hash64(absl::StrCat("moved ", experiment, " ", variant)), &erased_);
  return absl::OkStatus();
}

absl::Status Move::Tombstone(std::string_view hash, std::int64_t erased_ms) {
  tombstones_.append(hash);
  PutFixed(erased_ms, &tombstones_);
  return absl::OkStatus();
}

absl::Status Move::AuditLog(const std::vector<AuditEntry>& entries) {
  std::uint64_t number = 0;
  for (const AuditEntry& entry : entries) {
    PutFixed(entry.time_ms, &audit_);
    PutFixed(++number, &audit_);
    PutSized(entry.action, &audit_);
    PutSized(entry.detail, &audit_);
  }
  return absl::OkStatus();
}

absl::Status Move::Finish() {
  absl::Status status = Flush("ledger", LedgerColumns(), &ledger_);
  if (status.ok()) status = Flush("erased", "experiment, variant, units, id", &erased_);
  if (status.ok()) status = Flush("tombstones", "hash, erased_ms", &tombstones_);
  if (status.ok()) status = Flush("audit", "time_ms, id, action, detail", &audit_);
  return status;
}

}  // namespace upswing::store
