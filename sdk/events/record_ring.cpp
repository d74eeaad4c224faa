#include "sdk/events/record_ring.hpp"

#include <cstring>

namespace upswing::events {
namespace {

// A record is preceded by 8 bytes: one word with its state, and its payload size. Free memory of
// the ring is all zero, so that a reserved record reads as uncommitted.
constexpr std::size_t kHeaderBytes = 8;
constexpr std::uint32_t kCommitted = 1;
constexpr std::uint32_t kPadding = 2;

constexpr std::size_t Footprint(std::size_t size) {
  return kHeaderBytes + ((size + 7) & ~std::size_t{7});
}

std::atomic_ref<std::uint32_t> State(char* header) {
  return std::atomic_ref<std::uint32_t>(*reinterpret_cast<std::uint32_t*>(header));
}

void SetSize(char* header, std::size_t size) {
  const auto narrow = static_cast<std::uint32_t>(size);
  std::memcpy(header + 4, &narrow, sizeof narrow);
}

std::size_t Size(const char* header) {
  std::uint32_t size;
  std::memcpy(&size, header + 4, sizeof size);
  return size;
}

}  // namespace

// calloc, not new: large blocks come as untouched zero pages, so an idle queue costs no memory.
RecordRing::RecordRing(std::size_t capacity_bytes)
    : mask_(capacity_bytes - 1), ring_(static_cast<char*>(std::calloc(1, capacity_bytes))) {}

char* RecordRing::Reserve(std::size_t size) {
  const std::size_t capacity = mask_ + 1;
  const std::size_t needed = Footprint(size);
  if (needed > capacity / 4 || ring_ == nullptr) return nullptr;
  std::size_t head = head_.load(std::memory_order_relaxed);
  for (;;) {
    const std::size_t tail = tail_.load(std::memory_order_acquire);
    const std::size_t offset = head & mask_;
    const std::size_t to_end = capacity - offset;
    const std::size_t padding = to_end < needed ? to_end : 0;
    if (head + padding + needed - tail > capacity) return nullptr;
    if (!head_.compare_exchange_weak(head, head + padding + needed, std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
      continue;
    }
    char* header = ring_.get() + offset;
    if (padding != 0) {
      SetSize(header, padding - kHeaderBytes);
      State(header).store(kPadding, std::memory_order_release);
      header = ring_.get();
    }
    return header + kHeaderBytes;
  }
}

void RecordRing::Commit(char* record, std::size_t size) {
  char* header = record - kHeaderBytes;
  SetSize(header, size);
  State(header).store(kCommitted, std::memory_order_release);
}

std::string_view RecordRing::Front() {
  for (;;) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return {};
    char* header = ring_.get() + (tail & mask_);
    const std::uint32_t state = State(header).load(std::memory_order_acquire);
    if (state == kCommitted) return {header + kHeaderBytes, Size(header)};
    if (state != kPadding) return {};
    Pop();
  }
}

void RecordRing::Pop() {
  const std::size_t tail = tail_.load(std::memory_order_relaxed);
  char* header = ring_.get() + (tail & mask_);
  const std::size_t footprint = Footprint(Size(header));
  std::memset(header + 4, 0, footprint - 4);
  State(header).store(0, std::memory_order_relaxed);
  tail_.store(tail + footprint, std::memory_order_release);
}

}  // namespace upswing::events
