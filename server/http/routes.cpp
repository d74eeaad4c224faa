#include "server/http/routes.hpp"

#include <optional>
#include <utility>

#include "server/evaluation/exposure_recorder.hpp"
#include "server/http/page_routes.hpp"
#include "server/http/service.hpp"
#include "server/http/ticker.hpp"

namespace upswing::http {
namespace {

constexpr auto kTick = std::chrono::seconds(1);

// What runs beside the requests: keys that `upswing keys` changed are taken over within a second.
void Tick(Service* service) {
  service->waiters.Expire(service->clock->BootMillis());
  service->exposures->Flush();
  if (service->keys == nullptr) return;
  // A key file that cannot be read for a moment leaves the keys as they are.
  service->keys->Refresh().IgnoreError();
  service->keys
      ->TakeChanges([&](const access::KeyChange& change) {
        return access::Record(
            &service->project->store(),
            {change.at_ms, change.actor, change.action, change.name, "", change.detail});
      })
      .IgnoreError();
  service->keys->SaveUse().IgnoreError();
}

void AddPageRoutes(PageRoutes* page, Router* router) {
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

}  // namespace

struct Routes::State {
  explicit State(const RoutesOptions& options)
      : page(options.project),
        gate(options.keys, options.clock, options.origins),
        router(&gate),
        exposures(&options.project->ingest(), options.clock, options.entropy) {
    service.exposures = &exposures;
    service.project = options.project;
    service.keys = options.keys;
    service.clock = options.clock;
    AddBatchRoutes(&service, &router);
    AddCatalogRoutes(&service, &router);
    AddExperimentRoutes(&service, &router);
    AddLifecycleRoutes(&service, &router);
    AddUnitRoutes(&service, &router);
    AddEvaluationRoutes(&service, &router);
    AddOperationsRoutes(&service, &router);
    AddPageRoutes(&page, &router);
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

Routes::~Routes() { Tick(&state_->service); }

void Routes::Handle(Request request, Respond respond) {
  state_->router.Handle(std::move(request), std::move(respond));
}

void Routes::Drain() {
  state_->service.draining = true;
  state_->service.waiters.Drain();
}

}  // namespace upswing::http
