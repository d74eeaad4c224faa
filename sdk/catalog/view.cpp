#include "sdk/catalog/view.hpp"

#include <algorithm>

#include "sdk/base/hash.hpp"

namespace upswing::catalog {

View::~View() = default;

std::int64_t View::NextBoundary(std::int64_t now_ms) const {
  const auto next = std::upper_bound(boundaries_.begin(), boundaries_.end(), now_ms);
  return next == boundaries_.end() ? std::numeric_limits<std::int64_t>::max() : *next;
}

template <class T>
const T* View::Find(const Index& index, std::span<const T> items, std::uint64_t hash) {
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  // The index is at most two thirds full, so an empty slot ends every probe.
  for (auto at = static_cast<std::uint32_t>(hash);; ++at) {
    const Index::Slot& slot = index.slots[at & index.mask];
    if (slot.index == kNone) return nullptr;
    if (slot.tag == tag && items[slot.index].key_hash == hash) return &items[slot.index];
  }
}

const Experiment* View::FindExperiment(std::string_view key) const {
  return Find<Experiment>(experiment_index_, experiments_, base::Hash64(key));
}
const Experiment* View::FindExperiment(const KeyHandle& handle) const {
  if (handle.hint < experiments_.size() && experiments_[handle.hint].key_hash == handle.hash) {
    return &experiments_[handle.hint];
  }
  return Find<Experiment>(experiment_index_, experiments_, handle.hash);
}
const Flag* View::FindFlag(std::string_view key) const {
  return Find<Flag>(flag_index_, flags_, base::Hash64(key));
}
const Flag* View::FindFlag(const KeyHandle& handle) const {
  if (handle.hint < flags_.size() && flags_[handle.hint].key_hash == handle.hash) {
    return &flags_[handle.hint];
  }
  return Find<Flag>(flag_index_, flags_, handle.hash);
}

KeyHandle View::ExperimentHandle(Symbol key) const {
  const Experiment* const found = FindExperiment(key.view());
  return {key, base::Hash64(key.view()),
          found == nullptr ? kNone : static_cast<std::uint32_t>(found - experiments_.data())};
}

KeyHandle View::FlagHandle(Symbol key) const {
  const Flag* const found = FindFlag(key.view());
  return {key, base::Hash64(key.view()),
          found == nullptr ? kNone : static_cast<std::uint32_t>(found - flags_.data())};
}

std::size_t View::resident_bytes() const {
  std::size_t packed_bytes = 0;
  for (const auto& list : packed_) packed_bytes += list.capacity() * sizeof(std::uint64_t);
  const auto size = [](const auto& vector) {
    return vector.capacity() * sizeof(typename std::decay_t<decltype(vector)>::value_type);
  };
  return sizeof(View) + size(experiment_index_.slots) + size(flag_index_.slots) +
         size(experiments_) + size(flags_) + size(unit_types_) + size(shards_) + size(holdouts_) +
         size(experiment_holdouts_) + size(attributes_) + size(arms_) + size(versions_) +
         size(packed_) + size(holdout_lists_) + packed_bytes + size(operands_) + size(segments_) +
         size(id_lists_) + size(forced_) + size(rules_) + size(owners_) + size(values_) +
         size(boundaries_) + size(missing_blobs_) + size(loaded_blobs_) + size(matchers_);
}

}  // namespace upswing::catalog
