#include "tests/support/stream_of_records.hpp"

#include <bit>

#include "sdk/base/hash.hpp"

namespace upswing::testing {
namespace {

std::uint32_t AddSubject(const Units& units, store::Records* records) {
  store::Records::Subjects& subjects = records->subjects;
  for (const auto& [type, key] : units) {
    subjects.unit_type.push_back(records->strings.Intern(type));
    subjects.key.push_back(key);
  }
  subjects.first.push_back(static_cast<std::uint32_t>(subjects.key.size()));
  return static_cast<std::uint32_t>(subjects.size() - 1);
}

void AddProperties(const PropertyList& list, store::StringPool* strings, store::Properties* to) {
  for (const auto& [name, value] : list) {
    to->name.push_back(strings->Intern(name));
    if (const auto* text = std::get_if<std::string>(&value)) {
      to->type.push_back(store::PropertyType::kString);
      to->bits.push_back(strings->Intern(*text));
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      to->type.push_back(store::PropertyType::kInt64);
      to->bits.push_back(static_cast<std::uint64_t>(*integer));
    } else if (const auto* number = std::get_if<double>(&value)) {
      to->type.push_back(store::PropertyType::kDouble);
      to->bits.push_back(std::bit_cast<std::uint64_t>(*number));
    } else {
      to->type.push_back(store::PropertyType::kBool);
      to->bits.push_back(std::get<bool>(value) ? 1 : 0);
    }
  }
  to->first.push_back(static_cast<std::uint32_t>(to->name.size()));
}

}  // namespace

store::Records ToRecords(const RecordList& list) {
  store::Records records;
  for (const ExposureRecord& exposure : list.exposures) {
    store::Records::Exposures& x = records.exposures;
    x.subject.push_back(AddSubject(exposure.units, &records));
    x.experiment.push_back(records.strings.Intern(exposure.experiment));
    x.variant.push_back(records.strings.Intern(exposure.variant));
    x.iteration.push_back(exposure.iteration);
    x.phase.push_back(exposure.phase);
    x.order.push_back(exposure.order);
    x.reason.push_back(exposure.reason);
    x.catalog_version.push_back(1);
    x.time_ms.push_back(exposure.time);
    AddProperties(exposure.attributes, &records.strings, &x.attributes);
  }
  for (const EventRecord& event : list.events) {
    store::Records::Events& e = records.events;
    e.subject.push_back(AddSubject(event.units, &records));
    e.name.push_back(records.strings.Intern(event.name));
    e.order.push_back(event.order);
    e.value.push_back(event.value);
    e.time_ms.push_back(event.time);
    e.event_id.push_back(event.event_id);
    e.ref_id.push_back(event.ref_id);
    AddProperties(event.properties, &records.strings, &e.properties);
  }
  return records;
}

store::LandingBatch ToBatch(const RecordList& list, std::uint64_t epoch, std::uint64_t sequence) {
  store::LandingBatch batch;
  const store::Records records = ToRecords(list);
  batch.key = {1, epoch, sequence};
  batch.records = static_cast<std::uint32_t>(records.size());
  batch.blob = store::EncodeRecords(records);
  batch.checksum = base::Hash64(batch.blob);
  return batch;
}

}  // namespace upswing::testing
