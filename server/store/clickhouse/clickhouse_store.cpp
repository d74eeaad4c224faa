#include "server/store/clickhouse/clickhouse_store.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sdk/base/text.hpp"
#include "server/store/bytes.hpp"
#include "server/store/clickhouse/ledger.hpp"
#include "server/store/clickhouse/rows.hpp"
#include "server/store/clickhouse/schema.hpp"
#include "server/store/clickhouse/source.hpp"
#include "server/store/records.hpp"

namespace upswing::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr char kFormatKey[] = "store/format";
constexpr char kProjectKey[] = "store/project";
constexpr char kFingerprintKey[] = "store/key_fingerprint";
constexpr auto kTombstonesEvery = std::chrono::seconds(2);
constexpr auto kMutationsFor = std::chrono::minutes(10);
constexpr int kWaitsForMutations = 19'000;  // mutations_sync

std::int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class StoreImpl : public ClickHouseStore {
 public:
  StoreImpl(std::unique_ptr<ClickHouseClient> client, const ClickHouseOptions& options)
      : client_(std::move(client)), options_(options) {}

  absl::Status Make();
  absl::Status Load();

  const UnitHasher& hasher() const override { return *hasher_; }
  const std::string& project() const override { return options_.project; }
  ClickHouseClient& client() override { return *client_; }

  using EventStore::Snapshot;
  absl::StatusOr<std::vector<LandingOutcome>> Land(absl::Span<LandingBatch> batches) override;
  absl::StatusOr<std::optional<std::int64_t>> BootOffset(std::uint64_t epoch_hi,
                                                         std::uint64_t epoch_lo,
                                                         std::uint64_t boot_id) override;
  std::optional<std::int64_t> ErasedAt(std::string_view unit_type,
                                       std::uint64_t key) const override;
  absl::StatusOr<std::shared_ptr<const RecordSource>> Snapshot(const SnapshotScope& scope) override;
  absl::StatusOr<EraseResult> Erase(std::string_view unit_type, std::uint64_t key,
                                    std::int64_t now_ms, const AuditErasure& audit) override;
  absl::StatusOr<EraseResult> Expire(std::int64_t before_ms,
                                     const std::vector<std::string>& keep) override;
  absl::Status PutMeta(std::string_view key, std::string_view value) override;
  absl::StatusOr<std::optional<std::string>> GetMeta(std::string_view key) override;
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ListMeta(
      std::string_view prefix) override;
  absl::Status Audit(const AuditEntry& entry) override;
  absl::StatusOr<std::vector<AuditEntry>> AuditLog() override;
  absl::StatusOr<StoreStats> Stats() override;
  /// The cluster keeps no backlog that a report would have to hold; it refuses inserts instead.
  std::int64_t BacklogBytes() const override { return 0; }

 private:
  std::string Table(std::string_view name) const {
    return absl::StrCat(client_->address().database, ".", base::ToAbsl(name));
  }
  std::string Records() const { return Table(RecordsTable(client_->address())); }
  bool has_key() const { return !options_.key_file.empty(); }
  absl::Status Writable(bool with_key) const {
    if (options_.read_only)
      return absl::FailedPreconditionError("the store is open for reading only");
    if (with_key && !has_key())
      return absl::FailedPreconditionError("--unit-key: the store was opened without its secret");
    return absl::OkStatus();
  }
  absl::Status InsertRows(std::string_view table, std::string_view columns,
                          std::string_view body) override {
    return client_->Insert(absl::StrCat(Table(table), " (", base::ToAbsl(columns), ")"), body,
                           InsertSettings(*client_));
  }
  absl::Status RefreshTombstones(bool now);
  absl::StatusOr<std::int64_t> Count(const std::string& condition);
  absl::Status MoveQuorumOn(const std::string& condition);
  absl::Status Delete(const std::string& condition);
  void CatchUp(std::string_view table);
  absl::StatusOr<std::uint64_t> NextVersion(std::string_view key);

  std::unique_ptr<ClickHouseClient> client_;
  ClickHouseOptions options_;
  std::unique_ptr<UnitHasher> hasher_;
  mutable std::shared_mutex tombstones_mutex_;
  absl::flat_hash_map<std::string, std::int64_t> tombstones_;  // guarded by tombstones_mutex_
  std::atomic<std::size_t> tombstone_count_{0};
  std::mutex refresh_mutex_;
  SteadyClock::time_point refreshed_;  // guarded by refresh_mutex_
  bool loaded_ = false;                // guarded by refresh_mutex_
  std::mutex meta_mutex_;              // one writer of small values at a time
};

absl::Status StoreImpl::Make() {
  for (const std::string& statement : SchemaStatements(client_->address()))
    if (absl::Status status = client_->Execute(statement); !status.ok()) return status;
  const absl::StatusOr<KeyChain> chain = ReadKeyChain(options_.key_file);
  if (!chain.ok()) return chain.status();
  const absl::StatusOr<std::optional<std::string>> project = GetMeta(kProjectKey);
  if (!project.ok()) return project.status();
  if (project->has_value()) return Load();
  if (options_.project.empty()) options_.project = "default";
  const std::string fingerprint = UnitHasher(*chain, options_.project).Fingerprint();
  absl::Status status = PutMeta(kFormatKey, absl::StrCat(kClickHouseFormat));
  if (status.ok()) status = PutMeta(kFingerprintKey, fingerprint);
  // Last: what makes it a store.
  if (status.ok()) status = PutMeta(kProjectKey, options_.project);
  if (!status.ok()) return status;
  return Load();
}

absl::Status StoreImpl::Load() {
  const std::string where = client_->address().ToString();
  const absl::StatusOr<std::optional<std::string>> project = GetMeta(kProjectKey);
  const auto missing = [&] {
    return absl::NotFoundError(absl::StrCat("--store: there is no store at ", where,
                                            "; make one with `upswing store init --store ...`"));
  };
  if (absl::IsNotFound(project.status())) return missing();
  if (!project.ok()) return project.status();
  if (!project->has_value()) return missing();
  const absl::StatusOr<std::optional<std::string>> format = GetMeta(kFormatKey);
  const absl::StatusOr<std::optional<std::string>> fingerprint = GetMeta(kFingerprintKey);
  if (!format.ok()) return format.status();
  if (!fingerprint.ok()) return fingerprint.status();
  if (format->value_or("") != absl::StrCat(kClickHouseFormat))
    return absl::FailedPreconditionError(
        absl::StrCat("--store: ", where, " has format version ", format->value_or("0"),
                     ", this program reads ", kClickHouseFormat, ": use a newer program"));
  if (!options_.project.empty() && options_.project != **project)
    return absl::FailedPreconditionError(absl::StrCat("project: the store at ", where,
                                                      " belongs to '", **project, "', not '",
                                                      options_.project, "'"));
  options_.project = **project;
  KeyChain chain = {{}};
  if (has_key()) {
    absl::StatusOr<KeyChain> read = ReadKeyChain(options_.key_file);
    if (!read.ok()) return read.status();
    chain = *std::move(read);
  }
  hasher_ = std::make_unique<UnitHasher>(chain, options_.project);
  if (has_key() && hasher_->Fingerprint() != fingerprint->value_or(""))
    return absl::FailedPreconditionError(absl::StrCat(
        "--unit-key: ", options_.key_file, " is not the key of the store at ", where,
        " (fingerprint ", hasher_->Fingerprint(), ", expected ", fingerprint->value_or(""), ")"));
  return RefreshTombstones(true);
}

absl::Status StoreImpl::RefreshTombstones(bool now) {
  const std::lock_guard refreshing(refresh_mutex_);
  if (!now && loaded_ && SteadyClock::now() - refreshed_ < kTombstonesEvery)
    return absl::OkStatus();
  const absl::StatusOr<std::string> rows = client_->Read(absl::StrCat(
      "SELECT hash, max(erased_ms) FROM ", Table("tombstones"), " GROUP BY hash FORMAT RowBinary"));
  if (!rows.ok()) return rows.status();
  refreshed_ = SteadyClock::now();
  loaded_ = true;
  ByteReader in(*rows);
  const std::unique_lock lock(tombstones_mutex_);
  while (!in.AtEnd()) {
    std::string hash(in.Bytes(16));
    std::int64_t& erased = tombstones_[std::move(hash)];
    erased = std::max(erased, in.Fixed<std::int64_t>());
  }
  tombstone_count_ = tombstones_.size();
  return absl::OkStatus();
}

std::optional<std::int64_t> StoreImpl::ErasedAt(std::string_view unit_type,
                                                std::uint64_t key) const {
  if (tombstone_count_ == 0) return std::nullopt;
  const std::shared_lock lock(tombstones_mutex_);
  const auto found = tombstones_.find(TombstoneHash(unit_type, key));
  return found == tombstones_.end() ? std::nullopt : std::optional(found->second);
}

absl::StatusOr<std::vector<LandingOutcome>> StoreImpl::Land(absl::Span<LandingBatch> batches) {
  if (absl::Status status = Writable(true); !status.ok()) return status;
  if (absl::Status status = RefreshTombstones(false); !status.ok()) return status;
  absl::StatusOr<KnownInLedger> known = KnownInLedger::Ask(client_.get(), batches);
  if (!known.ok()) return known.status();
  const std::uint64_t attempt = RandomId();
  std::vector<LandingOutcome> outcomes;
  std::string records_body;
  std::string ledger_body;
  store::Records records;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const LandingBatch& batch = batches[i];
    const auto number = static_cast<std::uint32_t>(i);
    bool part_of_known = false;
    outcomes.push_back(known->Admit(batch, &part_of_known));
    if (part_of_known) AppendLedgerRow(batch, LedgerKind::kKnown, attempt, number, &ledger_body);
    if (outcomes.back() == LandingOutcome::kConflict)
      AppendLedgerRow(batch, LedgerKind::kConflict, attempt, number, &ledger_body);
    if (outcomes.back() != LandingOutcome::kStored) continue;
    records.Clear();
    if (absl::Status status = DecodeRecords(batch.blob, &records); !status.ok()) return status;
    const auto erased = [&](std::uint32_t subject, std::int64_t time) {
      for (std::uint32_t unit = records.subjects.first[subject];
           unit < records.subjects.first[subject + 1]; ++unit) {
        const std::optional<std::int64_t> at =
            ErasedAt(records.strings[records.subjects.unit_type[unit]], records.subjects.key[unit]);
        if (at.has_value() && time <= *at) return true;
      }
      return false;
    };
    AppendRows(records, attempt, number,
               tombstone_count_ == 0 ? std::function<bool(std::uint32_t, std::int64_t)>()
                                     : std::function<bool(std::uint32_t, std::int64_t)>(erased),
               &records_body);
    AppendLedgerRow(batch, LedgerKind::kStored, attempt, number, &ledger_body);
  }
  if (!records_body.empty()) {
    const absl::Status status =
        InsertRows(RecordsTable(client_->address()), WrittenColumns(), records_body);
    if (!status.ok()) return status;
  }
  if (!ledger_body.empty()) {
    const absl::Status status = InsertRows("ledger", LedgerColumns(), ledger_body);
    if (!status.ok()) return status;
  }
  return outcomes;
}

absl::StatusOr<std::optional<std::int64_t>> StoreImpl::BootOffset(std::uint64_t epoch_hi,
                                                                  std::uint64_t epoch_lo,
                                                                  std::uint64_t boot_id) {
  const absl::StatusOr<std::string> answer = client_->Read(absl::StrCat(
      "SELECT argMin(boot_offset, received_ms) FROM ", Table("ledger"),
      " WHERE epoch_hi = ", epoch_hi, " AND epoch_lo = ", epoch_lo, " AND boot_id = ", boot_id,
      " AND kind IN (0, 5) GROUP BY boot_id FORMAT RowBinary"));
  if (!answer.ok()) return answer.status();
  if (answer->size() != 8 || boot_id == 0) return std::nullopt;
  return ByteReader(*answer).Fixed<std::int64_t>();
}

// Waits until the server that is asked has what others' inserts have brought to the cluster.
// Without the coordinator it cannot know; reading goes on with what it has.
void StoreImpl::CatchUp(std::string_view table) {
  if (client_->address().cluster.empty()) return;
  client_->Execute(absl::StrCat("SYSTEM SYNC REPLICA ", Table(table)), {{"receive_timeout", "5"}})
      .IgnoreError();
}

absl::StatusOr<std::shared_ptr<const RecordSource>> StoreImpl::Snapshot(
    const SnapshotScope& scope) {
  CatchUp("ledger");
  return OpenSource(client_.get(), scope);
}

absl::StatusOr<std::int64_t> StoreImpl::Count(const std::string& condition) {
  const absl::StatusOr<std::string> answer =
      client_->Read(absl::StrCat("SELECT toInt64(count()) FROM ", Records(), " WHERE ", condition,
                                 " AND ", CountedRows(client_->address()), " FORMAT RowBinary"));
  if (!answer.ok()) return answer.status();
  return answer->empty() ? 0 : ByteReader(*answer).Fixed<std::int64_t>();
}

// Servers before 19.0 change no part that was the last one of its partition to reach a quorum. So
// each partition gets another one on each shard: a row that belongs to no attempt and never counts.
absl::Status StoreImpl::MoveQuorumOn(const std::string& condition) {
  if (client_->address().cluster.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> days = client_->Read(absl::StrCat(
      "SELECT DISTINCT day FROM ", Records(), " WHERE ", condition, " FORMAT RowBinary"));
  const absl::StatusOr<std::string> shards = client_->Read(
      absl::StrCat("SELECT toUInt64(uniqExact(shard_num)) FROM system.clusters WHERE cluster = ",
                   Quoted(client_->address().cluster), " FORMAT RowBinary"));
  if (!days.ok()) return days.status();
  if (!shards.ok()) return shards.status();
  std::string rows;
  const auto count = ByteReader(*shards).Fixed<std::uint64_t>();
  for (ByteReader in(*days); !in.AtEnd();) {
    const auto day = in.Fixed<std::uint16_t>();
    for (std::uint64_t shard = 0; shard < count; ++shard) {
      PutFixed(day, &rows);
      PutFixed(shard, &rows);  // as the unit, by which rows find their shard
      PutFixed(RandomId(), &rows);
    }
  }
  if (rows.empty()) return absl::OkStatus();
  return InsertRows(RecordsTable(client_->address()), "day, unit, event_id", rows);
}

// Deletes on every shard and returns when it is done.
absl::Status StoreImpl::Delete(const std::string& condition) {
  const std::string& cluster = client_->address().cluster;
  const bool waits = client_->version() >= kWaitsForMutations;
  const absl::Status status = client_->Execute(
      absl::StrCat("ALTER TABLE ", Table("records_local"),
                   cluster.empty() ? "" : absl::StrCat(" ON CLUSTER ", cluster), " DELETE WHERE ",
                   condition),
      waits ? ClickHouseClient::Settings{{"mutations_sync", "2"}} : ClickHouseClient::Settings{});
  if (!status.ok() || waits) return status;
  if (absl::Status moved = MoveQuorumOn(condition); !moved.ok()) return moved;
  const std::string open =
      absl::StrCat("SELECT toInt64(count()) FROM ",
                   cluster.empty() ? "system.mutations"
                                   : absl::StrCat("cluster('", cluster, "', system, mutations)"),
                   " WHERE database = ", Quoted(client_->address().database),
                   " AND table = 'records_local' AND NOT is_done FORMAT RowBinary");
  const SteadyClock::time_point begin = SteadyClock::now();
  for (;;) {
    const absl::StatusOr<std::string> left = client_->Read(open);
    if (!left.ok()) return left.status();
    if (left->empty() || ByteReader(*left).Fixed<std::int64_t>() == 0) return absl::OkStatus();
    if (SteadyClock::now() - begin > kMutationsFor)
      return absl::DeadlineExceededError("ClickHouse: the deletion goes on; see system.mutations");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

absl::StatusOr<EraseResult> StoreImpl::Erase(std::string_view unit_type, std::uint64_t key,
                                             std::int64_t now_ms, const AuditErasure& audit) {
  if (absl::Status status = Writable(true); !status.ok()) return status;
  const std::string hash = TombstoneHash(unit_type, key);
  // From here on nothing of the unit is landed; if this process ends now, erasing again goes on.
  std::string tombstone = hash;
  PutFixed(now_ms, &tombstone);
  if (absl::Status status = InsertRows("tombstones", "hash, erased_ms", tombstone); !status.ok())
    return status;
  if (absl::Status status = RefreshTombstones(true); !status.ok()) return status;
  CatchUp("ledger");
  const std::string own = absl::StrCat("unit_type = ", Quoted(unit_type), " AND unit = ", key,
                                       " AND time_ms <= ", now_ms);
  EraseResult result;
  const absl::StatusOr<std::int64_t> count = Count(own);
  if (!count.ok()) return count.status();
  result.records = *count;
  const absl::StatusOr<std::string> enrolled = client_->Read(
      absl::StrCat("SELECT name, argMin(variant, time_ms) FROM ", Records(), " WHERE ", own,
                   " AND lane = 0 AND reason != ", kForcedReason, " AND ",
                   CountedRows(client_->address()), " GROUP BY name FORMAT RowBinary"));
  if (!enrolled.ok()) return enrolled.status();
  std::string erased;
  const std::uint64_t id = RandomId();
  ByteReader in(*enrolled);
  while (!in.AtEnd()) {
    PutSized(in.Sized(), &erased);
    PutSized(in.Sized(), &erased);
    PutFixed(std::uint64_t{1}, &erased);
    PutFixed(id, &erased);
  }
  const absl::Status deleted =
      Delete(absl::StrCat("time_ms <= ", now_ms, " AND ((unit_type = ", Quoted(unit_type),
                          " AND unit = ", key, ") OR arrayExists((t, k) -> t = ", Quoted(unit_type),
                          " AND k = ", key, ", companion.type, companion.key))"));
  if (!deleted.ok()) return deleted;
  if (!erased.empty()) {
    const absl::Status status = InsertRows("erased", "experiment, variant, units, id", erased);
    if (!status.ok()) return status;
  }
  const AuditEntry entry = audit ? audit(result)
                                 : AuditEntry{now_ms, "erase",
                                              absl::StrCat("unit ", absl::BytesToHexString(hash),
                                                           ": ", result.records, " records")};
  if (absl::Status status = Audit(entry); !status.ok()) return status;
  return result;
}

absl::StatusOr<EraseResult> StoreImpl::Expire(std::int64_t before_ms,
                                              const std::vector<std::string>& keep) {
  if (absl::Status status = Writable(false); !status.ok()) return status;
  std::string condition = absl::StrCat("time_ms < ", before_ms);
  if (!keep.empty())
    absl::StrAppend(
        &condition, " AND NOT (lane = 0 AND name IN (",
        absl::StrJoin(keep, ", ",
                      [](std::string* out, const std::string& name) { out->append(Quoted(name)); }),
        "))");
  EraseResult result;
  const absl::StatusOr<std::int64_t> count = Count(absl::StrCat(condition, " AND copy = 0"));
  if (!count.ok()) return count.status();
  result.records = *count;
  if (result.records == 0) return result;
  if (absl::Status status = Delete(condition); !status.ok()) return status;
  return result;
}

absl::StatusOr<std::uint64_t> StoreImpl::NextVersion(std::string_view key) {
  const absl::StatusOr<std::string> last =
      client_->Read(absl::StrCat("SELECT max(version) FROM ", Table("meta"),
                                 " WHERE key = ", Quoted(key), " FORMAT RowBinary"));
  if (!last.ok()) return last.status();
  // Above what another node with a faster clock has written.
  const std::uint64_t held = last->empty() ? 0 : ByteReader(*last).Fixed<std::uint64_t>();
  return std::max(held + 1, static_cast<std::uint64_t>(NowMicros()));
}

absl::Status StoreImpl::PutMeta(std::string_view key, std::string_view value) {
  if (absl::Status status = Writable(false); !status.ok()) return status;
  const std::lock_guard lock(meta_mutex_);
  const absl::StatusOr<std::uint64_t> version = NextVersion(key);
  if (!version.ok()) return version.status();
  std::string row;
  PutSized(key, &row);
  PutFixed(*version, &row);
  PutSized(value, &row);
  return InsertRows("meta", "key, version, value", row);
}

absl::StatusOr<std::optional<std::string>> StoreImpl::GetMeta(std::string_view key) {
  const absl::StatusOr<std::string> row =
      client_->Read(absl::StrCat("SELECT argMax(value, version) FROM ", Table("meta"),
                                 " WHERE key = ", Quoted(key), " GROUP BY key FORMAT RowBinary"));
  if (!row.ok()) return row.status();
  if (row->empty()) return std::nullopt;
  ByteReader in(*row);
  return std::string(in.Sized());
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> StoreImpl::ListMeta(
    std::string_view prefix) {
  const absl::StatusOr<std::string> rows = client_->Read(absl::StrCat(
      "SELECT key, argMax(value, version) FROM ", Table("meta"), " WHERE startsWith(key, ",
      Quoted(prefix), ") GROUP BY key ORDER BY key FORMAT RowBinary"));
  if (!rows.ok()) return rows.status();
  std::vector<std::pair<std::string, std::string>> values;
  ByteReader in(*rows);
  while (!in.AtEnd()) {
    std::string key(in.Sized());
    std::string value(in.Sized());
    values.emplace_back(std::move(key), std::move(value));
  }
  return values;
}

absl::Status StoreImpl::Audit(const AuditEntry& entry) {
  if (absl::Status status = Writable(false); !status.ok()) return status;
  std::string row;
  PutFixed(entry.time_ms, &row);
  // By time within one of them.
  PutFixed(static_cast<std::uint64_t>(NowMicros()) << 10 | (RandomId() & 1023), &row);
  PutSized(entry.action, &row);
  PutSized(entry.detail, &row);
  return InsertRows("audit", "time_ms, id, action, detail", row);
}

absl::StatusOr<std::vector<AuditEntry>> StoreImpl::AuditLog() {
  const absl::StatusOr<std::string> rows = client_->Read(absl::StrCat(
      "SELECT time_ms, action, detail FROM (SELECT DISTINCT time_ms, id, action, detail FROM ",
      Table("audit"), ") ORDER BY time_ms, id FORMAT RowBinary"));
  if (!rows.ok()) return rows.status();
  std::vector<AuditEntry> entries;
  ByteReader in(*rows);
  while (!in.AtEnd()) {
    AuditEntry& entry = entries.emplace_back();
    entry.time_ms = in.Fixed<std::int64_t>();
    entry.action = std::string(in.Sized());
    entry.detail = std::string(in.Sized());
  }
  return entries;
}

absl::StatusOr<StoreStats> StoreImpl::Stats() {
  StoreStats stats;
  const absl::StatusOr<std::string> ledger = client_->Read(absl::StrCat(
      "SELECT toInt64(sum(of_batch)), toInt64(count()), toInt64(sum(conflicts)) FROM (SELECT "
      "toInt64(max(records)) AS of_batch, toInt64(countIf(kind = 1)) AS conflicts FROM ",
      Table("ledger"), " GROUP BY epoch_hi, epoch_lo, sequence) FORMAT RowBinary"));
  if (!ledger.ok()) return ledger.status();
  ByteReader in(*ledger);
  stats.records = in.Fixed<std::int64_t>();
  stats.known_batches = in.Fixed<std::int64_t>();
  stats.conflicts = in.Fixed<std::int64_t>();
  const std::string& cluster = client_->address().cluster;
  const absl::StatusOr<std::string> parts = client_->Read(absl::StrCat(
      "SELECT toInt64(sumIf(1, table = 'records_local')), toInt64(sumIf(rows, table = "
      "'records_local')), toInt64(sumIf(bytes, table = 'records_local')), toInt64(sum(bytes)) "
      "FROM ",
      cluster.empty() ? "system.parts" : absl::StrCat("cluster('", cluster, "', system, parts)"),
      " WHERE active AND database = ", Quoted(client_->address().database), " FORMAT RowBinary"));
  if (!parts.ok()) return parts.status();
  ByteReader sizes(*parts);
  stats.chunks = sizes.Fixed<std::int64_t>();
  stats.chunk_rows = sizes.Fixed<std::int64_t>();
  stats.chunk_bytes = sizes.Fixed<std::int64_t>();
  stats.file_bytes = sizes.Fixed<std::int64_t>();
  return stats;
}

}  // namespace

absl::Status ClickHouseStore::Init(const ClickHouseOptions& options) {
  auto client = ClickHouseClient::Connect(options.address);
  if (!client.ok()) return client.status();
  return StoreImpl(*std::move(client), options).Make();
}

absl::StatusOr<std::unique_ptr<ClickHouseStore>> ClickHouseStore::Open(
    const ClickHouseOptions& options) {
  auto client = ClickHouseClient::Connect(options.address);
  if (!client.ok()) return client.status();
  (*client)->OnProgress(options.progress);
  auto store = std::make_unique<StoreImpl>(*std::move(client), options);
  if (absl::Status status = store->Load(); !status.ok()) return status;
  return store;
}

}  // namespace upswing::store
