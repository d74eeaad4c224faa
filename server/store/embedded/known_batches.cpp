#include "server/store/embedded/known_batches.hpp"

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace upswing::store {
namespace {

constexpr std::uint64_t kPage = 256;
// States of a batch besides the mark of its checksum.
constexpr std::uint32_t kUnknown = 0;
constexpr std::uint32_t kSplit = 1;

ClientRows::Key RowOf(const BatchKey& key) {
  return {ClientRows::Table::kKnown, key.epoch_hi, key.epoch_lo,
          static_cast<std::int64_t>(key.sequence / kPage)};
}

std::size_t PlaceOf(const BatchKey& key) {
  return static_cast<std::size_t>(key.sequence % kPage) * 4;
}

}  // namespace

absl::StatusOr<std::uint32_t> KnownBatches::State(const BatchKey& key) {
  const absl::StatusOr<std::string_view> sums = rows_->Get(RowOf(key));
  if (!sums.ok()) return sums.status();
  std::uint32_t state = kUnknown;
  if (PlaceOf(key) + 4 <= sums->size()) std::memcpy(&state, sums->data() + PlaceOf(key), 4);
  return state;
}

absl::Status KnownBatches::Mark(const BatchKey& key, std::uint32_t state) {
  const absl::StatusOr<std::string*> sums = rows_->Edit(RowOf(key));
  if (!sums.ok()) return sums.status();
  if ((*sums)->size() < PlaceOf(key) + 4) (*sums)->resize(PlaceOf(key) + 4);
  std::memcpy((*sums)->data() + PlaceOf(key), &state, 4);
  return absl::OkStatus();
}

absl::StatusOr<LandingOutcome> KnownBatches::Admit(const LandingBatch& batch) {
  const std::uint32_t stored = ChecksumMark(batch.checksum);
  const absl::StatusOr<std::uint32_t> state = State(batch.key);
  if (!state.ok()) return state.status();
  if (*state == kSplit) return LandingOutcome::kSplit;
  if (*state == stored) return LandingOutcome::kDuplicate;
  if (*state != kUnknown) return LandingOutcome::kConflict;
  BatchKey ancestor = batch.key;
  std::vector<std::uint64_t> split;
  for (const std::uint64_t sequence : batch.ancestors) {
    ancestor.sequence = sequence;
    const absl::StatusOr<std::uint32_t> found = State(ancestor);
    if (!found.ok()) return found.status();
    if (*found > kSplit) {
      if (absl::Status status = Mark(batch.key, stored); !status.ok()) return status;
      return LandingOutcome::kDuplicate;
    }
    if (*found == kUnknown) split.push_back(sequence);
  }
  for (const std::uint64_t sequence : split) {
    ancestor.sequence = sequence;
    if (absl::Status status = Mark(ancestor, kSplit); !status.ok()) return status;
  }
  if (absl::Status status = Mark(batch.key, stored); !status.ok()) return status;
  return LandingOutcome::kStored;
}

}  // namespace upswing::store
