#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/event_store.hpp"

namespace upswing::access {

/// One change of the project, and who made it.
struct AuditRecord {
  std::int64_t at_ms = 0;
  std::string actor;   ///< Name of the key; "local" for what was done on the machine itself.
  std::string action;  ///< "catalog.publish", "experiment.stop", "key.create", "unit.erase", ...
  std::string object;  ///< Key of the experiment, name of the key, ...; never a unit's id.
  std::string reason;  ///< In the words of the person who changed it.
  std::string detail;
};

/// As the store keeps it.
store::AuditEntry ToEntry(const AuditRecord& record);

/// Writes a change into the store's audit log, durably.
absl::Status Record(store::EventStore* store, const AuditRecord& record);

/// The latest changes, newest first, at most `limit`.
absl::StatusOr<std::vector<AuditRecord>> Latest(store::EventStore* store, std::size_t limit);

}  // namespace upswing::access
