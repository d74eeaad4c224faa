#include "server/store/record_source.hpp"

#include <algorithm>

namespace upswing::store {

std::optional<std::pair<std::int64_t, std::int64_t>> RecordSource::TimeRange(
    std::string_view unit_type, Lane lane, std::string_view name) const {
  std::optional<std::pair<std::int64_t, std::int64_t>> range;
  for (int shard = 0; shard < shards(); ++shard) {
    for (const ChunkRef& chunk : Chunks(unit_type, shard, lane, name)) {
      if (!range) range = {chunk.min_time_ms, chunk.max_time_ms};
      range->first = std::min(range->first, chunk.min_time_ms);
      range->second = std::max(range->second, chunk.max_time_ms);
    }
  }
  return range;
}

}  // namespace upswing::store
