#include "server/store/clickhouse/ledger.hpp"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sdk/base/text.hpp"
#include "server/store/bytes.hpp"

namespace upswing::store {
namespace {

// Largest value of a client's counter that is believed: sums of them stay within 63 bits.
constexpr std::uint64_t kMostCounted = std::uint64_t{1} << 53;

}  // namespace

std::string_view LedgerColumns() {
  return "epoch_hi, epoch_lo, sequence, kind, checksum, attempt, batch, records, received_ms, "
         "boot_id, boot_offset, ancestors, count.kind, count.name, count.variant, count.reason, "
         "count.first, count.second, count.third, blob";
}

void AppendLedgerRow(const LandingBatch& batch, LedgerKind kind, std::uint64_t attempt,
                     std::uint32_t number, std::string* body) {
  PutFixed(batch.key.epoch_hi, body);
  PutFixed(batch.key.epoch_lo, body);
  PutFixed(batch.key.sequence, body);
  PutFixed(static_cast<std::uint8_t>(kind), body);
  PutFixed(batch.checksum, body);
  PutFixed(attempt, body);
  PutFixed(number, body);
  PutFixed(kind == LedgerKind::kStored ? batch.records : 0u, body);
  PutFixed(batch.received_ms, body);
  PutFixed(batch.boot_id, body);
  PutFixed(batch.boot_offset, body);
  PutVarint(batch.ancestors.size(), body);
  for (const std::uint64_t sequence : batch.ancestors) PutFixed(sequence, body);
  const bool counted = kind == LedgerKind::kStored || kind == LedgerKind::kMovedCounts;
  const std::size_t counts = counted ? batch.counts.size() : 0;
  const auto column = [&](auto&& put) {
    PutVarint(counts, body);
    for (std::size_t i = 0; i < counts; ++i) put(batch.counts[i]);
  };
  column([&](const ClientCount& c) { PutFixed(static_cast<std::uint8_t>(c.kind), body); });
  column([&](const ClientCount& c) { PutSized(c.name, body); });
  column([&](const ClientCount& c) { PutSized(c.variant, body); });
  column([&](const ClientCount& c) { PutFixed(c.reason, body); });
  for (int i = 0; i < 3; ++i)
    column([&](const ClientCount& c) { PutFixed(std::min(c.values[i], kMostCounted), body); });
  PutSized(kind == LedgerKind::kConflict ? std::string_view(batch.blob) : std::string_view(), body);
}

namespace {

std::string Counted(const ClickHouseAddress& address, std::string_view in, std::string_view until) {
  const std::string ledger = absl::StrCat(address.database, ".ledger");
  const std::string stored = absl::StrCat(" WHERE kind = 0", base::ToAbsl(until));
  // Batches that are stored as a whole and in parts; there are few ancestors to look for.
  const std::string wholes = absl::StrCat(
      "SELECT epoch_hi, epoch_lo, sequence FROM ", ledger, stored,
      " AND (epoch_hi, epoch_lo, sequence) IN (SELECT epoch_hi, epoch_lo, ancestor FROM ", ledger,
      " ARRAY JOIN ancestors AS ancestor", stored, ")");
  return absl::StrCat(
      "(attempt, batch) ", base::ToAbsl(in), " (SELECT min(attempt), argMin(batch, attempt) FROM ",
      ledger, stored, " AND (attempt, batch) NOT IN (SELECT attempt, batch FROM ", ledger,
      " ARRAY JOIN ancestors AS ancestor", stored, " AND (epoch_hi, epoch_lo, ancestor) IN (",
      wholes, ")) GROUP BY epoch_hi, epoch_lo, sequence)");
}

std::string Until(std::int64_t until_ms) {
  return absl::StrCat(" AND received_ms <= toInt64(", until_ms, ")");
}

}  // namespace

std::string CountedRows(const ClickHouseAddress& address) {
  return Counted(address, "GLOBAL IN", "");
}

std::string CountedRowsHere(const ClickHouseAddress& address, std::int64_t until_ms) {
  return Counted(address, "IN", Until(until_ms));
}

std::string LedgerMark(const ClickHouseAddress& address, std::int64_t until_ms) {
  return absl::StrCat(
      "SELECT toInt64(sum(cityHash64(epoch_hi, epoch_lo, sequence, attempt, batch))) AS mark, "
      "toInt64(count()) AS n FROM ",
      address.database, ".ledger WHERE kind = 0", Until(until_ms));
}

absl::StatusOr<KnownInLedger> KnownInLedger::Ask(ClickHouseClient* client,
                                                 absl::Span<const LandingBatch> batches) {
  std::string keys;
  std::string wholes;
  const auto add = [](const BatchKey& key, std::uint64_t sequence, std::string* to) {
    absl::StrAppend(to, to->empty() ? "" : ",", "(", key.epoch_hi, ",", key.epoch_lo, ",", sequence,
                    ")");
  };
  // A part of a batch marks it as split; so one that is asked for is looked up among ancestors too.
  std::string epochs;
  for (const LandingBatch& batch : batches) {
    add(batch.key, batch.key.sequence, &keys);
    add(batch.key, batch.key.sequence, &wholes);
    for (const std::uint64_t sequence : batch.ancestors) add(batch.key, sequence, &keys);
    absl::StrAppend(&epochs, epochs.empty() ? "" : ",", "(", batch.key.epoch_hi, ",",
                    batch.key.epoch_lo, ")");
  }
  KnownInLedger known;
  if (keys.empty()) return known;
  const std::string ledger = absl::StrCat(client->address().database, ".ledger");
  const absl::StatusOr<std::string> rows = client->Read(absl::StrCat(
      "SELECT epoch_hi, epoch_lo, sequence, kind, checksum, attempt FROM ", ledger,
      " WHERE (epoch_hi, epoch_lo, sequence) IN (", keys,
      ") UNION ALL SELECT epoch_hi, epoch_lo, ancestor, toUInt8(255), toUInt64(0), "
      "attempt FROM ",
      ledger, " ARRAY JOIN ancestors AS ancestor WHERE (epoch_hi, epoch_lo) IN (", epochs,
      ") AND notEmpty(ancestors) AND kind = 0 AND (epoch_hi, epoch_lo, ancestor) IN (", wholes,
      ") FORMAT RowBinary"));
  if (!rows.ok()) return rows.status();
  ByteReader in(*rows);
  absl::flat_hash_map<Key, std::uint64_t> least;  // attempt whose checksum is taken
  while (!in.AtEnd()) {
    Key key{};
    key.hi = in.Fixed<std::uint64_t>();
    key.lo = in.Fixed<std::uint64_t>();
    key.sequence = in.Fixed<std::uint64_t>();
    const auto kind = in.Fixed<std::uint8_t>();
    const auto checksum = in.Fixed<std::uint64_t>();
    const auto attempt = in.Fixed<std::uint64_t>();
    if (!in.ok()) return absl::InternalError("ClickHouse: the ledger's answer is cut off");
    State& state = known.states_[key];
    if (kind == 255 || kind == static_cast<std::uint8_t>(LedgerKind::kMovedSplit)) {
      state.split = true;
    } else if (kind != static_cast<std::uint8_t>(LedgerKind::kConflict)) {
      const auto [found, is_new] = least.try_emplace(key, attempt);
      if (is_new || attempt < found->second) {
        found->second = attempt;
        state.checksum = checksum;
        state.moved = kind == static_cast<std::uint8_t>(LedgerKind::kMoved);
      }
      state.stored = true;
    }
  }
  return known;
}

LandingOutcome KnownInLedger::Admit(const LandingBatch& batch, bool* is_part_of_known) {
  *is_part_of_known = false;
  const auto at = [&](std::uint64_t sequence) -> State& {
    return states_[Key{batch.key.epoch_hi, batch.key.epoch_lo, sequence}];
  };
  {
    const State& state = at(batch.key.sequence);
    const std::uint64_t checksum = state.moved ? ChecksumMark(batch.checksum) : batch.checksum;
    if (state.stored && state.checksum == checksum) return LandingOutcome::kDuplicate;
    if (state.stored) return LandingOutcome::kConflict;
    if (state.split) return LandingOutcome::kSplit;
  }
  for (const std::uint64_t sequence : batch.ancestors) {
    if (!at(sequence).stored) continue;
    *is_part_of_known = true;
    break;
  }
  if (!*is_part_of_known)
    for (const std::uint64_t sequence : batch.ancestors) at(sequence).split = true;
  State& state = at(batch.key.sequence);
  state.stored = true;
  state.checksum = batch.checksum;
  return *is_part_of_known ? LandingOutcome::kDuplicate : LandingOutcome::kStored;
}

}  // namespace upswing::store
