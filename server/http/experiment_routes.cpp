#include <optional>

#include <nlohmann/json.hpp>

#include "server/http/answer.hpp"
#include "server/http/service.hpp"
#include "server/report/format.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;
using access::Scope;

Response ListExperiments(Service* service) {
  Json list = Json::array();
  if (const auto catalog = service->project->catalog()) {
    for (const authoring::Experiment& experiment : catalog->model.experiments) {
      list.push_back({{"key", experiment.key},
                      {"status", authoring::StatusName(experiment.status)},
                      {"iteration", experiment.iteration},
                      {"hypothesis", experiment.hypothesis}});
    }
  }
  return {.body = list.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

void GetReport(Service* service, Call call) {
  std::optional<std::int64_t> as_of;
  if (const std::string_view text = call.request.Query("as_of"); !text.empty()) {
    as_of = report::ParseAsOf(text);
    if (!as_of)
      return call.respond(Problem(400, "bad request",
                                  "as_of: must be an RFC 3339 time such as 2026-11-22T00:00:00Z"));
  }
  const std::string_view name = call.request.Query("format");
  const auto format = report::ParseFormat(name.empty() ? "json" : name);
  if (!format)
    return call.respond(
        Problem(400, "bad request", "format: must be json, text, csv, markdown or html"));
  const report::RenderOptions options{.language = call.request.Query("lang") == "zh"
                                                      ? report::Language::kChinese
                                                      : report::Language::kEnglish};
  service->InBackground(std::move(call), [service, as_of, format, options](const Call& reported) {
    const auto report =
        service->project->Report(reported.arguments[0], as_of, reported.request.peer_left);
    if (!report.ok()) return reported.respond(FromStatus(report.status()));
    reported.respond({.content_type = std::string(report::ContentType(*format)),
                      .body = report::Render(*report, *format, options)});
  });
}

}  // namespace

void AddExperimentRoutes(Service* service, Router* router) {
  router->Add({"GET", "/v1/experiments", {Scope::kRead}, [service](const Call& call) {
                 call.respond(ListExperiments(service));
               }});
  router->Add({"GET", "/v1/experiments/{key}/report", {Scope::kRead}, [service](Call call) {
                 GetReport(service, std::move(call));
               }});
}

}  // namespace upswing::http
