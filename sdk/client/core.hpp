#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sdk/assignment/evaluate.hpp"
#include "sdk/client/catalog_keeper.hpp"
#include "sdk/client/catalog_watch.hpp"
#include "sdk/client/decision_counters.hpp"
#include "sdk/client/delivery_loop.hpp"
#include "sdk/client/exposure_memory.hpp"
#include "sdk/client/platform.hpp"
#include "sdk/client/sticky_store.hpp"
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
  /// `options` have passed `CheckOptions`.
  static std::unique_ptr<Core> Create(ClientOptions options, const Platform& platform);
  ~Core();

  Decision Decide(std::string_view experiment, const Subject& subject) const;
  Decision Decide(const KeyHandle& experiment, const Subject& subject) const;
  Decision DecideFlag(std::string_view flag, const Subject& subject) const;
  Decision DecideFlag(const KeyHandle& flag, const Subject& subject) const;
  void DecideAll(const Subject& subject, std::vector<Decision>& decisions) const;
  std::string Explain(std::string_view key, const Subject& subject) const;
  void Expose(const Decision& decision, const Subject& subject,
              std::optional<std::chrono::system_clock::time_point> time = {});
  void Track(const Subject& subject, std::string_view name, double value,
             std::span<const Property> properties, const TrackOptions& options);

  FlushResult Flush(std::chrono::milliseconds timeout);
  FlushResult Close(std::chrono::milliseconds timeout);
  void NetworkBack();
  void SetNetwork(Network network);
  void SetConsent(Consent consent);
  void SetApiKey(std::string_view api_key);
  /// Puts in force what `ApplyPolicy` holds back. True if there was something.
  bool Activate();
  void Purge();
  ClientStats Stats() const;
  CatalogKeeper& catalog() { return catalog_; }

  /// `posix::ForkGeneration` of the process this client works in.
  std::uint32_t generation() const { return generation_; }

  /// For the child of a fork: a client like this one, with the catalog that is in force, but with a
  /// queue and a spool folder of its own. Touches no lock of this object, since a thread that is
  /// gone may hold it; so this object must never be destroyed.
  std::unique_ptr<Core> Renew() const;

 private:
  Core(ClientOptions options, const Platform& platform);
  assignment::Environment Environment(const catalog::Snapshot& snapshot) const;
  template <class Key>
  Decision DecideBy(const Key& experiment, const Subject& subject) const;
  template <class Key>
  Decision DecideFlagBy(const Key& flag, const Subject& subject) const;
  void Start();
  std::unique_ptr<Transport> MakeTransport() const;
  void StartThreads();
  void StopThreads();
  void OpenSpool();
  void PurgeStorage();
  void LoadSticky();
  void KeepSticky(const Decision& decision, const Subject& subject);

  void FormerLoop();
  void SenderLoop();
  std::int64_t PollCatalog();
  /// Boot time until which the network's state holds sending back; 0 = it does not.
  std::int64_t HeldUntil() const;
  port::NetworkState NetworkState() const;
  std::int64_t Send();
  void SendNow();
  std::size_t FormNow();
  void WakeFormer();
  void WakeSender();
  void Log(LogLevel level, std::string_view message) const;

  enum class Exposed { kRepeat, kQueued, kDropped };
  wire::RecordTime RecordTime(
      const std::optional<std::chrono::system_clock::time_point>& time) const;
  Exposed Expose(const Subject& subject, events::QueuedExposure exposure, std::uint64_t who,
                 std::uint64_t what);
  void RecordQueued();
  /// Records that came since the former last looked.
  std::uint64_t waiting() const;
  bool MayFetch() const {
    return consent() == Consent::kGranted || options_.catalog.fetch_without_consent;
  }
  Consent consent() const { return consent_.load(std::memory_order_relaxed); }

  /// Variants that `ClientOptions::overrides` forces.
  class Overrides;

  ClientOptions options_;
  const Platform platform_;
  const std::uint32_t generation_;
  std::unique_ptr<Overrides> overrides_;  // null if none
  std::shared_ptr<Transport> transport_;
  events::Counters counters_;
  events::LaneQueue exposure_queue_;
  events::LaneQueue event_queue_;
  events::Spool spool_;
  events::Batcher batcher_;
  transport::BatchSender batch_sender_;
  DeliveryLoop delivery_;
  ExposureMemory exposure_memory_;
  DecisionCounters decision_counters_;
  CatalogKeeper catalog_;
  StickyStore sticky_;                   // after catalog_, whose interner it uses
  std::unique_ptr<CatalogWatch> watch_;  // null unless asked for

  std::atomic<Consent> consent_;
  const std::uint64_t look_around_mask_;  // a power of two less one, an eighth of a batch at most
  std::atomic<bool> closed_{false};
  /// Whether assignments that were kept decide. Not before the file was read.
  enum class Sticky : std::uint8_t { kUnread, kHeldBack, kInForce };
  std::atomic<Sticky> sticky_state_{Sticky::kUnread};
  /// What callers count. Each thread counts in one of a few, so that they do not fight for a line.
  struct alignas(64) Arrivals {
    std::atomic<std::uint64_t> queued{0};  // records the queue has taken
    std::atomic<std::uint64_t> looked{0};  // of them, those from before the former last looked
    std::atomic<std::uint64_t> deduplicated{0};
  };
  std::array<Arrivals, 8> arrivals_;
  Arrivals& own_arrivals();
  std::atomic<std::uint64_t> batched_{0};

  std::atomic<std::int64_t> next_poll_ms_{0};  // boot clock; of the sender, reset by NetworkBack
  std::atomic<Network> network_{Network::kUnknown};
  std::atomic<bool> send_anyway_{false};     // whatever the network is said to be; asked for
  bool burst_sent_ = false;                  // of the sender
  bool burst_anyway_ = false;                // of the sender
  std::optional<std::int64_t> burst_ended_;  // boot clock; of the sender

  std::mutex form_mutex_;      // one at a time forms batches; protects batcher_
  bool spool_open_ = false;    // under form_mutex_
  bool spool_purged_ = false;  // under form_mutex_

  mutable std::mutex mutex_;  // all below
  std::condition_variable former_wake_;
  std::condition_variable sender_wake_;
  std::condition_variable progress_;  // the sender has finished a step
  bool stop_ = false;
  bool former_signal_ = false;
  bool sender_signal_ = false;
  std::uint64_t steps_ = 0;
  std::thread former_;
  std::thread sender_;
};

}  // namespace upswing::client
