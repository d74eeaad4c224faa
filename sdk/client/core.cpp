#include "sdk/client/core.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/posix/fork.hpp"
#include "sdk/assignment/explain.hpp"
#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "sdk/events/thread_ordinal.hpp"
#include "sdk/transport/catalog_fetcher.hpp"
#include "sdk/transport/curl_transport.hpp"
#include "upswing/version.hpp"

namespace upswing::client {
namespace {

constexpr char kSdkName[] = "upswing-cpp";

events::SpoolOptions SpoolOptionsOf(const ClientOptions& options) {
  events::SpoolOptions spool;
  if (!options.storage_directory.empty()) spool.directory = options.storage_directory + "/spool";
  spool.max_bytes = options.delivery.spool_bytes;
  spool.max_age_ms = options.delivery.spool_age.count();
  spool.fsync = static_cast<events::FsyncPolicy>(options.delivery.fsync);
  return spool;
}

events::BatcherOptions BatcherOptionsOf(const ClientOptions& options) {
  events::BatcherOptions batcher;
  batcher.batch_records = options.delivery.batch_records;
  batcher.batch_bytes = options.delivery.batch_bytes;
  batcher.compression_level = options.delivery.compression_level;
  batcher.sdk_name = kSdkName;
  batcher.sdk_version = kVersion;
  return batcher;
}

catalog::KeyRing RingOf(const ClientOptions& options) {
  std::vector<std::string> keys;
  for (const std::string& text : options.catalog.trusted_keys) {
    absl::StatusOr<std::string> key = catalog::ParsePublicKey(text);
    if (key.ok()) keys.push_back(*std::move(key));  // It is: the options were checked.
  }
  return catalog::KeyRing(std::move(keys));
}

std::uint64_t Address(std::string_view symbol) {
  return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(symbol.data()));
}

}  // namespace

class Core::Overrides final : public assignment::OverrideReader {
 public:
  explicit Overrides(const std::map<std::string, std::string>& variants)
      : variants_(variants.begin(), variants.end()) {}

  std::optional<std::string_view> Find(std::string_view experiment) const override {
    const auto found = variants_.find(experiment);
    if (found == variants_.end()) return std::nullopt;
    return found->second;
  }

 private:
  const std::map<std::string, std::string, std::less<>> variants_;
};

std::unique_ptr<Core> Core::Create(ClientOptions options, const Platform& platform) {
  for (std::string* url : {&options.server_url, &options.catalog.cdn_url}) {
    while (!url->empty() && url->back() == '/') url->pop_back();
  }
  std::unique_ptr<Core> core(new Core(std::move(options), platform));
  core->Start();
  return core;
}

Core::Core(ClientOptions options, const Platform& platform)
    : options_(std::move(options)),
      platform_(platform),
      generation_(posix::ForkGeneration()),
      overrides_(options_.overrides.empty() ? nullptr
                                            : std::make_unique<Overrides>(options_.overrides)),
      transport_(options_.transport),
      exposure_queue_(options_.delivery.queue_bytes),
      event_queue_(options_.delivery.queue_bytes),
      spool_(SpoolOptionsOf(options_), platform_.files, platform_.clock, &counters_),
      batcher_(BatcherOptionsOf(options_), platform_.clock, &exposure_queue_, &event_queue_,
               &counters_, &spool_),
      batch_sender_(nullptr, platform_.clock),
      delivery_(options_.delivery.max_backoff.count(), &spool_, &counters_, &batch_sender_,
                platform_.clock, platform_.entropy),
      exposure_memory_(options_.delivery.exposure_memory),
      catalog_(options_.catalog.apply, RingOf(options_),
               options_.storage_directory.empty() ? "" : options_.storage_directory + "/catalog",
               platform_.files, platform_.clock),
      sticky_(options_.storage_directory.empty() ? "" : options_.storage_directory + "/sticky",
              platform_.files, platform_.clock, catalog_.interner()),
      consent_(options_.consent),
      look_around_mask_(
          std::bit_floor(std::max<std::uint64_t>(options_.delivery.batch_records / 8, 1)) - 1) {}

std::unique_ptr<Transport> Core::MakeTransport() const {
  transport::CurlOptions curl;
  curl.proxy = options_.proxy;
  curl.ca_bundle_path = options_.ca_bundle_path;
  curl.pinned_key = options_.pinned_key;
  curl.user_agent = absl::StrCat(kSdkName, "/", kVersion);
  return transport::MakeCurlTransport(curl);
}

void Core::Start() {
  const bool own_transport = transport_ == nullptr && !options_.server_url.empty();
  if (own_transport) transport_ = MakeTransport();
  batch_sender_ = transport::BatchSender(transport_.get(), platform_.clock);
  delivery_.SetEndpoint({options_.server_url, options_.api_key, options_.delivery.request_timeout});
  if (absl::Status status = catalog_.Load(options_.catalog.bundled); !status.ok()) {
    Log(LogLevel::kWarning, absl::StrCat("a catalog was passed over: ", status.message()));
  }
  if (consent() == Consent::kGranted) {
    LoadSticky();
    sticky_state_ = Sticky::kInForce;
  }
  if (options_.catalog.watch && own_transport) {
    watch_ = std::make_unique<CatalogWatch>(
        MakeTransport(), &catalog_, platform_.entropy,
        CatalogWatch::Environment{.endpoint = [this] { return delivery_.endpoint(); },
                                  .may_fetch = [this] { return MayFetch(); },
                                  .may_write = [this] { return consent() == Consent::kGranted; },
                                  .changed = [this] { WakeSender(); },
                                  .log = options_.log});
  }
  StartThreads();
}

Core::~Core() { Close(std::chrono::milliseconds(0)); }

void Core::StartThreads() {
  former_ = std::thread([this] { FormerLoop(); });
  sender_ = std::thread([this] { SenderLoop(); });
}

void Core::StopThreads() {
  watch_.reset();
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  former_wake_.notify_all();
  sender_wake_.notify_all();
  if (transport_ != nullptr) transport_->Cancel();
  if (former_.joinable()) former_.join();
  if (sender_.joinable()) sender_.join();
}

void Core::Log(LogLevel level, std::string_view message) const {
  if (options_.log) options_.log(level, message);
}

std::unique_ptr<Core> Core::Renew() const {
  ClientOptions options = options_;
  options.consent = consent();
  if (const catalog::Snapshot* snapshot = catalog_.Read()) {
    options.catalog.bundled = *snapshot->view->bytes();
  }
  if (options.transport != nullptr) options.transport->AbandonAfterFork();
  return Create(std::move(options), platform_);
}

// --- decisions

assignment::Environment Core::Environment(const catalog::Snapshot& snapshot) const {
  assignment::Environment environment;
  environment.now_ms = snapshot.now_ms;
  environment.overrides = overrides_.get();
  if (sticky_state_.load(std::memory_order_acquire) == Sticky::kInForce &&
      consent() == Consent::kGranted) {
    environment.sticky = &sticky_;
  }
  return environment;
}

template <class Key>
Decision Core::DecideBy(const Key& experiment, const Subject& subject) const {
  Decision decision;
  const catalog::Snapshot* snapshot = catalog_.Read();
  if (snapshot == nullptr) return decision;
  const catalog::View& view = *snapshot->view;
  if (consent() == Consent::kDenied) {
    decision.reason = Reason::kDisabled;
    return decision;
  }
  if (const catalog::Experiment* found = view.FindExperiment(experiment)) {
    return assignment::DecideExperiment(view, *found, subject, Environment(*snapshot));
  }
  decision.reason = Reason::kUnknownKey;
  decision.catalog_version = view.version();
  return decision;
}

template <class Key>
Decision Core::DecideFlagBy(const Key& flag, const Subject& subject) const {
  Decision decision;
  decision.kind = DecisionKind::kFlag;
  const catalog::Snapshot* snapshot = catalog_.Read();
  if (snapshot == nullptr) return decision;
  const catalog::View& view = *snapshot->view;
  const catalog::Flag* found = view.FindFlag(flag);
  if (consent() == Consent::kDenied) {
    decision.reason = found == nullptr ? Reason::kUnknownKey : Reason::kDisabled;
    if (found != nullptr) decision.value = found->default_value;
    return decision;
  }
  if (found != nullptr) {
    return assignment::DecideFlag(view, *found, subject, Environment(*snapshot));
  }
  decision.reason = Reason::kUnknownKey;
  decision.catalog_version = view.version();
  return decision;
}

Decision Core::Decide(std::string_view experiment, const Subject& subject) const {
  return DecideBy(experiment, subject);
}
Decision Core::Decide(const KeyHandle& experiment, const Subject& subject) const {
  return DecideBy(experiment, subject);
}
Decision Core::DecideFlag(std::string_view flag, const Subject& subject) const {
  return DecideFlagBy(flag, subject);
}
Decision Core::DecideFlag(const KeyHandle& flag, const Subject& subject) const {
  return DecideFlagBy(flag, subject);
}

void Core::DecideAll(const Subject& subject, std::vector<Decision>& decisions) const {
  decisions.clear();
  const catalog::Snapshot* snapshot = catalog_.Read();
  if (snapshot == nullptr) return;
  if (consent() != Consent::kDenied) {
    assignment::DecideAll(*snapshot->view, subject, Environment(*snapshot), decisions);
    return;
  }
  for (const catalog::Experiment& experiment : snapshot->view->experiments()) {
    Decision& decision = decisions.emplace_back();
    decision.key_symbol = experiment.key;
    decision.reason = Reason::kDisabled;
  }
}

std::string Core::Explain(std::string_view key, const Subject& subject) const {
  const catalog::Snapshot* snapshot = catalog_.Read();
  if (snapshot == nullptr) return "";
  const catalog::View& view = *snapshot->view;
  const bool experiment = view.FindExperiment(key) != nullptr;
  if (!experiment && view.FindFlag(key) == nullptr) return "";
  if (consent() == Consent::kDenied) return "disabled: consent is denied\n";
  return (experiment ? assignment::ExplainExperiment(view, key, subject, Environment(*snapshot))
                     : assignment::ExplainFlag(view, key, subject, Environment(*snapshot)))
      .text;
}

void Core::Expose(const Decision& decision, const Subject& subject,
                  std::optional<std::chrono::system_clock::time_point> time) {
  if (decision.unit_index >= subject.units().size()) return;
  const Subject::Unit& unit = subject.units()[decision.unit_index];
  events::QueuedExposure exposure;
  exposure.catalog_version = decision.catalog_version;
  exposure.reason = static_cast<std::uint8_t>(decision.reason);
  exposure.unit_index = decision.unit_index;
  exposure.time = RecordTime(time);
  const std::uint64_t unit_hash = unit.id_hash ^ base::Mix(unit.type_hash);
  for (std::uint32_t i = 0; i < decision.holdouts_consulted; ++i) {
    const bool held = decision.held && i + 1 == decision.holdouts_consulted;
    exposure.experiment = decision.holdouts[i].view();
    exposure.variant = held ? "held" : "open";
    exposure.holdout = true;
    Expose(subject, exposure, base::Mix(unit_hash ^ ~Address(exposure.experiment)), held ? 1 : 2);
  }
  if (!decision.in_experiment()) return;
  exposure.holdout = false;
  exposure.experiment = decision.experiment();
  exposure.variant = decision.variant();
  exposure.iteration = decision.iteration;
  exposure.phase = decision.phase;
  exposure.report_by = decision.report_by.begin();
  exposure.report_by_size = decision.report_by.size();
  std::uint64_t what = base::Mix(decision.experiment_hash ^ decision.iteration) ^
                       (std::uint64_t{decision.variant_index} + 1);
  if (decision.by_fallback) [[unlikely]] {
    // The first exposure after login names the user too: it is the link from the device to them.
    for (const Subject::Unit& other : subject.units()) what = base::Mix(what ^ other.id_hash);
  }
  if (decision.sticky) [[unlikely]]
    KeepSticky(decision, subject);
  const Exposed exposed =
      Expose(subject, exposure, base::Mix(unit_hash ^ Address(exposure.experiment)), what);
  decision_counters_.Count(exposure.experiment, exposure.variant, exposed != Exposed::kRepeat,
                           exposed == Exposed::kQueued, &counters_);
}

void Core::KeepSticky(const Decision& decision, const Subject& subject) {
  if (decision.reason != Reason::kAssigned && decision.reason != Reason::kSticky) return;
  if (sticky_state_.load(std::memory_order_acquire) != Sticky::kInForce ||
      consent() != Consent::kGranted) {
    return;
  }
  sticky_.Keep(decision.unit_type(), subject.id(subject.units()[decision.unit_index]),
               decision.experiment(), decision.variant_symbol, decision.sticky_version);
}

wire::RecordTime Core::RecordTime(
    const std::optional<std::chrono::system_clock::time_point>& time) const {
  if (!time) return {platform_.clock->BootMillis(), wire::TimeKind::kBoot};
  return {std::chrono::duration_cast<std::chrono::milliseconds>(time->time_since_epoch()).count(),
          wire::TimeKind::kWall};
}

Core::Exposed Core::Expose(const Subject& subject, events::QueuedExposure exposure,
                           std::uint64_t who, std::uint64_t what) {
  const std::int64_t now = exposure.time.millis;
  // One with a time of its own is the caller's to repeat.
  const bool remembered = exposure.time.kind == wire::TimeKind::kBoot;
  if (remembered && exposure_memory_.IsRepeat(who, what, now)) {
    own_arrivals().deduplicated.fetch_add(1, std::memory_order_relaxed);
    return Exposed::kRepeat;
  }
  const auto drop = [&](wire::DropReason reason) {
    const std::string_view prefix = exposure.holdout ? "holdout:" : "";
    counters_.DropExposure(base::Concat({prefix, exposure.experiment}), exposure.variant, reason);
    return Exposed::kDropped;
  };
  if (consent() == Consent::kDenied) return drop(wire::DropReason::kConsent);
  if (closed_.load(std::memory_order_relaxed)) return drop(wire::DropReason::kQueueFull);
  switch (events::QueueExposure(subject, exposure, &exposure_queue_)) {
    case events::QueueResult::kFull:
      return drop(wire::DropReason::kQueueFull);
    case events::QueueResult::kInvalid:
      return drop(wire::DropReason::kInvalid);
    case events::QueueResult::kQueued:
      break;
  }
  if (remembered) exposure_memory_.Remember(who, what, now);
  RecordQueued();
  return Exposed::kQueued;
}

void Core::Track(const Subject& subject, std::string_view name, double value,
                 std::span<const Property> properties, const TrackOptions& options) {
  events::QueuedEvent event;
  event.name = name;
  event.value = value;
  event.properties = properties;
  event.time = RecordTime(options.time);
  if (!options.event_id.empty())
    event.event_id = std::max<std::uint64_t>(base::Hash64(options.event_id), 1);
  if (!options.ref_id.empty())
    event.ref_id = std::max<std::uint64_t>(base::Hash64(options.ref_id), 1);
  const auto drop = [&](wire::DropReason reason) { counters_.DropEvent(name, reason); };
  if (consent() == Consent::kDenied) return drop(wire::DropReason::kConsent);
  if (closed_.load(std::memory_order_relaxed)) return drop(wire::DropReason::kQueueFull);
  switch (events::QueueEvent(subject, event, &event_queue_)) {
    case events::QueueResult::kFull:
      return drop(wire::DropReason::kQueueFull);
    case events::QueueResult::kInvalid:
      return drop(wire::DropReason::kInvalid);
    case events::QueueResult::kQueued:
      return RecordQueued();
  }
}

Core::Arrivals& Core::own_arrivals() {
  return arrivals_[events::ThreadOrdinal() % arrivals_.size()];
}

std::uint64_t Core::waiting() const {
  std::uint64_t sum = 0;
  for (const Arrivals& arrivals : arrivals_) {
    const std::uint64_t looked = arrivals.looked.load(std::memory_order_acquire);
    sum += arrivals.queued.load(std::memory_order_acquire) - looked;
  }
  return sum;
}

void Core::RecordQueued() {
  // The first record starts the flush timer; a full batch need not wait for it. A record that comes
  // while the former looks is either taken by it or counted as waiting afterwards.
  Arrivals& own = own_arrivals();
  const std::uint64_t before = own.queued.fetch_add(1, std::memory_order_acq_rel);
  const std::uint64_t now = before - own.looked.load(std::memory_order_acquire) + 1;
  if (now == 1 || now == options_.delivery.batch_records) return WakeFormer();
  // What the other threads have put there is looked at now and then only.
  if ((now & look_around_mask_) == 0 && waiting() >= options_.delivery.batch_records) WakeFormer();
}

void Core::WakeFormer() {
  {
    const std::lock_guard lock(mutex_);
    former_signal_ = true;
  }
  former_wake_.notify_one();
}

void Core::WakeSender() {
  {
    const std::lock_guard lock(mutex_);
    sender_signal_ = true;
  }
  sender_wake_.notify_one();
}

// --- forming batches

void Core::OpenSpool() {
  if (spool_open_) return;
  spool_open_ = true;
  const std::uint64_t hi = platform_.entropy->Next64();
  const std::uint64_t lo = platform_.entropy->Next64();
  if (absl::Status status = spool_.Open(hi, lo); !status.ok()) {
    Log(LogLevel::kWarning, absl::StrCat("records are kept in memory only: ", status.message()));
  }
  batcher_.SetEpoch(hi, lo);
  spool_.Adopt();
}

void Core::LoadSticky() {
  if (absl::Status status = sticky_.Load(); !status.ok()) {
    Log(LogLevel::kWarning, absl::StrCat("sticky assignments are lost: ", status.message()));
  }
}

std::size_t Core::FormNow() {
  const std::lock_guard lock(form_mutex_);
  if (consent() == Consent::kDenied) {
    batcher_.Discard(wire::DropReason::kConsent);
    // What earlier sessions have left behind goes too.
    if (!std::exchange(spool_purged_, true)) PurgeStorage();
  }
  if (consent() != Consent::kGranted) return 0;
  OpenSpool();
  if (sticky_state_.load(std::memory_order_acquire) == Sticky::kUnread) {
    // Consent came after `Create`.
    LoadSticky();
    const bool now = options_.catalog.apply == ApplyPolicy::kImmediately;
    sticky_state_.store(now ? Sticky::kInForce : Sticky::kHeldBack, std::memory_order_release);
  }
  if (absl::Status status = sticky_.Save(); !status.ok()) {
    Log(LogLevel::kWarning, absl::StrCat("sticky assignments not saved: ", status.message()));
  }
  batcher_.SetCatalogVersion(catalog_.version());
  decision_counters_.CarryTo(&counters_);
  for (Arrivals& arrivals : arrivals_) {
    arrivals.looked.store(arrivals.queued.load(std::memory_order_acquire),
                          std::memory_order_release);
  }
  std::size_t formed = 0;
  while (const std::size_t taken = batcher_.Form()) formed += taken;
  batched_.fetch_add(formed, std::memory_order_relaxed);
  return formed;
}

void Core::FormerLoop() {
  FormNow();
  WakeSender();
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const std::int64_t asked = delivery_.flush_interval_ms();
    const std::chrono::milliseconds interval =
        std::max(options_.delivery.flush_interval, std::chrono::milliseconds(asked));
    const auto full = [&] { return waiting() >= options_.delivery.batch_records; };
    if (waiting() == 0) {
      former_wake_.wait(lock, [&] { return stop_ || former_signal_; });
      former_signal_ = false;
      if (waiting() == 0) continue;
    }
    former_wake_.wait_for(lock, interval, [&] { return stop_ || full(); });
    if (stop_) break;
    lock.unlock();
    if (FormNow() > 0) {
      if (options_.delivery.fsync == Fsync::kInterval) spool_.Sync().IgnoreError();
      WakeSender();
    }
    lock.lock();
  }
}

// --- sending

std::int64_t Core::PollCatalog() {
  const std::int64_t interval = options_.catalog.poll_interval.count();
  if (interval == 0 || options_.server_url.empty()) return DeliveryLoop::kNever;
  if (!MayFetch()) return DeliveryLoop::kNever;
  if (platform_.clock->BootMillis() < next_poll_ms_) return next_poll_ms_;
  next_poll_ms_ = DeliveryLoop::kNever;
  transport::Endpoint endpoint = delivery_.endpoint();
  if (!options_.catalog.cdn_url.empty()) {
    endpoint.server_url = options_.catalog.cdn_url;
    endpoint.api_key.clear();
  }
  const bool may_write = consent() == Consent::kGranted;
  const auto fetch_list = [&](std::uint64_t name) {
    return transport::FetchIdList(transport_.get(), endpoint, catalog::BlobPath(name));
  };
  const std::string known = catalog_.etag();
  absl::StatusOr<std::optional<transport::FetchedCatalog>> fetched =
      transport::FetchCatalog(transport_.get(), endpoint, known);
  absl::Status status = fetched.status();
  if (fetched.ok() && fetched->has_value()) {
    status = catalog_.Fetched(std::move((*fetched)->bytes), std::move((*fetched)->etag), known,
                              may_write, fetch_list);
  } else if (fetched.ok()) {
    catalog_.Confirmed();
    status = catalog_.Complete(may_write, fetch_list);
  }
  if (!status.ok()) Log(LogLevel::kInfo, absl::StrCat("catalog not updated: ", status.message()));
  // A jitter of 10 % keeps a fleet of devices from asking in step.
  const std::int64_t jitter = static_cast<std::int64_t>(
      platform_.entropy->Next64() % static_cast<std::uint64_t>(interval / 5 + 1));
  const std::int64_t next = platform_.clock->BootMillis() + interval - interval / 10 + jitter;
  std::int64_t before = DeliveryLoop::kNever;
  // Unless the network came back while this poll was under way, perhaps without it.
  return next_poll_ms_.compare_exchange_strong(before, next) ? next : before;
}

void Core::SenderLoop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    burst_anyway_ = send_anyway_.exchange(false, std::memory_order_relaxed) || burst_anyway_;
    const std::int64_t held = HeldUntil();
    const bool offline =
        held > platform_.clock->BootMillis() && NetworkState() == port::NetworkState::kOffline;
    std::int64_t due = offline ? held : PollCatalog();
    const std::int64_t boundary = catalog_.Refresh();
    if (boundary != DeliveryLoop::kNever) {
      due = std::min(due, platform_.clock->BootMillis() + boundary - platform_.clock->WallMillis());
    }
    if (consent() == Consent::kGranted) due = std::min(due, Send());
    lock.lock();
    ++steps_;
    progress_.notify_all();
    const auto awake = [&] { return stop_ || sender_signal_; };
    if (due == DeliveryLoop::kNever) {
      sender_wake_.wait(lock, awake);
    } else if (const std::int64_t wait = due - platform_.clock->BootMillis(); wait > 0) {
      sender_wake_.wait_for(
          lock, std::chrono::milliseconds(std::min<std::int64_t>(wait, 3'600'000)), awake);
    }
    sender_signal_ = false;
  }
}

port::NetworkState Core::NetworkState() const {
  switch (network_.load(std::memory_order_relaxed)) {
    case Network::kOffline:
      return port::NetworkState::kOffline;
    case Network::kMetered:
      return port::NetworkState::kMetered;
    case Network::kUnmetered:
      return port::NetworkState::kUnmetered;
    case Network::kUnknown:
      break;
  }
  return platform_.network == nullptr ? port::NetworkState::kUnknown : platform_.network->State();
}

std::int64_t Core::HeldUntil() const {
  if (burst_anyway_ || !burst_ended_) return 0;
  switch (NetworkState()) {
    case port::NetworkState::kOffline:
      return *burst_ended_ + options_.delivery.max_backoff.count();
    case port::NetworkState::kMetered:
      return *burst_ended_ + options_.delivery.metered_interval.count();
    default:
      return 0;
  }
}

std::int64_t Core::Send() {
  const std::int64_t held = HeldUntil();
  if (platform_.clock->BootMillis() < held)
    return spool_.batches() > 0 ? held : DeliveryLoop::kNever;
  const std::uint64_t attempts = delivery_.totals().attempts;
  const std::int64_t due = delivery_.Step();
  const std::int64_t now = platform_.clock->BootMillis();
  burst_sent_ = burst_sent_ || delivery_.totals().attempts != attempts;
  if (due > now) {
    // Nothing more to send now.
    if (std::exchange(burst_sent_, false)) burst_ended_ = now;
    burst_anyway_ = false;
  }
  return due;
}

void Core::SendNow() {
  send_anyway_.store(true, std::memory_order_relaxed);
  delivery_.RetryNow();
  WakeSender();
}

void Core::SetNetwork(Network network) {
  network_.store(network, std::memory_order_relaxed);
  WakeSender();
}

FlushResult Core::Flush(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const std::uint64_t acknowledged = delivery_.totals().acknowledged_records;
  const std::uint64_t dropped = counters_.dropped();
  FormNow();
  spool_.Sync().IgnoreError();
  SendNow();
  {
    std::unique_lock lock(mutex_);
    while (!stop_ && spool_.batches() > 0 && !delivery_.unauthorized()) {
      if (progress_.wait_until(lock, deadline) == std::cv_status::timeout) break;
    }
  }
  FlushResult result;
  result.sent = delivery_.totals().acknowledged_records - acknowledged;
  result.dropped = counters_.dropped() - dropped;
  result.kept = spool_.records();
  return result;
}

FlushResult Core::Close(std::chrono::milliseconds timeout) {
  if (closed_.exchange(true)) return {};
  const FlushResult result = Flush(timeout);
  StopThreads();
  return result;
}

void Core::NetworkBack() {
  next_poll_ms_ = 0;
  SendNow();
}

void Core::SetConsent(Consent consent) {
  consent_.store(consent);
  if (consent == Consent::kDenied) {
    if (transport_ != nullptr) transport_->Cancel();
    Purge();
  }
  WakeFormer();
  WakeSender();
}

void Core::SetApiKey(std::string_view api_key) {
  delivery_.SetApiKey(api_key);
  WakeSender();
}

bool Core::Activate() {
  const bool on_activate = options_.catalog.apply == ApplyPolicy::kOnActivate;
  Sticky held_back = Sticky::kHeldBack;
  const bool sticky = on_activate && sticky_state_.compare_exchange_strong(
                                         held_back, Sticky::kInForce, std::memory_order_acq_rel);
  return catalog_.Activate() || sticky;
}

void Core::Purge() {
  const std::lock_guard lock(form_mutex_);
  batcher_.Discard(wire::DropReason::kConsent);
  PurgeStorage();
  exposure_memory_.Clear();
}

void Core::PurgeStorage() {
  spool_.Adopt();
  spool_.Purge(wire::DropReason::kConsent);
  sticky_.Clear();
}

ClientStats Core::Stats() const {
  ClientStats stats;
  for (const Arrivals& arrivals : arrivals_) {
    stats.queued += arrivals.queued.load(std::memory_order_relaxed);
    stats.deduplicated += arrivals.deduplicated.load(std::memory_order_relaxed);
  }
  stats.batched = batched_.load(std::memory_order_relaxed);
  const DeliveryLoop::Totals totals = delivery_.totals();
  stats.acknowledged = totals.acknowledged_records;
  stats.batches_sent = totals.attempts;
  stats.batches_acknowledged = totals.acknowledged_batches;
  stats.retries = totals.retries;
  stats.bytes_sent = totals.bytes;
  using wire::DropReason;
  stats.dropped.queue_full = counters_.dropped(DropReason::kQueueFull);
  stats.dropped.spool_full = counters_.dropped(DropReason::kSpoolFull);
  stats.dropped.expired = counters_.dropped(DropReason::kExpired);
  stats.dropped.too_large = counters_.dropped(DropReason::kTooLarge);
  stats.dropped.spool_failed = counters_.dropped(DropReason::kSpoolFailed);
  stats.dropped.spool_corrupt = counters_.dropped(DropReason::kSpoolCorrupt);
  stats.dropped.rejected = counters_.dropped(DropReason::kRejected);
  stats.dropped.consent = counters_.dropped(DropReason::kConsent);
  stats.dropped.invalid = counters_.dropped(DropReason::kInvalid);
  stats.spooled_batches = spool_.batches();
  stats.spooled_records = spool_.records();
  stats.spooled_bytes = spool_.bytes();
  stats.unwritten_batches = spool_.unwritten_batches();
  stats.catalog_version = catalog_.version();
  if (const std::optional<std::int64_t> age = catalog_.age_ms()) {
    stats.catalog_age = std::chrono::milliseconds(*age);
  }
  absl::Status error = delivery_.last_error();
  if (error.ok()) error = spool_.last_error();
  if (!error.ok()) stats.last_error = std::string(error.message());
  return stats;
}

}  // namespace upswing::client
