#include "sdk/events/lane_queue.hpp"

#include <algorithm>

#include "sdk/events/thread_ordinal.hpp"

namespace upswing::events {

LaneQueue::LaneQueue(std::size_t capacity_bytes)
    : capacity_bytes_(capacity_bytes),
      rings_used_(std::clamp(capacity_bytes / kMinRingBytes, std::size_t{1}, kMaxRings)) {
  for (std::size_t i = 0; i < rings_used_; ++i)
    rings_[i] = std::make_unique<RecordRing>(capacity_bytes / rings_used_);
}

char* LaneQueue::Reserve(std::size_t size) {
  const std::size_t own = ThreadOrdinal();
  for (std::size_t i = 0; i < rings_used_; ++i) {
    if (char* place = rings_[(own + i) & (rings_used_ - 1)]->Reserve(size)) return place;
  }
  return nullptr;
}

std::string_view LaneQueue::Front() {
  for (std::size_t i = 0; i < rings_used_; ++i) {
    const std::string_view record = rings_[reading_]->Front();
    if (!record.empty()) return record;
    reading_ = (reading_ + 1) & (rings_used_ - 1);
  }
  return {};
}

void LaneQueue::Pop() { rings_[reading_]->Pop(); }

}  // namespace upswing::events
