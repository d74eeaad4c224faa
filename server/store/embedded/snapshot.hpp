#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/embedded/round.hpp"
#include "server/store/record_source.hpp"

namespace upswing::store {

struct SnapshotOptions {
  std::string file;  ///< The database.
  std::string vfs;
  int shards = 1;
  std::size_t chunk_rows = 1;
  std::size_t slice_records = 1;  ///< Landed records to decode at once.
  ErasedWhen erased;
  std::function<void()> released;  ///< Called when the snapshot is destroyed.
};

/// Reads the directory and the landed batches of this moment in one short transaction; landed
/// batches become chunks in memory.
absl::StatusOr<std::shared_ptr<const RecordSource>> TakeSnapshot(SnapshotOptions options);

}  // namespace upswing::store
