#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace upswing::events {

/// A bounded ring of variable-sized records from any number of threads to one.
///
/// Producers reserve room with one compare-and-swap, write in place and commit; nobody waits for
/// anybody, nothing is allocated after construction. The consumer sees records in the order of
/// their reservation, and stops at one that is not committed yet.
class RecordRing {
 public:
  /// `capacity_bytes` must be a power of two in [4 KiB, 1 GiB]. Pages are touched only as records
  /// reach them.
  explicit RecordRing(std::size_t capacity_bytes);
  RecordRing(const RecordRing&) = delete;
  RecordRing& operator=(const RecordRing&) = delete;

  /// Room for a record of `size` bytes, 8-byte aligned; null when the ring is full or the record is
  /// larger than a quarter of it. Each success must be followed by `Commit`.
  char* Reserve(std::size_t size);
  static void Commit(char* record, std::size_t size);

  /// Consumer: the oldest record, or an empty view. Stays valid until `Pop`.
  std::string_view Front();
  void Pop();

  /// Bytes in use, headers included; exact only while nobody writes.
  std::size_t used_bytes() const {
    return head_.load(std::memory_order_relaxed) - tail_.load(std::memory_order_relaxed);
  }
  std::size_t capacity_bytes() const { return mask_ + 1; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  std::size_t mask_;
  std::unique_ptr<char, Free> ring_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
};

}  // namespace upswing::events
