#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/http/answer.hpp"
#include "server/http/metrics_text.hpp"
#include "server/http/service.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kOpenApi[] =
#include "docs/openapi.inc"
    ;

constexpr std::size_t kAuditDefault = 100;
constexpr std::size_t kAuditMost = 10'000;

Response WhoAmI(const Call& call) {
  return {.body = Json{{"key", call.caller.key}, {"scopes", call.caller.scopes.Names()}}.dump()};
}

Response GetAudit(Service* service, const Call& call) {
  std::size_t limit = kAuditDefault;
  const std::string_view text = call.request.Query("limit");
  if (!text.empty() && (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &limit) ||
                        limit < 1 || limit > kAuditMost))
    return Problem(400, "bad request", "limit: must be in [1, 10000]");
  const auto records = access::Latest(&service->project->store(), limit);
  if (!records.ok()) return FromStatus(records.status());
  Json entries = Json::array();
  for (const access::AuditRecord& record : *records) {
    entries.push_back(
        {{"at", absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMillis(record.at_ms),
                                 absl::UTCTimeZone())},
         {"actor", record.actor},
         {"action", record.action},
         {"object", record.object},
         {"reason", record.reason},
         {"detail", record.detail}});
  }
  return {.body = Json{{"entries", std::move(entries)}}.dump(-1, ' ', false,
                                                             Json::error_handler_t::replace)};
}

}  // namespace

void AddOperationsRoutes(Service* service, Router* router) {
  router->Add(
      {"GET", "/healthz", {}, [](const Call& call) { call.respond({.body = R"({"ok":true})"}); }});
  router->Add({"GET", "/readyz", {}, [service](const Call& call) {
                 call.respond(service->draining
                                  ? FromStatus(absl::UnavailableError("the server stops"))
                                  : Response{.body = R"({"ok":true})"});
               }});
  router->Add(
      {"GET", "/openapi.json", {}, [](const Call& call) { call.respond({.body = kOpenApi}); }});
  router->Add({"GET", "/metrics", {access::Scope::kRead}, [service](const Call& call) {
                 call.respond({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                               .body = MetricsText(service)});
               }});
  router->Add({"GET", "/v1/project", access::Scopes::All(), [service](const Call& call) {
                 call.respond({.body = Json{{"project", service->project->name()}}.dump()});
               }});
  router->Add({"GET", "/v1/whoami", access::Scopes::All(),
               [](const Call& call) { call.respond(WhoAmI(call)); }});
  router->Add({"GET", "/v1/audit", {access::Scope::kAdmin}, [service](const Call& call) {
                 call.respond(GetAudit(service, call));
               }});
}

}  // namespace upswing::http
