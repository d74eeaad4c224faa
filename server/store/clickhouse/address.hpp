#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace upswing::store {

/// Where a ClickHouse cluster is and how it is used, as written behind `--store`:
///
///     clickhouse[s]://[user[:password]@]host[:port][,host[:port]]...[/database][?name=value&...]
///
/// `clickhouses` speaks TLS. Hosts are HTTP(S) interfaces of any nodes of the cluster; the first
/// that answers is used until it fails. User and password may be percent-encoded.
struct ClickHouseAddress {
  struct Host {
    std::string name;
    std::uint16_t port = 8123;  ///< 8443 with TLS.
  };
  bool tls = false;
  std::string user;
  std::string password;
  std::vector<Host> hosts;
  std::string database = "upswing";
  /// `cluster`: name in the servers' `remote_servers`; empty = one server, without replicas.
  std::string cluster;
  /// `quorum`: replicas that must have an insert before it counts. Range: [1, 16]. Only with a
  /// cluster.
  int quorum = 2;
  /// `ca`: PEM file of the authorities that sign the servers' certificates; empty = the system's.
  std::string ca_file;
  /// `seconds`: longest run of one query of a report. Range: [1, 86400].
  int seconds = 600;
  /// `memory`: bytes that one query may take on a server. Range: [2^27, 2^50]; 0 = the server's own
  /// limit.
  std::int64_t memory = 0;
  /// `sums`: who sums up units for a report. `shards`, each for its own units; `node`, from all
  /// records of the experiment's units, exactly; `auto`, the shards where there are many records.
  enum class Sums : std::uint8_t { kAuto, kShards, kNode };
  Sums sums = Sums::kAuto;

  /// As shown in messages: without the password.
  std::string ToString() const;
};

/// True if `text` names a ClickHouse store.
bool IsClickHouse(std::string_view text);

/// kInvalidArgument names the part that is wrong.
absl::StatusOr<ClickHouseAddress> ParseClickHouseAddress(std::string_view text);

}  // namespace upswing::store
