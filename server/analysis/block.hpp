#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/analysis/plan.hpp"
#include "server/store/chunk.hpp"

namespace upswing::analysis {

/// The value of a property that is no text, as segments are named after it.
std::string SegmentText(store::PropertyType type, std::uint64_t bits);

/// What the join needs to know to decode chunks.
struct BlockContext {
  const Plan* plan = nullptr;
  /// Unit type whose key is wanted per record (`companion`); empty = none.
  std::string companion_type;
};

/// A chunk of events, decoded as one stream of the plan needs it. Reused from chunk to chunk.
struct EventBlock {
  std::vector<std::uint32_t> unit;
  std::vector<std::int64_t> time;
  std::vector<std::uint64_t> event_id;               ///< Empty if no event has one.
  std::vector<std::uint64_t> ref_id;                 ///< Empty if no event has one.
  std::vector<std::vector<double>> values;           ///< By `Stream::values`; NaN = has none.
  std::vector<std::vector<std::uint8_t>> pass;       ///< By `Stream::filters`.
  std::vector<std::vector<std::uint64_t>> identity;  ///< By `Stream::identities`; 0 = has none.
  std::vector<std::uint64_t> companion;              ///< Key; 0 = none. Empty if not asked for.

  absl::Status Load(const BlockContext& context, const Stream& stream, std::string bytes);
  /// `Records::order`; decoded when first asked for.
  const std::vector<std::uint32_t>& Order();
  std::size_t rows() const { return unit.size(); }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> order_;
  bool has_order_ = false;
};

/// A chunk of exposures.
struct ExposureBlock {
  std::vector<std::uint32_t> unit;
  std::vector<std::int64_t> time;
  std::vector<std::uint32_t> order;
  std::vector<std::int32_t> variant;        ///< Number in the spec; -1 = not named there.
  std::vector<std::uint32_t> variant_text;  ///< Number in `strings`: breaks ties.
  std::vector<std::uint32_t> iteration;
  std::vector<std::uint32_t> phase;
  std::vector<std::uint8_t> reason;
  std::vector<std::vector<std::uint32_t>> attributes;  ///< By `report_by`; number in `strings`.
  std::vector<std::uint64_t> companion;                ///< As above.
  std::vector<std::string> strings;

  absl::Status Load(const BlockContext& context, const Stream& stream, std::string bytes);
  std::size_t rows() const { return unit.size(); }
};

}  // namespace upswing::analysis
