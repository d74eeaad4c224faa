#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "sdk/events/counters.hpp"

namespace upswing::client {

/// Counts decisions per (experiment, variant) where they are made, without a lock: each thread adds
/// to one of a few blocks, and the former carries the sums to the batches' counters.
class DecisionCounters {
 public:
  DecisionCounters();

  /// `experiment` and `variant` must live as long as this object, and equal keys have equal
  /// addresses (catalog strings do). Any thread. A decision that asked for an exposure is
  /// `evaluated`; `exposed` if it was not a repeat; `queued` if the queue took its record.
  void Count(std::string_view experiment, std::string_view variant, bool exposed, bool queued,
             events::Counters* overflow);

  /// Adds what was counted since the last call. One thread at a time.
  void CarryTo(events::Counters* counters);

 private:
  struct Slot {
    std::atomic<std::uint64_t> key;
    std::atomic<bool> ready;
    std::string_view experiment, variant;
    std::atomic<std::uint32_t> evaluated, exposed, queued;
    std::uint32_t carried_evaluated, carried_exposed, carried_queued;  // of CarryTo
  };
  static constexpr std::size_t kBlocks = 8;
  static constexpr std::size_t kSlots = 256;
  struct Free {
    void operator()(Slot* slots) const { std::free(slots); }
  };

  // kBlocks * kSlots, zero; pages are touched as they are used.
  std::unique_ptr<Slot, Free> slots_;
};

}  // namespace upswing::client
