#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/events/counters.hpp"
#include "sdk/events/lane.hpp"
#include "sdk/events/lane_queue.hpp"
#include "sdk/wire/batch_encoder.hpp"
#include "upswing/decision.hpp"
#include "upswing/property.hpp"
#include "upswing/subject.hpp"

/// Records between the caller's thread and the batcher, in a lane's ring.
namespace upswing::events {

/// Why a record was not queued.
enum class QueueResult : std::uint8_t {
  kQueued,
  kFull,     ///< The lane has no room now.
  kInvalid,  ///< The record breaks a rule of the format and never could be sent.
};

/// An exposure as the caller's thread sees it. The key views must live as long as the queue
/// (catalog strings do); unit ids and attribute values are copied.
struct QueuedExposure {
  std::string_view experiment;
  std::string_view variant;
  /// The exposure is of the holdout `experiment`: it is sent as experiment "holdout:<key>".
  bool holdout = false;
  std::uint32_t iteration = 1;
  std::uint32_t phase = 0;
  std::uint8_t reason = 0;
  std::uint64_t catalog_version = 0;
  wire::RecordTime time;
  /// Index of the unit that decided; it becomes the first of the record's units.
  std::size_t unit_index = 0;
  /// Names of the attributes that may leave the device.
  const Symbol* report_by = nullptr;
  std::uint32_t report_by_size = 0;
};

struct QueuedEvent {
  std::string_view name;
  double value = 1;
  wire::RecordTime time;
  std::span<const Property> properties;
  std::uint64_t event_id = 0;
  std::uint64_t ref_id = 0;
};

/// Copies the record into the lane. Any thread; does not allocate or block.
QueueResult QueueExposure(const Subject& subject, const QueuedExposure& exposure, LaneQueue* lane);
QueueResult QueueEvent(const Subject& subject, const QueuedEvent& event, LaneQueue* lane);

/// Reads records back on the batcher's thread and adds them to an encoder.
class RecordReader {
 public:
  /// Adds a record of `lane`, as `LaneQueue::Front` gives it.
  void AddTo(std::string_view record, Lane lane, wire::Encoder* encoder);

  /// Counts a record of `lane` as dropped.
  void Drop(std::string_view record, Lane lane, wire::DropReason reason, Counters* counters);

 private:
  void AddExposure(std::string_view record, wire::Encoder* encoder);
  void AddEvent(std::string_view record, wire::Encoder* encoder);
  void ReadUnits(std::size_t count, std::string_view* rest);

  std::vector<wire::UnitRef> units_;
  std::vector<wire::Property> properties_;
  std::string name_;
};

}  // namespace upswing::events
