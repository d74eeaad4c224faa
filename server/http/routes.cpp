#include "server/http/routes.hpp"

#include <optional>
#include <utility>  // Boost 1.74's Asio needs it first.
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/http/page_routes.hpp"
#include "server/project/project.hpp"
#include "server/report/render.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;

Response FromStatus(const absl::Status& status) {
  const std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return Problem(400, "bad request", message);
    case absl::StatusCode::kNotFound:
      return Problem(404, "not found", message);
    case absl::StatusCode::kAborted:
      return Problem(412, "precondition failed", message);
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable: {
      Response response = Problem(503, "unavailable", message);
      response.headers.emplace_back("Retry-After", "5");
      return response;
    }
    default:
      return Problem(500, "internal error", message);
  }
}

std::optional<Response> Rendered(const report::Report& report, std::string_view format) {
  if (format.empty() || format == "json") return Response{.body = RenderJson(report)};
  if (format == "text")
    return Response{.content_type = "text/plain; charset=utf-8", .body = RenderText(report)};
  if (format == "csv")
    return Response{.content_type = "text/csv; charset=utf-8", .body = RenderCsv(report)};
  if (format == "markdown")
    return Response{.content_type = "text/markdown; charset=utf-8", .body = RenderMarkdown(report)};
  return std::nullopt;
}

}  // namespace

struct Routes::State {
  explicit State(project::Project* p) : project(p), page(p), reports(1) {}

  void PostBatch(Request request, Respond respond) {
    const ingest::IngestHeaders headers{.sent_at = request.Header("upswing-sent-at"),
                                        .batch = request.Header("upswing-batch")};
    project->ingest().Submit(headers, request.body,
                             [respond = std::move(respond)](ingest::IngestResponse answer) {
                               respond({.status = answer.status,
                                        .content_type = std::move(answer.content_type),
                                        .body = std::move(answer.body),
                                        .headers = std::move(answer.headers)});
                             });
  }

  Response GetCatalog(const Request& request) {
    const auto catalog = project->catalog();
    if (catalog == nullptr)
      return Problem(404, "not found",
                     "no catalog has been published; use `upswing catalog publish`");
    const std::vector<std::pair<std::string, std::string>> headers = {
        {"ETag", catalog->ETag()}, {"Cache-Control", "no-cache"}};
    if (request.Header("if-none-match") == catalog->ETag())
      return {.status = 304, .content_type = "", .headers = headers};
    if (request.Query("format") == "json") return {.body = catalog->source, .headers = headers};
    return {.content_type = "application/vnd.upswing.catalog",
            .body = catalog->bytes,
            .headers = headers};
  }

  Response PutCatalog(Request request) {
    const std::string if_match(request.Header("if-match"));
    const auto published = project->Publish(std::move(request.body), if_match);
    if (!published.ok()) return FromStatus(published.status());
    return {.body = Json{{"version", (*published)->version}}.dump(),
            .headers = {{"ETag", (*published)->ETag()}}};
  }

  Response ListExperiments() {
    Json list = Json::array();
    if (const auto catalog = project->catalog()) {
      for (const authoring::Experiment& experiment : catalog->model.experiments) {
        list.push_back({{"key", experiment.key},
                        {"status", authoring::StatusName(experiment.status)},
                        {"iteration", experiment.iteration},
                        {"hypothesis", experiment.hypothesis}});
      }
    }
    return {.body = list.dump(-1, ' ', false, Json::error_handler_t::replace)};
  }

  void GetReport(const Request& request, const std::string& experiment, Respond respond) {
    std::optional<std::int64_t> as_of;
    if (const std::string_view text = request.Query("as_of"); !text.empty()) {
      absl::Time time;
      std::string error;
      if (!absl::ParseTime(absl::RFC3339_full, {text.data(), text.size()}, &time, &error)) {
        return respond(Problem(400, "bad request",
                               "as_of: must be an RFC 3339 time such as 2026-11-22T00:00:00Z"));
      }
      as_of = absl::ToUnixMillis(time);
    }
    boost::asio::post(
        reports, [this, experiment, as_of, format = std::string(request.Query("format")),
                  respond = std::move(respond)] {
          const auto report = project->Report(experiment, as_of);
          if (!report.ok()) return respond(FromStatus(report.status()));
          std::optional<Response> rendered = Rendered(*report, format);
          respond(rendered
                      ? *std::move(rendered)
                      : Problem(400, "bad request", "format: must be json, text, csv or markdown"));
        });
  }

  void EraseUnit(const Request& request, Respond respond) {
    const Json body = Json::parse(request.body, nullptr, false);
    const std::string unit = body.is_object() && body.value("unit", Json()).is_string()
                                 ? body["unit"].get<std::string>()
                                 : "";
    const std::size_t equals = unit.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == unit.size())
      return respond(Problem(400, "bad request", "unit: must be a string TYPE=ID, e.g. user=u-42"));
    boost::asio::post(reports, [this, type = unit.substr(0, equals), id = unit.substr(equals + 1),
                                respond = std::move(respond)] {
      store::EmbeddedStore& store = project->store();
      const auto erased =
          store.Erase(type, store.hasher().Key(type, id), absl::ToUnixMillis(absl::Now()));
      if (!erased.ok()) return respond(FromStatus(erased.status()));
      respond({.body = Json{{"records", erased->records}}.dump()});
    });
  }

  project::Project* project;
  PageRoutes page;
  boost::asio::thread_pool reports;
};

Routes::Routes(project::Project* project) : state_(std::make_unique<State>(project)) {}

Routes::~Routes() { state_->reports.join(); }

void Routes::Handle(Request request, Respond respond) {
  const std::string method = request.method;
  const auto only = [&](std::string_view allowed, auto answer) {
    for (const absl::string_view name :
         absl::StrSplit(absl::string_view(allowed.data(), allowed.size()), ", ")) {
      if (name == method) return answer();
    }
    Response refusal =
        Problem(405, "method not allowed", absl::StrCat("allowed here: ", std::string(allowed)));
    refusal.headers.emplace_back("Allow", std::string(allowed));
    respond(std::move(refusal));
  };
  const std::string path = request.path;
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  if (state_->page.Handle(request, respond)) return;
  if (path == "/v1/batches") {
    only("POST", [&] { state_->PostBatch(std::move(request), std::move(respond)); });
  } else if (path == "/v1/catalog") {
    only("GET, PUT", [&] {
      respond(method == "GET" ? state_->GetCatalog(request)
                              : state_->PutCatalog(std::move(request)));
    });
  } else if (path == "/v1/project") {
    only("GET", [&] { respond({.body = Json{{"project", state_->project->name()}}.dump()}); });
  } else if (path == "/v1/experiments") {
    only("GET", [&] { respond(state_->ListExperiments()); });
  } else if (parts.size() == 5 && parts[1] == "v1" && parts[2] == "experiments" &&
             parts[4] == "report") {
    only("GET", [&] { state_->GetReport(request, parts[3], std::move(respond)); });
  } else if (path == "/v1/units/erase") {
    only("POST", [&] { state_->EraseUnit(request, std::move(respond)); });
  } else if (path == "/healthz" || path == "/readyz") {
    only("GET", [&] { respond({.body = R"({"ok":true})"}); });
  } else {
    respond(Problem(404, "not found", absl::StrCat("there is no ", path)));
  }
}

}  // namespace upswing::http
