#include "sdk/catalog/current.hpp"

#include <algorithm>
#include <utility>

namespace upswing::catalog {

/// One per (thread, Current). Only its thread writes `pinned`, publishers read it.
struct alignas(64) Current::Slot {
  std::atomic<const Snapshot*> pinned{nullptr};
  std::atomic<bool> taken{true};
  Slot* next = nullptr;  // set before the slot is published, then constant
};

/// A list that only grows, by compare-and-swap, so that taking a slot blocks nobody. Slots of ended
/// threads are taken again: their number is the largest number of threads that ever read at once.
struct Current::Registry {
  std::atomic<Slot*> head{nullptr};

  ~Registry() {
    for (Slot* slot = head.load(); slot != nullptr;) delete std::exchange(slot, slot->next);
  }

  Slot& Take() {
    for (Slot* slot = head.load(); slot != nullptr; slot = slot->next) {
      bool expected = false;
      if (slot->taken.compare_exchange_strong(expected, true)) return *slot;
    }
    auto* const slot = new Slot;
    slot->next = head.load();
    while (!head.compare_exchange_weak(slot->next, slot)) {
    }
    return *slot;
  }

  bool IsPinned(const Snapshot* snapshot) const {
    for (const Slot* slot = head.load(); slot != nullptr; slot = slot->next) {
      if (slot->pinned.load() == snapshot) return true;
    }
    return false;
  }
};

/// The slots of one thread; gives them back when the thread ends.
struct Current::ThreadSlots {
  struct Entry {
    std::uint64_t id;
    Slot* slot;
    std::weak_ptr<Registry> registry;
  };
  std::vector<Entry> entries;
  ~ThreadSlots();
};

namespace {

// The last slot this thread used: no destructor, so that reading it is one load.
struct LastSlot {
  std::uint64_t id = 0;
  void* slot = nullptr;
  bool thread_ended = false;
};
constinit thread_local LastSlot last_slot;

std::uint64_t NextId() {
  static constinit std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

Current::ThreadSlots::~ThreadSlots() {
  last_slot = {0, nullptr, true};
  for (const Entry& entry : entries) {
    if (const auto registry = entry.registry.lock()) {
      entry.slot->pinned.store(nullptr);
      entry.slot->taken.store(false);
    }
  }
}

Current::Current() : id_(NextId()), registry_(std::make_shared<Registry>()) {}

Current::~Current() = default;

Current::Slot& Current::SlotOfThread() const {
  if (last_slot.id == id_) [[likely]]
    return *static_cast<Slot*>(last_slot.slot);
  return FindSlot();
}

Current::Slot& Current::FindSlot() const {
  // A destructor of another thread-local object may still decide: its slot is then never given
  // back.
  if (last_slot.thread_ended) {
    Slot& slot = registry_->Take();
    last_slot.id = id_;
    last_slot.slot = &slot;
    return slot;
  }
  static thread_local ThreadSlots slots;
  std::erase_if(slots.entries, [](const auto& entry) { return entry.registry.expired(); });
  const auto found = std::find_if(slots.entries.begin(), slots.entries.end(),
                                  [this](const auto& entry) { return entry.id == id_; });
  Slot* slot = nullptr;
  if (found != slots.entries.end()) {
    slot = found->slot;
  } else {
    slot = &registry_->Take();
    slots.entries.push_back({id_, slot, registry_});
  }
  last_slot.id = id_;
  last_slot.slot = slot;
  return *slot;
}

const Snapshot* Current::Read() const {
  const Snapshot* snapshot = current_.load(std::memory_order_acquire);
  Slot& slot = SlotOfThread();
  // Still pinned from the last read, so it cannot have been freed and its address re-used.
  if (slot.pinned.load(std::memory_order_relaxed) == snapshot) [[likely]]
    return snapshot;
  // Announce, then look again. In the total order of these operations a publisher either sees the
  // announcement or has replaced the pointer before the second look.
  while (true) {
    slot.pinned.store(snapshot);
    const Snapshot* const again = current_.load();
    if (again == snapshot) return snapshot;
    snapshot = again;
  }
}

void Current::Publish(Snapshot snapshot) {
  auto owned = std::make_unique<const Snapshot>(std::move(snapshot));
  const std::lock_guard lock(mutex_);
  const Snapshot* const now = owned.get();
  owned_.push_back(std::move(owned));
  current_.store(now);
  std::erase_if(
      owned_, [&](const auto& old) { return old.get() != now && !registry_->IsPinned(old.get()); });
}

std::size_t Current::alive() const {
  const std::lock_guard lock(mutex_);
  return owned_.size();
}

}  // namespace upswing::catalog
