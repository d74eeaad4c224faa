#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "sdk/assignment/evaluate.hpp"
#include "sdk/client/catalog_keeper.hpp"
#include "sdk/client/delivery_loop.hpp"
#include "sdk/client/exposure_memory.hpp"
#include "sdk/client/platform.hpp"
#include "sdk/events/batcher.hpp"
#include "sdk/events/counters.hpp"
#include "sdk/events/lane_queue.hpp"
#include "sdk/events/spool.hpp"
#include "upswing/client.hpp"
#include "upswing/options.hpp"
#include "upswing/stats.hpp"

namespace upswing::client {

/// One client within one process: wires the layers and owns two threads. The *former* takes records
/// from the queue to the spool; the *sender* takes batches to the server and polls the catalog, so
/// that a slow network never keeps records from the disk.
class Core {
 public:
  static absl::StatusOr<std::unique_ptr<Core>> Create(ClientOptions options,
                                                      const Platform& platform);
  ~Core();

  Decision Decide(std::string_view experiment, const Subject& subject) const;
  Decision DecideFlag(std::string_view flag, const Subject& subject) const;
  void Expose(const Decision& decision, const Subject& subject);
  void Track(const Subject& subject, std::string_view name, double value,
             std::span<const Property> properties, const TrackOptions& options);

  FlushResult Flush(std::chrono::milliseconds timeout);
  FlushResult Close(std::chrono::milliseconds timeout);
  void NetworkBack();
  void SetConsent(Consent consent);
  void SetApiKey(std::string_view api_key);
  void Purge();
  ClientStats Stats() const;
  CatalogKeeper& catalog() { return catalog_; }
  const ClientOptions& options() const { return options_; }

 private:
  Core(ClientOptions options, const Platform& platform);
  absl::Status Start();
  void StartThreads();
  void StopThreads();
  void OpenSpool();

  void FormerLoop();
  void SenderLoop();
  std::int64_t PollCatalog();
  std::size_t FormNow();
  void WakeFormer();
  void WakeSender();
  void Log(LogLevel level, std::string_view message) const;

  bool Expose(const Subject& subject, events::QueuedExposure exposure, std::uint64_t who,
              std::uint64_t what);
  void RecordQueued();
  Consent consent() const { return consent_.load(std::memory_order_relaxed); }

  ClientOptions options_;
  const Platform platform_;
  std::shared_ptr<Transport> transport_;
  events::Counters counters_;
  events::LaneQueue exposure_queue_;
  events::LaneQueue event_queue_;
  events::Spool spool_;
  events::Batcher batcher_;
  transport::BatchSender batch_sender_;
  DeliveryLoop delivery_;
  ExposureMemory exposure_memory_;
  CatalogKeeper catalog_;

  std::atomic<Consent> consent_;
  std::atomic<bool> closed_{false};
  std::atomic<std::uint32_t> waiting_{0};  // records since the former last looked
  std::atomic<std::uint64_t> queued_{0};
  std::atomic<std::uint64_t> deduplicated_{0};
  std::atomic<std::uint64_t> batched_{0};

  std::mutex form_mutex_;    // one at a time forms batches; protects batcher_
  bool spool_open_ = false;  // under form_mutex_

  mutable std::mutex mutex_;  // all below
  std::condition_variable former_wake_;
  std::condition_variable sender_wake_;
  std::condition_variable progress_;  // the sender has finished a step
  bool stop_ = false;
  bool former_signal_ = false;
  bool sender_signal_ = false;
  std::uint64_t steps_ = 0;
  std::int64_t next_poll_ms_ = 0;
  std::thread former_;
  std::thread sender_;
};

}  // namespace upswing::client
