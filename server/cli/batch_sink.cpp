#include "server/cli/batch_sink.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/posix/posix_clock.hpp"
#include "sdk/transport/batch_sender.hpp"
#include "sdk/transport/curl_transport.hpp"
#include "server/cli/patience.hpp"
#include "server/cli/remote.hpp"
#include "server/ingest/ingest.hpp"

namespace upswing::cli {
namespace {

constexpr int kConnections = 2;
constexpr std::size_t kWaiting = 8;
// A store in this process that is behind says so; it is asked again this often, for this long.
constexpr auto kBehindPause = std::chrono::milliseconds(50);
constexpr auto kBehindAtMost = std::chrono::minutes(10);

void Count(const importer::Batch& batch, const wire::Answer& answer, SinkTotals* totals) {
  ++totals->batches;
  totals->bytes += static_cast<std::int64_t>(batch.bytes.size());
  totals->records += answer.accepted;
  // A conflict is the same data formed by another version of this program: it is stored already.
  if (answer.duplicate || answer.conflict) ++totals->duplicates;
  for (const wire::RejectedRange& range : answer.rejected) {
    if (totals->rejected == 0) totals->first_rejection = range.reason;
    totals->rejected += range.count;
  }
}

class HttpSink final : public BatchSink {
 public:
  HttpSink(transport::Endpoint endpoint, std::vector<std::unique_ptr<Transport>> transports)
      : endpoint_(std::move(endpoint)), transports_(std::move(transports)) {
    for (const auto& transport : transports_)
      threads_.emplace_back([this, t = transport.get()] { Work(t); });
  }

  ~HttpSink() override { Join(absl::CancelledError("cancelled")); }

  absl::Status Put(importer::Batch batch) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_.size() < kWaiting || !status_.ok(); });
    if (!status_.ok()) return status_;
    waiting_.push_back(std::move(batch));
    changed_.notify_all();
    return absl::OkStatus();
  }

  absl::StatusOr<SinkTotals> Finish() override {
    Join(absl::OkStatus());
    if (!status_.ok()) return status_;
    return totals_;
  }

 private:
  void Join(absl::Status status) {
    {
      const std::lock_guard lock(mutex_);
      if (status_.ok()) status_ = std::move(status);
      closed_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  void Work(Transport* transport) {
    transport::BatchSender sender(transport, &clock_);
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !waiting_.empty() || closed_ || !status_.ok(); });
      if (!status_.ok() || waiting_.empty()) return;
      const importer::Batch batch = std::move(waiting_.front());
      waiting_.pop_front();
      changed_.notify_all();
      lock.unlock();
      const absl::StatusOr<wire::Answer> answer = Deliver(&sender, batch);
      lock.lock();
      if (answer.ok()) {
        Count(batch, *answer, &totals_);
      } else if (status_.ok()) {
        status_ = answer.status();
      }
      changed_.notify_all();
    }
  }

  absl::StatusOr<wire::Answer> Deliver(transport::BatchSender* sender,
                                       const importer::Batch& batch) {
    Patience patience;
    for (;;) {
      transport::SendResult result = sender->Send(endpoint_, batch.id, batch.bytes);
      if (result.verdict == transport::Verdict::kDelivered) return result.answer;
      const std::string why(result.error.message());
      if (result.verdict != transport::Verdict::kRetry) {
        return absl::FailedPreconditionError(absl::StrCat(
            endpoint_.server_url, ": batch ", batch.id.sequence, " was refused: ", why));
      }
      const auto pause = patience.NextPause(std::chrono::seconds(result.retry_after_s.value_or(0)));
      if (!pause) {
        return absl::UnavailableError(
            absl::StrCat(endpoint_.server_url, ": gave up after ten minutes: ", why));
      }
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, *pause, [this] { return !status_.ok(); })) return status_;
    }
  }

  const transport::Endpoint endpoint_;
  const std::vector<std::unique_ptr<Transport>> transports_;
  posix::PosixClock clock_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;      // with mutex_
  std::deque<importer::Batch> waiting_;  // with mutex_
  bool closed_ = false;                  // with mutex_
  absl::Status status_;                  // with mutex_
  SinkTotals totals_;                    // with mutex_
};

class IngestSink final : public BatchSink {
 public:
  explicit IngestSink(ingest::Ingest* ingest) : ingest_(ingest) {}
  ~IngestSink() override { Wait(0); }

  absl::Status Put(importer::Batch batch) override {
    Wait(kWaiting);
    {
      const std::lock_guard lock(mutex_);
      if (!status_.ok()) return status_;
      ++under_way_;
    }
    Submit(std::make_shared<const importer::Batch>(std::move(batch)));
    return absl::OkStatus();
  }

  absl::StatusOr<SinkTotals> Finish() override {
    Wait(0);
    const std::lock_guard lock(mutex_);
    if (!status_.ok()) return status_;
    return totals_;
  }

 private:
  using Held = std::shared_ptr<const importer::Batch>;

  void Submit(const Held& held) {
    const wire::SentAt sent_at{clock_.WallMillis() + held->clock_error_ms, clock_.BootMillis(),
                               clock_.BootId()};
    const std::string sent = wire::FormatSentAt(sent_at);
    const std::string id = wire::FormatBatchId(held->id);
    ingest_->Submit({.sent_at = sent, .batch = id}, held->bytes,
                    [this, held](ingest::IngestResponse response) { Done(held, response); });
  }

  void Done(const Held& held, const ingest::IngestResponse& response) {
    const std::lock_guard lock(mutex_);
    const std::optional<wire::Answer> answer =
        response.status == 200 ? wire::ParseAnswer(response.body) : std::nullopt;
    const auto now = std::chrono::steady_clock::now();
    const bool later = response.status == 503 || response.status == 429;
    if (later && status_.ok() && now <= last_success_ + kBehindAtMost) {
      again_.push_back(held);
    } else {
      --under_way_;
      if (answer) {
        last_success_ = now;
        Count(*held, *answer, &totals_);
      } else if (status_.ok()) {
        status_ = absl::UnavailableError(
            absl::StrCat("batch ", held->id.sequence, " could not be stored: ", response.body));
      }
    }
    changed_.notify_all();
  }

  // Until at most so many are under way, and none is to be submitted again.
  void Wait(std::size_t most) {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return under_way_ <= most || !again_.empty(); });
      if (again_.empty()) return;
      const std::vector<Held> again = std::move(again_);
      again_.clear();
      lock.unlock();
      std::this_thread::sleep_for(kBehindPause);
      for (const Held& held : again) Submit(held);
      lock.lock();
    }
  }

  ingest::Ingest* ingest_;
  posix::PosixClock clock_;
  std::mutex mutex_;
  std::condition_variable changed_;  // with mutex_
  std::size_t under_way_ = 0;        // with mutex_; those of `again_` count
  std::vector<Held> again_;          // with mutex_: refused for now
  std::chrono::steady_clock::time_point last_success_ =
      std::chrono::steady_clock::now();  // with mutex_
  absl::Status status_;                  // with mutex_
  SinkTotals totals_;                    // with mutex_
};

}  // namespace

std::unique_ptr<BatchSink> SendTo(const std::string& server_url, const std::string& api_key) {
  std::vector<std::unique_ptr<Transport>> transports;
  for (int i = 0; i < kConnections; ++i) {
    transports.push_back(transport::MakeCurlTransport(
        {.ca_bundle_path = TrustedAuthorities(), .user_agent = "upswing-import"}));
  }
  return std::make_unique<HttpSink>(
      transport::Endpoint{.server_url = server_url, .api_key = api_key}, std::move(transports));
}

std::unique_ptr<BatchSink> StoreWith(ingest::Ingest* ingest) {
  return std::make_unique<IngestSink>(ingest);
}

}  // namespace upswing::cli
