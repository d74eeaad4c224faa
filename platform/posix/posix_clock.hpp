#pragma once

#include "platform/port/clock.hpp"

namespace upswing::posix {

/// `Clock` over clock_gettime: CLOCK_REALTIME, and CLOCK_BOOTTIME where the system has it.
class PosixClock final : public port::Clock {
 public:
  /// Reads the boot id once: /proc/sys/kernel/random/boot_id, or, where there is none, the wall
  /// time of the boot in minutes.
  PosixClock();

  std::int64_t WallMillis() const override;
  std::int64_t BootMillis() const override;
  std::uint64_t BootId() const override { return boot_id_; }

 private:
  std::uint64_t boot_id_;
};

}  // namespace upswing::posix
