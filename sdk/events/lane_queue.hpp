#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "sdk/events/record_ring.hpp"

namespace upswing::events {

/// A bounded queue of variable-sized records from any number of threads to one: a few rings, so
/// that threads that write at the same time do not wait for one cache line.
///
/// A thread writes to a ring of its own as long as that has room, then to any other. The consumer
/// empties one ring after the other, so no order is promised: records carry their times.
class LaneQueue {
 public:
  /// `capacity_bytes` must be a power of two in [4 KiB, 1 GiB]; it is divided among the rings.
  explicit LaneQueue(std::size_t capacity_bytes);

  /// Room for a record of `size` bytes, 8-byte aligned; null when there is none, or when the record
  /// is larger than a quarter of a ring: of `capacity_bytes` up to 256 KiB, never less than 256 KiB
  /// above. Each success must be followed by `Commit`.
  char* Reserve(std::size_t size);
  static void Commit(char* record, std::size_t size) { RecordRing::Commit(record, size); }

  /// Consumer: a record, or an empty view when there is none. Stays valid until `Pop`.
  std::string_view Front();
  void Pop();

  std::size_t capacity_bytes() const { return capacity_bytes_; }

 private:
  static constexpr std::size_t kMaxRings = 4;
  static constexpr std::size_t kMinRingBytes = std::size_t{256} << 10;

  const std::size_t capacity_bytes_;
  const std::size_t rings_used_;
  std::array<std::unique_ptr<RecordRing>, kMaxRings> rings_;
  std::size_t reading_ = 0;  // of the consumer
};

}  // namespace upswing::events
