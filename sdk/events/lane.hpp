#pragma once

#include <cstdint>

namespace upswing::events {

/// Exposures and metric events travel apart, so that a flood of events cannot push out exposures. A
/// batch that holds any exposure belongs to the exposure lane. The numbers are part of the spool
/// format.
enum class Lane : std::uint8_t { kExposures = 0, kEvents = 1 };

}  // namespace upswing::events
