#pragma once

#include <memory>

#include "server/http/message.hpp"

namespace upswing::access {
class KeyFile;
}
namespace upswing::port {
class Clock;
}
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

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswing::http
