// Every reader of a request's body, query and headers: the first byte of the input names the route,
// the rest of the line is the query, what follows the body. From 128 up, a second line stands in
// every header that a route reads. No input may crash it or be answered with 500.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "sdk/base/hash.hpp"
#include "tests/fuzz/routes_under_test.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswing;
  static testing::RoutesUnderTest server;
  static constexpr std::pair<const char*, const char*> kRoutes[] = {
      {"POST", "/ofrep/v1/evaluate/flags"},
      {"POST", "/ofrep/v1/evaluate/flags/tap"},
      {"POST", "/v1/evaluate"},
      {"POST", "/v1/exposures"},
      {"POST", "/v1/batches"},
      {"PUT", "/v1/catalog"},
      {"POST", "/v1/catalog/diff"},
      {"POST", "/v1/catalog/rollback"},
      {"POST", "/v1/experiments/one_tap/start"},
      {"POST", "/v1/experiments/one_tap/stop"},
      {"POST", "/v1/experiments/one_tap/ramp"},
      {"POST", "/v1/experiments/one_tap/ship"},
      {"POST", "/v1/units/erase"},
      {"GET", "/v1/units/records"},
      {"GET", "/v1/units/explain"},
      {"GET", "/v1/experiments/one_tap/report"},
      {"GET", "/v1/audit"},
      {"GET", "/v1/catalog"},
      {"POST", "/v1/plan"},
      {"PUT", "/v1/catalog/blobs/{name}"},
      {"GET", "/v1/catalog/blobs/{name}"},
      {"GET", "/v1/catalog/source"},
      {"GET", "/v1/catalog/history"},
      {"GET", "/v1/overview"},
      {"GET", "/v1/live"},
      {"GET", "/v1/experiments"},
      {"GET", "/assets/{file}"},
      {"GET", "/metrics"}};
  static constexpr const char* kHeaders[] = {
      "if-match",       "if-none-match",     "upswing-batch", "upswing-sent-at",
      "upswing-reason", "upswing-exposures", "authorization", "origin"};
  if (size == 0) return 0;
  const auto& [method, path] = kRoutes[data[0] % 128 % std::size(kRoutes)];
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto line = [&rest] {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return text;
  };
  const std::string query(line());
  http::Request request;
  request.method = method;
  request.headers = {{"host", "localhost"}};
  if (data[0] >= 128) {
    const std::string value(line());
    for (const char* const name : kHeaders) request.headers.emplace_back(name, value);
  }
  request.body = rest;
  std::string target = path;
  // The name of a list is the hash of its bytes.
  if (const std::size_t at = target.find("{name}"); at != std::string::npos)
    target.replace(at, 6, absl::StrCat(absl::Hex(base::Hash64(request.body), absl::kZeroPad16)));
  if (!http::ParseTarget(target + "?" + query, &request)) return 0;
  // What waits for a catalog waits for seconds.
  if (!request.Query("wait").empty()) return 0;
  std::promise<http::Response> promise;
  server.routes().Handle(std::move(request),
                         [&](http::Response response) { promise.set_value(std::move(response)); });
  const http::Response response = promise.get_future().get();
  if (response.status < 200 || response.status == 500 || response.status > 503) std::abort();
  server.Answered();
  return 0;
}
