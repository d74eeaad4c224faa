#pragma once

#include <cstdint>

namespace upswing::port {

/// The clocks of the device. All times are in milliseconds.
///
/// Any thread may call. Production code takes a `Clock&`; only the process's outermost layer
/// creates a real one, so that tests say what time it is.
class Clock {
 public:
  virtual ~Clock() = default;

  /// Wall clock: milliseconds since 1970-01-01T00:00:00Z. May jump in both directions.
  virtual std::int64_t WallMillis() const = 0;

  /// Milliseconds since this boot, including time suspended; never goes back within a boot.
  virtual std::int64_t BootMillis() const = 0;

  /// Identifies this boot of the machine: equal values mean that `BootMillis` may be compared, also
  /// between processes. Never 0.
  virtual std::uint64_t BootId() const = 0;
};

}  // namespace upswing::port
