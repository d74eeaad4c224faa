#include <nlohmann/json.hpp>

#include "server/http/answer.hpp"
#include "server/http/service.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;
using access::Scope;

Response NoCatalog() {
  return Problem(404, "not found", "no catalog has been published; use `upswing catalog publish`");
}

Response GetCatalog(Service* service, const Call& call, bool source) {
  const auto catalog = service->project->catalog();
  if (catalog == nullptr) return NoCatalog();
  const std::vector<std::pair<std::string, std::string>> headers = {{"ETag", catalog->ETag()},
                                                                    {"Cache-Control", "no-cache"}};
  if (call.request.Header("if-none-match") == catalog->ETag())
    return {.status = 304, .content_type = "", .headers = headers};
  if (source) return {.body = catalog->source, .headers = headers};
  return {.content_type = "application/vnd.upswing.catalog",
          .body = catalog->bytes,
          .headers = headers};
}

Response PutCatalog(Service* service, Call call) {
  const std::string if_match(call.request.Header("if-match"));
  const auto published = service->project->Publish(std::move(call.request.body), if_match);
  if (!published.ok()) return FromStatus(published.status());
  const std::uint64_t version = (*published)->version;
  const absl::Status audited = service->Audit(call, "catalog.publish", std::to_string(version),
                                              call.request.Header("upswing-reason"), "");
  if (!audited.ok()) return FromStatus(audited);
  return {.body = Json{{"version", version}}.dump(), .headers = {{"ETag", (*published)->ETag()}}};
}

}  // namespace

void AddCatalogRoutes(Service* service, Router* router) {
  router->Add({"GET",
               "/v1/catalog",
               {Scope::kClient, Scope::kEvaluate, Scope::kRead},
               [service](const Call& call) { call.respond(GetCatalog(service, call, false)); }});
  router->Add({"GET", "/v1/catalog/source", {Scope::kRead}, [service](const Call& call) {
                 call.respond(GetCatalog(service, call, true));
               }});
  router->Add({"PUT", "/v1/catalog", {Scope::kAdmin}, [service](Call call) {
                 const Respond respond = call.respond;
                 respond(PutCatalog(service, std::move(call)));
               }});
}

}  // namespace upswing::http
