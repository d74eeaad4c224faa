#include "sdk/client/delivery_loop.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "sdk/wire/split.hpp"

namespace upswing::client {
namespace {

events::Spool::Batch Part(const events::BatchInfo& whole, wire::Part part) {
  events::Spool::Batch batch;
  batch.info = whole;
  batch.info.id = part.id;
  batch.info.exposures = part.exposures;
  batch.info.events = part.events;
  batch.bytes = std::move(part.bytes);
  return batch;
}

}  // namespace

DeliveryLoop::DeliveryLoop(std::int64_t max_backoff_ms, events::Spool* spool,
                           events::Counters* counters, transport::BatchSender* sender,
                           const port::Clock* clock, port::Entropy* entropy)
    : spool_(spool),
      counters_(counters),
      sender_(sender),
      clock_(clock),
      entropy_(entropy),
      backoff_(max_backoff_ms) {}

void DeliveryLoop::SetEndpoint(transport::Endpoint endpoint) {
  const std::lock_guard lock(mutex_);
  endpoint_ = std::move(endpoint);
}

transport::Endpoint DeliveryLoop::endpoint() const {
  const std::lock_guard lock(mutex_);
  return endpoint_;
}

void DeliveryLoop::SetApiKey(std::string_view api_key) {
  const std::lock_guard lock(mutex_);
  if (endpoint_.api_key == api_key) return;
  endpoint_.api_key = api_key;
  unauthorized_ = false;
}

void DeliveryLoop::RetryNow() {
  const std::lock_guard lock(mutex_);
  retry_at_ms_ = 0;
}

std::int64_t DeliveryLoop::Step() {
  transport::Endpoint endpoint;
  {
    const std::lock_guard lock(mutex_);
    if (unauthorized_ || endpoint_.server_url.empty()) return kNever;
    const std::int64_t due = std::max(retry_at_ms_, server_pause_until_);
    if (clock_->BootMillis() < due) return due;
    endpoint = endpoint_;
  }
  const std::optional<events::Spool::Batch> batch = spool_->Front();
  if (!batch) return kNever;
  const transport::SendResult result = sender_->Send(endpoint, batch->info.id, batch->bytes);
  Settle(*batch, result);
  const std::lock_guard lock(mutex_);
  if (unauthorized_) return kNever;
  return std::max({retry_at_ms_, server_pause_until_, clock_->BootMillis()});
}

void DeliveryLoop::Settle(const events::Spool::Batch& batch, const transport::SendResult& result) {
  using transport::Verdict;
  switch (result.verdict) {
    case Verdict::kDelivered:
      Delivered(batch, result.answer);
      break;
    case Verdict::kSplit:
      Split(batch);
      break;
    case Verdict::kRefused:
      counters_->DropBatch(batch.bytes, wire::DropReason::kRejected, batch.info.exposures,
                           batch.info.events);
      spool_->SetAside(batch.info.id);
      break;
    case Verdict::kUnauthorized:
    case Verdict::kRetry:
      break;
  }
  const std::int64_t now = clock_->BootMillis();
  const std::lock_guard lock(mutex_);
  ++totals_.attempts;
  totals_.bytes += batch.bytes.size();
  if (!result.error.ok()) last_error_ = result.error;
  unauthorized_ = result.verdict == Verdict::kUnauthorized;
  if (result.verdict == Verdict::kDelivered) {
    ++totals_.acknowledged_batches;
    flush_interval_ms_.store(result.flush_interval_s.value_or(0) * 1000, std::memory_order_relaxed);
  }
  if (result.verdict == Verdict::kRetry) {
    ++totals_.retries;
    retry_at_ms_ = now + backoff_.NextMillis(entropy_->Next64());
    if (result.retry_after_s) server_pause_until_ = now + *result.retry_after_s * 1000;
  } else {
    backoff_.Reset();
    retry_at_ms_ = 0;
  }
  if (result.pause_s) server_pause_until_ = now + *result.pause_s * 1000;
}

void DeliveryLoop::Delivered(const events::Spool::Batch& batch, const wire::Answer& answer) {
  if (answer.conflict) return Rename(batch);
  std::uint64_t acknowledged = batch.info.exposures + batch.info.events;
  if (!answer.rejected.empty()) {
    wire::Decoder decoder;
    wire::Batch decoded;
    if (decoder.Decode(batch.bytes, wire::Limits{}, &decoded).ok()) {
      for (const wire::RejectedRange& range : answer.rejected) {
        counters_->DropRange(decoded, range.first, range.count, wire::DropReason::kRejected);
        acknowledged -= std::min<std::uint64_t>(acknowledged, range.count);
      }
    }
  }
  {
    const std::lock_guard lock(mutex_);
    totals_.acknowledged_records += acknowledged;
  }
  spool_->Remove(batch.info.id);
}

void DeliveryLoop::Split(const events::Spool::Batch& batch) {
  absl::StatusOr<std::vector<wire::Part>> halves = wire::SplitBatch(batch.bytes);
  if (!halves.ok()) {
    counters_->DropBatch(batch.bytes, wire::DropReason::kTooLarge, batch.info.exposures,
                         batch.info.events);
    return spool_->Remove(batch.info.id);
  }
  std::vector<events::Spool::Batch> parts;
  for (wire::Part& half : *halves) parts.push_back(Part(batch.info, std::move(half)));
  spool_->Replace(batch.info.id, parts);
}

void DeliveryLoop::Rename(const events::Spool::Batch& batch) {
  // A clone of this device has used the id for other records. Ours were not stored, so they go
  // again under an id of an epoch that nobody else can have.
  absl::StatusOr<wire::Part> renamed =
      wire::RenameBatch(batch.bytes, {entropy_->Next64(), entropy_->Next64(), 1});
  if (!renamed.ok()) {
    counters_->DropBatch(batch.bytes, wire::DropReason::kConflict, batch.info.exposures,
                         batch.info.events);
    return spool_->Remove(batch.info.id);
  }
  spool_->Replace(batch.info.id, {Part(batch.info, *std::move(renamed))});
}

DeliveryLoop::Totals DeliveryLoop::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

absl::Status DeliveryLoop::last_error() const {
  const std::lock_guard lock(mutex_);
  // A copy of its own: the count of a shared one is kept in Abseil's library, where a race detector
  // does not look.
  return absl::Status(last_error_.code(), last_error_.message());
}

bool DeliveryLoop::unauthorized() const {
  const std::lock_guard lock(mutex_);
  return unauthorized_;
}

}  // namespace upswing::client
