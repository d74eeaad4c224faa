#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/analysis/block.hpp"
#include "server/store/record_source.hpp"

namespace upswing::analysis {

/// Walks the chunks of one run in unit order, decoding one at a time. `Block` is EventBlock or
/// ExposureBlock.
template <typename Block>
class Cursor {
 public:
  static constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();

  Cursor(const store::RecordSource* source, const BlockContext* context, const Stream* stream,
         std::vector<store::ChunkRef> chunks)
      : source_(source), context_(context), stream_(stream), chunks_(std::move(chunks)) {}

  /// Moves to the first record whose unit is at least `unit`, and gives that unit; kEnd if there is
  /// none. Chunks that end before are not read. After an error (kNotFound: the chunk was replaced)
  /// the cursor is at its end; a damaged chunk is noted in `unreadable` and passed over.
  absl::Status Seek(std::uint32_t unit, std::vector<std::string>* unreadable,
                    std::uint32_t* found) {
    for (;;) {
      const std::size_t rows = block.rows();
      while (position < rows && block.unit[position] < unit) ++position;
      if (position < rows) {
        *found = block.unit[position];
        return absl::OkStatus();
      }
      while (next_ < chunks_.size() && chunks_[next_].max_unit < unit) ++next_;
      if (next_ == chunks_.size()) {
        *found = kEnd;
        return absl::OkStatus();
      }
      const store::ChunkRef& chunk = chunks_[next_++];
      position = 0;
      absl::StatusOr<std::string> bytes = source_->Read(chunk);
      absl::Status status =
          bytes.ok() ? block.Load(*context_, *stream_, *std::move(bytes)) : bytes.status();
      if (status.ok()) continue;
      block.unit.clear();
      if (!absl::IsDataLoss(status)) {
        next_ = chunks_.size();
        *found = kEnd;
        return status;
      }
      unreadable->push_back(absl::StrCat("chunk ", chunk.id, ": ", status.message()));
    }
  }

  /// End of the rows of `unit` that begin at `position`, within the block.
  std::size_t EndOf(std::uint32_t unit) const {
    const std::uint32_t* const units = block.unit.data();
    const std::size_t rows = block.rows();
    std::size_t end = position;
    // Several at a time: no processor guesses where a unit's few rows end.
    constexpr std::size_t kStep = 8;
    while (rows - end >= kStep) {
      std::size_t same = 0;
      for (std::size_t i = 0; i < kStep; ++i) same += units[end + i] == unit ? 1 : 0;
      end += same;
      if (same < kStep) return end;
    }
    while (end < rows && units[end] == unit) ++end;
    return end;
  }

  Block block;
  std::size_t position = 0;

 private:
  const store::RecordSource* source_;
  const BlockContext* context_;
  const Stream* stream_;
  std::vector<store::ChunkRef> chunks_;
  std::size_t next_ = 0;
};

}  // namespace upswing::analysis
