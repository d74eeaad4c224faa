#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

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
/// `kRepeatMillis`, as far as a cache of fixed size remembers them. A batch that ingest refuses
/// (the disk is full, say) is kept and sent again, the oldest given up beyond `kKeptBatches`.
/// Exposures of the last second before a crash are lost, as with an SDK that keeps no spool.
/// Thread-safe.
class ExposureRecorder {
 public:
  static constexpr std::int64_t kRepeatMillis = 10 * 60 * 1000;
  static constexpr std::size_t kKeptBatches = 64;

  /// All outlive this.
  ExposureRecorder(ingest::Ingest* ingest, const port::Clock* clock, port::Entropy* entropy);
  /// Flushes; ingest must still run.
  ~ExposureRecorder();

  /// Quick: making batches is left to a thread of its own, unless that cannot follow.
  void Record(const Decision& decision, const Subject& subject);

  /// Sends what waits. Called every second.
  void Flush();

 private:
  void AddAll(const Decision& decision, const Subject& subject);
  void Add(std::string_view experiment, std::string_view variant, const Decision& decision,
           const Subject& subject);
  bool Seen(std::uint64_t who, std::uint64_t arm, std::int64_t now_ms);
  void Loop();

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

  struct Exposed {
    std::uint64_t who = 0;  // hash of (unit, experiment)
    std::uint64_t arm = 0;  // hash of (variant, iteration)
    std::int64_t at_ms = 0;
  };

  ingest::Ingest* const ingest_;
  const port::Clock* const clock_;
  const std::shared_ptr<Refused> refused_ = std::make_shared<Refused>();

  // While a batch is made and sent from one encoder, records go into the other.
  std::mutex send_mutex_;                   // before mutex_
  std::unique_ptr<wire::Encoder> sending_;  // with send_mutex_
  wire::BatchId next_;                      // with send_mutex_

  std::mutex mutex_;  // all below
  std::unique_ptr<wire::Encoder> encoder_;
  std::vector<Exposed> seen_;  // sets of kWays
  bool stop_ = false;
  std::condition_variable filled_;

  std::thread thread_;
};

}  // namespace upswing::evaluation
