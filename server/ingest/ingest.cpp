#include "server/ingest/ingest.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "sdk/wire/protocol.hpp"
#include "sdk/wire/time.hpp"
#include "server/ingest/convert.hpp"

namespace upswing::ingest {
namespace {

// Waiting for the next commit pays as long as a commit takes; a queue of this many is not drained
// by one commit, so that its answers do not wait for each other.
constexpr std::size_t kBatchesPerCommit = 512;
constexpr std::size_t kBytesPerCommit = 8 << 20;
constexpr int kRetryBusySeconds = 1;
constexpr int kRetryBacklogSeconds = 5;
constexpr std::size_t kOffsets = 200'000;

std::string EscapeJson(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
  }
  return out;
}

// RFC 9457.
IngestResponse Problem(int status, std::string_view title, std::string_view detail) {
  IngestResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = absl::StrCat("{\"title\":\"", EscapeJson(title), "\",\"status\":", status,
                               ",\"detail\":\"", EscapeJson(detail), "\"}");
  return response;
}

IngestResponse Later(int status, int seconds, std::string_view title, std::string_view detail) {
  IngestResponse response = Problem(status, title, detail);
  response.headers.emplace_back(wire::kRetryAfterHeader, absl::StrCat(seconds));
  return response;
}

IngestResponse Busy() {
  return Later(429, kRetryBusySeconds, "too many batches in flight",
               "the disk is behind; send again after Retry-After");
}

struct Work {
  store::LandingBatch landing;
  std::string id;
  std::size_t body_bytes = 0;
  std::size_t held_bytes = 0;  // its part of pending_bytes_
  wire::Answer answer;
  std::function<void(IngestResponse)> done;
};

// Everything one decoding thread uses again and again.
struct Scratch {
  wire::Decoder decoder;
  wire::Batch batch;
  store::Records records;
  ConvertScratch convert;
};

struct OffsetKey {
  std::uint64_t epoch_hi, epoch_lo, boot_id;
  bool operator==(const OffsetKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const OffsetKey& key) {
    return H::combine(std::move(h), key.epoch_hi, key.epoch_lo, key.boot_id);
  }
};

std::vector<store::ClientCount> CountsOf(const wire::Batch& batch) {
  using Kind = store::ClientCount::Kind;
  std::vector<store::ClientCount> counts;
  counts.reserve(batch.decisions.size() + batch.dropped_exposures.size() +
                 batch.dropped_events.size());
  const auto text = [&](std::uint32_t index) { return std::string(batch.strings[index]); };
  for (const wire::DecisionCounter& row : batch.decisions)
    counts.push_back({Kind::kDecisions,
                      text(row.experiment),
                      text(row.variant),
                      0,
                      {row.evaluated, row.exposed, row.queued}});
  for (const wire::DroppedExposures& row : batch.dropped_exposures)
    counts.push_back({Kind::kDroppedExposures,
                      text(row.experiment),
                      text(row.variant),
                      row.reason,
                      {row.count, 0, 0}});
  for (const wire::DroppedEvents& row : batch.dropped_events)
    counts.push_back({Kind::kDroppedEvents, text(row.name), "", row.reason, {row.count, 0, 0}});
  return counts;
}

// A few bytes of body can name the same long names in thousands of rows.
std::size_t BytesOf(const std::vector<store::ClientCount>& counts) {
  std::size_t bytes = counts.size() * sizeof(store::ClientCount);
  for (const store::ClientCount& count : counts) bytes += count.name.size() + count.variant.size();
  return bytes;
}

class IngestImpl : public Ingest {
 public:
  IngestImpl(store::EventStore* store, const store::UnitHasher* hasher, const port::Clock* clock,
             IngestOptions options)
      : store_(store), hasher_(hasher), clock_(clock), options_(std::move(options)) {
    committer_ = std::thread([this] { CommitLoop(); });
  }
  ~IngestImpl() override { Stop(); }

  void Submit(const IngestHeaders& headers, std::string_view body,
              std::function<void(IngestResponse)> done) override;
  void Stop() override;
  IngestStats Stats() const override;
  Recheck RecheckOf(std::string_view experiment) const override;

 private:
  // The work to queue, or the refusal.
  std::optional<IngestResponse> Decode(const IngestHeaders& headers, std::string_view body,
                                       Scratch* scratch, Work* work);
  std::optional<IngestResponse> Admit(Work* work);
  // Counts what is kept of the batch until its commit, or refuses it.
  std::optional<IngestResponse> Hold(std::size_t bytes, Work* work);
  void LetGo(std::size_t batches, std::size_t bytes);
  absl::StatusOr<std::int64_t> Offset(const wire::BatchHeader& header, std::string_view sent_at,
                                      std::int64_t receive_ms);
  void CheckVariants(const wire::Batch& batch);
  void CommitLoop();
  void Commit(std::vector<Work>* work);

  store::EventStore* store_;
  const store::UnitHasher* hasher_;
  const port::Clock* clock_;
  const IngestOptions options_;

  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Work> queue_;           // guarded by mutex_
  std::size_t pending_bytes_ = 0;    // guarded by mutex_; queued or being committed
  std::size_t pending_batches_ = 0;  // guarded by mutex_
  bool stopped_ = false;             // guarded by mutex_

  std::mutex offsets_mutex_;
  absl::flat_hash_map<OffsetKey, std::int64_t> offsets_;  // guarded by offsets_mutex_

  mutable std::mutex rechecks_mutex_;
  std::map<std::string, Recheck, std::less<>> rechecks_;  // guarded by rechecks_mutex_

  std::atomic<std::uint32_t> exposures_seen_{0};
  std::atomic<std::int64_t> batches_{0}, duplicates_{0}, conflicts_{0}, records_{0}, rejected_{0},
      refused_{0}, commits_{0}, reevaluated_{0}, disagreements_{0}, body_bytes_{0};
  std::thread committer_;
};

std::optional<IngestResponse> IngestImpl::Admit(Work* work) {
  if (store_->BacklogBytes() > options_.backlog_bytes)
    return Later(503, kRetryBacklogSeconds, "compaction is behind",
                 "too much waits to be compacted; send again after Retry-After");
  {
    const std::lock_guard lock(mutex_);
    if (stopped_)
      return Later(503, kRetryBusySeconds, "shutting down", "send again to the next server");
    if (pending_batches_ >= options_.pending_batches) return Busy();
    ++pending_batches_;
  }
  std::optional<IngestResponse> refusal = Hold(work->body_bytes, work);
  if (refusal.has_value()) LetGo(1, 0);
  return refusal;
}

std::optional<IngestResponse> IngestImpl::Hold(std::size_t bytes, Work* work) {
  const std::lock_guard lock(mutex_);
  // A batch larger than all that may be pending goes alone.
  if (pending_bytes_ + bytes > std::max(options_.pending_bytes, work->held_bytes + bytes))
    return Busy();
  pending_bytes_ += bytes;
  work->held_bytes += bytes;
  return std::nullopt;
}

void IngestImpl::LetGo(std::size_t batches, std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    pending_batches_ -= batches;
    pending_bytes_ -= bytes;
    if (!stopped_) return;
  }
  filled_.notify_one();  // It may have waited for this one to end.
}

absl::StatusOr<std::int64_t> IngestImpl::Offset(const wire::BatchHeader& header,
                                                std::string_view sent_at, std::int64_t receive_ms) {
  const OffsetKey key{header.id.epoch_hi, header.id.epoch_lo, header.boot_id};
  {
    const std::lock_guard lock(offsets_mutex_);
    if (const auto found = offsets_.find(key); found != offsets_.end()) return found->second;
  }
  const absl::StatusOr<std::optional<std::int64_t>> stored =
      store_->BootOffset(key.epoch_hi, key.epoch_lo, key.boot_id);
  if (!stored.ok()) return stored.status();
  const std::int64_t offset =
      stored->value_or(wire::BootOffset(header, wire::ParseSentAt(sent_at), receive_ms));
  const std::lock_guard lock(offsets_mutex_);
  // A cache only: what is thrown away is read again from the store.
  if (offsets_.size() >= kOffsets) offsets_.clear();
  return offsets_.try_emplace(key, offset).first->second;
}

void IngestImpl::CheckVariants(const wire::Batch& batch) {
  if (!options_.reevaluate || options_.reevaluate_one_in == 0) return;
  const wire::ExposureColumns& x = batch.exposures;
  std::size_t problem = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    while (problem < batch.problems.size() && batch.problems[problem].record < i) ++problem;
    if (problem < batch.problems.size() && batch.problems[problem].record == i) continue;
    if (exposures_seen_.fetch_add(1, std::memory_order_relaxed) % options_.reevaluate_one_in != 0)
      continue;
    constexpr std::uint8_t kAssigned =
        0;  // upswing::Reason; the others are no plain function of the id
    if (x.reason[i] != kAssigned) continue;
    const std::uint32_t s = x.subject[i];
    for (std::uint32_t p = batch.subjects.first[s]; p < batch.subjects.first[s + 1]; ++p) {
      std::string variant;
      if (!options_.reevaluate(
              batch.strings[x.experiment[i]], batch.strings[batch.subjects.unit_type[p]],
              batch.strings[batch.subjects.unit_id[p]], x.catalog_version[i], &variant))
        continue;
      const bool agrees = variant == batch.strings[x.variant[i]];
      ++reevaluated_;
      if (!agrees) ++disagreements_;
      const std::lock_guard lock(rechecks_mutex_);
      Recheck& of = rechecks_[std::string(batch.strings[x.experiment[i]])];
      ++of.exposures;
      if (!agrees) ++of.disagreements;
      break;
    }
  }
}

std::optional<IngestResponse> IngestImpl::Decode(const IngestHeaders& headers,
                                                 std::string_view body, Scratch* scratch,
                                                 Work* work) {
  const std::optional<wire::BatchId> named = wire::ParseBatchId(headers.batch);
  if (named.has_value()) work->id = headers.batch;
  wire::Batch& batch = scratch->batch;
  const absl::Status decoded = scratch->decoder.Decode(body, options_.limits, &batch);
  if (!decoded.ok()) {
    const int status = absl::IsResourceExhausted(decoded) ? 413 : 400;
    return Problem(status, status == 413 ? "batch past a limit" : "not a batch",
                   std::string_view(decoded.message().data(), decoded.message().size()));
  }
  if (named.has_value() && *named != batch.header.id)
    return Problem(
        400, "batch id mismatch",
        absl::StrCat(base::ToAbsl(wire::kBatchHeader), " names ", base::ToAbsl(headers.batch),
                     ", the body is ", wire::FormatBatchId(batch.header.id)));
  work->id = wire::FormatBatchId(batch.header.id);
  if (batch.header.id.sequence == 0)
    return Problem(400, "not a batch", "sequence: must be at least 1");

  const std::int64_t receive_ms = clock_->WallMillis();
  const absl::StatusOr<std::int64_t> offset = Offset(batch.header, headers.sent_at, receive_ms);
  if (!offset.ok())
    return Later(503, kRetryBusySeconds, "store unavailable", "send again after Retry-After");
  ConvertContext context;
  context.hasher = hasher_;
  context.erased = store_;
  context.receive_ms = receive_ms;
  context.boot_offset = *offset;
  Convert(batch, context, &scratch->convert, &scratch->records);
  CheckVariants(batch);

  for (const wire::Problem& problem : batch.problems) {
    const std::string_view reason = wire::ProblemName(problem.kind);
    auto& ranges = work->answer.rejected;
    if (!ranges.empty() && ranges.back().reason == reason &&
        ranges.back().first + ranges.back().count == problem.record) {
      ++ranges.back().count;
    } else {
      ranges.push_back({problem.record, 1, std::string(reason)});
    }
  }
  work->answer.accepted = static_cast<std::uint32_t>(batch.records() - batch.problems.size());
  store::LandingBatch& landing = work->landing;
  landing.key = {batch.header.id.epoch_hi, batch.header.id.epoch_lo, batch.header.id.sequence};
  landing.ancestors = batch.header.ancestors;
  landing.checksum = base::Hash64(body);
  landing.received_ms = receive_ms;
  landing.records = static_cast<std::uint32_t>(scratch->records.size());
  landing.boot_id = batch.header.boot_id;
  landing.boot_offset = context.boot_offset;
  landing.counts = CountsOf(batch);
  landing.blob = store::EncodeRecords(scratch->records);
  return std::nullopt;
}

void IngestImpl::Submit(const IngestHeaders& headers, std::string_view body,
                        std::function<void(IngestResponse)> done) {
  Work work;
  work.body_bytes = body.size();
  std::optional<IngestResponse> refusal = Admit(&work);
  const bool admitted = !refusal.has_value();
  if (admitted) {
    thread_local Scratch scratch;
    refusal = Decode(headers, body, &scratch, &work);
    if (!refusal.has_value()) refusal = Hold(BytesOf(work.landing.counts), &work);
  }
  if (refusal.has_value()) {
    if (admitted) LetGo(1, work.held_bytes);
    ++refused_;
    // Only an answer that repeats the id is taken as ours.
    if (!work.id.empty()) {
      refusal->headers.emplace_back(wire::kBatchHeader, work.id);
    } else if (wire::ParseBatchId(headers.batch).has_value()) {
      refusal->headers.emplace_back(wire::kBatchHeader, headers.batch);
    }
    done(*std::move(refusal));
    return;
  }
  work.done = std::move(done);
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  filled_.notify_one();
}

void IngestImpl::CommitLoop() {
  std::vector<Work> work;
  for (;;) {
    work.clear();
    std::size_t bytes = 0;
    {
      std::unique_lock lock(mutex_);
      // What is admitted while this stops is still to come.
      filled_.wait(lock, [&] { return !queue_.empty() || (stopped_ && pending_batches_ == 0); });
      if (queue_.empty()) return;
      while (!queue_.empty() && work.size() < kBatchesPerCommit && bytes < kBytesPerCommit) {
        bytes += queue_.front().landing.blob.size();
        work.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    Commit(&work);
  }
}

void IngestImpl::Commit(std::vector<Work>* work) {
  std::vector<store::LandingBatch> batches;
  batches.reserve(work->size());
  std::size_t held_bytes = 0;
  for (Work& one : *work) {
    batches.push_back(std::move(one.landing));
    held_bytes += one.held_bytes;
  }
  const absl::StatusOr<std::vector<store::LandingOutcome>> outcomes =
      store_->Land(absl::MakeSpan(batches));
  ++commits_;
  LetGo(work->size(), held_bytes);
  for (std::size_t i = 0; i < work->size(); ++i) {
    Work& one = (*work)[i];
    IngestResponse response;
    if (!outcomes.ok()) {
      ++refused_;
      const bool full = absl::IsResourceExhausted(outcomes.status());
      response =
          Later(503, kRetryBacklogSeconds, full ? "the server's disk is full" : "store unavailable",
                "nothing of this batch was stored; send again after Retry-After");
    } else {
      response.status = 200;
      switch ((*outcomes)[i]) {
        case store::LandingOutcome::kStored:
          ++batches_;
          records_ += batches[i].records;
          for (const wire::RejectedRange& range : one.answer.rejected) rejected_ += range.count;
          body_bytes_ += static_cast<std::int64_t>(one.body_bytes);
          break;
        case store::LandingOutcome::kDuplicate:
          ++duplicates_;
          one.answer = {};
          one.answer.duplicate = true;
          break;
        case store::LandingOutcome::kConflict:
          ++conflicts_;
          one.answer = {};
          one.answer.conflict = true;
          break;
        case store::LandingOutcome::kSplit:
          ++duplicates_;
          response.status = 413;
          one.answer = {};
          break;
      }
      response.body = wire::FormatAnswer(one.answer);
    }
    response.headers.emplace_back(wire::kBatchHeader, one.id);
    one.done(std::move(response));
  }
}

void IngestImpl::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  filled_.notify_all();
  if (committer_.joinable()) committer_.join();
}

IngestStats IngestImpl::Stats() const {
  return {batches_, duplicates_, conflicts_,   records_,       rejected_,
          refused_, commits_,    reevaluated_, disagreements_, body_bytes_};
}

Recheck IngestImpl::RecheckOf(std::string_view experiment) const {
  const std::lock_guard lock(rechecks_mutex_);
  const auto found = rechecks_.find(experiment);
  return found == rechecks_.end() ? Recheck() : found->second;
}

}  // namespace

std::unique_ptr<Ingest> Ingest::Create(store::EventStore* store, const store::UnitHasher* hasher,
                                       const port::Clock* clock, IngestOptions options) {
  return std::make_unique<IngestImpl>(store, hasher, clock, std::move(options));
}

}  // namespace upswing::ingest
