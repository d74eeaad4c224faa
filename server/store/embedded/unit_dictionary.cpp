#include "server/store/embedded/unit_dictionary.hpp"

#include "sdk/base/hash.hpp"

namespace upswing::store {

// Keys are random bits already, but those of a shard agree in the bits that chose the shard.
std::size_t UnitDictionary::Slot(std::uint64_t key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = static_cast<std::size_t>(base::Mix(key)) & mask;
  while (slots_[slot] != kNone && keys_[slots_[slot]] != key) slot = (slot + 1) & mask;
  return slot;
}

void UnitDictionary::Grow() {
  std::size_t size = slots_.empty() ? 64 : slots_.size();
  while (size < 2 * (keys_.size() + 1)) size *= 2;
  if (size == slots_.size()) return;
  slots_.assign(size, kNone);
  for (std::uint32_t unit = 0; unit < keys_.size(); ++unit)
    if (keys_[unit] != 0) slots_[Slot(keys_[unit])] = unit;
}

void UnitDictionary::Append(absl::Span<const std::uint64_t> keys) {
  for (const std::uint64_t key : keys) {
    keys_.push_back(key);
    if (slots_.size() < 2 * keys_.size()) {
      Grow();
    } else if (key != 0) {
      slots_[Slot(key)] = static_cast<std::uint32_t>(keys_.size() - 1);
    }
  }
}

std::uint32_t UnitDictionary::Find(std::uint64_t key) const {
  return slots_.empty() ? kNone : slots_[Slot(key)];
}

std::uint32_t UnitDictionary::FindOrAdd(std::uint64_t key) {
  if (slots_.empty()) Grow();
  const std::size_t slot = Slot(key);
  if (slots_[slot] != kNone) return slots_[slot];
  const auto unit = static_cast<std::uint32_t>(keys_.size());
  keys_.push_back(key);
  slots_[slot] = unit;
  if (slots_.size() < 2 * keys_.size()) Grow();
  return unit;
}

}  // namespace upswing::store
