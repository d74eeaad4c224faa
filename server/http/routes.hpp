#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/http/message.hpp"

namespace upswing::access {
class KeyFile;
}
namespace upswing::port {
class Clock;
class Entropy;
}  // namespace upswing::port
namespace upswing::project {
class Project;
}

namespace upswing::http {

/// What the routes serve. All outlive them.
struct RoutesOptions {
  project::Project* project = nullptr;
  /// Null: everybody on this machine may do everything; see `Gate`.
  access::KeyFile* keys = nullptr;
  const port::Clock* clock = nullptr;
  port::Entropy* entropy = nullptr;
  /// Origins of web pages that may call from a browser; see `Gate`.
  std::vector<std::string> origins = {};
  /// Gets one JSON object a line for every answer (`log_requests`) or for every 5xx; may be null.
  std::function<void(const std::string&)> log = {};
  bool log_requests = false;
  /// Records older than this are removed, except exposures to experiments that are not archived.
  /// Unit: days. 0 = kept for ever.
  int retention_days = 0;
};

/// The server's HTTP interface over one project. Thread-safe; reports run on a thread of their own,
/// so that a long one delays no batch.
class Routes {
 public:
  explicit Routes(const RoutesOptions& options);
  /// Waits for reports under way.
  ~Routes();

  /// Answers one request; see docs/reference/http.md.
  void Handle(Request request, Respond respond);

  /// The server is about to stop: answers those who wait for a catalog, and `/readyz` says 503 from
  /// now on.
  void Drain();

  /// Hands over what waits: when the server has stopped, before the project does.
  void Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswing::http
