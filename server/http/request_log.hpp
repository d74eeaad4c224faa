#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace upswing::http {

/// One answered request. `route` is the pattern, never the path: paths may hold what names a
/// person.
struct Answered {
  std::string_view method;
  std::string_view route;
  int status = 0;
  double seconds = 0;
  std::string_view id;
  std::string_view key;  ///< Name of the API key; empty if there was none.
};

/// Counts and times of requests by route, for `/metrics`. Thread-safe.
class RequestStats {
 public:
  void Count(const Answered& request);

  /// `upswing_http_requests_total` and `upswing_http_request_seconds` in the Prometheus text
  /// format.
  std::string Text() const;

 private:
  // Upper bounds of the histogram. Unit: seconds.
  static constexpr std::array<double, 12> kBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                     0.05,   0.1,   0.25,   1,     5,    30};
  struct Times {
    std::array<std::uint64_t, kBounds.size() + 1> counts{};
    double sum = 0;
  };
  mutable std::mutex mutex_;                                       // all below
  std::map<std::string, std::map<int, std::uint64_t>> by_status_;  // "method route" -> status
  std::map<std::string, Times> times_;                             // route
};

/// One JSON object for a log of requests, without a line break.
std::string LogLine(const Answered& request, std::int64_t wall_ms);

}  // namespace upswing::http
