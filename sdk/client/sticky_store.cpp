#include "sdk/client/sticky_store.hpp"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sdk/base/hash.hpp"

namespace upswing::client {
namespace {

// The word, from the top: tag (40 bits, never 0), number of the pair (12), day of last use (12).
constexpr int kTagShift = 24;
constexpr int kPairShift = 12;
constexpr std::uint64_t kPairMask = 0xFFF;
constexpr std::uint64_t kDayMask = 0xFFF;
constexpr std::int64_t kDayMillis = 24 * 60 * 60 * 1000;

// The file, little-endian: magic; XXH3 of the rest; number of pairs; per pair: version, size of the
// variant (4 bytes each), variant; then per entry: number of the set (2 bytes), word (8 bytes).
constexpr std::string_view kMagic = "UPSTICK1";
constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kEntryBytes = 10;

std::uint64_t TagOf(std::uint64_t word) { return word >> kTagShift; }
std::uint64_t PairOf(std::uint64_t word) { return word >> kPairShift & kPairMask; }

void PutNumber(std::uint64_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t Number(int bytes) {
    const std::string_view text = Text(static_cast<std::size_t>(bytes));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
    }
    return value;
  }
  std::string_view Text(std::size_t size) {
    ok_ = ok_ && size <= rest_.size();
    if (!ok_) return {};
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  bool ok() const { return ok_; }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

StickyStore::StickyStore(std::string path, port::FileSystem* files, const port::Clock* clock,
                         catalog::Interner* interner)
    : path_(std::move(path)),
      files_(files),
      clock_(clock),
      interner_(interner),
      words_(static_cast<Word*>(std::calloc(kEntries, sizeof(Word)))),
      pairs_(static_cast<Pair*>(std::calloc(kMaxPairs, sizeof(Pair)))) {}

StickyStore::Place StickyStore::PlaceOf(std::string_view unit_type, std::string_view unit_id,
                                        std::string_view experiment) {
  const std::uint64_t unit = base::Hash64(unit_id) ^ base::Mix(base::Hash64(unit_type));
  const std::uint64_t hash = base::Mix(base::Mix(unit) ^ base::Hash64(experiment));
  const std::uint64_t tag = hash >> kTagShift;
  return {hash % kSets, tag == 0 ? 1 : tag};
}

std::uint64_t StickyStore::Today() const {
  return static_cast<std::uint64_t>(clock_->WallMillis() / kDayMillis) & kDayMask;
}

std::optional<std::uint64_t> StickyStore::NumberOf(Symbol variant, std::uint32_t version) {
  const auto find = [&](std::uint32_t from, std::uint32_t to) -> std::optional<std::uint64_t> {
    for (std::uint32_t i = from; i < to; ++i) {
      if (pairs_.get()[i].variant == variant && pairs_.get()[i].version == version) return i;
    }
    return std::nullopt;
  };
  const std::uint32_t known = pair_count_.load(std::memory_order_acquire);
  if (const auto found = find(0, known)) return found;
  // Whoever does not get the lock stores at its next decision.
  const std::unique_lock lock(pairs_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return std::nullopt;
  const std::uint32_t count = pair_count_.load(std::memory_order_relaxed);
  if (const auto found = find(known, count)) return found;
  if (count == kMaxPairs) return std::nullopt;
  pairs_.get()[count] = {variant, version};
  pair_count_.store(count + 1, std::memory_order_release);
  return count;
}

void StickyStore::Put(std::size_t set, std::uint64_t word) {
  Word* const ways = words_.get() + set * kWays;
  const std::uint64_t today = Today();
  std::size_t victim = 0;
  std::uint64_t longest = 0;
  for (std::size_t way = 0; way < kWays; ++way) {
    const std::uint64_t old = ways[way].load(std::memory_order_relaxed);
    if (old == 0 || TagOf(old) == TagOf(word)) {
      victim = way;
      break;
    }
    const std::uint64_t unused = (today - old) & kDayMask;
    if (unused >= longest) {
      longest = unused;
      victim = way;
    }
  }
  ways[victim].store(word, std::memory_order_release);
}

void StickyStore::Keep(std::string_view unit_type, std::string_view unit_id,
                       std::string_view experiment, Symbol variant, std::uint32_t version) {
  if (words_ == nullptr || pairs_ == nullptr) return;
  const Place place = PlaceOf(unit_type, unit_id, experiment);
  const std::uint64_t today = Today();
  Word* const ways = words_.get() + place.set * kWays;
  for (std::size_t way = 0; way < kWays; ++way) {
    std::uint64_t old = ways[way].load(std::memory_order_acquire);
    if (TagOf(old) != place.tag) continue;
    if (pairs_.get()[PairOf(old)].version < version) break;
    const std::uint64_t used = (old & ~kDayMask) | today;
    if (used != old && ways[way].compare_exchange_strong(old, used, std::memory_order_release)) {
      changed_.store(true, std::memory_order_release);
    }
    return;
  }
  const std::optional<std::uint64_t> pair = NumberOf(variant, version);
  if (!pair) return;
  Put(place.set, place.tag << kTagShift | *pair << kPairShift | today);
  changed_.store(true, std::memory_order_release);
}

std::optional<assignment::StickyAssignment> StickyStore::Find(std::string_view unit_type,
                                                              std::string_view unit_id,
                                                              std::string_view experiment) const {
  if (words_ == nullptr || pairs_ == nullptr) return std::nullopt;
  const Place place = PlaceOf(unit_type, unit_id, experiment);
  const Word* const ways = words_.get() + place.set * kWays;
  for (std::size_t way = 0; way < kWays; ++way) {
    // The pair was written before the word that names it.
    const std::uint64_t word = ways[way].load(std::memory_order_acquire);
    if (TagOf(word) != place.tag) continue;
    const Pair& pair = pairs_.get()[PairOf(word)];
    return assignment::StickyAssignment{pair.variant.view(), pair.version};
  }
  return std::nullopt;
}

absl::Status StickyStore::Load() {
  if (path_.empty() || words_ == nullptr || pairs_ == nullptr) return absl::OkStatus();
  absl::StatusOr<std::string> bytes = files_->ReadAll(path_);
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  const auto damaged = [&] { return absl::DataLossError(absl::StrCat("damaged: ", path_)); };
  Reader reader(*bytes);
  if (bytes->size() > kMaxFileBytes || reader.Text(kMagic.size()) != kMagic) return damaged();
  const std::uint64_t checksum = reader.Number(8);
  if (!reader.ok() || base::Hash64(std::string_view(*bytes).substr(kHeaderBytes)) != checksum) {
    return damaged();
  }
  std::vector<std::pair<std::string_view, std::uint32_t>> pairs(
      std::min<std::uint64_t>(reader.Number(4), kMaxPairs));
  for (auto& [variant, version] : pairs) {
    version = static_cast<std::uint32_t>(reader.Number(4));
    variant = reader.Text(reader.Number(4));
  }
  if (!reader.ok() || reader.left() % kEntryBytes != 0) return damaged();
  while (reader.left() > 0) {
    const std::uint64_t set = reader.Number(2);
    const std::uint64_t word = reader.Number(8);
    if (set >= kSets || TagOf(word) == 0 || PairOf(word) >= pairs.size()) return damaged();
    const auto& [variant, version] = pairs[PairOf(word)];
    // What the file says was first, unless this process knows a later version.
    bool later = false;
    for (std::size_t way = 0; way < kWays; ++way) {
      const std::uint64_t own = words_.get()[set * kWays + way].load(std::memory_order_acquire);
      later = later || (TagOf(own) == TagOf(word) && pairs_.get()[PairOf(own)].version > version);
    }
    const std::optional<std::uint64_t> pair = NumberOf(interner_->Intern(variant), version);
    if (later || !pair) continue;
    Put(set, (word & ~(kPairMask << kPairShift)) | *pair << kPairShift);
  }
  return absl::OkStatus();
}

absl::Status StickyStore::Save() {
  if (path_.empty() || words_ == nullptr || pairs_ == nullptr) return absl::OkStatus();
  if (!changed_.load(std::memory_order_acquire)) return absl::OkStatus();
  // Processes that share the folder take turns; whoever does not get the turn saves next time.
  absl::StatusOr<std::unique_ptr<port::FileLock>> turn =
      files_->TryLock(absl::StrCat(path_, ".lock"));
  if (!turn.ok()) return turn.status();
  if (*turn == nullptr) return absl::OkStatus();
  changed_.store(false, std::memory_order_release);
  Load().IgnoreError();  // A damaged file is replaced.
  std::string body;
  const std::uint32_t count = pair_count_.load(std::memory_order_acquire);
  std::size_t room = kMaxFileBytes - kHeaderBytes - 4 - kEntries * kEntryBytes;
  std::uint32_t fitting = 0;
  for (; fitting < count; ++fitting) {
    const Pair& pair = pairs_.get()[fitting];
    const std::string_view variant = pair.variant.view();
    if (variant.size() + 8 > room) break;
    room -= variant.size() + 8;
    PutNumber(pair.version, 4, &body);
    PutNumber(variant.size(), 4, &body);
    body.append(variant);
  }
  std::string number;
  PutNumber(fitting, 4, &number);
  body.insert(0, number);
  for (std::size_t i = 0; i < kEntries; ++i) {
    const std::uint64_t word = words_.get()[i].load(std::memory_order_acquire);
    if (word == 0 || PairOf(word) >= fitting) continue;
    PutNumber(i / kWays, 2, &body);
    PutNumber(word, 8, &body);
  }
  std::string bytes(kMagic);
  PutNumber(base::Hash64(body), 8, &bytes);
  absl::Status status = files_->WriteAtomically(path_, bytes.append(body));
  if (!status.ok()) changed_.store(true, std::memory_order_release);
  return status;
}

void StickyStore::Clear() {
  for (std::size_t i = 0; words_ != nullptr && i < kEntries; ++i) {
    words_.get()[i].store(0, std::memory_order_relaxed);
  }
  changed_.store(false, std::memory_order_release);
  if (path_.empty()) return;
  files_->Remove(path_).IgnoreError();
  files_->Remove(absl::StrCat(path_, ".lock")).IgnoreError();
}

}  // namespace upswing::client
