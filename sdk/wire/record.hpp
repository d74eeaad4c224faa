#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/wire/batch_id.hpp"

namespace upswing::wire {

/// Which clock a record's time was read from. The numbers are part of the format.
enum class TimeKind : std::uint8_t {
  kBoot = 0,  ///< Milliseconds of the boot clock of the batch's boot.
  kWall = 1,  ///< Milliseconds since 1970-01-01T00:00:00Z, given by the caller.
};

struct RecordTime {
  std::int64_t millis = 0;
  TimeKind kind = TimeKind::kBoot;
};

/// Type of a property or attribute value. The numbers are part of the format.
enum class ValueType : std::uint8_t { kString = 0, kInt64 = 1, kDouble = 2, kBool = 3 };

/// A named value on its way into a batch. `bits` holds an int64, the bits of a double, or 0/1;
/// `text` a string.
struct Property {
  std::string_view name;
  ValueType type = ValueType::kString;
  std::uint64_t bits = 0;
  std::string_view text;

  static Property String(std::string_view name, std::string_view value) {
    return {name, ValueType::kString, 0, value};
  }
  static Property Int64(std::string_view name, std::int64_t value) {
    return {name, ValueType::kInt64, static_cast<std::uint64_t>(value), {}};
  }
  static Property Double(std::string_view name, double value) {
    return {name, ValueType::kDouble, std::bit_cast<std::uint64_t>(value), {}};
  }
  static Property Bool(std::string_view name, bool value) {
    return {name, ValueType::kBool, value ? 1u : 0u, {}};
  }
};

/// Why the SDK lost a record before it was acknowledged. The numbers are part of the format; never
/// renumber.
enum class DropReason : std::uint8_t {
  kQueueFull = 1,     ///< The lane's memory was full when the record was made.
  kSpoolFull = 2,     ///< Evicted with its batch because the spool reached its byte cap.
  kExpired = 3,       ///< Evicted with its batch because it reached the age cap.
  kTooLarge = 4,      ///< The record alone exceeds the server's limit on a batch.
  kSpoolFailed = 5,   ///< The disk refused the batch and memory for unwritten batches was full.
  kSpoolCorrupt = 6,  ///< The batch failed its checksum when it was read back.
  kRejected = 7,      ///< The server refused this record, or the batch it was in (HTTP 400).
  kConsent = 8,       ///< Consent was denied or withdrawn while it was queued.
  kInvalid = 9,    ///< The caller's record breaks a rule (empty name, value not finite, too long).
  kConflict = 10,  ///< The server holds another batch under this id.
};

/// Stages of one (experiment, variant) on this device since the epoch began: decisions that asked
/// for an exposure; those of them that did not repeat the unit's last exposure; those the queue
/// took.
struct DecisionCounter {
  std::uint32_t experiment = 0;  ///< String index.
  std::uint32_t variant = 0;     ///< String index.
  std::uint64_t evaluated = 0;
  std::uint64_t exposed = 0;
  std::uint64_t queued = 0;
};

struct DroppedExposures {
  std::uint32_t experiment = 0;  ///< String index.
  std::uint32_t variant = 0;     ///< String index.
  std::uint8_t reason = 0;       ///< A `DropReason`, or a later SDK's number.
  std::uint64_t count = 0;
};

struct DroppedEvents {
  std::uint32_t name = 0;   ///< String index.
  std::uint8_t reason = 0;  ///< A `DropReason`, or a later SDK's number.
  std::uint64_t count = 0;
};

/// What a batch says about itself.
struct BatchHeader {
  BatchId id;
  /// Sequences (same epoch) of the batches this one was split from, oldest first. See protocol.hpp
  /// for what the server makes of them.
  std::vector<std::uint64_t> ancestors;
  std::string sdk_name;
  std::string sdk_version;
  std::uint64_t catalog_version = 0;  ///< Newest catalog the client had; 0 = none.
  std::uint64_t boot_id = 0;          ///< Boot of the machine that `kBoot` times belong to.
  std::int64_t wall_ms = 0;           ///< Wall clock when the batch was formed.
  std::int64_t boot_ms = 0;           ///< Boot clock when the batch was formed.
};

}  // namespace upswing::wire
