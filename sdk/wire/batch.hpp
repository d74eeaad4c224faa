#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "sdk/wire/record.hpp"

namespace upswing::wire {

/// What a decoder accepts. The defaults are the server's.
struct Limits {
  std::size_t compressed_bytes = std::size_t{1} << 20;
  std::size_t decompressed_bytes = std::size_t{16} << 20;
  std::uint32_t records = 100'000;  ///< Exposures and events together.
  std::uint32_t strings = 400'000;  ///< Entries of the dictionary.
  std::uint32_t string_bytes =
      4096;  ///< Of one string; a longer one spoils only the records that use it.
  std::uint32_t properties = 1'000'000;  ///< Properties and attributes of all records together.
  std::uint32_t properties_per_record = 64;
  /// Rows of the three tables of counters together, and bytes of the names in them, each row's
  /// counted. No client of ours writes more (sdk/events/counters.hpp).
  std::uint32_t counter_rows = 4096;
  std::uint32_t counter_name_bytes = 256 << 10;
};

/// Why one record of an otherwise sound batch is refused. The names go to the client in the answer.
enum class ProblemKind : std::uint8_t {
  kSubjectOutOfRange,
  kStringOutOfRange,
  kEmptyName,
  kInvalidUtf8,
  kStringTooLong,
  kValueNotFinite,
  kNoUnit,
  kTimeOutOfRange,
};

std::string_view ProblemName(ProblemKind kind);

/// A record that must not be stored. `record` counts exposures from 0 and goes on with the events:
/// event i is number `exposures.size() + i`. This is also the numbering of the answer's `rejected`
/// ranges.
struct Problem {
  std::uint32_t record = 0;
  ProblemKind kind = ProblemKind::kStringOutOfRange;
};

/// Properties of all records of one lane, flattened: record i owns rows [first[i], first[i + 1]).
struct PropertyColumns {
  std::vector<std::uint32_t> first;  ///< One more entry than there are records.
  std::vector<std::uint32_t> name;   ///< String index.
  std::vector<ValueType> type;
  /// kString: string index; kInt64: the integer; kDouble: its bits; kBool: 0 or 1.
  std::vector<std::uint64_t> bits;
};

struct ExposureColumns {
  std::vector<std::uint32_t> subject;     ///< Row of the subject table.
  std::vector<std::uint32_t> experiment;  ///< String index.
  std::vector<std::uint32_t> variant;     ///< String index.
  std::vector<std::uint32_t> iteration;
  std::vector<std::uint32_t> phase;
  std::vector<std::uint8_t> reason;  ///< Number of an `upswing::Reason`.
  std::vector<std::uint64_t> catalog_version;
  std::vector<std::int64_t> time_ms;
  std::vector<TimeKind> time_kind;
  PropertyColumns attributes;  ///< The experiment's `report_by` attributes.

  std::size_t size() const { return subject.size(); }
};

struct EventColumns {
  std::vector<std::uint32_t> subject;  ///< Row of the subject table.
  std::vector<std::uint32_t> name;     ///< String index.
  std::vector<double> value;
  std::vector<std::int64_t> time_ms;
  std::vector<TimeKind> time_kind;
  std::vector<std::uint64_t> event_id;  ///< 0 = none.
  std::vector<std::uint64_t> ref_id;    ///< 0 = none.
  PropertyColumns properties;

  std::size_t size() const { return subject.size(); }
};

/// Row r names the units of pairs [first[r], first[r + 1]), in the order the caller gave them.
struct SubjectColumns {
  std::vector<std::uint32_t> first;      ///< One more entry than there are rows.
  std::vector<std::uint32_t> unit_type;  ///< String index.
  std::vector<std::uint32_t> unit_id;    ///< String index.

  std::size_t size() const { return first.empty() ? 0 : first.size() - 1; }
};

/// A decoded batch: a structure of arrays that is meant to be used again and again, so that
/// decoding does not allocate once the vectors have grown. Not for use by two threads at once.
///
/// All indexes are in range for records that are not listed in `problems`; for listed ones they are
/// set to 0.
struct Batch {
  BatchHeader header;
  /// Index 0 is the empty string.
  std::vector<std::string_view> strings;
  SubjectColumns subjects;
  ExposureColumns exposures;
  EventColumns events;
  std::vector<DecisionCounter> decisions;
  std::vector<DroppedExposures> dropped_exposures;
  std::vector<DroppedEvents> dropped_events;
  /// Records to refuse, ascending, at most one entry per record. The others are sound: strings are
  /// valid UTF-8 within the limit, names and ids are not empty, doubles are finite.
  std::vector<Problem> problems;

  /// The decompressed bytes, and strings that are not in them as they are; owned here because
  /// `strings` points into both.
  std::vector<std::uint8_t> buffer;
  std::vector<char> text;

  std::size_t records() const { return exposures.size() + events.size(); }
};

/// Turns batch bytes into columns. A pure function of (bytes, limits); the object only keeps
/// scratch memory, so one per thread is the way to use it.
class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// Decodes `bytes` (one zstd frame) into `batch`, replacing what it held.
  ///
  /// kInvalidArgument: not a batch, or damaged (HTTP 400). kResourceExhausted: past a limit, which
  /// the message names (HTTP 413). kUnimplemented: a newer format version or an unknown dictionary
  /// (HTTP 400). `batch` is unspecified after an error.
  absl::Status Decode(std::string_view bytes, const Limits& limits, Batch* batch);

 private:
  struct Scratch;
  Scratch* scratch_;
};

}  // namespace upswing::wire
