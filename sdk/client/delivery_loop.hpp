#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>

#include "platform/port/clock.hpp"
#include "platform/port/entropy.hpp"
#include "sdk/events/counters.hpp"
#include "sdk/events/spool.hpp"
#include "sdk/transport/backoff.hpp"
#include "sdk/transport/batch_sender.hpp"

namespace upswing::client {

/// Sends what the spool holds, oldest first, one batch at a time, and does with each answer what
/// the protocol says. One thread calls `Step`; any thread may call the rest.
class DeliveryLoop {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  DeliveryLoop(std::int64_t max_backoff_ms, events::Spool* spool, events::Counters* counters,
               transport::BatchSender* sender, const port::Clock* clock, port::Entropy* entropy);

  void SetEndpoint(transport::Endpoint endpoint);
  transport::Endpoint endpoint() const;
  /// Ends the pause after 401 or 403.
  void SetApiKey(std::string_view api_key);

  /// Makes one attempt if one is due. Returns the boot time in milliseconds at which to call again:
  /// at once while batches wait, later after a failure, `kNever` when there is nothing to send or
  /// the key was refused.
  std::int64_t Step();

  /// Forgets the pause that this device chose after failures, not one that the server asked for.
  void RetryNow();

  struct Totals {
    std::uint64_t attempts = 0;
    std::uint64_t acknowledged_batches = 0;
    std::uint64_t acknowledged_records = 0;
    std::uint64_t retries = 0;
    std::uint64_t bytes = 0;
  };
  Totals totals() const;
  absl::Status last_error() const;
  /// From `Upswing-Flush-Interval` of the last answer, in milliseconds; 0 = none.
  std::int64_t flush_interval_ms() const {
    return flush_interval_ms_.load(std::memory_order_relaxed);
  }
  bool unauthorized() const;

 private:
  void Settle(const events::Spool::Batch& batch, const transport::SendResult& result);
  void Delivered(const events::Spool::Batch& batch, const wire::Answer& answer);
  void Split(const events::Spool::Batch& batch);
  void Rename(const events::Spool::Batch& batch);

  events::Spool* const spool_;
  events::Counters* const counters_;
  transport::BatchSender* const sender_;
  const port::Clock* const clock_;
  port::Entropy* const entropy_;
  std::atomic<std::int64_t> flush_interval_ms_{0};

  mutable std::mutex mutex_;  // all below
  transport::Endpoint endpoint_;
  transport::Backoff backoff_;
  std::int64_t retry_at_ms_ = 0;         // chosen by us
  std::int64_t server_pause_until_ = 0;  // asked for by the server
  bool unauthorized_ = false;
  Totals totals_;
  absl::Status last_error_;
};

}  // namespace upswing::client
