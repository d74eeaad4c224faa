#include "server/store/embedded/known_batches.hpp"

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/bytes.hpp"

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
  char* const place = (*sums)->data() + PlaceOf(key);
  std::uint32_t before = kUnknown;
  std::memcpy(&before, place, 4);
  if (before == kUnknown) ++added_;
  std::memcpy(place, &state, 4);
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

absl::Status VisitKnown(
    Database* database,
    const std::function<absl::Status(const BatchKey&, bool split, std::uint32_t mark)>& visit) {
  Statement select = database->Prepare("SELECT epoch, page, sums FROM known");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok() || !*row) return row.status();
    BatchKey key = EpochOf(select.Blob(0));
    key.sequence = static_cast<std::uint64_t>(select.Int(1)) * kPage;
    for (ByteReader sums(select.Blob(2)); !sums.AtEnd(); ++key.sequence) {
      const auto state = sums.Fixed<std::uint32_t>();
      if (state == kUnknown) continue;
      if (absl::Status status = visit(key, state == kSplit, state); !status.ok()) return status;
    }
  }
}

absl::StatusOr<std::int64_t> CountKnown(Database* database) {
  const absl::StatusOr<std::int64_t> kept =
      database->QueryInt("SELECT value FROM meta WHERE key='known_batches'");
  if (!absl::IsNotFound(kept.status())) return kept;
  std::int64_t count = 0;
  const absl::Status status =
      VisitKnown(database, [&](const BatchKey&, bool, std::uint32_t) -> absl::Status {
        ++count;
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return count;
}

}  // namespace upswing::store
