#include <algorithm>

#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/authoring/check.hpp"
#include "server/authoring/parse.hpp"
#include "server/http/answer.hpp"
#include "server/http/catalog_blobs.hpp"
#include "server/http/service.hpp"
#include "server/lifecycle/difference.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;
using access::Scope;

constexpr std::int64_t kLongestWaitSeconds = 60;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

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

// `?wait=30` with If-None-Match: answered as soon as another catalog is in force, with 304 when the
// seconds are over.
void WaitForCatalog(Service* service, Call call) {
  const std::string_view text = call.request.Query("wait");
  std::int64_t seconds = 0;
  if (!text.empty() && (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &seconds) ||
                        seconds < 0 || seconds > kLongestWaitSeconds))
    return call.respond(Problem(400, "bad request", "wait: must be in [0, 60] seconds"));
  Response now = GetCatalog(service, call, false);
  if (seconds == 0 || now.status != 304) return call.respond(std::move(now));
  const Respond respond = call.respond;
  const std::int64_t deadline = service->clock->BootMillis() + seconds * 1000;
  const std::string known(call.request.Header("if-none-match"));
  const bool waits = service->waiters.Add(deadline, [service, call = std::move(call)] {
    call.respond(GetCatalog(service, call, false));
  });
  if (!waits) return respond(std::move(now));
  // It may have been published between the look and the wait.
  const auto catalog = service->project->catalog();
  if (catalog != nullptr && catalog->ETag() != known) service->waiters.Wake();
}

Response PutCatalog(Service* service, Call call) {
  std::string source = std::move(call.request.body);
  std::string if_match(call.request.Header("if-match"));
  if (const std::string_view none = call.request.Header("if-none-match"); !none.empty()) {
    if (none != "*" || !if_match.empty())
      return Problem(400, "bad request",
                     "If-None-Match: can only be *, for the first catalog; with If-Match, leave it "
                     "out");
    if_match = project::Project::kNoVersion;
  }
  const auto published = service->Publish(call, std::move(source), if_match, "catalog.publish", "",
                                          std::string(call.request.Header("upswing-reason")), "");
  if (!published.ok()) return FromStatus(published.status());
  return {.body = Dump({{"version", (*published)->version}}),
          .headers = {{"ETag", (*published)->ETag()}}};
}

Json ToJson(const std::vector<json::Problem>& problems) {
  Json list = Json::array();
  for (const json::Problem& problem : problems) {
    list.push_back(
        {{"severity", problem.severity == json::Problem::Severity::kError ? "error" : "warning"},
         {"path", problem.path},
         {"line", problem.position.line},
         {"column", problem.position.column},
         {"message", problem.message},
         {"fix", problem.fix}});
  }
  return list;
}

Response Diff(Service* service, const Call& call) {
  authoring::ParseResult parsed = authoring::Parse(call.request.body);
  const auto current = service->project->catalog();
  Json changes = Json::array();
  Json moves = Json::array();
  if (parsed.model) {
    authoring::CheckAllocation(*parsed.model, parsed.problems);
    const json::Node& next = parsed.model->document->root;
    static const json::Node kNothing;
    const json::Node& previous = current == nullptr ? kNothing : current->model.document->root;
    for (const lifecycle::Difference& difference : lifecycle::Differences(previous, next)) {
      using Kind = lifecycle::Difference::Kind;
      changes.push_back({{"kind", difference.kind == Kind::kAdded     ? "added"
                                  : difference.kind == Kind::kRemoved ? "removed"
                                                                      : "changed"},
                         {"path", difference.path},
                         {"from", Json::parse(difference.from, nullptr, false)},
                         {"to", Json::parse(difference.to, nullptr, false)}});
      for (const char* side : {"from", "to"}) {
        if (changes.back()[side].is_discarded()) changes.back()[side] = nullptr;
      }
    }
    if (current != nullptr) moves = ToJson(authoring::CheckAgainst(current->model, *parsed.model));
  }
  return {.body = Dump({{"problems", ToJson(parsed.problems)},
                        {"changes", std::move(changes)},
                        {"moves", std::move(moves)}})};
}

Response History(Service* service) {
  const auto history = service->project->History();
  if (!history.ok()) return FromStatus(history.status());
  Json versions = Json::array();
  for (const project::CatalogVersion& version : *history) {
    versions.push_back(
        {{"version", version.version},
         {"at", absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMillis(version.published_ms),
                                 absl::UTCTimeZone())},
         {"actor", version.note.actor},
         {"action", version.note.action},
         {"reason", version.note.reason}});
  }
  return {.body = Dump({{"versions", std::move(versions)}})};
}

// The old content as a new version, so that SDKs, which never go back, take it.
Response Rollback(Service* service, const Call& call) {
  const auto body = ParseObject(call.request);
  if (!body.ok()) return FromStatus(body.status());
  const json::Node* const number = body->root.Find("version");
  const auto version =
      number != nullptr && number->is_number() ? number->as_int() : std::optional<std::int64_t>();
  if (!version || *version < 1)
    return Problem(400, "bad request", "version: must be the number of a version in the history");
  const auto reason = StringMember(body->root, "reason");
  if (!reason.ok()) return FromStatus(reason.status());
  const auto source = service->project->Source(static_cast<std::uint64_t>(*version));
  if (!source.ok()) return FromStatus(source.status());
  const auto published = service->Publish(
      call, *source, std::string(call.request.Header("if-match")), "catalog.rollback", "", *reason,
      absl::StrCat("to the content of version ", *version));
  if (!published.ok()) return FromStatus(published.status());
  return {.body = Dump({{"version", (*published)->version}}),
          .headers = {{"ETag", (*published)->ETag()}}};
}

}  // namespace

void AddCatalogRoutes(Service* service, Router* router) {
  router->Add({"GET",
               "/v1/catalog",
               {Scope::kClient, Scope::kEvaluate, Scope::kRead},
               [service](Call call) { WaitForCatalog(service, std::move(call)); }});
  router->Add({"GET", "/v1/catalog/source", {Scope::kRead}, [service](const Call& call) {
                 call.respond(GetCatalog(service, call, true));
               }});
  router->Add({"GET",
               "/v1/catalog/blobs/{name}",
               {Scope::kClient, Scope::kEvaluate, Scope::kRead},
               [service](const Call& call) {
                 call.respond(GetCatalogBlob(service->project->catalog().get(), call.arguments[0]));
               }});
  router->Add({"PUT", "/v1/catalog/blobs/{name}", {Scope::kAdmin}, [service](const Call& call) {
                 call.respond(PutCatalogBlob(service->project, call.arguments[0], call.request));
               }});
  router->Add({"PUT", "/v1/catalog", {Scope::kAdmin}, [service](Call call) {
                 const Respond respond = call.respond;
                 respond(PutCatalog(service, std::move(call)));
               }});
  router->Add({"POST", "/v1/catalog/diff", {Scope::kRead}, [service](const Call& call) {
                 call.respond(Diff(service, call));
               }});
  router->Add({"GET", "/v1/catalog/history", {Scope::kRead}, [service](const Call& call) {
                 call.respond(History(service));
               }});
  router->Add({"POST", "/v1/catalog/rollback", {Scope::kAdmin}, [service](const Call& call) {
                 call.respond(Rollback(service, call));
               }});
}

}  // namespace upswing::http
