#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/embedded/database.hpp"
#include "server/store/embedded/erasure_journal.hpp"
#include "server/store/unit_key.hpp"

namespace upswing::store {

/// Erased units, by a hash from which the unit key cannot be read back. Any thread may call.
class Tombstones {
 public:
  absl::Status Load(Database* database);
  /// When the unit was erased.
  std::optional<std::int64_t> Find(std::string_view unit_type, std::uint64_t key) const;
  /// Likewise, but only if its records of then are gone. Until they are, rounds keep what is
  /// landed, so that the erasure finds and counts it like the rest.
  std::optional<std::int64_t> FindDone(std::string_view unit_type, std::uint64_t key) const;
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }

  /// Writes erasures, as not done, through `database` (whose transaction is open or not) and
  /// remembers. The later time of two erasures of a unit stays.
  absl::Status Add(Database* database, const std::vector<Erasure>& erasures);
  /// Those of the given erasures that are not known, or later than what is known of their unit.
  std::vector<Erasure> Missing(const std::vector<Erasure>& erasures) const;
  /// The erasures known that are not among the given ones, or later than those.
  std::vector<Erasure> Beyond(const std::vector<Erasure>& erasures) const;
  /// Notes that the records of the units with these hashes are gone.
  absl::Status MarkDone(Database* database, const std::set<std::string>& hashes);
  /// Hashes of units whose records may still be there, or what lay under them: a crash, a damaged
  /// chunk, or a restored backup.
  absl::StatusOr<std::set<std::string>> Unfinished(Database* database) const;

 private:
  struct State {
    std::int64_t erased_ms = 0;
    bool done = false;
  };
  std::optional<State> Look(std::string_view unit_type, std::uint64_t key) const;

  mutable std::shared_mutex mutex_;
  absl::flat_hash_map<std::string, State> erased_;  // guarded by mutex_
  std::atomic<std::size_t> count_{0};
};

}  // namespace upswing::store
