#include "server/store/embedded/known_batches.hpp"

#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/store/embedded/directory.hpp"

namespace upswing::store {
namespace {

constexpr std::uint64_t kPage = 256;
// States of a batch besides the mark of its checksum.
constexpr std::uint32_t kUnknown = 0;
constexpr std::uint32_t kSplit = 1;

}  // namespace

std::string EpochBlob(std::uint64_t hi, std::uint64_t lo) {
  std::string blob;
  for (const std::uint64_t half : {hi, lo})
    for (int shift = 56; shift >= 0; shift -= 8) blob.push_back(static_cast<char>(half >> shift));
  return blob;
}

KnownBatches::KnownBatches(Database* database)
    : database_(database),
      select_(database->Prepare("SELECT sums, checksum FROM known WHERE epoch=?1 AND page=?2")),
      upsert_(database->Prepare("INSERT INTO known(epoch,page,sums,checksum) VALUES(?1,?2,?3,?4) "
                                "ON CONFLICT(epoch,page) DO UPDATE SET sums=excluded.sums, "
                                "checksum=excluded.checksum")) {}

std::string KnownLabel(std::string_view epoch, std::int64_t page) {
  return absl::StrCat("known batches of ",
                      absl::BytesToHexString(absl::string_view(epoch.data(), epoch.size())),
                      ", page ", page);
}

void KnownBatches::Begin() {
  page_ = -1;
  marked_ = false;
}

absl::Status KnownBatches::Finish() {
  if (!marked_) return absl::OkStatus();
  marked_ = false;
  return upsert_.BindBlob(1, epoch_)
      .Bind(2, page_)
      .BindBlob(3, sums_)
      .Bind(4, BlobChecksum(sums_))
      .Run();
}

absl::Status KnownBatches::Load(const BatchKey& key) {
  std::string epoch = EpochBlob(key.epoch_hi, key.epoch_lo);
  const auto page = static_cast<std::int64_t>(key.sequence / kPage);
  if (page == page_ && epoch == epoch_) return absl::OkStatus();
  if (absl::Status status = Finish(); !status.ok()) return status;
  epoch_ = std::move(epoch);
  page_ = page;
  sums_.clear();
  select_.BindBlob(1, epoch_).Bind(2, page_);
  absl::StatusOr<bool> row = select_.Step();
  if (!row.ok()) return row.status();
  if (*row) sums_ = select_.Blob(0);
  const bool damaged = *row && Damaged(sums_, select_.Int(1));
  select_.Reset();
  // What else could be asked? A number that changed makes its batch one in conflict: kept aside.
  if (damaged) return NoteDamage(database_, KnownLabel(epoch_, page_));
  return absl::OkStatus();
}

absl::StatusOr<std::uint32_t> KnownBatches::State(const BatchKey& key) {
  if (absl::Status status = Load(key); !status.ok()) return status;
  const std::size_t at = static_cast<std::size_t>(key.sequence % kPage) * 4;
  std::uint32_t state = kUnknown;
  if (at + 4 <= sums_.size()) std::memcpy(&state, sums_.data() + at, 4);
  return state;
}

absl::Status KnownBatches::Mark(const BatchKey& key, std::uint32_t state) {
  if (absl::Status status = Load(key); !status.ok()) return status;
  const std::size_t at = static_cast<std::size_t>(key.sequence % kPage) * 4;
  if (sums_.size() < at + 4) sums_.resize(at + 4);
  std::memcpy(sums_.data() + at, &state, 4);
  marked_ = true;
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
