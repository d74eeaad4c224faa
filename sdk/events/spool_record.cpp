#include "sdk/events/spool_record.hpp"

#include "sdk/base/hash.hpp"

namespace upswing::events {
namespace {

constexpr std::string_view kRecordMagic = "UPBT";
constexpr std::size_t kChecksumStart = 17;

template <typename T>
void Put(T value, std::string* out) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    out->push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
  }
}

template <typename T>
T Get(std::string_view bytes, std::size_t offset) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[offset + i])} << (8 * i);
  }
  return static_cast<T>(value);
}

}  // namespace

std::string FormatSpoolRecord(const BatchInfo& info, std::string_view payload) {
  std::string tail;
  tail.reserve(kRecordHeaderBytes + payload.size());
  Put(static_cast<std::uint8_t>(info.lane), &tail);
  Put(info.exposures, &tail);
  Put(info.events, &tail);
  Put(info.wall_ms, &tail);
  Put(info.boot_id, &tail);
  Put(info.boot_ms, &tail);
  Put(info.id.epoch_hi, &tail);
  Put(info.id.epoch_lo, &tail);
  Put(info.id.sequence, &tail);
  tail.append(payload);
  std::string record;
  record.reserve(kChecksumStart + tail.size());
  record.append(kRecordMagic);
  Put(static_cast<std::uint32_t>(payload.size()), &record);
  Put(base::Hash64(tail), &record);
  record.push_back(0);
  return record.append(tail);
}

std::optional<SpoolRecord> ParseSpoolRecord(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes || bytes.substr(0, 4) != kRecordMagic) return std::nullopt;
  SpoolRecord record;
  record.payload_size = Get<std::uint32_t>(bytes, 4);
  if (bytes.size() - kRecordHeaderBytes < record.payload_size) return std::nullopt;
  const std::string_view checked =
      bytes.substr(kChecksumStart, kRecordHeaderBytes - kChecksumStart + record.payload_size);
  record.sound = base::Hash64(checked) == Get<std::uint64_t>(bytes, 8);
  record.done = bytes[kDoneOffset] != 0;
  record.info.lane = bytes[17] == 0 ? Lane::kExposures : Lane::kEvents;
  record.info.exposures = Get<std::uint32_t>(bytes, 18);
  record.info.events = Get<std::uint32_t>(bytes, 22);
  record.info.wall_ms = Get<std::int64_t>(bytes, 26);
  record.info.boot_id = Get<std::uint64_t>(bytes, 34);
  record.info.boot_ms = Get<std::int64_t>(bytes, 42);
  record.info.id = {Get<std::uint64_t>(bytes, 50), Get<std::uint64_t>(bytes, 58),
                    Get<std::uint64_t>(bytes, 66)};
  return record;
}

}  // namespace upswing::events
