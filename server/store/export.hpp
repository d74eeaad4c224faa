#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/store/record_source.hpp"

namespace upswing::store {

enum class ExportFormat : std::uint8_t { kCsv, kJsonLines };

/// The unit whose records alone are wanted.
struct ExportedUnit {
  std::string type;
  std::uint64_t key = 0;
};

/// Writes every record once, or those of one unit, a line each, by unit and time within a shard.
/// Units are keys in hexadecimal: raw ids are not in the store. Stops at the first error of
/// reading; `write` gets whole lines.
///
/// Columns: lane, time, units ("type=key" joined by spaces), name (event or experiment), variant,
/// value, iteration, phase, reason, event_id, ref_id, properties (a JSON object).
absl::Status Export(const RecordSource& source, ExportFormat format,
                    const std::function<void(std::string_view)>& write,
                    const ExportedUnit* only = nullptr);

}  // namespace upswing::store
