#include "sdk/events/thread_ordinal.hpp"

#include <atomic>

namespace upswing::events {

std::size_t ThreadOrdinal() {
  static constinit std::atomic<std::size_t> next{0};
  constinit static thread_local std::size_t ordinal = ~std::size_t{0};
  if (ordinal == ~std::size_t{0}) ordinal = next.fetch_add(1, std::memory_order_relaxed);
  return ordinal;
}

}  // namespace upswing::events
