#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/embedded/database.hpp"

namespace upswing::store {

/// Erased units, by a hash from which the unit key cannot be read back. Any thread may call.
class Tombstones {
 public:
  absl::Status Load(Database* database);
  std::optional<std::int64_t> Find(std::string_view unit_type, std::uint64_t key) const;
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }

  /// Writes through `database` (whose transaction is open or not) and remembers. The later time of
  /// two erasures stays.
  absl::Status Add(Database* database, std::string_view unit_type, std::uint64_t key,
                   std::int64_t erased_ms);
  /// Notes that the unit's records are gone.
  absl::Status MarkDone(Database* database, std::string_view unit_type, std::uint64_t key);
  /// Hashes of units whose records may still be there: a crash, or a restored backup.
  absl::StatusOr<std::set<std::string>> Unfinished(Database* database) const;

 private:
  mutable std::shared_mutex mutex_;
  absl::flat_hash_map<std::string, std::int64_t> erased_;  // guarded by mutex_
  std::atomic<std::size_t> count_{0};
};

/// First 16 bytes of SHA-256("upswing tombstone" NUL unit type NUL key).
std::string TombstoneHash(std::string_view unit_type, std::uint64_t key);

}  // namespace upswing::store
