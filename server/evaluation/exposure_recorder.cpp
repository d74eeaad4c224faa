#include "server/evaluation/exposure_recorder.hpp"

#include <sys/resource.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "sdk/wire/protocol.hpp"
#include "upswing/version.hpp"

namespace upswing::evaluation {
namespace {

constexpr std::size_t kBatchRecords = 1000;
// Beyond, whoever records makes the batch; far below what one batch may have.
constexpr std::size_t kMostRecords = 20'000;
// Of the zstd frame, which goes from hand to hand within the process.
constexpr int kLevel = -5;
// Of the thread that makes batches: answers go before. Because a thread that has just woken may
// still get the processor before one that has served for long, and keep it until the next tick of
// the clock, it also yields between the steps of its work, each of which takes some tenths of a
// millisecond. What it locks together with them it holds for the exchange of a pointer.
constexpr int kSenderNice = 10;

// Units and experiments remembered: a set is found by hash, and its oldest entry gives way. 6 MiB,
// taken at once, because a table that grows or is cleared holds up requests when it does.
constexpr std::size_t kSets = 65'536;
constexpr std::size_t kWays = 4;

}  // namespace

ExposureRecorder::ExposureRecorder(ingest::Ingest* ingest, const port::Clock* clock,
                                   port::Entropy* entropy)
    : ingest_(ingest),
      clock_(clock),
      sending_(std::make_unique<wire::Encoder>()),
      next_{entropy->Next64(), entropy->Next64(), 1},
      encoder_(std::make_unique<wire::Encoder>()),
      seen_(kSets * kWays),
      thread_([this] { Loop(); }) {}

ExposureRecorder::~ExposureRecorder() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  filled_.notify_one();
  thread_.join();
  Flush();
}

void ExposureRecorder::Loop() {
  setpriority(PRIO_PROCESS, 0, kSenderNice);  // Linux: 0 is the calling thread.
  std::unique_lock lock(mutex_);
  for (;;) {
    filled_.wait(lock, [this] { return stop_ || encoder_->records() >= kBatchRecords; });
    if (stop_) return;
    lock.unlock();
    Flush();
    std::this_thread::yield();
    lock.lock();
  }
}

void ExposureRecorder::Record(const Decision& decision, const Subject& subject) {
  if (decision.unit_index >= subject.units().size()) return;
  std::size_t waiting = 0;
  {
    const std::lock_guard lock(mutex_);
    AddAll(decision, subject);
    waiting = encoder_->records();
  }
  if (waiting >= kBatchRecords) filled_.notify_one();
  if (waiting >= kMostRecords) Flush();
}

void ExposureRecorder::AddAll(const Decision& decision, const Subject& subject) {
  for (std::uint32_t i = 0; i < decision.holdouts_consulted; ++i) {
    const bool held = decision.held && i + 1 == decision.holdouts_consulted;
    Add(base::Concat({"holdout:", decision.holdouts[i].view()}), held ? "held" : "open", decision,
        subject);
  }
  if (decision.in_experiment()) Add(decision.experiment(), decision.variant(), decision, subject);
}

// Whether it was exposed to the same not long ago; if not, that it is now.
bool ExposureRecorder::Seen(std::uint64_t who, std::uint64_t arm, std::int64_t now_ms) {
  Exposed* const set = &seen_[base::Mix(who) % kSets * kWays];
  Exposed* oldest = set;
  for (Exposed* entry = set; entry != set + kWays; ++entry) {
    if (entry->who == who) {
      if (entry->arm == arm && now_ms - entry->at_ms < kRepeatMillis) return true;
      oldest = entry;
      break;
    }
    if (entry->at_ms < oldest->at_ms) oldest = entry;
  }
  *oldest = {who, arm, now_ms};
  return false;
}

void ExposureRecorder::Add(std::string_view experiment, std::string_view variant,
                           const Decision& decision, const Subject& subject) {
  const Subject::Unit& unit = subject.units()[decision.unit_index];
  const std::int64_t now = clock_->BootMillis();
  const std::uint64_t who =
      unit.id_hash ^ base::Mix(unit.type_hash ^ base::Mix(base::Hash64(experiment)));
  const std::uint64_t arm =
      base::Mix(base::Hash64(variant)) ^ base::Mix(static_cast<std::uint64_t>(decision.iteration));
  if (Seen(who, arm, now)) return;

  std::vector<wire::UnitRef> units;
  for (const Subject::Unit& each : subject.units()) {
    if (each.id_size != 0) units.push_back({subject.type(each), subject.id(each)});
  }
  // Only attributes that the experiment reports by leave the request.
  std::vector<wire::Property> attributes;
  for (const Symbol& name : decision.report_by) {
    const Subject::Attribute* const attribute = subject.FindAttribute(base::Hash64(name.view()));
    if (attribute == nullptr) continue;
    switch (attribute->kind) {
      case AttributeKind::kString:
        attributes.push_back(wire::Property::String(name.view(), subject.text(*attribute)));
        break;
      case AttributeKind::kInt:
      case AttributeKind::kTime:
        attributes.push_back(wire::Property::Int64(name.view(), attribute->int_value));
        break;
      case AttributeKind::kDouble:
        attributes.push_back(wire::Property::Double(name.view(), attribute->double_value));
        break;
      case AttributeKind::kBool:
        attributes.push_back(wire::Property::Bool(name.view(), attribute->bool_value));
        break;
      case AttributeKind::kStrings:
        break;
    }
  }
  wire::ExposureRecord record;
  record.subject = encoder_->Subject(units);
  record.experiment = experiment;
  record.variant = variant;
  record.iteration = experiment == decision.experiment() ? decision.iteration : 1;
  record.phase = experiment == decision.experiment() ? decision.phase : 0;
  record.reason = static_cast<std::uint8_t>(decision.reason);
  record.catalog_version = decision.catalog_version;
  record.time = {now, wire::TimeKind::kBoot};
  record.attributes = attributes;
  encoder_->AddExposure(record);
}

void ExposureRecorder::Flush() {
  const std::lock_guard send_lock(send_mutex_);
  {
    const std::lock_guard lock(mutex_);
    encoder_.swap(sending_);
  }
  const wire::SentAt sent{clock_->WallMillis(), clock_->BootMillis(), clock_->BootId()};
  const std::string sent_at = wire::FormatSentAt(sent);
  std::deque<Batch> again;
  {
    const std::lock_guard lock(refused_->mutex);
    again.swap(refused_->batches);
  }
  for (Batch& batch : again) Send(std::move(batch), sent_at);
  if (sending_->records() == 0) return;
  wire::BatchHeader header;
  header.id = next_;
  header.sdk_name = "upswing-server";
  header.sdk_version = kVersion;
  header.boot_id = sent.boot_id;
  header.wall_ms = sent.wall_ms;
  header.boot_ms = sent.boot_ms;
  Batch batch{wire::FormatBatchId(next_), sending_->Finish(header, {.level = kLevel})};
  std::this_thread::yield();
  Send(std::move(batch), sent_at);
  sending_->Clear();
  ++next_.sequence;
}

void ExposureRecorder::Send(Batch batch, const std::string& sent_at) {
  const auto held = std::make_shared<Batch>(std::move(batch));
  ingest_->Submit({.sent_at = sent_at, .batch = held->id}, held->bytes,
                  [held, refused = refused_](const ingest::IngestResponse& response) {
                    // What is wrong with a batch does not become right by itself.
                    if (response.status == 200 || response.status == 400) return;
                    const std::lock_guard lock(refused->mutex);
                    refused->batches.push_back(std::move(*held));
                    if (refused->batches.size() > kKeptBatches) refused->batches.pop_front();
                  });
}

}  // namespace upswing::evaluation
