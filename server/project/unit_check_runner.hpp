#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "server/report/result.hpp"

namespace upswing::project {

/// Makes the checks of single units beside the reports, one experiment after the other in one
/// thread, and keeps the last ones of each. Thread-safe.
class UnitCheckRunner {
 public:
  using Work = std::function<absl::StatusOr<report::UnitChecks>()>;
  /// Experiments whose checks are kept; beyond, all are forgotten.
  static constexpr std::size_t kMost = 1000;

  ~UnitCheckRunner() { Stop(); }

  /// The last checks of `key`, and of which state of the data they are.
  struct Made {
    report::UnitChecks checks;
    std::string state;  ///< Names what the data were.
    std::int64_t at_ms = 0;
  };
  std::optional<Made> Last(const std::string& key) const;

  /// Keeps what was made in the caller's thread.
  void Keep(const std::string& key, Made made);

  /// Has `work` done in the background, unless the key's is waiting or being done already. Work
  /// that fails leaves the last checks in place.
  void Start(const std::string& key, std::string state, std::int64_t at_ms, Work work);

  /// Waits until nothing is left to do.
  void Drain();
  /// Lets the piece at hand end, forgets the rest, and takes no more.
  void Stop();

 private:
  struct Task {
    std::string key;
    Made made;
    Work work;
  };
  void Run();

  mutable std::mutex mutex_;  // protects all below
  std::condition_variable changed_;
  std::map<std::string, Made> made_;
  std::deque<Task> tasks_;  // the first one is being done
  bool stopped_ = false;
  std::thread thread_;  // from the first task on
};

}  // namespace upswing::project
