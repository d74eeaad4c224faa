#include "server/store/embedded/store_impl.hpp"

namespace upswing::store {
absl::Status StoreImpl::VisitState(const StateVisitor& visit) {
  if (absl::Status status = MayWrite(); !status.ok()) return status;
  const std::lock_guard maintenance(maintenance_mutex_);
  if (absl::Status status = Fold(); !status.ok()) return status;
  const std::lock_guard lock(write_mutex_);
  const auto each = [&](const char* sql,
                        const std::function<absl::Status(const Statement&)>& row) -> absl::Status {
    Statement select = write_.Prepare(sql);
    for (;;) {
      const absl::StatusOr<bool> step = select.Step();
      if (!step.ok() || !*step) return step.status();
      if (absl::Status status = row(select); !status.ok()) return status;
    }
  };
  absl::Status status = VisitKnown(&write_, visit.known);
  if (status.ok())
    status = each("SELECT epoch, boot, offset FROM boot", [&](const Statement& row) {
      return visit.boot(EpochOf(row.Blob(0)), static_cast<std::uint64_t>(row.Int(1)), row.Int(2));
    });
  if (status.ok())
    status = each(
        "SELECT name, variant, what, reason, day, value FROM tally ORDER BY name, variant, what, "
        "reason, day",
        [&](const Statement& row) {
          const auto what = static_cast<int>(row.Int(2));
          ClientCount count;
          count.kind = what < 3    ? ClientCount::Kind::kDecisions
                       : what == 3 ? ClientCount::Kind::kDroppedExposures
                                   : ClientCount::Kind::kDroppedEvents;
          count.name = std::string(row.Blob(0));
          count.variant = std::string(row.Blob(1));
          count.reason = static_cast<std::uint8_t>(row.Int(3));
          count.values[what < 3 ? what : 0] = static_cast<std::uint64_t>(row.Int(5));
          return visit.tally(row.Int(4), count);
        });
  if (status.ok())
    status = each("SELECT experiment, variant, count FROM erased", [&](const Statement& row) {
      return visit.erased(std::string(row.Blob(0)), std::string(row.Blob(1)), row.Int(2));
    });
  if (status.ok())
    status = each("SELECT hash, erased_ms FROM tombstone",
                  [&](const Statement& row) { return visit.tombstone(row.Blob(0), row.Int(1)); });
  return status;
}

}  // namespace upswing::store
