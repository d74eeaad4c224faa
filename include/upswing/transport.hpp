#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace upswing {

struct HttpRequest {
  std::string method;  ///< "GET", or "POST" or "PUT" with a body. The SDK itself never uses PUT.
  std::string url;     ///< http or https, with host, path and query.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;  ///< Valid until `Send` returns.
  /// For the whole exchange, connecting included.
  std::chrono::milliseconds timeout{std::chrono::seconds{30}};
  /// A larger response body must fail with kResourceExhausted.
  std::size_t max_response_bytes = std::size_t{16} << 20;
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in any case.
  std::string body;

  /// The value of the first header of this name, compared without case, or an empty view.
  std::string_view Header(std::string_view name) const;
};

/// How the SDK talks HTTP. The default is libcurl; an app may hand in its platform's stack.
///
/// Follow no redirects, keep no cookies, add no credentials. Reuse connections.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Sends one request and waits for the response. Any response, whatever its status, is a success;
  /// an error means that none came (kUnavailable, kDeadlineExceeded, kCancelled). Called from the
  /// SDK's own thread, one request at a time.
  virtual absl::StatusOr<HttpResponse> Send(const HttpRequest& request) = 0;

  /// Makes a running `Send`, if there is one, return kCancelled soon. Called from any thread.
  virtual void Cancel() = 0;

  /// The process has forked and this is the child: forget connections without closing them, since
  /// the parent uses them.
  virtual void AbandonAfterFork() {}
};

}  // namespace upswing
