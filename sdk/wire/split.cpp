#include "sdk/wire/split.hpp"

#include <algorithm>
#include <utility>

#include "sdk/wire/batch_encoder.hpp"

namespace upswing::wire {
namespace {

constexpr int kPathShift = 40;

/// Copies records of a decoded batch into an encoder. Problems are no matter here: the server
/// judges the parts.
class Copier {
 public:
  Copier(const Batch& batch, Encoder* encoder) : batch_(batch), encoder_(encoder) {}

  void Copy(std::size_t record) {
    if (record < batch_.exposures.size()) {
      CopyExposure(record);
    } else {
      CopyEvent(record - batch_.exposures.size());
    }
  }

  void CopyCounters() {
    for (const DecisionCounter& row : batch_.decisions) {
      encoder_->AddDecisions(Text(row.experiment), Text(row.variant), row.evaluated, row.exposed,
                             row.queued);
    }
    for (const DroppedExposures& row : batch_.dropped_exposures) {
      encoder_->AddDroppedExposures(Text(row.experiment), Text(row.variant), row.reason, row.count);
    }
    for (const DroppedEvents& row : batch_.dropped_events) {
      encoder_->AddDroppedEvents(Text(row.name), row.reason, row.count);
    }
  }

 private:
  std::string_view Text(std::uint64_t index) const {
    return batch_.strings[static_cast<std::size_t>(index)];
  }

  std::uint32_t Subject(std::uint32_t row) {
    units_.clear();
    if (row < batch_.subjects.size()) {
      for (std::uint32_t i = batch_.subjects.first[row]; i < batch_.subjects.first[row + 1]; ++i) {
        units_.push_back({Text(batch_.subjects.unit_type[i]), Text(batch_.subjects.unit_id[i])});
      }
    }
    return encoder_->Subject(units_);
  }

  absl::Span<const Property> Properties(const PropertyColumns& columns, std::size_t record) {
    properties_.clear();
    for (std::uint32_t i = columns.first[record]; i < columns.first[record + 1]; ++i) {
      const bool is_string = columns.type[i] == ValueType::kString;
      properties_.push_back({Text(columns.name[i]), columns.type[i],
                             is_string ? 0 : columns.bits[i],
                             is_string ? Text(columns.bits[i]) : std::string_view()});
    }
    return properties_;
  }

  void CopyExposure(std::size_t i) {
    const ExposureColumns& from = batch_.exposures;
    ExposureRecord record;
    record.subject = Subject(from.subject[i]);
    record.experiment = Text(from.experiment[i]);
    record.variant = Text(from.variant[i]);
    record.iteration = from.iteration[i];
    record.phase = from.phase[i];
    record.reason = from.reason[i];
    record.catalog_version = from.catalog_version[i];
    record.time = {from.time_ms[i], from.time_kind[i]};
    record.attributes = Properties(from.attributes, i);
    encoder_->AddExposure(record);
  }

  void CopyEvent(std::size_t i) {
    const EventColumns& from = batch_.events;
    EventRecord record;
    record.subject = Subject(from.subject[i]);
    record.name = Text(from.name[i]);
    record.value = from.value[i];
    record.time = {from.time_ms[i], from.time_kind[i]};
    record.properties = Properties(from.properties, i);
    record.event_id = from.event_id[i];
    record.ref_id = from.ref_id[i];
    encoder_->AddEvent(record);
  }

  const Batch& batch_;
  Encoder* encoder_;
  std::vector<UnitRef> units_;
  std::vector<Property> properties_;
};

/// The client formed this batch, so it fits any limit of ours; a server's limits do not matter
/// here.
Limits Unlimited() {
  Limits limits;
  limits.compressed_bytes = limits.decompressed_bytes = std::size_t{1} << 30;
  limits.records = limits.strings = limits.string_bytes = limits.properties = 1u << 30;
  limits.counter_rows = limits.counter_name_bytes = 1u << 30;
  return limits;
}

Part Make(const Batch& batch, const BatchHeader& header, std::size_t begin, std::size_t end,
          bool with_counters) {
  Encoder encoder;
  Copier copier(batch, &encoder);
  for (std::size_t i = begin; i < end; ++i) copier.Copy(i);
  if (with_counters) copier.CopyCounters();
  Part part;
  part.id = header.id;
  part.exposures = static_cast<std::uint32_t>(encoder.exposures());
  part.events = static_cast<std::uint32_t>(encoder.events());
  part.bytes = encoder.Finish(header);
  return part;
}

}  // namespace

absl::StatusOr<std::vector<Part>> SplitBatch(std::string_view bytes) {
  Decoder decoder;
  Batch batch;
  if (absl::Status status = decoder.Decode(bytes, Unlimited(), &batch); !status.ok()) return status;
  if (batch.records() < 2)
    return absl::FailedPreconditionError("batch: one record cannot be split");
  if (batch.header.ancestors.size() >= kMaxSplits) {
    return absl::FailedPreconditionError("batch: split too often");
  }
  const BatchId whole = batch.header.id;
  const std::uint64_t root = whole.sequence & ((std::uint64_t{1} << kPathShift) - 1);
  const std::uint64_t path = std::max<std::uint64_t>(whole.sequence >> kPathShift, 1);
  const std::size_t middle = batch.records() / 2;
  BatchHeader header = batch.header;
  header.ancestors.push_back(whole.sequence);
  std::vector<Part> halves;
  for (const std::uint64_t which : {0u, 1u}) {
    header.id.sequence = root | (path << 1 | which) << kPathShift;
    halves.push_back(Make(batch, header, which == 0 ? 0 : middle,
                          which == 0 ? middle : batch.records(), which == 0));
  }
  return halves;
}

absl::StatusOr<Part> RenameBatch(std::string_view bytes, const BatchId& id) {
  Decoder decoder;
  Batch batch;
  if (absl::Status status = decoder.Decode(bytes, Unlimited(), &batch); !status.ok()) return status;
  BatchHeader header = batch.header;
  header.id = id;
  header.ancestors.clear();
  return Make(batch, header, 0, batch.records(), true);
}

}  // namespace upswing::wire
