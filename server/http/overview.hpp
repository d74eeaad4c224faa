#pragma once

#include <memory>
#include <string>

namespace upswing::project {
class Project;
}

namespace upswing::http {

/// What the list of experiments shows: each experiment of the catalog with the main numbers of its
/// newest report.
///
/// Reports cost work, so they are made on a thread of their own, one at a time, only while somebody
/// asks, and with pauses as long as the work; what a caller gets is what there is at this moment. A
/// summary is renewed when records arrived or another catalog is in force, at the earliest after
/// ten times the time that it took. Thread-safe.
class Overview {
 public:
  /// `project` outlives this.
  explicit Overview(project::Project* project);
  /// Waits for the report under way.
  ~Overview();

  /// The body of `GET /v1/overview`; see docs/reference/http.md. Never waits for a report.
  std::string ListBody();

  /// The body of `GET /v1/live`: the same without the experiments, and asks for no report. Cheap,
  /// so that a page may ask every second whether there is something new.
  std::string LiveBody() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswing::http
