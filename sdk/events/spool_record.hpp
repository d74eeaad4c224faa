#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sdk/events/lane.hpp"
#include "sdk/wire/batch_id.hpp"

namespace upswing::events {

/// What the spool knows about a batch without opening it.
struct BatchInfo {
  wire::BatchId id;
  Lane lane = Lane::kExposures;
  std::uint32_t exposures = 0;
  std::uint32_t events = 0;
  std::int64_t wall_ms = 0;  ///< Wall clock when it was formed.
  std::uint64_t boot_id = 0;
  std::int64_t boot_ms = 0;  ///< Boot clock when it was formed.
};

/// The bytes of a spool segment. A segment is the 8 bytes of `kSegmentMagic`, then records:
///
///     offset size
///       0     4   "UPBT"
///       4     4   payload size
///       8     8   XXH3_64bits of everything from offset 17 to the end of the payload
///      16     1   0 = to be sent, 1 = done; the only byte that is ever overwritten
///      17     1   lane
///      18     4   exposures
///      22     4   events
///      26    48   wall_ms, boot_id, boot_ms, epoch_hi, epoch_lo, sequence, 8 bytes each
///      74         payload: the batch
///
/// All integers little-endian. The last byte of the magic is the format version.
inline constexpr std::string_view kSegmentMagic("UPSPOOL\x01", 8);
inline constexpr std::size_t kRecordHeaderBytes = 74;
inline constexpr std::size_t kDoneOffset = 16;

std::string FormatSpoolRecord(const BatchInfo& info, std::string_view payload);

struct SpoolRecord {
  BatchInfo info;
  bool done = false;
  std::uint32_t payload_size = 0;
  bool sound = false;  ///< The checksum holds. Otherwise only the sizes can be trusted.
};

/// Reads the record at the start of `bytes`; nullopt when no whole record starts there.
std::optional<SpoolRecord> ParseSpoolRecord(std::string_view bytes);

}  // namespace upswing::events
