#include "server/cli/device_with_own_clock.hpp"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sdk/client/platform.hpp"

namespace upswing::cli {
namespace {

// Without consent records stay in memory and nothing is sent: in the past the device forms no
// batch, whose age would be months in the present, and claims no sending, whose moment the server
// would take for the present.
ClientOptions Held(ClientOptions options) {
  options.storage_directory.clear();
  options.consent = Consent::kUnknown;
  options.delivery.queue_bytes = std::size_t{4} << 20;
  options.catalog.poll_interval = std::chrono::milliseconds(0);
  return options;
}

client::Platform With(const port::Clock* clock) {
  client::Platform platform = client::SystemPlatform();
  platform.clock = clock;
  return platform;
}

}  // namespace

std::int64_t DeviceClock::True() const {
  const std::int64_t at = stands_at_.load(std::memory_order_relaxed);
  return at == kRuns ? client::SystemPlatform().clock->WallMillis() : at;
}

DeviceWithOwnClock::DeviceWithOwnClock(ClientOptions options, std::uint64_t boot_id,
                                       std::int64_t booted_ms, std::int64_t error_ms)
    : clock_(boot_id, booted_ms, error_ms),
      core_(client::Core::Create(Held(std::move(options)), With(&clock_))) {}

client::Core& DeviceWithOwnClock::At(std::int64_t time_ms) {
  clock_.StandAt(time_ms);
  return *core_;
}

absl::Status DeviceWithOwnClock::Send(std::chrono::milliseconds timeout) {
  clock_.Go();
  core_->SetConsent(Consent::kGranted);
  const FlushResult flushed = core_->Flush(timeout);
  if (flushed.dropped == 0 && flushed.kept == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(flushed.kept, " records could not be sent and ",
                                             flushed.dropped,
                                             " were dropped: ", core_->Stats().last_error));
}

}  // namespace upswing::cli
