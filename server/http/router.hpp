#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/gate.hpp"
#include "server/http/message.hpp"
#include "server/http/request_log.hpp"

namespace upswing::http {

/// One request on its way through a route.
struct Call {
  Request request;
  /// What stands for the `{...}` of the pattern, in order.
  std::vector<std::string> arguments;
  Caller caller;
  /// Names this request in answers and logs.
  std::string id;
  /// Called exactly once, from any thread.
  Respond respond;
};

/// What a server answers to. `pattern` is a path whose segments are literal or `{name}`.
struct Route {
  std::string_view method;
  std::string_view pattern;
  /// The key must have one of these; none: no key is needed.
  access::Scopes scopes;
  std::function<void(Call)> answer;
};

/// Finds the route of a request, lets the gate decide, and dresses the answer: a request id,
/// headers for browsers, the batch id that SDKs look for. Routes are added first; `Handle` then is
/// thread-safe.
class Router {
 public:
  /// `gate` outlives this. `answered`, if given, is told of every answer; it must be quick.
  explicit Router(Gate* gate, std::function<void(const Answered&)> answered = {})
      : gate_(gate), answered_(std::move(answered)) {}

  void Add(Route route);
  const std::vector<Route>& routes() const { return routes_; }

  void Handle(Request request, Respond respond) const;

 private:
  Gate* const gate_;
  const std::function<void(const Answered&)> answered_;
  std::vector<Route> routes_;
};

}  // namespace upswing::http
