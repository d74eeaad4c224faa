#include "sdk/events/batcher.hpp"

#include <utility>

namespace upswing::events {

Batcher::Batcher(BatcherOptions options, const port::Clock* clock, LaneQueue* exposures,
                 LaneQueue* events, Counters* counters, Spool* spool)
    : options_(std::move(options)),
      clock_(clock),
      exposures_(exposures),
      events_(events),
      counters_(counters),
      spool_(spool) {}

void Batcher::SetEpoch(std::uint64_t epoch_hi, std::uint64_t epoch_lo) {
  next_id_ = {epoch_hi, epoch_lo, 1};
  counters_->WriteAllAgain();
}

std::size_t Batcher::Take(Lane lane, LaneQueue* queue, std::size_t limit) {
  std::size_t taken = 0;
  while (taken < limit) {
    const std::string_view record = queue->Front();
    if (record.empty()) break;
    if (encoder_.records() >= options_.batch_records ||
        encoder_.raw_bytes() >= options_.batch_bytes) {
      Finish();
    }
    reader_.AddTo(record, lane, &encoder_);
    queue->Pop();
    ++taken;
  }
  return taken;
}

std::size_t Batcher::Form() {
  // Bounds, so that producers that never stop cannot keep this call from returning.
  const std::size_t exposures =
      Take(Lane::kExposures, exposures_, exposures_->capacity_bytes() / 16);
  // A lane that has filled batches of its own keeps them to itself; small rests share one batch.
  if (exposures >= options_.batch_records) Finish();
  const std::size_t events = Take(Lane::kEvents, events_, events_->capacity_bytes() / 16);
  Finish();
  return exposures + events;
}

void Batcher::Finish() {
  if (encoder_.records() == 0) return;
  counters_->WriteTo(&encoder_);
  wire::BatchHeader header;
  header.id = next_id_;
  header.sdk_name = options_.sdk_name;
  header.sdk_version = options_.sdk_version;
  header.catalog_version = catalog_version_.load(std::memory_order_relaxed);
  header.boot_id = clock_->BootId();
  header.wall_ms = clock_->WallMillis();
  header.boot_ms = clock_->BootMillis();
  const std::string bytes = encoder_.Finish(header, {options_.compression_level});
  BatchInfo info;
  info.id = next_id_;
  info.lane = encoder_.exposures() > 0 ? Lane::kExposures : Lane::kEvents;
  info.exposures = static_cast<std::uint32_t>(encoder_.exposures());
  info.events = static_cast<std::uint32_t>(encoder_.events());
  info.wall_ms = header.wall_ms;
  info.boot_id = header.boot_id;
  info.boot_ms = header.boot_ms;
  ++next_id_.sequence;
  encoder_.Clear();
  if (!spool_->Append(info, bytes)) counters_->WriteAllAgain();
}

void Batcher::Discard(wire::DropReason reason) {
  const std::pair<Lane, LaneQueue*> lanes[] = {{Lane::kExposures, exposures_},
                                               {Lane::kEvents, events_}};
  for (const auto& [lane, queue] : lanes) {
    for (std::string_view record = queue->Front(); !record.empty(); record = queue->Front()) {
      reader_.Drop(record, lane, reason, counters_);
      queue->Pop();
    }
  }
}

}  // namespace upswing::events
