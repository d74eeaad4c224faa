#pragma once

#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "server/store/record_source.hpp"

namespace upswing::store {

enum class ExportFormat : std::uint8_t { kCsv, kJsonLines };

/// Writes every record once, a line each, by unit and time within a shard. Units are keys in
/// hexadecimal: raw ids are not in the store. Stops at the first error of reading; `write` gets
/// whole lines.
///
/// Columns: lane, time, units ("type=key" joined by spaces), name (event or experiment), variant,
/// value, iteration, phase, reason, event_id, ref_id, properties (a JSON object).
absl::Status Export(const RecordSource& source, ExportFormat format,
                    const std::function<void(std::string_view)>& write);

}  // namespace upswing::store
