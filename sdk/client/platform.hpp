#pragma once

#include "platform/port/clock.hpp"
#include "platform/port/entropy.hpp"
#include "platform/port/file_system.hpp"
#include "platform/port/network.hpp"

namespace upswing::client {

/// The device as a client sees it. The pointers outlive the client.
struct Platform {
  const port::Clock* clock = nullptr;
  port::Entropy* entropy = nullptr;
  port::FileSystem* files = nullptr;
  const port::Network* network = nullptr;  ///< Null where the system says nothing.
};

/// The one of the operating system, made on first use and never destroyed.
const Platform& SystemPlatform();

}  // namespace upswing::client
