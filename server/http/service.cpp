#include "server/http/service.hpp"

#include <utility>

#include "absl/strings/str_cat.h"

namespace upswing::http {
namespace {

constexpr std::uint32_t kDepth = 32;

}  // namespace

absl::StatusOr<std::shared_ptr<const catalog::View>> Service::View() {
  const auto catalog = project->catalog();
  if (catalog == nullptr) return absl::NotFoundError("no catalog has been published");
  return live_view.For(catalog->version, catalog->bytes, catalog->blobs);
}

absl::StatusOr<std::shared_ptr<const project::Catalog>> Service::Publish(
    const Call& call, std::string source, const std::string& if_match, std::string action,
    const std::string& object, const std::string& reason, const std::string& detail) {
  auto published = project->Publish(std::move(source), if_match, {call.caller.key, action, reason});
  if (!published.ok()) return published;
  waiters.Wake();
  const absl::Status audited =
      Audit(call, action, object.empty() ? absl::StrCat("version ", (*published)->version) : object,
            reason, detail);
  if (!audited.ok()) return audited;
  return published;
}

void Service::InBackground(Call call, std::function<void(Call)> work) {
  const Respond respond = call.respond;
  const bool accepted = background.Run(
      [call = std::move(call), work = std::move(work)]() mutable { work(std::move(call)); });
  if (accepted) return;
  Response busy = Problem(503, "unavailable", "too many reports and erasures wait; try again");
  busy.headers.emplace_back("Retry-After", "5");
  respond(std::move(busy));
}

absl::Status Service::Audit(const Call& call, std::string_view action, std::string_view object,
                            std::string_view reason, std::string_view detail) {
  return access::Record(&project->store(),
                        {clock->WallMillis(), call.caller.key, std::string(action),
                         std::string(object), std::string(reason), std::string(detail)});
}

absl::StatusOr<json::Parsed> ParseObject(const Request& request) {
  absl::StatusOr<json::Parsed> parsed = json::Parse(request.body, {.max_depth = kDepth});
  if (!parsed.ok())
    return absl::InvalidArgumentError(absl::StrCat("body: ", parsed.status().message()));
  if (!parsed->root.is_object()) return absl::InvalidArgumentError("body: must be a JSON object");
  if (!parsed->problems.empty())
    return absl::InvalidArgumentError(absl::StrCat("body: ", parsed->problems.front().ToString()));
  return parsed;
}

absl::StatusOr<std::string> StringMember(const json::Node& object, std::string_view key) {
  const json::Node* const node = object.Find(key);
  if (node == nullptr || node->is_null()) return std::string();
  if (!node->is_string())
    return absl::InvalidArgumentError(absl::StrCat(std::string(key), ": must be a string"));
  return node->as_string();
}

}  // namespace upswing::http
