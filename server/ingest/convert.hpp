#pragma once

#include <cstdint>
#include <vector>

#include "sdk/wire/batch.hpp"
#include "server/store/event_store.hpp"
#include "server/store/records.hpp"
#include "server/store/unit_key.hpp"

namespace upswing::ingest {

/// What turning a batch into the server's records depends on.
struct ConvertContext {
  const store::UnitHasher* hasher = nullptr;
  /// For units that were erased; null = none was.
  const store::EventStore* erased = nullptr;
  std::int64_t boot_offset = 0;
  std::int64_t receive_ms = 0;
};

/// Scratch memory of `Convert`, to be used again.
struct ConvertScratch {
  std::vector<std::uint32_t> pool;      // batch string -> pool number; only of strings in use
  std::vector<bool> refused;            // by record
  std::vector<std::int64_t> erased_at;  // by subject
};

/// Fills `records` (cleared first) with the sound records of `batch`: unit keys for ids, true
/// times. Ids go nowhere else: strings that are only ids are not copied. Records of units that were
/// erased since are left out; they are not problems of the client.
void Convert(const wire::Batch& batch, const ConvertContext& context, ConvertScratch* scratch,
             store::Records* records);

}  // namespace upswing::ingest
