#include "server/cli/device_with_own_clock.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sdk/client/platform.hpp"
#include "sdk/transport/curl_transport.hpp"
#include "sdk/wire/protocol.hpp"

namespace upswing::cli {
namespace {

// So that nothing is formed before it is asked for but what is there when the client's thread
// starts, and no catalog is fetched.
ClientOptions Held(ClientOptions options, std::shared_ptr<Transport> transport) {
  options.transport = std::move(transport);
  options.storage_directory.clear();
  options.delivery.flush_interval = std::chrono::hours(1);
  options.delivery.batch_records = 10'000;
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

// No network for what was stamped as sent before the device came into the present: the server would
// take the moment at which it arrives for that moment of the past.
class DeviceWithOwnClock::Gate final : public Transport {
 public:
  explicit Gate(const std::string& ca_bundle_path)
      : behind_(transport::MakeCurlTransport(
            {.ca_bundle_path = ca_bundle_path, .user_agent = "upswing-simulate"})) {}

  void OpenFrom(std::int64_t boot_ms) { from_boot_ms_.store(boot_ms); }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    std::optional<wire::SentAt> sent;
    for (const auto& [name, value] : request.headers) {
      if (name == wire::kSentAtHeader) sent = wire::ParseSentAt(value);
    }
    if (!sent || sent->boot_ms < from_boot_ms_.load())
      return absl::UnavailableError("the device has no network yet");
    return behind_->Send(request);
  }
  void Cancel() override { behind_->Cancel(); }

 private:
  const std::unique_ptr<Transport> behind_;
  std::atomic<std::int64_t> from_boot_ms_{INT64_MAX};
};

DeviceWithOwnClock::DeviceWithOwnClock(ClientOptions options, std::uint64_t boot_id,
                                       std::int64_t booted_ms, std::int64_t error_ms)
    : clock_(boot_id, booted_ms, error_ms),
      gate_(std::make_shared<Gate>(options.ca_bundle_path)),
      core_(client::Core::Create(Held(std::move(options), gate_), With(&clock_))) {}

DeviceWithOwnClock::~DeviceWithOwnClock() = default;

client::Core& DeviceWithOwnClock::At(std::int64_t time_ms) {
  clock_.StandAt(time_ms);
  return *core_;
}

absl::Status DeviceWithOwnClock::Send(std::chrono::milliseconds timeout) {
  clock_.Go();
  gate_->OpenFrom(clock_.BootMillis());
  const FlushResult flushed = core_->Flush(timeout);
  if (flushed.dropped == 0 && flushed.kept == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(flushed.kept, " records could not be sent and ",
                                             flushed.dropped,
                                             " were dropped: ", core_->Stats().last_error));
}

}  // namespace upswing::cli
