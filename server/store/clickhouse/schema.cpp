#include "server/store/clickhouse/schema.hpp"

#include "absl/strings/str_cat.h"

namespace upswing::store {
namespace {

constexpr int kHasPartitionLimit = 19'000;  // max_partitions_per_insert_block
constexpr char kQuorumTimeoutMs[] = "10000";

// One row per record and unit of its subject. The order is that of the join: all of a unit's
// records of one name stand together.
constexpr char kRecords[] =
    "(day Date, unit_type String, lane UInt8, name String, unit UInt64, time_ms Int64, "
    "position UInt32, value Float64, event_id UInt64, ref_id UInt64, variant String, "
    "iteration UInt32, phase UInt32, reason UInt8, catalog_version UInt64, copy UInt8, "
    "companion Nested(type String, key UInt64), "
    "property Nested(name String, type UInt8, text String, bits UInt64, number Float64), "
    "attempt UInt64, batch UInt32)";
constexpr char kLedger[] =
    "(epoch_hi UInt64, epoch_lo UInt64, sequence UInt64, kind UInt8, checksum UInt64, "
    "attempt UInt64, batch UInt32, records UInt32, received_ms Int64, boot_id UInt64, "
    "boot_offset Int64, ancestors Array(UInt64), "
    "count Nested(kind UInt8, name String, variant String, reason UInt8, first UInt64, "
    "second UInt64, third UInt64), blob String)";
constexpr char kMeta[] = "(key String, version UInt64, value String)";
constexpr char kAudit[] = "(time_ms Int64, id UInt64, action String, detail String)";
constexpr char kTombstones[] = "(hash FixedString(16), erased_ms Int64)";
constexpr char kErased[] = "(experiment String, variant String, units UInt64, id UInt64)";

}  // namespace

std::string_view RecordsTable(const ClickHouseAddress& address) {
  return address.cluster.empty() ? "records_local" : "records";
}

std::vector<std::string> SchemaStatements(const ClickHouseAddress& address) {
  const std::string on =
      address.cluster.empty() ? "" : absl::StrCat(" ON CLUSTER ", address.cluster);
  const std::string& base = address.database;
  std::vector<std::string> statements = {absl::StrCat("CREATE DATABASE IF NOT EXISTS ", base, on)};
  const auto add = [&](const char* table, const char* columns, const char* kind,
                       const char* arguments, bool sharded, const char* order) {
    std::string engine = absl::StrCat(kind, "MergeTree(", arguments, ")");
    if (!address.cluster.empty()) {
      // A sharded table has replicas within its shard; the others on every server.
      engine =
          absl::StrCat("Replicated", kind, "MergeTree('/upswing/", address.cluster, "/", base, "/",
                       table, sharded ? "/{shard}', '{replica}'" : "', '{shard}-{replica}'",
                       *arguments == 0 ? "" : ", ", arguments, ")");
    }
    statements.push_back(absl::StrCat(
        "CREATE TABLE IF NOT EXISTS ", base, ".", table, on, " ", columns, " ENGINE = ", engine,
        sharded ? " PARTITION BY day" : "", " ORDER BY ", order,
        // Long enough that a block sent again while another insert's quorum is awaited is known.
        address.cluster.empty() ? "" : " SETTINGS replicated_deduplication_window = 10000"));
  };
  add("records_local", kRecords, "", "", true, "(unit_type, lane, name, unit, time_ms)");
  add("ledger", kLedger, "", "", false, "(epoch_hi, epoch_lo, sequence)");
  add("meta", kMeta, "Replacing", "version", false, "key");
  add("audit", kAudit, "", "", false, "(time_ms, id)");
  add("tombstones", kTombstones, "", "", false, "hash");
  add("erased", kErased, "", "", false, "(experiment, variant)");
  if (!address.cluster.empty()) {
    statements.push_back(absl::StrCat("CREATE TABLE IF NOT EXISTS ", base, ".records", on, " AS ",
                                      base, ".records_local ENGINE = Distributed(", address.cluster,
                                      ", ", base, ", records_local, unit)"));
  }
  return statements;
}

ClickHouseClient::Settings InsertSettings(const ClickHouseClient& client) {
  ClickHouseClient::Settings settings;
  if (client.version() >= kHasPartitionLimit)
    settings.emplace_back("max_partitions_per_insert_block", "0");
  if (client.address().cluster.empty()) return settings;
  settings.emplace_back("insert_distributed_sync", "1");
  settings.emplace_back("insert_quorum", absl::StrCat(client.address().quorum));
  settings.emplace_back("insert_quorum_timeout", kQuorumTimeoutMs);
  return settings;
}

}  // namespace upswing::store
