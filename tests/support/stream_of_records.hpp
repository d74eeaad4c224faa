#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/store/event_store.hpp"
#include "server/store/records.hpp"

namespace upswing::testing {

using PropertyValue = std::variant<std::string, std::int64_t, double, bool>;
using PropertyList = std::vector<std::pair<std::string, PropertyValue>>;
/// (unit type, key) pairs.
using Units = std::vector<std::pair<std::string, std::uint64_t>>;

/// A record as a test writes it. `order` as in `store::Records`.
struct ExposureRecord {
  Units units;
  std::int64_t time = 0;
  std::string experiment, variant;
  std::uint32_t iteration = 1;
  std::uint32_t phase = 1;
  std::uint8_t reason = 0;
  PropertyList attributes;
  std::uint32_t order = 0;
};

struct EventRecord {
  Units units;
  std::int64_t time = 0;
  std::string name;
  double value = 0;
  std::uint64_t event_id = 0;
  std::uint64_t ref_id = 0;
  PropertyList properties;
  std::uint32_t order = 0;
};

struct RecordList {
  std::vector<ExposureRecord> exposures;
  std::vector<EventRecord> events;
};

store::Records ToRecords(const RecordList& list);

/// A batch of the given records with id (1, epoch, sequence).
store::LandingBatch ToBatch(const RecordList& list, std::uint64_t epoch, std::uint64_t sequence);

}  // namespace upswing::testing
