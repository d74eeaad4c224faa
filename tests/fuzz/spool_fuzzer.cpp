// The reader of spool segments on hostile bytes: walks a segment as the spool does.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sdk/events/spool_record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view segment(reinterpret_cast<const char*>(data), size);
  for (std::size_t offset = 0; offset < size;) {
    const auto record = upswing::events::ParseSpoolRecord(segment.substr(offset));
    if (!record) break;
    const std::size_t next = offset + upswing::events::kRecordHeaderBytes + record->payload_size;
    if (next > size) std::abort();
    if (record->sound) {
      const std::string again = upswing::events::FormatSpoolRecord(
          record->info,
          segment.substr(offset + upswing::events::kRecordHeaderBytes, record->payload_size));
      if (again.size() != next - offset) std::abort();
    }
    offset = next;
  }
  return 0;
}
