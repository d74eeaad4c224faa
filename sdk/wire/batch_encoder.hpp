#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "sdk/wire/record.hpp"

namespace upswing::wire {

/// One id of a subject, e.g. {"user", "u-42"}.
struct UnitRef {
  std::string_view type;
  std::string_view id;
};

/// An exposure on its way into a batch. Nothing is kept by reference.
struct ExposureRecord {
  std::uint32_t subject = 0;  ///< From `Encoder::Subject`.
  std::string_view experiment;
  std::string_view variant;
  std::uint32_t iteration = 1;
  std::uint32_t phase = 0;
  std::uint8_t reason = 0;  ///< Number of an `upswing::Reason`.
  std::uint64_t catalog_version = 0;
  RecordTime time;
  absl::Span<const Property> attributes;
};

/// A metric event on its way into a batch. Nothing is kept by reference.
struct EventRecord {
  std::uint32_t subject = 0;  ///< From `Encoder::Subject`.
  std::string_view name;
  double value = 1;
  RecordTime time;
  absl::Span<const Property> properties;
  std::uint64_t event_id = 0;  ///< 0 = none.
  std::uint64_t ref_id = 0;    ///< 0 = none.
};

/// How a batch is compressed.
struct Compression {
  /// zstd level. Small batches take more effort than this asks for. Below 0: without a dictionary,
  /// for a batch whose bytes go nowhere.
  int level = 5;
};

/// Collects records and writes them as one batch. To be used again and again: `Clear` keeps the
/// memory. Not for use by two threads at once. A pure function of what it is given: equal calls
/// make equal bytes.
class Encoder {
 public:
  Encoder();
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  void Clear();

  /// The row for these units, in this order; equal lists share a row.
  std::uint32_t Subject(absl::Span<const UnitRef> units);

  void AddExposure(const ExposureRecord& record);
  void AddEvent(const EventRecord& record);

  /// Cumulative counters of the epoch (record.hpp says what they count).
  void AddDecisions(std::string_view experiment, std::string_view variant, std::uint64_t evaluated,
                    std::uint64_t exposed, std::uint64_t queued);
  void AddDroppedExposures(std::string_view experiment, std::string_view variant,
                           std::uint8_t reason, std::uint64_t count);
  void AddDroppedEvents(std::string_view name, std::uint8_t reason, std::uint64_t count);

  std::size_t exposures() const;
  std::size_t events() const;
  std::size_t records() const { return exposures() + events(); }

  /// Upper bound of the bytes before compression, cheap enough to ask after every record.
  std::size_t raw_bytes() const;

  /// Writes the batch. `header.boot_ms` and `header.wall_ms` are the bases of the times. Does not
  /// clear.
  std::string Finish(const BatchHeader& header, Compression compression = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswing::wire
