#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "platform/port/clock.hpp"
#include "server/access/audit.hpp"
#include "server/access/key_file.hpp"
#include "server/evaluation/live_view.hpp"
#include "server/http/background.hpp"
#include "server/http/catalog_waiters.hpp"
#include "server/http/request_log.hpp"
#include "server/http/router.hpp"
#include "server/json/document.hpp"
#include "server/project/project.hpp"

namespace upswing::evaluation {
class ExposureRecorder;
}

namespace upswing::http {

class PageRoutes;

/// What the groups of routes share. Each group lives in `<name>_routes.cpp`.
struct Service {
  project::Project* project = nullptr;
  access::KeyFile* keys = nullptr;  ///< Null: no keys are asked for.
  const port::Clock* clock = nullptr;
  std::function<void(const std::string&)> log;  ///< One JSON object a line; may be null.

  CatalogWaiters waiters;
  evaluation::ExposureRecorder* exposures = nullptr;
  std::atomic<bool> draining{false};
  std::atomic<bool> tending{false};  ///< The work that may wait is under way; see `Tick`.
  std::string keys_problem;          ///< Why the keys could not be read last; for one thread.
  RequestStats requests;
  int retention_days = 0;
  std::mutex tick_mutex;  ///< One tick at a time; guards the next two.
  /// Wall clock less boot clock as last seen, and the boot clock's next retention.
  std::int64_t clock_offset_ms = 0;
  std::int64_t next_expiry_ms = 0;
  evaluation::LiveView live_view;

  /// The catalog in force, ready for decisions; kNotFound before the first publish.
  absl::StatusOr<std::shared_ptr<const catalog::View>> View();

  /// Puts `source` in force, tells everybody who waits, and writes the audit entry.
  absl::StatusOr<std::shared_ptr<const project::Catalog>> Publish(
      const Call& call, std::string source, const std::string& if_match, std::string action,
      const std::string& object, const std::string& reason, const std::string& detail);

  /// Runs `work` in the background; 503 if too much waits. `work` answers the call.
  void InBackground(Call call, std::function<void(Call)> work);

  /// Writes into the audit log that the caller did this. An error is for the caller to hear: a
  /// change that leaves no trace is no success.
  absl::Status Audit(const Call& call, std::string_view action, std::string_view object,
                     std::string_view reason, std::string_view detail);

  Background background{64};  // Last: its work uses the others.
  Background tender{1};       ///< What a tick leaves to it.
};

/// The body as a JSON object of at most 32 levels; else the 400 to answer.
absl::StatusOr<json::Parsed> ParseObject(const Request& request);

/// A string member; empty if it is absent. kInvalidArgument if it is no string.
absl::StatusOr<std::string> StringMember(const json::Node& object, std::string_view key);

/// All of them, and those of the web page.
void AddRoutes(Service* service, PageRoutes* page, Router* router);

void AddBatchRoutes(Service* service, Router* router);
void AddCatalogRoutes(Service* service, Router* router);
void AddLifecycleRoutes(Service* service, Router* router);
void AddExperimentRoutes(Service* service, Router* router);
void AddUnitRoutes(Service* service, Router* router);
void AddEvaluationRoutes(Service* service, Router* router);
void AddOperationsRoutes(Service* service, Router* router);

}  // namespace upswing::http
