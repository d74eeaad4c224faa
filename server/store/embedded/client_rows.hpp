#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/store/embedded/database.hpp"
#include "server/store/event_store.hpp"

namespace upswing::store {

/// Rows that each client has of its own: which of its batches are known (table `known`), the clock
/// offsets of its boots (`boot`), its counters (`counter`). Clients come in any order, so that such
/// a row written with each commit would cost a page of the log, three per batch. Instead a commit
/// appends what changed to the table `arrival`, the rows stay in memory, and now and then all of
/// them enter their tables together, many to a page (`Fold`), after which the arrivals go.
///
/// Lives in the writer's connection. Everything but `Fold` and the numbers of bytes under the
/// writer's lock.
class ClientRows {
 public:
  enum class Table : std::uint8_t { kKnown = 1, kBoot = 2, kCounter = 3 };
  struct Key {
    Table table = Table::kKnown;
    std::uint64_t epoch_hi = 0, epoch_lo = 0;
    std::int64_t sub = 0;  ///< Page of known batches; boot; 0.

    auto operator<=>(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.table, key.epoch_hi, key.epoch_lo, key.sub);
    }
  };

  explicit ClientRows(Database* database);

  /// Reads what no fold has entered yet. A damaged arrival is used as far as it can be read: of
  /// its batches few become unknown, or ones in conflict; it is named in every report.
  absl::Status Replay();

  /// Forgets what a transaction that failed left. Call at the start of each, and before looking at
  /// rows outside of one.
  void Begin();
  /// A row's bytes, valid until the next call; empty if there is none. A boot's are 8 bytes.
  absl::StatusOr<std::string_view> Get(const Key& key);
  /// The row's bytes to change, valid until the next call.
  absl::StatusOr<std::string*> Edit(const Key& key);
  /// Appends what was edited. Call before each commit, and `Committed` after it.
  absl::Status Finish();
  void Committed();

  /// Enters the rows into their tables, in transactions of 1,024, each under the lock, and calls
  /// `between` after each one, outside the lock. If one or the other fails, the rows stay where
  /// they were.
  absl::Status Fold(std::mutex* write_mutex, const std::function<absl::Status()>& between);
  /// Memory taken, roughly, and bytes of the arrivals.
  std::int64_t bytes() const { return bytes_; }
  std::int64_t arrival_bytes() const { return arrival_bytes_; }

 private:
  struct Staged {
    std::string value, before;
  };
  using Rows = absl::flat_hash_map<Key, std::string>;

  absl::StatusOr<std::string> Load(const Key& key);
  absl::Status Write(const Key& key, std::string_view value);
  absl::Status WriteFrozen(std::mutex* write_mutex, const std::function<absl::Status()>& between);
  absl::Status WriteRows(absl::Span<Rows::value_type* const> rows);
  absl::Status DeleteArrivals(std::mutex* write_mutex, std::int64_t from, std::int64_t to);
  void Thaw();
  static std::int64_t BytesOf(const std::string& row);

  Database* database_;
  Statement select_known_, select_boot_, select_counter_;
  Statement write_known_, write_boot_, write_counter_, append_;

  absl::flat_hash_map<Key, Staged> staged_;  // by the open transaction
  Rows active_;                              // committed
  Rows frozen_;                              // entering their tables; changed only by Fold
  Key loaded_key_;
  std::string loaded_;  // what the database has there, for the open transaction
  bool has_loaded_ = false;
  std::int64_t first_arrival_ = 0, last_arrival_ = 0;  // 0: none
  std::int64_t staged_arrival_ = 0, staged_bytes_ = 0;
  std::atomic<std::int64_t> bytes_{0};
  std::atomic<std::int64_t> arrival_bytes_{0};
};

/// 16 bytes, big-endian, so that rows sort as the numbers do.
std::string EpochBlob(std::uint64_t hi, std::uint64_t lo);
/// The epoch of such bytes; the sequence is 0.
BatchKey EpochOf(std::string_view blob);

/// Names a row of the table `known`, or of `arrival`, to operators.
std::string KnownLabel(std::string_view epoch, std::int64_t page);
std::string ArrivalLabel(std::int64_t id);

}  // namespace upswing::store
