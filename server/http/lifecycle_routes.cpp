#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/http/answer.hpp"
#include "server/http/service.hpp"
#include "server/lifecycle/edit.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;
using access::Scope;

// Others may publish in between; without If-Match the step is made again on what is there then.
constexpr int kAttempts = 5;

absl::StatusOr<lifecycle::Edited> Edit(std::string_view step, std::string_view source,
                                       const std::string& key, const json::Node& body,
                                       std::int64_t now_ms) {
  if (step == "start") return lifecycle::Start(source, key, now_ms);
  if (step == "stop") return lifecycle::Stop(source, key);
  if (step == "ramp") {
    const json::Node* const share = body.Find("share");
    if (share == nullptr || !share->is_number())
      return absl::InvalidArgumentError("share: must be a number in (0, 1]");
    return lifecycle::Ramp(source, key, share->as_double(), now_ms);
  }
  const auto variant = StringMember(body, "variant");
  if (!variant.ok()) return variant.status();
  return lifecycle::Ship(source, key, *variant);
}

Response Take(Service* service, const Call& call, std::string_view step) {
  const auto body = ParseObject(call.request);
  if (!body.ok()) return FromStatus(body.status());
  const auto reason = StringMember(body->root, "reason");
  if (!reason.ok()) return FromStatus(reason.status());
  const std::string& key = call.arguments[0];
  const std::string if_match(call.request.Header("if-match"));
  for (int attempt = 1;; ++attempt) {
    const auto current = service->project->catalog();
    if (current == nullptr) return Problem(404, "not found", "no catalog has been published");
    const auto edited = Edit(step, current->source, key, body->root, service->clock->WallMillis());
    if (!edited.ok()) return FromStatus(edited.status());
    const auto published =
        service->Publish(call, edited->text, if_match.empty() ? current->ETag() : if_match,
                         absl::StrCat("experiment.", std::string(step)), key, *reason,
                         absl::StrJoin(edited->changes, "; "));
    if (absl::IsAborted(published.status()) && if_match.empty() && attempt < kAttempts) continue;
    if (!published.ok()) return FromStatus(published.status());
    return {.body = Json{{"version", (*published)->version}, {"changes", edited->changes}}.dump(
                -1, ' ', false, Json::error_handler_t::replace),
            .headers = {{"ETag", (*published)->ETag()}}};
  }
}

}  // namespace

void AddLifecycleRoutes(Service* service, Router* router) {
  static constexpr std::pair<std::string_view, std::string_view> kSteps[] = {
      {"start", "/v1/experiments/{key}/start"},
      {"stop", "/v1/experiments/{key}/stop"},
      {"ramp", "/v1/experiments/{key}/ramp"},
      {"ship", "/v1/experiments/{key}/ship"}};
  for (const auto& [step, pattern] : kSteps) {
    router->Add({"POST", pattern, {Scope::kAdmin}, [service, name = step](const Call& call) {
                   call.respond(Take(service, call, name));
                 }});
  }
}

}  // namespace upswing::http
