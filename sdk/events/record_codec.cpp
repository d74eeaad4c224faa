#include "sdk/events/record_codec.hpp"

#include <bit>
#include <cmath>
#include <cstring>

namespace upswing::events {
namespace {

/// The format's limits (wire::Limits): what is beyond them the server would refuse anyway.
constexpr std::size_t kMaxStringBytes = 4096;
constexpr std::size_t kMaxProperties = 64;
constexpr std::size_t kMaxUnits = 16;

struct ExposureHead {
  std::string_view experiment;
  std::string_view variant;
  std::uint64_t catalog_version;
  std::int64_t time_ms;
  std::uint32_t iteration;
  std::uint32_t phase;
  std::uint8_t reason;
  std::uint8_t holdout;
  std::uint8_t time_kind;
  std::uint8_t units;
  std::uint8_t attributes;
};

struct EventHead {
  double value;
  std::int64_t time_ms;
  std::uint64_t event_id;
  std::uint64_t ref_id;
  std::uint32_t name_size;
  std::uint8_t time_kind;
  std::uint8_t units;
  std::uint8_t properties;
};

/// Writes or measures: the same code makes the size and the bytes, so that they cannot differ.
class Sink {
 public:
  explicit Sink(char* place) : place_(place) {}

  template <typename T>
  void Plain(const T& value) {
    Raw(&value, sizeof value);
  }
  void Text(std::string_view text) {
    const auto size = static_cast<std::uint32_t>(text.size());
    Plain(size);
    Raw(text.data(), text.size());
    valid_ = valid_ && text.size() <= kMaxStringBytes;
  }
  void Raw(const void* data, std::size_t size) {
    if (place_ != nullptr && size > 0) std::memcpy(place_ + size_, data, size);
    size_ += size;
  }

  void Refuse() { valid_ = false; }
  bool valid() const { return valid_; }
  std::size_t size() const { return size_; }

 private:
  char* place_;
  std::size_t size_ = 0;
  bool valid_ = true;
};

class Source {
 public:
  explicit Source(std::string_view record) : record_(record) {}

  template <typename T>
  T Plain() {
    T value;
    std::memcpy(&value, record_.data(), sizeof value);
    record_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view Text() { return Raw(Plain<std::uint32_t>()); }
  std::string_view Raw(std::size_t size) {
    const std::string_view text = record_.substr(0, size);
    record_.remove_prefix(size);
    return text;
  }
  std::string_view rest() const { return record_; }

 private:
  std::string_view record_;
};

void WriteUnit(const Subject& subject, const Subject::Unit& unit, Sink* sink) {
  sink->Text(subject.type(unit));
  sink->Text(subject.id(unit));
}

/// Attributes with these kinds may travel; lists may not (`report_by` splits by single values).
bool IsReportable(const Subject::Attribute& attribute) {
  return attribute.kind != AttributeKind::kStrings;
}

template <typename Visit>
void VisitReported(const Subject& subject, const QueuedExposure& exposure, Visit visit) {
  for (std::uint32_t i = 0; i < exposure.report_by_size; ++i) {
    const Symbol name = exposure.report_by[i];
    for (const Subject::Attribute& attribute : subject.attributes()) {
      if (subject.name(attribute) == name.view() && IsReportable(attribute)) visit(name, attribute);
    }
  }
}

void WriteExposure(const Subject& subject, const QueuedExposure& exposure, Sink* sink) {
  ExposureHead head{};
  head.experiment = exposure.experiment;
  head.variant = exposure.variant;
  head.catalog_version = exposure.catalog_version;
  head.time_ms = exposure.time.millis;
  head.iteration = exposure.iteration;
  head.phase = exposure.phase;
  head.reason = exposure.reason;
  head.holdout = exposure.holdout ? 1 : 0;
  head.time_kind = static_cast<std::uint8_t>(exposure.time.kind);
  const auto units = subject.units();
  if (units.empty() || units.size() > kMaxUnits || exposure.experiment.empty() ||
      exposure.variant.empty() || exposure.experiment.size() > kMaxStringBytes ||
      exposure.variant.size() > kMaxStringBytes) {
    return sink->Refuse();
  }
  const std::size_t first = exposure.unit_index < units.size() ? exposure.unit_index : 0;
  std::size_t attributes = 0;
  VisitReported(subject, exposure, [&](Symbol, const Subject::Attribute&) { ++attributes; });
  if (attributes > kMaxProperties) return sink->Refuse();
  head.units = static_cast<std::uint8_t>(units.size());
  head.attributes = static_cast<std::uint8_t>(attributes);
  sink->Plain(head);
  WriteUnit(subject, units[first], sink);
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (i != first) WriteUnit(subject, units[i], sink);
  }
  VisitReported(subject, exposure, [&](Symbol name, const Subject::Attribute& attribute) {
    sink->Plain(name);
    sink->Plain(attribute.kind);
    switch (attribute.kind) {
      case AttributeKind::kString:
        sink->Text(subject.text(attribute));
        break;
      case AttributeKind::kDouble:
        if (!std::isfinite(attribute.double_value)) sink->Refuse();
        sink->Plain(attribute.double_value);
        break;
      case AttributeKind::kBool:
        sink->Plain(static_cast<std::int64_t>(attribute.bool_value ? 1 : 0));
        break;
      default:
        sink->Plain(attribute.int_value);
    }
  });
}

void WriteEvent(const Subject& subject, const QueuedEvent& event, Sink* sink) {
  EventHead head{};
  head.value = event.value;
  head.time_ms = event.time.millis;
  head.time_kind = static_cast<std::uint8_t>(event.time.kind);
  head.event_id = event.event_id;
  head.ref_id = event.ref_id;
  head.name_size = static_cast<std::uint32_t>(event.name.size());
  const auto units = subject.units();
  if (units.empty() || units.size() > kMaxUnits || event.properties.size() > kMaxProperties ||
      event.name.empty() || event.name.size() > kMaxStringBytes || !std::isfinite(event.value)) {
    return sink->Refuse();
  }
  head.units = static_cast<std::uint8_t>(units.size());
  head.properties = static_cast<std::uint8_t>(event.properties.size());
  sink->Plain(head);
  sink->Raw(event.name.data(), event.name.size());
  for (const Subject::Unit& unit : units) WriteUnit(subject, unit, sink);
  for (const Property& property : event.properties) {
    if (property.name().empty()) sink->Refuse();
    sink->Text(property.name());
    sink->Plain(property.type());
    switch (property.type()) {
      case Property::Type::kString:
        sink->Text(property.text());
        break;
      case Property::Type::kDouble:
        if (!std::isfinite(property.double_value())) sink->Refuse();
        sink->Plain(property.double_value());
        break;
      default:
        sink->Plain(property.int_value());
    }
  }
}

template <typename Write>
QueueResult Queue(LaneQueue* lane, Write write) {
  Sink measure(nullptr);
  write(&measure);
  if (!measure.valid()) return QueueResult::kInvalid;
  char* place = lane->Reserve(measure.size());
  if (place == nullptr) return QueueResult::kFull;
  Sink sink(place);
  write(&sink);
  lane->Commit(place, measure.size());
  return QueueResult::kQueued;
}

wire::Property ReadValue(std::string_view name, bool is_string, bool is_double, bool is_bool,
                         Source* source) {
  if (is_string) return wire::Property::String(name, source->Text());
  if (is_double) return wire::Property::Double(name, source->Plain<double>());
  const auto value = source->Plain<std::int64_t>();
  return is_bool ? wire::Property::Bool(name, value != 0) : wire::Property::Int64(name, value);
}

}  // namespace

QueueResult QueueExposure(const Subject& subject, const QueuedExposure& exposure, LaneQueue* lane) {
  return Queue(lane, [&](Sink* sink) { WriteExposure(subject, exposure, sink); });
}

QueueResult QueueEvent(const Subject& subject, const QueuedEvent& event, LaneQueue* lane) {
  return Queue(lane, [&](Sink* sink) { WriteEvent(subject, event, sink); });
}

void RecordReader::ReadUnits(std::size_t count, std::string_view* rest) {
  Source source(*rest);
  units_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view type = source.Text();
    units_.push_back({type, source.Text()});
  }
  *rest = source.rest();
}

void RecordReader::AddTo(std::string_view record, Lane lane, wire::Encoder* encoder) {
  lane == Lane::kEvents ? AddEvent(record, encoder) : AddExposure(record, encoder);
}

void RecordReader::Drop(std::string_view record, Lane lane, wire::DropReason reason,
                        Counters* counters) {
  Source source(record);
  if (lane == Lane::kEvents) {
    const auto head = source.Plain<EventHead>();
    return counters->DropEvent(source.Raw(head.name_size), reason);
  }
  const auto head = source.Plain<ExposureHead>();
  name_.assign(head.holdout != 0 ? "holdout:" : "").append(head.experiment);
  counters->DropExposure(name_, head.variant, reason);
}

void RecordReader::AddExposure(std::string_view record, wire::Encoder* encoder) {
  Source source(record);
  const auto head = source.Plain<ExposureHead>();
  std::string_view rest = source.rest();
  ReadUnits(head.units, &rest);
  source = Source(rest);
  properties_.clear();
  for (std::size_t i = 0; i < head.attributes; ++i) {
    const auto name = source.Plain<Symbol>();
    const auto kind = source.Plain<AttributeKind>();
    properties_.push_back(ReadValue(name.view(), kind == AttributeKind::kString,
                                    kind == AttributeKind::kDouble, kind == AttributeKind::kBool,
                                    &source));
  }
  wire::ExposureRecord exposure;
  exposure.experiment = head.experiment;
  if (head.holdout != 0) {
    name_.assign("holdout:").append(head.experiment);
    exposure.experiment = name_;
  }
  exposure.variant = head.variant;
  exposure.iteration = head.iteration;
  exposure.phase = head.phase;
  exposure.reason = head.reason;
  exposure.catalog_version = head.catalog_version;
  exposure.time = {head.time_ms, static_cast<wire::TimeKind>(head.time_kind)};
  exposure.attributes = properties_;
  exposure.subject = encoder->Subject(units_);
  encoder->AddExposure(exposure);
}

void RecordReader::AddEvent(std::string_view record, wire::Encoder* encoder) {
  Source source(record);
  const auto head = source.Plain<EventHead>();
  wire::EventRecord event;
  event.name = source.Raw(head.name_size);
  std::string_view rest = source.rest();
  ReadUnits(head.units, &rest);
  source = Source(rest);
  properties_.clear();
  for (std::size_t i = 0; i < head.properties; ++i) {
    const std::string_view name = source.Text();
    const auto type = source.Plain<Property::Type>();
    properties_.push_back(ReadValue(name, type == Property::Type::kString,
                                    type == Property::Type::kDouble, type == Property::Type::kBool,
                                    &source));
  }
  event.value = head.value;
  event.time = {head.time_ms, static_cast<wire::TimeKind>(head.time_kind)};
  event.properties = properties_;
  event.event_id = head.event_id;
  event.ref_id = head.ref_id;
  event.subject = encoder->Subject(units_);
  encoder->AddEvent(event);
}

}  // namespace upswing::events
