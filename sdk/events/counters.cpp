#include "sdk/events/counters.hpp"

#include <algorithm>

#include "sdk/wire/utf8.hpp"

namespace upswing::events {

bool Counters::Admit(std::string_view name, std::string_view variant) {
  const std::size_t bytes = name.size() + variant.size();
  const std::size_t longest = wire::Limits().string_bytes;
  if (rows_ >= kMaxRows || bytes > kMaxNameBytes - name_bytes_) return false;
  for (const std::string_view text : {name, variant})
    if (text.size() > longest || !wire::IsValidUtf8(text)) return false;
  ++rows_;
  name_bytes_ += bytes;
  return true;
}

void Counters::AddDecision(std::string_view experiment, std::string_view variant,
                           std::uint64_t evaluated, std::uint64_t exposed, std::uint64_t queued) {
  const std::lock_guard lock(mutex_);
  const auto key = std::tie(experiment, variant);
  auto row = decisions_.find(key);
  if (row == decisions_.end()) {
    if (!Admit(experiment, variant)) experiment = variant = {};
    row = decisions_.emplace(DecisionKey(experiment, variant), Decisions()).first;
  }
  row->second.evaluated += evaluated;
  row->second.exposed += exposed;
  row->second.queued += queued;
  row->second.changed = true;
}

void Counters::Drop(DropTable* table, std::string_view name, std::string_view variant,
                    wire::DropReason reason, std::uint64_t count) {
  if (count == 0) return;
  const std::lock_guard lock(mutex_);
  const auto number = static_cast<std::uint8_t>(reason);
  auto row = table->find(std::tie(name, variant, number));
  if (row == table->end()) {
    if (!Admit(name, variant)) name = variant = {};
    row = table->emplace(DropKey(name, variant, number), Drops()).first;
  }
  row->second.count += count;
  row->second.changed = true;
}

void Counters::DropExposure(std::string_view experiment, std::string_view variant,
                            wire::DropReason reason, std::uint64_t count) {
  Drop(&exposures_, experiment, variant, reason, count);
}

void Counters::DropEvent(std::string_view name, wire::DropReason reason, std::uint64_t count) {
  Drop(&events_, name, {}, reason, count);
}

void Counters::DropRange(const wire::Batch& batch, std::uint32_t first, std::uint32_t count,
                         wire::DropReason reason) {
  const std::size_t end = std::min<std::size_t>(batch.records(), std::size_t{first} + count);
  const std::size_t exposures = batch.exposures.size();
  for (std::size_t i = first; i < end; ++i) {
    if (i < exposures) {
      DropExposure(batch.strings[batch.exposures.experiment[i]],
                   batch.strings[batch.exposures.variant[i]], reason);
    } else {
      DropEvent(batch.strings[batch.events.name[i - exposures]], reason);
    }
  }
}

void Counters::DropBatch(std::string_view bytes, wire::DropReason reason, std::uint32_t exposures,
                         std::uint32_t events) {
  wire::Decoder decoder;
  wire::Batch batch;
  if (decoder.Decode(bytes, wire::Limits{}, &batch).ok()) {
    DropRange(batch, 0, static_cast<std::uint32_t>(batch.records()), reason);
  } else {
    DropExposure({}, {}, reason, exposures);
    DropEvent({}, reason, events);
  }
}

void Counters::WriteTo(wire::Encoder* encoder) {
  const std::lock_guard lock(mutex_);
  for (auto& [key, row] : decisions_) {
    if (!row.changed) continue;
    const auto& [experiment, variant] = key;
    encoder->AddDecisions(experiment, variant, row.evaluated, row.exposed, row.queued);
    row.changed = false;
  }
  for (auto& [key, row] : exposures_) {
    if (!row.changed) continue;
    const auto& [experiment, variant, reason] = key;
    encoder->AddDroppedExposures(experiment, variant, reason, row.count);
    row.changed = false;
  }
  for (auto& [key, row] : events_) {
    if (!row.changed) continue;
    const auto& [name, variant, reason] = key;
    encoder->AddDroppedEvents(name, reason, row.count);
    row.changed = false;
  }
}

void Counters::WriteAllAgain() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, row] : decisions_) row.changed = true;
  for (DropTable* table : {&exposures_, &events_}) {
    for (auto& [key, row] : *table) row.changed = true;
  }
}

std::uint64_t Counters::dropped(wire::DropReason reason) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const DropTable* table : {&exposures_, &events_}) {
    for (const auto& [key, row] : *table) {
      if (std::get<2>(key) == static_cast<std::uint8_t>(reason)) sum += row.count;
    }
  }
  return sum;
}

std::uint64_t Counters::dropped() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const DropTable* table : {&exposures_, &events_}) {
    for (const auto& [key, row] : *table) sum += row.count;
  }
  return sum;
}

}  // namespace upswing::events
