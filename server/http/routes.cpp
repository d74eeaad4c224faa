#include "server/http/routes.hpp"

#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/evaluation/exposure_recorder.hpp"
#include "server/http/page_routes.hpp"
#include "server/http/service.hpp"
#include "server/http/ticker.hpp"

namespace upswing::http {
namespace {

constexpr auto kTick = std::chrono::seconds(1);

constexpr std::int64_t kDayMs = std::int64_t{24} * 60 * 60 * 1000;

// More than clocks are corrected by when all is well.
constexpr std::int64_t kClockJumpMs = 60'000;

// A wall clock that was set is not believed for a day: one that is a year ahead would make all
// records a year older, and what retention removes does not come back.
void WatchClock(Service* service) {
  const std::int64_t offset = service->clock->WallMillis() - service->clock->BootMillis();
  if (std::abs(offset - service->clock_offset_ms) <= kClockJumpMs) return;
  service->clock_offset_ms = offset;
  service->next_expiry_ms = service->clock->BootMillis() + kDayMs;
}

// Once an hour, in the background: removes what is older than the retention.
void Expire(Service* service) {
  const std::int64_t now = service->clock->BootMillis();
  if (service->retention_days == 0 || now < service->next_expiry_ms) return;
  service->next_expiry_ms = now + kDayMs / 24;
  service->background.Run([service] {
    std::vector<std::string> keep;
    if (const auto catalog = service->project->catalog()) {
      for (const authoring::Experiment& experiment : catalog->model.experiments) {
        if (experiment.status != authoring::Status::kArchived) keep.push_back(experiment.key);
      }
      for (const authoring::Holdout& holdout : catalog->model.holdouts)
        keep.push_back(absl::StrCat("holdout:", holdout.key));
    }
    const std::int64_t wall = service->clock->WallMillis();
    const auto expired =
        service->project->store().Expire(wall - service->retention_days * kDayMs, keep);
    std::string problem(expired.status().message());
    if (expired.ok()) problem = absl::StrJoin(expired->unreadable, "; ");
    if (!problem.empty() && service->log)
      service->log(absl::StrCat(R"({"level":"error","event":"records not expired","detail":)",
                                json::Quote(problem), "}"));
    if (!expired.ok() || expired->records == 0) return;
    access::Record(
        &service->project->store(),
        {wall, "retention", "records.expire", "", "",
         absl::StrCat(expired->records, " records older than ", service->retention_days, " days")})
        .IgnoreError();
  });
}

// Takes over what `upswing keys` changed. A file that cannot be read leaves the keys as they are,
// which somebody must hear: who revoked a key believes that it has ended.
void FollowKeys(Service* service) {
  if (service->keys == nullptr) return;
  const absl::Status read = service->keys->Refresh();
  const std::string problem(read.message());
  if (problem == service->keys_problem) return;
  service->keys_problem = problem;
  if (service->log)
    service->log(problem.empty()
                     ? R"({"level":"info","event":"keys read again"})"
                     : absl::StrCat(R"({"level":"error","event":"keys not read","detail":)",
                                    json::Quote(problem), "}"));
}

// Writes into the audit log what `upswing keys` changed, and into the keys when they were used.
void RecordKeys(Service* service) {
  if (service->keys == nullptr) return;
  service->keys
      ->TakeChanges([&](const access::KeyChange& change) {
        return access::Record(
            &service->project->store(),
            {change.at_ms, change.actor, change.action, change.name, "", change.detail});
      })
      .IgnoreError();
  service->keys->SaveUse().IgnoreError();
}

// What runs beside the requests. Keys that `upswing keys` changed are taken over within a second:
// whatever may have to wait for the store or the network is not done on the clock's thread.
void Tick(Service* service) {
  const std::lock_guard lock(service->tick_mutex);
  const bool shared = service->project->shares_store();
  if (!shared) FollowKeys(service);
  service->waiters.Expire(service->clock->BootMillis());
  service->exposures->Flush();
  WatchClock(service);
  Expire(service);
  if (service->tending.exchange(true)) return;
  const bool accepted = service->tender.Run([service, shared] {
    if (shared) {
      if (const auto changed = service->project->Refresh(); changed.ok() && *changed)
        service->waiters.Wake();
      FollowKeys(service);
    }
    RecordKeys(service);
    service->tending = false;
  });
  if (!accepted) service->tending = false;
}

}  // namespace

void AddRoutes(Service* service, PageRoutes* page, Router* router) {
  AddBatchRoutes(service, router);
  AddCatalogRoutes(service, router);
  AddExperimentRoutes(service, router);
  AddLifecycleRoutes(service, router);
  AddUnitRoutes(service, router);
  AddEvaluationRoutes(service, router);
  AddOperationsRoutes(service, router);
  const auto add = [&](std::string_view method, std::string_view pattern, access::Scopes scopes) {
    router->Add({method, pattern, scopes,
                 [page](const Call& call) { page->Handle(call.request, call.respond); }});
  };
  add("GET", "/", {});
  add("GET", "/assets/{file}", {});
  add("GET", "/v1/overview", {access::Scope::kRead});
  add("GET", "/v1/live", {access::Scope::kRead});
  add("POST", "/v1/plan", {access::Scope::kRead});
}

struct Routes::State {
  explicit State(const RoutesOptions& options)
      : page(options.project),
        gate(options.keys, options.clock, options.origins, !options.project->shares_store()),
        router(&gate,
               [this, log = options.log, all = options.log_requests](const Answered& request) {
                 service.requests.Count(request);
                 if (log && (all || request.status >= 500))
                   log(LogLine(request, service.clock->WallMillis()));
               }),
        exposures(&options.project->ingest(), options.clock, options.entropy) {
    service.exposures = &exposures;
    service.project = options.project;
    service.keys = options.keys;
    service.log = options.log;
    service.clock = options.clock;
    service.retention_days = options.retention_days;
    service.clock_offset_ms = options.clock->WallMillis() - options.clock->BootMillis();
    AddRoutes(&service, &page, &router);
    ticker.emplace(kTick, [this] { Tick(&service); });
  }

  PageRoutes page;
  Gate gate;
  Router router;
  evaluation::ExposureRecorder exposures;
  Service service;
  std::optional<Ticker> ticker;
};

Routes::Routes(const RoutesOptions& options) : state_(std::make_unique<State>(options)) {}

Routes::~Routes() = default;

void Routes::Handle(Request request, Respond respond) {
  state_->router.Handle(std::move(request), std::move(respond));
}

void Routes::Finish() {
  Tick(&state_->service);
  RecordKeys(&state_->service);
  if (state_->service.keys != nullptr) state_->service.keys->SaveUse(/*now=*/true).IgnoreError();
}

void Routes::Drain() {
  state_->service.draining = true;
  state_->service.waiters.Drain();
}

}  // namespace upswing::http
