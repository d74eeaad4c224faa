#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/clickhouse/address.hpp"
#include "server/store/clickhouse/client.hpp"
#include "server/store/event_store.hpp"
#include "server/store/unit_key.hpp"

namespace upswing::store {

struct ClickHouseOptions {
  ClickHouseAddress address;
  /// File with the secret behind unit keys, the same for every node; a new store is made for it.
  /// Empty: this process knows no ids, and lands and erases nothing.
  std::string key_file;
  bool read_only = false;
  /// Part of every unit key. Empty: the store's own.
  std::string project;
  /// Called with what a query has read so far, by the thread that asked it.
  std::function<void(const QueryProgress&)> progress = {};
};

/// A store in a ClickHouse cluster. A process that holds one has no state of its own: any number of
/// them work on one cluster.
///
/// `Land` inserts the records of all its batches as one attempt, with a quorum, and then the rows
/// of the ledger that say so, with a quorum: the commit. Whatever ends in between leaves records
/// that no reader counts.
class ClickHouseStore : public EventStore {
 public:
  /// Makes the tables, which may be there, and the store's name and fingerprint.
  /// kFailedPrecondition: they are of another project or secret.
  static absl::Status Init(const ClickHouseOptions& options);

  /// kNotFound: no store there. kFailedPrecondition: another secret, another project or a newer
  /// format; the message says which.
  static absl::StatusOr<std::unique_ptr<ClickHouseStore>> Open(const ClickHouseOptions& options);

  /// Name of the project that the store was made for.
  virtual const std::string& project() const = 0;
  virtual ClickHouseClient& client() = 0;
  /// Inserts rows of a table in RowBinary, with a quorum.
  virtual absl::Status InsertRows(std::string_view table, std::string_view columns,
                                  std::string_view body) = 0;
};

}  // namespace upswing::store
