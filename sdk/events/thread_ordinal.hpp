#pragma once

#include <cstddef>

namespace upswing::events {

/// A number of the calling thread, given in the order in which threads first ask: what spreads
/// threads over a few copies of something that they would otherwise fight for.
std::size_t ThreadOrdinal();

}  // namespace upswing::events
