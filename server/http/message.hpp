#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace upswing::http {

/// One request as the routes see it. `path` is percent-decoded and has no query; header names are
/// lower case.
struct Request {
  std::string method;
  std::string path;
  /// What stands between the slashes of the path, each decoded by itself: a "%2F" separates
  /// nothing.
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// Whether the peer has closed the connection. Any thread may ask until the answer is given.
  /// Empty for requests that did not come over one.
  std::function<bool()> peer_left = {};

  /// The first header of this lower-case name, or empty.
  std::string_view Header(std::string_view name) const;

  /// The first query parameter of this name, or empty.
  std::string_view Query(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// Sends the answer of one request. Called exactly once, from any thread.
using Respond = std::function<void(Response)>;

/// Answers requests; called from the server's threads, so it must not block for long.
using Handler = std::function<void(Request, Respond)>;

/// An error as RFC 9457 problem JSON: `title` says what is wrong in a few words, `detail` names the
/// field, header or limit and the fix.
Response Problem(int status, std::string_view title, std::string_view detail);

/// Splits "path?a=1&b=2" and percent-decodes its parts into `request`. False if an escape is broken
/// or the decoded path holds a NUL.
bool ParseTarget(std::string_view target, Request* request);

}  // namespace upswing::http
