#pragma once

#include <cstdint>

namespace upswing::port {

/// What the device knows about its way to the network. A hint: it may be wrong or late.
enum class NetworkState : std::uint8_t { kUnknown, kOffline, kMetered, kUnmetered };

/// Asked before each attempt to send, so it must be cheap. Any thread may call.
class Network {
 public:
  virtual ~Network() = default;
  virtual NetworkState State() const = 0;
};

}  // namespace upswing::port
