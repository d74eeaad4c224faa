#include "sdk/client/decision_counters.hpp"

#include "sdk/base/hash.hpp"
#include "sdk/events/thread_ordinal.hpp"

namespace upswing::client {
namespace {

std::uint64_t Address(std::string_view symbol) {
  return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(symbol.data()));
}

}  // namespace

DecisionCounters::DecisionCounters()
    : slots_(static_cast<Slot*>(std::calloc(kBlocks * kSlots, sizeof(Slot)))) {}

void DecisionCounters::Count(std::string_view experiment, std::string_view variant, bool exposed,
                             bool queued, events::Counters* overflow) {
  const std::uint64_t key = base::Mix(Address(experiment) ^ base::Mix(Address(variant))) | 1;
  Slot* block = slots_.get() + events::ThreadOrdinal() % kBlocks * kSlots;
  for (std::size_t probe = 0; slots_ != nullptr && probe < 16; ++probe) {
    Slot& slot = block[((key >> 8) + probe) & (kSlots - 1)];
    std::uint64_t found = slot.key.load(std::memory_order_acquire);
    if (found == 0 && slot.key.compare_exchange_strong(found, key, std::memory_order_acq_rel)) {
      slot.experiment = experiment;
      slot.variant = variant;
      slot.ready.store(true, std::memory_order_release);
      found = key;
    }
    if (found != key) continue;
    slot.evaluated.fetch_add(1, std::memory_order_relaxed);
    if (exposed) slot.exposed.fetch_add(1, std::memory_order_relaxed);
    if (queued) slot.queued.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  overflow->AddDecision(experiment, variant, 1, exposed ? 1 : 0, queued ? 1 : 0);
}

void DecisionCounters::CarryTo(events::Counters* counters) {
  for (std::size_t i = 0; slots_ != nullptr && i < kBlocks * kSlots; ++i) {
    Slot& slot = slots_.get()[i];
    if (!slot.ready.load(std::memory_order_acquire)) continue;
    // Differences of counters that wrap are right as long as fewer than 2^32 are counted in
    // between.
    const auto take = [](std::atomic<std::uint32_t>& now, std::uint32_t* carried) {
      const std::uint32_t value = now.load(std::memory_order_relaxed);
      const std::uint32_t difference = value - *carried;
      *carried = value;
      return difference;
    };
    const std::uint32_t evaluated = take(slot.evaluated, &slot.carried_evaluated);
    const std::uint32_t exposed = take(slot.exposed, &slot.carried_exposed);
    const std::uint32_t queued = take(slot.queued, &slot.carried_queued);
    if ((evaluated | exposed | queued) == 0) continue;
    counters->AddDecision(slot.experiment, slot.variant, evaluated, exposed, queued);
  }
}

}  // namespace upswing::client
