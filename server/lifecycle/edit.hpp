#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace upswing::lifecycle {

/// A catalog file after a step in an experiment's life: all else as it was, byte for byte.
struct Edited {
  std::string text;
  /// What changed, one line each, e.g. `one_tap: status draft -> running`.
  std::vector<std::string> changes;
};

// Each takes the text of a sound catalog file and the key of one of its experiments. Errors:
// kNotFound without such an experiment; kFailedPrecondition, with what to do, if the step does not
// fit its state; kInvalidArgument for a wrong argument. Pure: the time is given.

/// Draft or stopped -> running. A `start` that lies ahead becomes `now_ms`; an `end` that has
/// passed is refused.
absl::StatusOr<Edited> Start(std::string_view source, std::string_view experiment,
                             std::int64_t now_ms);

/// Running -> stopped: every unit gets the flags' own values.
absl::StatusOr<Edited> Stop(std::string_view source, std::string_view experiment);

/// Sets the share of traffic, in (0, 1]; with a layer its buckets are drawn anew as `upswing
/// catalog allocate` does, so that units that are in stay in as the share grows. A schedule of ramp
/// steps is replaced by this share from `now_ms` on.
absl::StatusOr<Edited> Ramp(std::string_view source, std::string_view experiment, double share,
                            std::int64_t now_ms);

/// Running -> stopped, and what `variant` sets becomes the value of its flags: for the units that
/// meet the experiment's `when`, by a rule "shipped_<experiment>" behind the flag's own; without a
/// `when`, as the default.
absl::StatusOr<Edited> Ship(std::string_view source, std::string_view experiment,
                            std::string_view variant);

}  // namespace upswing::lifecycle
