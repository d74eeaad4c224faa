#include "server/http/request_log.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace upswing::http {

void RequestStats::Count(const Answered& request) {
  const std::string route(request.route);
  const std::string labels =
      absl::StrCat("method=\"", std::string(request.method), "\",route=\"", route, "\"");
  const auto bucket = static_cast<std::size_t>(
      std::lower_bound(kBounds.begin(), kBounds.end(), request.seconds) - kBounds.begin());
  const std::lock_guard lock(mutex_);
  ++by_status_[labels][request.status];
  Times& times = times_[route];
  ++times.counts[bucket];
  times.sum += request.seconds;
}

std::string RequestStats::Text() const {
  std::string text = "# TYPE upswing_http_requests_total counter\n";
  const std::lock_guard lock(mutex_);
  for (const auto& [labels, statuses] : by_status_) {
    for (const auto& [status, count] : statuses)
      absl::StrAppend(&text, "upswing_http_requests_total{", labels, ",status=\"", status, "\"} ",
                      count, "\n");
  }
  absl::StrAppend(&text, "# TYPE upswing_http_request_seconds histogram\n");
  for (const auto& [route, times] : times_) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i <= kBounds.size(); ++i) {
      total += times.counts[i];
      absl::StrAppend(&text, "upswing_http_request_seconds_bucket{route=\"", route, "\",le=\"",
                      i < kBounds.size() ? absl::StrCat(kBounds[i]) : "+Inf", "\"} ", total, "\n");
    }
    absl::StrAppend(&text, "upswing_http_request_seconds_sum{route=\"", route, "\"} ", times.sum,
                    "\nupswing_http_request_seconds_count{route=\"", route, "\"} ", total, "\n");
  }
  return text;
}

std::string LogLine(const Answered& request, std::int64_t wall_ms) {
  const nlohmann::ordered_json line = {
      {"time", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(wall_ms),
                                absl::UTCTimeZone())},
      {"level", request.status >= 500 ? "error" : "info"},
      {"event", "request"},
      {"id", request.id},
      {"key", request.key},
      {"method", request.method},
      {"route", request.route},
      {"status", request.status},
      {"ms", request.seconds * 1000}};
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace upswing::http
