#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace upswing::store {

/// Dense numbers of the unit keys of one (unit type, shard), in order of first appearance. An
/// erased unit keeps its number, its key becomes 0. About 16 bytes per unit.
class UnitDictionary {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  /// Takes keys that have numbers already, in order.
  void Append(absl::Span<const std::uint64_t> keys);
  std::uint32_t Find(std::uint64_t key) const;
  std::uint32_t FindOrAdd(std::uint64_t key);

  const std::vector<std::uint64_t>& keys() const { return keys_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(keys_.size()); }
  std::size_t bytes() const { return keys_.capacity() * 8 + slots_.capacity() * 4; }

 private:
  void Grow();
  std::size_t Slot(std::uint64_t key) const;

  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> slots_;  // numbers; kNone = free; linear probing
};

}  // namespace upswing::store
