#pragma once

#include <memory>

#include "server/http/message.hpp"

namespace upswing::project {
class Project;
}

namespace upswing::http {

/// The web page and what it alone needs: "/", "/assets/...", `/v1/overview`, `/v1/live` and
/// `/v1/plan`.
/// Thread-safe; never blocks for long.
class PageRoutes {
 public:
  /// `project` outlives this.
  explicit PageRoutes(project::Project* project);
  ~PageRoutes();

  /// True for the files of the page, which show nothing of the project and need no key.
  static bool IsPublic(const Request& request);

  /// Answers a request that is the page's; false, and `respond` is not called, for every other.
  bool Handle(const Request& request, const Respond& respond);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswing::http
