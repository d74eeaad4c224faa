#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/embedded/client_rows.hpp"
#include "server/store/embedded/database.hpp"
#include "server/store/event_store.hpp"
#include "server/store/record_source.hpp"

namespace upswing::store {

/// What clients count of their decisions and drops (tables `counter` and `tally`). A client's
/// counters are cumulative per epoch and come in any order, some again and again: of each row the
/// largest value counts, and what it grew by is added to the sums of the day it arrived on. Lives
/// in the writer's connection and transaction.
class ClientCounts {
 public:
  ClientCounts(Database* database, ClientRows* rows);

  /// Forgets what a transaction that failed left.
  void Begin() { grown_.clear(); }
  absl::Status Add(const LandingBatch& batch);
  /// Adds what grew since `Begin` to the sums.
  absl::Status Finish();

 private:
  using TallyKey = std::tuple<std::string, std::string, int, int, std::int64_t>;

  ClientRows* rows_;
  Statement add_;
  std::map<TallyKey, std::int64_t> grown_;
};

/// Sums over the days of UTC that hold the two times, both inclusive, by variant.
absl::StatusOr<std::map<std::string, DecisionCounts>> ReadDecisions(Database* database,
                                                                    std::string_view experiment,
                                                                    std::int64_t from_ms,
                                                                    std::int64_t to_ms);
/// Likewise, by reason.
absl::StatusOr<std::map<std::uint8_t, std::int64_t>> ReadDroppedEvents(Database* database,
                                                                       std::string_view name,
                                                                       std::int64_t from_ms,
                                                                       std::int64_t to_ms);

}  // namespace upswing::store
