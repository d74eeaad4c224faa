// The batch decoder on hostile bytes. Inputs are the table of a batch before compression, which the
// fuzzer could not reach through a zstd frame; the first byte chooses to feed the rest as a frame
// instead.
#include <zstd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sdk/wire/batch.hpp"
#include "sdk/wire/protocol.hpp"
#include "sdk/wire/split.hpp"

namespace {

using upswing::wire::Batch;
using upswing::wire::PropertyColumns;
using upswing::wire::ValueType;

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckProperties(const Batch& batch, const PropertyColumns& columns, std::size_t records) {
  Require(columns.first.size() == records + 1);
  Require(columns.name.size() == columns.first.back());
  for (std::size_t i = 0; i < columns.name.size(); ++i) {
    Require(columns.name[i] < batch.strings.size());
    if (columns.type[i] == ValueType::kString) Require(columns.bits[i] < batch.strings.size());
  }
}

/// What batch.hpp promises about every decoded batch.
void Check(const Batch& batch) {
  std::size_t bytes = 0;
  for (const std::string_view text : batch.strings) {
    for (const char c : text) bytes += static_cast<unsigned char>(c);  // Reads every byte.
  }
  Require(bytes < SIZE_MAX);
  for (std::size_t i = 0; i < batch.exposures.size(); ++i) {
    Require(batch.exposures.subject[i] < std::max<std::size_t>(batch.subjects.size(), 1));
    Require(batch.exposures.experiment[i] < batch.strings.size());
    Require(batch.exposures.variant[i] < batch.strings.size());
  }
  for (std::size_t i = 0; i < batch.events.size(); ++i) {
    Require(batch.events.subject[i] < std::max<std::size_t>(batch.subjects.size(), 1));
    Require(batch.events.name[i] < batch.strings.size());
  }
  CheckProperties(batch, batch.exposures.attributes, batch.exposures.size());
  CheckProperties(batch, batch.events.properties, batch.events.size());
  for (const auto& row : batch.decisions) Require(row.experiment < batch.strings.size());
  for (const auto& row : batch.dropped_events) Require(row.name < batch.strings.size());
  for (const auto& problem : batch.problems) Require(problem.record < batch.records());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string frame(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] == 'J') {
    static_cast<void>(upswing::wire::ParseAnswer(frame));
    static_cast<void>(upswing::wire::ParseSentAt(frame));
    static_cast<void>(upswing::wire::ParseBatchId(frame));
    return 0;
  }
  if (data[0] != 'Z') {
    std::string compressed(ZSTD_compressBound(frame.size()), '\0');
    compressed.resize(
        ZSTD_compress(compressed.data(), compressed.size(), frame.data(), frame.size(), 1));
    frame = compressed;
  }
  upswing::wire::Limits limits;
  limits.records = 2000;
  limits.strings = 2000;
  limits.properties = 20'000;
  upswing::wire::Decoder decoder;
  Batch batch;
  if (!decoder.Decode(frame, limits, &batch).ok()) return 0;
  Check(batch);
  if (const auto halves = upswing::wire::SplitBatch(frame); halves.ok()) {
    std::size_t records = 0;
    for (const auto& half : *halves) records += half.exposures + half.events;
    Require(records == batch.records());
  }
  return 0;
}
