#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "platform/port/clock.hpp"
#include "sdk/events/counters.hpp"
#include "sdk/events/lane_queue.hpp"
#include "sdk/events/record_codec.hpp"
#include "sdk/events/spool.hpp"

namespace upswing::events {

struct BatcherOptions {
  std::uint32_t batch_records = 500;
  std::size_t batch_bytes = 256 * 1024;  ///< Before compression.
  int compression_level = 5;
  std::string sdk_name;
  std::string sdk_version;
};

/// Forms batches from the two lanes and hands them to the spool. One thread at a time calls `Form`.
class Batcher {
 public:
  Batcher(BatcherOptions options, const port::Clock* clock, LaneQueue* exposures, LaneQueue* events,
          Counters* counters, Spool* spool);

  /// Batches get ids of this epoch from sequence 1 on.
  void SetEpoch(std::uint64_t epoch_hi, std::uint64_t epoch_lo);
  void SetCatalogVersion(std::uint64_t version) {
    catalog_version_.store(version, std::memory_order_relaxed);
  }

  /// Takes every record that is in the lanes now into batches and appends these to the spool. Lanes
  /// have batches of their own, but when what is there fits into one batch it becomes one. Returns
  /// the number of records taken.
  std::size_t Form();

  /// Drops every record that is in the lanes now, counting them for `reason`.
  void Discard(wire::DropReason reason);

 private:
  std::size_t Take(Lane lane, LaneQueue* queue, std::size_t end);
  void Finish();

  const BatcherOptions options_;
  const port::Clock* const clock_;
  LaneQueue* const exposures_;
  LaneQueue* const events_;
  Counters* const counters_;
  Spool* const spool_;
  std::atomic<std::uint64_t> catalog_version_{0};
  wire::BatchId next_id_;
  wire::Encoder encoder_;
  RecordReader reader_;
};

}  // namespace upswing::events
