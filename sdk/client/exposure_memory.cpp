#include "sdk/client/exposure_memory.hpp"

#include "sdk/base/hash.hpp"

namespace upswing::client {
namespace {

constexpr std::int64_t kTickMillis = 5 * 60 * 1000;
constexpr std::uint64_t kRepeatTicks = 24 * 60 / 5;
constexpr std::uint64_t kTimeMask = 0xFFFF;
constexpr std::uint64_t kTagMask = 0xFFFFFF;

/// Never 0, so that no entry is the empty word.
std::uint64_t Tick(std::int64_t boot_ms) {
  return static_cast<std::uint64_t>(boot_ms / kTickMillis) & kTimeMask;
}

std::uint64_t Age(std::uint64_t word, std::uint64_t tick) { return (tick - word) & kTimeMask; }

std::uint64_t Tag(std::uint64_t who) {
  const std::uint64_t tag = (who >> 40) & kTagMask;
  return tag == 0 ? 1 : tag;
}

std::uint64_t Pack(std::uint64_t who, std::uint64_t what, std::uint64_t tick) {
  // The fingerprint depends on both, so that equal variants of different units do not look alike.
  const std::uint64_t fingerprint = base::Mix(who ^ base::Mix(what)) & kTagMask;
  return Tag(who) << 40 | fingerprint << 16 | tick;
}

}  // namespace

ExposureMemory::ExposureMemory(std::size_t entries)
    : set_mask_(entries / kWays - 1),
      words_(static_cast<Word*>(std::calloc(entries, sizeof(Word)))) {}

ExposureMemory::Word* ExposureMemory::SetOf(std::uint64_t who) const {
  return words_.get() + (who & set_mask_) * kWays;
}

bool ExposureMemory::IsRepeat(std::uint64_t who, std::uint64_t what, std::int64_t boot_ms) const {
  if (words_ == nullptr) return false;
  const std::uint64_t wanted = Pack(who, what, Tick(boot_ms));
  const Word* set = SetOf(who);
  for (std::size_t way = 0; way < kWays; ++way) {
    const std::uint64_t word = set[way].load(std::memory_order_relaxed);
    if ((word ^ wanted) >> 16 == 0) return Age(word, wanted) < kRepeatTicks;
  }
  return false;
}

void ExposureMemory::Remember(std::uint64_t who, std::uint64_t what, std::int64_t boot_ms) {
  if (words_ == nullptr) return;
  const std::uint64_t word = Pack(who, what, Tick(boot_ms));
  Word* set = SetOf(who);
  std::size_t victim = 0;
  std::uint64_t oldest = 0;
  for (std::size_t way = 0; way < kWays; ++way) {
    const std::uint64_t old = set[way].load(std::memory_order_relaxed);
    if (old == 0 || old >> 40 == Tag(who)) {
      victim = way;
      break;
    }
    if (Age(old, word) >= oldest) {
      oldest = Age(old, word);
      victim = way;
    }
  }
  set[victim].store(word, std::memory_order_relaxed);
}

void ExposureMemory::Clear() {
  for (std::size_t i = 0; words_ != nullptr && i < (set_mask_ + 1) * kWays; ++i) {
    words_.get()[i].store(0, std::memory_order_relaxed);
  }
}

}  // namespace upswing::client
