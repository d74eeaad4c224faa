#include "server/http/router.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace upswing::http {
namespace {

constexpr std::size_t kIdBytes = 64;

// Ids are unique, not secret: a random start and a count.
std::string NewId() {
  static const std::uint32_t start = std::random_device()();
  static std::atomic<std::uint32_t> count{0};
  return absl::StrCat(absl::Hex(start, absl::kZeroPad8), "-", absl::Hex(++count, absl::kZeroPad8));
}

bool IsPlain(std::string_view text) {
  return !text.empty() && text.size() <= kIdBytes &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

bool Matches(std::string_view pattern, const std::vector<std::string>& segments,
             std::vector<std::string>* arguments) {
  arguments->clear();
  std::size_t i = 0;
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(pattern.data() + 1, pattern.size() - 1), '/')) {
    if (i == segments.size()) return false;
    if (part.size() > 2 && part.front() == '{') {
      if (segments[i].empty()) return false;
      arguments->push_back(segments[i]);
    } else if (part != absl::string_view(segments[i])) {
      return false;
    }
    ++i;
  }
  return i == segments.size();
}

}  // namespace

void Router::Add(Route route) { routes_.push_back(std::move(route)); }

void Router::Handle(Request request, Respond respond) const {
  const std::string_view given = request.Header("x-request-id");
  const std::string id = IsPlain(given) ? std::string(given) : NewId();
  const std::string_view batch = request.Header("upswing-batch");
  const std::string_view from = request.Header("origin");
  const bool cross_origin = !from.empty() && gate_->AllowsOrigin(from);
  // What is known of the request once its route is found, for the log.
  struct Known {
    std::string method;
    std::string_view route = "none";
    std::string key;
    std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  };
  const auto known = std::make_shared<Known>();
  known->method = request.method;
  auto dressed = [this, known, id, origin = cross_origin ? std::string(from) : std::string(),
                  batch = IsPlain(batch) ? std::string(batch) : std::string(),
                  respond = std::move(respond)](Response response) {
    const auto has = [&](std::string_view name) {
      return std::any_of(response.headers.begin(), response.headers.end(),
                         [&](const auto& header) { return header.first == name; });
    };
    response.headers.emplace_back("X-Request-Id", id);
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    if (!has("Cache-Control")) response.headers.emplace_back("Cache-Control", "no-store");
    if (!origin.empty()) {
      response.headers.emplace_back("Access-Control-Allow-Origin", origin);
      response.headers.emplace_back("Access-Control-Expose-Headers",
                                    "ETag, Retry-After, X-Request-Id");
      response.headers.emplace_back("Vary", "Origin");
    }
    // An SDK believes an answer, also a refusal, only if it names its batch.
    if (!batch.empty() && !has("Upswing-Batch"))
      response.headers.emplace_back("Upswing-Batch", batch);
    if (answered_) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - known->begin;
      answered_({known->method, known->route, response.status, took.count(), id, known->key});
    }
    respond(std::move(response));
  };

  // A browser asks before it sends a page's request; it sends no key with this question.
  if (cross_origin && request.method == "OPTIONS") {
    return dressed({.status = 204,
                    .content_type = "",
                    .headers = {{"Access-Control-Allow-Methods", "GET, POST"},
                                {"Access-Control-Allow-Headers",
                                 "Authorization, X-API-Key, Content-Type, If-None-Match, "
                                 "Upswing-Exposures, Upswing-Batch, Upswing-Sent-At"},
                                {"Access-Control-Max-Age", "600"}}});
  }

  std::string allowed;
  std::vector<std::string> arguments;
  for (const Route& route : routes_) {
    if (!Matches(route.pattern, request.segments, &arguments)) continue;
    if (route.method != request.method) {
      absl::StrAppend(&allowed, allowed.empty() ? "" : ", ", std::string(route.method));
      continue;
    }
    Caller caller;
    known->route = route.pattern;
    std::optional<Response> refusal = gate_->Admit(request, route.scopes, &caller);
    known->key = caller.key;
    if (refusal) return dressed(*std::move(refusal));
    return route.answer(
        {std::move(request), std::move(arguments), std::move(caller), id, std::move(dressed)});
  }
  if (allowed.empty())
    return dressed(Problem(404, "not found", absl::StrCat("there is no ", request.path)));
  Response refusal = Problem(405, "method not allowed", absl::StrCat("allowed here: ", allowed));
  refusal.headers.emplace_back("Allow", allowed);
  dressed(std::move(refusal));
}

}  // namespace upswing::http
