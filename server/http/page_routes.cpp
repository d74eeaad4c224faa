#include "server/http/page_routes.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/dashboard/assets.hpp"
#include "server/http/overview.hpp"
#include "server/stats_json/method.hpp"

namespace upswing::http {
namespace {

constexpr std::size_t kQuestions = 100;

using Headers = std::vector<std::pair<std::string, std::string>>;

// Everything comes from this server, nothing is inline, nobody may frame it: a name in a catalog
// that holds markup has nowhere to run.
Headers PageHeaders() {
  return {{"Content-Security-Policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
           "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"}};
}

bool TakesGzip(const Request& request) {
  return request.Header("accept-encoding").find("gzip") != std::string_view::npos;
}

Response Page(const Request& request) {
  Headers headers = PageHeaders();
  const dashboard::Asset* asset = dashboard::FindAsset(request.path);
  if (asset == nullptr) {
    if (request.path != "/")
      return Problem(404, "not found", "the page has no such file; load the page again");
    return {.content_type = "text/html; charset=utf-8",
            .body = std::string(dashboard::MissingPage()),
            .headers = std::move(headers)};
  }
  headers.emplace_back("ETag", asset->etag);
  headers.emplace_back("Vary", "Accept-Encoding");
  headers.emplace_back("Cache-Control",
                       asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (request.Header("if-none-match") == asset->etag)
    return {.status = 304, .content_type = "", .headers = std::move(headers)};
  if (!TakesGzip(request)) {
    return {.content_type = std::string(asset->content_type),
            .body = dashboard::Uncompressed(*asset),
            .headers = std::move(headers)};
  }
  headers.emplace_back("Content-Encoding", "gzip");
  return {.content_type = std::string(asset->content_type),
          .body = std::string(asset->gzip),
          .headers = std::move(headers)};
}

// Sample size, smallest effect and days: the `plan` method of `upswing stats`, on a list of inputs.
Response Plan(const Request& request) {
  const auto questions = nlohmann::json::parse(request.body, nullptr, false);
  if (!questions.is_array() || questions.size() > kQuestions)
    return Problem(400, "bad request",
                   "the body must be a list of at most 100 inputs of `upswing stats plan`");
  auto answers = nlohmann::json::array();
  for (const auto& question : questions) {
    const auto answer = stats_json::RunMethod("plan", question);
    if (!answer.ok()) {
      const absl::string_view why = answer.status().message();
      return Problem(400, "bad request", {why.data(), why.size()});
    }
    answers.push_back(*answer);
  }
  return {.body = answers.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

Response NotAllowed(std::string_view allowed) {
  Response response = Problem(405, "method not allowed", "allowed here: " + std::string(allowed));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace

struct PageRoutes::State {
  explicit State(project::Project* project) : overview(project) {}
  Overview overview;
};

PageRoutes::PageRoutes(project::Project* project) : state_(std::make_unique<State>(project)) {}
PageRoutes::~PageRoutes() = default;

bool PageRoutes::IsPublic(const Request& request) {
  return request.path == "/" || request.path.starts_with("/assets/");
}

bool PageRoutes::Handle(const Request& request, const Respond& respond) {
  if (IsPublic(request)) {
    respond(request.method == "GET" ? Page(request) : NotAllowed("GET"));
  } else if (request.path == "/v1/overview") {
    respond(request.method == "GET" ? Response{.body = state_->overview.ListBody()}
                                    : NotAllowed("GET"));
  } else if (request.path == "/v1/live") {
    respond(request.method == "GET" ? Response{.body = state_->overview.LiveBody()}
                                    : NotAllowed("GET"));
  } else if (request.path == "/v1/plan") {
    respond(request.method == "POST" ? Plan(request) : NotAllowed("POST"));
  } else {
    return false;
  }
  return true;
}

}  // namespace upswing::http
