#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/clickhouse/address.hpp"

namespace upswing::store {

/// What a query has read so far, as the server says in its progress headers.
struct QueryProgress {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};

/// ClickHouse's HTTP interface. Thread-safe: calls at one time use connections of their own, which
/// are kept for the next.
///
/// Errors: kUnavailable if no host answers or the cluster cannot do it now (no coordinator, too few
/// replicas, read-only tables): later it may; kResourceExhausted if a server's disk is full or a
/// limit of memory is hit; kDeadlineExceeded past `ClickHouseAddress::seconds`;
/// kPermissionDenied for user and password; kInternal for what the server refuses otherwise. The
/// message has the server's own words.
class ClickHouseClient {
 public:
  /// Asks for the server's version.
  static absl::StatusOr<std::unique_ptr<ClickHouseClient>> Connect(
      const ClickHouseAddress& address);
  ~ClickHouseClient();

  const ClickHouseAddress& address() const { return address_; }
  /// Of the server that answered first, as major * 1000 + minor: 18016, 24003.
  int version() const { return version_; }

  /// Settings of one request, beside the client's own.
  using Settings = std::vector<std::pair<std::string, std::string>>;

  /// Asked about every second while a query runs: true ends it, here and on the servers, with
  /// kCancelled. Empty: never.
  using Cancelled = std::function<bool()>;

  /// Runs a query that reads, and runs it again on the next host if one fails in it.
  absl::StatusOr<std::string> Read(std::string_view sql, const Settings& settings = {},
                                   const Cancelled& cancelled = {});

  /// Likewise, handing the answer over piece by piece. `restart` is called before a second attempt.
  absl::Status Stream(std::string_view sql,
                      const std::function<absl::Status(std::string_view)>& more,
                      const std::function<void()>& restart, const Settings& settings = {},
                      const Cancelled& cancelled = {});

  /// Runs a statement that changes something, once; the next host is asked only where none was
  /// reached.
  absl::Status Execute(std::string_view sql, const Settings& settings = {});

  /// INSERT INTO `table` FORMAT RowBinary with the rows in `body`. An insert that has to wait for
  /// another one's quorum is sent again as it is, for at most `kQuorumWait`: so shortly after, the
  /// server recognises the block.
  absl::Status Insert(std::string_view table, std::string_view body, const Settings& settings = {});

  /// Called now and then during `Read` and `Stream`, from the calling thread. Set before use.
  void OnProgress(std::function<void(const QueryProgress&)> progress) {
    progress_ = std::move(progress);
  }

 private:
  struct Request;
  struct Connection;
  explicit ClickHouseClient(const ClickHouseAddress& address);

  absl::Status Perform(const Request& request);
  absl::Status Once(const Request& request, std::size_t host, bool* reached);
  void EndQuery(const std::string& query_id, std::size_t host);
  std::unique_ptr<Connection> Take();
  void Give(std::unique_ptr<Connection> connection);

  const ClickHouseAddress address_;
  int version_ = 0;
  std::atomic<std::size_t> host_{0};  // the one that answered last
  std::function<void(const QueryProgress&)> progress_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
};

/// 64 random bits: of an attempt, a query or a row that must not be another one's.
std::uint64_t RandomId();

/// A string literal of SQL.
std::string Quoted(std::string_view text);

}  // namespace upswing::store
