#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/importer/batches.hpp"

namespace upswing::ingest {
class Ingest;
}

namespace upswing::cli {

/// What became of the batches of one import.
struct SinkTotals {
  std::int64_t batches = 0;
  std::int64_t duplicates = 0;  ///< Batches that the server had already.
  std::int64_t records = 0;     ///< Stored now.
  std::int64_t rejected = 0;    ///< Records that the server refused.
  std::string first_rejection;
  std::int64_t bytes = 0;  ///< Of all bodies.
};

/// Takes formed batches and makes sure that each is stored. `Put` waits while too many are under
/// way.
class BatchSink {
 public:
  virtual ~BatchSink() = default;
  virtual absl::Status Put(importer::Batch batch) = 0;
  /// Waits for the last one. An error names why a batch could not be stored.
  virtual absl::StatusOr<SinkTotals> Finish() = 0;
};

/// Sends to a server over a few connections. A server that is away or busy is tried again, with
/// growing pauses, for ten minutes.
std::unique_ptr<BatchSink> SendTo(const std::string& server_url, const std::string& api_key);

/// Hands to `ingest` in this process; it outlives the sink.
std::unique_ptr<BatchSink> StoreWith(ingest::Ingest* ingest);

}  // namespace upswing::cli
