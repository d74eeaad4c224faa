#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "sdk/catalog/view.hpp"

namespace upswing::catalog {

/// What a reader decides with: a view, and the time for which its schedules are resolved.
struct Snapshot {
  std::shared_ptr<const View> view;
  std::int64_t now_ms = 0;
};

/// The snapshot in force. Readers are never blocked: in the steady state `Read` is one atomic load
/// and a comparison with a pointer that only the calling thread writes; the first read after a
/// publish announces the new snapshot in the thread's own cache line. No reader writes memory that
/// another reader reads or writes.
///
/// Each thread pins at most the one snapshot it read last (a hazard pointer that stays up: M.
/// Michael (2004), "Hazard pointers", IEEE TPDS 15(6)), so at most one snapshot per reading thread,
/// plus the current one, is alive however many are published. A thread's pin goes when the thread
/// ends.
class Current {
 public:
  Current();
  /// No thread may read any more, or hold what `Read` returned.
  ~Current();
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

  /// Null before the first `Publish`. Valid until the calling thread's next `Read` of this object:
  /// whoever calls foreign code (a listener) in between re-reads afterwards. Symbols outlive it.
  const Snapshot* Read() const;

  /// Puts a snapshot in force and frees retired ones that no thread has pinned. Any thread.
  void Publish(Snapshot snapshot);

  /// Snapshots that are not freed yet, the current one included.
  std::size_t alive() const;

 private:
  struct Slot;
  struct Registry;
  struct ThreadSlots;

  Slot& SlotOfThread() const;
  Slot& FindSlot() const;

  const std::uint64_t id_;  // never re-used, unlike an address
  std::shared_ptr<Registry> registry_;
  std::atomic<const Snapshot*> current_{nullptr};
  mutable std::mutex mutex_;  // serialises publishers; protects owned_
  std::vector<std::unique_ptr<const Snapshot>> owned_;
};

}  // namespace upswing::catalog
