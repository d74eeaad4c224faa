#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "server/store/clickhouse/client.hpp"
#include "server/store/event_store.hpp"

namespace upswing::store {

/// The records that count, fetched name by name when they are first asked for, sorted by unit on
/// the shards, and kept as chunks in a file of this process that has no name. `client` outlives it.
///
/// Records that land while it is read may be in it or not; each batch is in every answer of the
/// cluster whole or not at all.
absl::StatusOr<std::shared_ptr<const RecordSource>> OpenSource(ClickHouseClient* client,
                                                               const SnapshotScope& scope);

}  // namespace upswing::store
