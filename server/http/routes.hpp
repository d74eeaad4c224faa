#pragma once

#include <memory>

#include "server/http/message.hpp"

namespace upswing::project {
class Project;
}

namespace upswing::http {

/// The server's HTTP interface over one project. Thread-safe; reports run on threads of their own,
/// so that a long one delays no batch.
class Routes {
 public:
  /// `project` outlives this.
  explicit Routes(project::Project* project);
  /// Waits for reports under way.
  ~Routes();

  /// Answers one request; see docs/reference/http.md.
  void Handle(Request request, Respond respond);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswing::http
