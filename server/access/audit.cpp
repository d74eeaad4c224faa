#include "server/access/audit.hpp"

#include <nlohmann/json.hpp>

namespace upswing::access {

// The store keeps one text per entry; ours is a JSON object. Entries of the store's own (records
// that expired by command) are plain words.
store::AuditEntry ToEntry(const AuditRecord& record) {
  const nlohmann::ordered_json detail = {{"actor", record.actor},
                                         {"object", record.object},
                                         {"reason", record.reason},
                                         {"detail", record.detail}};
  return {record.at_ms, record.action,
          detail.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)};
}

absl::Status Record(store::EventStore* store, const AuditRecord& record) {
  return store->Audit(ToEntry(record));
}

absl::StatusOr<std::vector<AuditRecord>> Latest(store::EventStore* store, std::size_t limit) {
  const absl::StatusOr<std::vector<store::AuditEntry>> log = store->AuditLog();
  if (!log.ok()) return log.status();
  std::vector<AuditRecord> records;
  for (auto entry = log->rbegin(); entry != log->rend() && records.size() < limit; ++entry) {
    AuditRecord record{entry->time_ms, "local", entry->action, "", "", ""};
    const auto json = nlohmann::json::parse(entry->detail, nullptr, false);
    if (json.is_object() && json.contains("actor")) {
      record.actor = json.value("actor", "");
      record.object = json.value("object", "");
      record.reason = json.value("reason", "");
      record.detail = json.value("detail", "");
    } else {
      record.detail = entry->detail;
    }
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace upswing::access
