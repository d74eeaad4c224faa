#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "platform/port/clock.hpp"
#include "platform/port/entropy.hpp"
#include "sdk/catalog/view.hpp"
#include "sdk/wire/batch_encoder.hpp"
#include "server/ingest/ingest.hpp"
#include "upswing/decision.hpp"
#include "upswing/subject.hpp"

namespace upswing::evaluation {

/// Records the exposures of decisions that this server made, as an SDK would: into batches that go
/// through ingest. Repeats of a unit's last exposure to an experiment are left out within
/// `kRepeatMillis`. A batch that ingest refuses (the disk is full, say) is kept and sent again, the
/// oldest given up beyond `kKeptBatches`. Exposures of the last second before a crash are lost, as
/// with an SDK that keeps no spool. Thread-safe.
class ExposureRecorder {
 public:
  static constexpr std::int64_t kRepeatMillis = 10 * 60 * 1000;
  static constexpr std::size_t kKeptBatches = 64;

  /// All outlive this.
  ExposureRecorder(ingest::Ingest* ingest, const port::Clock* clock, port::Entropy* entropy);
  /// Flushes; ingest must still run.
  ~ExposureRecorder();

  void Record(const Decision& decision, const Subject& subject);

  /// Sends what waits. Called every second, and when much waits.
  void Flush();

 private:
  void Add(std::string_view experiment, std::string_view variant, const Decision& decision,
           const Subject& subject);
  void FlushLocked();

  struct Batch {
    std::string id;
    std::string bytes;
  };
  // Outlives this where an answer is still to come.
  struct Refused {
    std::mutex mutex;
    std::deque<Batch> batches;  // with mutex
  };
  void Send(Batch batch, const std::string& sent_at);

  ingest::Ingest* const ingest_;
  const port::Clock* const clock_;
  const std::shared_ptr<Refused> refused_ = std::make_shared<Refused>();

  std::mutex mutex_;  // all below
  wire::Encoder encoder_;
  wire::BatchId next_;
  absl::flat_hash_map<std::uint64_t, std::int64_t> seen_;  // hash of (unit, arm) -> boot time
};

}  // namespace upswing::evaluation
