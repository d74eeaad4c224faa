#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "platform/port/clock.hpp"
#include "platform/port/entropy.hpp"
#include "sdk/base/hash.hpp"
#include "upswing/transport.hpp"

namespace upswing::testing {

/// A clock that is told the time.
class FakeClock final : public port::Clock {
 public:
  std::int64_t WallMillis() const override { return wall_ms.load(); }
  std::int64_t BootMillis() const override { return boot_ms.load(); }
  std::uint64_t BootId() const override { return boot_id.load(); }

  void Advance(std::int64_t milliseconds) {
    wall_ms += milliseconds;
    boot_ms += milliseconds;
  }

  std::atomic<std::int64_t> wall_ms{1'795'000'000'000};
  std::atomic<std::int64_t> boot_ms{1'000'000};
  std::atomic<std::uint64_t> boot_id{7};
};

/// Numbers that look random and are the same in every run.
class FakeEntropy final : public port::Entropy {
 public:
  explicit FakeEntropy(std::uint64_t seed = 1) : state_(seed) {}
  std::uint64_t Next64() override { return base::Mix(state_ += 0x9e3779b97f4a7c15ULL); }

 private:
  std::atomic<std::uint64_t> state_;
};

/// A transport with a script: `handler` answers each request. Keeps what was sent.
class ScriptedTransport final : public Transport {
 public:
  struct Sent {
    std::string method, url, body;
    std::vector<std::pair<std::string, std::string>> headers;

    std::string Header(const std::string& name) const {
      for (const auto& [key, value] : headers) {
        if (key == name) return value;
      }
      return {};
    }
  };
  using Handler = std::function<absl::StatusOr<HttpResponse>(const Sent&)>;

  explicit ScriptedTransport(Handler handler) : handler_(std::move(handler)) {}

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    Sent sent{request.method, request.url, std::string(request.body), request.headers};
    {
      const std::lock_guard lock(mutex_);
      sent_.push_back(sent);
    }
    return handler_(sent);
  }
  void Cancel() override {}

  std::vector<Sent> sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  Handler handler_;
  mutable std::mutex mutex_;
  std::vector<Sent> sent_;
};

}  // namespace upswing::testing
