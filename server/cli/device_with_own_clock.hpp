#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "platform/port/clock.hpp"
#include "sdk/client/core.hpp"
#include "upswing/options.hpp"
#include "upswing/stats.hpp"

namespace upswing::cli {

/// The clocks of a device that was booted at `booted_ms` and whose wall clock is ahead by
/// `error_ms`. It stands where it is told to stand, until it is let go and runs from now on.
class DeviceClock final : public port::Clock {
 public:
  DeviceClock(std::uint64_t boot_id, std::int64_t booted_ms, std::int64_t error_ms)
      : boot_id_(boot_id), booted_ms_(booted_ms), error_ms_(error_ms), stands_at_(booted_ms) {}

  /// At the true time `time_ms`; never earlier than before.
  void StandAt(std::int64_t time_ms) { stands_at_.store(time_ms, std::memory_order_relaxed); }
  void Go() { stands_at_.store(kRuns, std::memory_order_relaxed); }

  std::int64_t WallMillis() const override { return True() + error_ms_; }
  std::int64_t BootMillis() const override { return True() - booted_ms_; }
  std::uint64_t BootId() const override { return boot_id_; }

 private:
  static constexpr std::int64_t kRuns = INT64_MIN;
  std::int64_t True() const;

  const std::uint64_t boot_id_;
  const std::int64_t booted_ms_;
  const std::int64_t error_ms_;
  std::atomic<std::int64_t> stands_at_;
};

/// A device of its own, with the real SDK in it, that lives through the past by a clock that is
/// wrong: it stamps its records itself. What it is told comes in the order of time, and is kept
/// in memory until `Send`.
class DeviceWithOwnClock {
 public:
  /// `options`: server, key and trust; the rest is set here.
  DeviceWithOwnClock(ClientOptions options, std::uint64_t boot_id, std::int64_t booted_ms,
                     std::int64_t error_ms);
  /// The client, at this time.
  client::Core& At(std::int64_t time_ms);
  /// Comes into the present and sends everything. kUnavailable if something is left.
  absl::Status Send(std::chrono::milliseconds timeout);
  ClientStats Stats() const { return core_->Stats(); }

 private:
  DeviceClock clock_;
  std::unique_ptr<client::Core> core_;
};

}  // namespace upswing::cli
