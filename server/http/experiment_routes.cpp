#include <optional>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "server/http/answer.hpp"
#include "server/http/service.hpp"
#include "server/report/render.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;
using access::Scope;

std::optional<Response> Rendered(const report::Report& report, std::string_view format,
                                 std::string_view language) {
  if (format == "html") {
    return Response{.content_type = "text/html; charset=utf-8",
                    .body = RenderHtml(report, language == "zh" ? report::Language::kChinese
                                                                : report::Language::kEnglish)};
  }
  if (format.empty() || format == "json") return Response{.body = RenderJson(report)};
  if (format == "text")
    return Response{.content_type = "text/plain; charset=utf-8", .body = RenderText(report)};
  if (format == "csv")
    return Response{.content_type = "text/csv; charset=utf-8", .body = RenderCsv(report)};
  if (format == "markdown")
    return Response{.content_type = "text/markdown; charset=utf-8", .body = RenderMarkdown(report)};
  return std::nullopt;
}

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
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, {text.data(), text.size()}, &time, &error)) {
      return call.respond(Problem(400, "bad request",
                                  "as_of: must be an RFC 3339 time such as 2026-11-22T00:00:00Z"));
    }
    as_of = absl::ToUnixMillis(time);
  }
  service->InBackground(std::move(call), [service, as_of](const Call& reported) {
    const auto report = service->project->Report(reported.arguments[0], as_of);
    if (!report.ok()) return reported.respond(FromStatus(report.status()));
    std::optional<Response> rendered =
        Rendered(*report, reported.request.Query("format"), reported.request.Query("lang"));
    reported.respond(rendered ? *std::move(rendered)
                              : Problem(400, "bad request",
                                        "format: must be json, text, csv, markdown or html"));
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
