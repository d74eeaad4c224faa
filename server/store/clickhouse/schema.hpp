#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/store/clickhouse/client.hpp"

namespace upswing::store {

/// Tables of the store, in the database of the address; docs/operations/scale-out.md says what is
/// in them. With a cluster, `records` spreads `records_local` over the shards by unit; the others
/// are whole on every server, so that nothing but records is asked of another shard.
inline constexpr int kClickHouseFormat = 1;

/// The name under which all shards' records are read and written.
std::string_view RecordsTable(const ClickHouseAddress& address);

/// What makes the tables, in order; again it changes nothing.
std::vector<std::string> SchemaStatements(const ClickHouseAddress& address);

/// Settings of an insert that has to be durable before it returns.
ClickHouseClient::Settings InsertSettings(const ClickHouseClient& client);

}  // namespace upswing::store
