// Every reader of a request's body and query: the first byte of the input names the route, the rest
// of the line is the query, what follows the body. No input may crash it or be answered with 500.
#include <cstdint>
#include <cstdlib>
#include <future>
#include <string>
#include <string_view>

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
      {"POST", "/v1/plan"}};
  if (size == 0) return 0;
  const auto& [method, path] = kRoutes[data[0] % std::size(kRoutes)];
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t line = input.find('\n');
  http::Request request;
  request.method = method;
  request.headers = {{"host", "localhost"}};
  const std::string target = std::string(path) + "?" + std::string(input.substr(0, line));
  if (!http::ParseTarget(target, &request)) return 0;
  // What waits for a catalog waits for seconds.
  if (!request.Query("wait").empty()) return 0;
  if (line != std::string_view::npos) request.body = input.substr(line + 1);
  std::promise<http::Response> promise;
  server.routes().Handle(std::move(request),
                         [&](http::Response response) { promise.set_value(std::move(response)); });
  const http::Response response = promise.get_future().get();
  if (response.status < 200 || response.status == 500 || response.status > 503) std::abort();
  server.Answered();
  return 0;
}
