#include "sdk/client/catalog_keeper.hpp"

#include <algorithm>
#include <limits>

#include "sdk/base/text.hpp"

namespace upswing::client {

CatalogKeeper::CatalogKeeper(ApplyPolicy policy, std::string cache_path, port::FileSystem* files,
                             const port::Clock* clock)
    : policy_(policy), cache_path_(std::move(cache_path)), files_(files), clock_(clock) {}

absl::StatusOr<std::shared_ptr<const catalog::View>> CatalogKeeper::Verify(
    std::shared_ptr<const std::string> bytes, std::span<const std::uint64_t> stopped) {
  catalog::LoadOptions options;
  options.interner = &interner_;
  options.stopped = stopped;
  return catalog::View::Load(std::move(bytes), options);
}

absl::StatusOr<std::shared_ptr<const catalog::View>> CatalogKeeper::Verify(std::string bytes) {
  return Verify(std::make_shared<const std::string>(std::move(bytes)), {});
}

absl::Status CatalogKeeper::Load(std::string_view bundled) {
  absl::Status result;
  std::shared_ptr<const catalog::View> best;
  if (!bundled.empty()) {
    absl::StatusOr<std::shared_ptr<const catalog::View>> view = Verify(std::string(bundled));
    if (view.ok()) {
      best = *std::move(view);
    } else {
      result = view.status();
    }
  }
  if (!cache_path_.empty()) {
    // The cache is the ETag, a line break, then the catalog.
    absl::StatusOr<std::string> cached = files_->ReadAll(cache_path_);
    const std::size_t line = cached.ok() ? cached->find('\n') : std::string::npos;
    if (line != std::string::npos) {
      std::string etag = cached->substr(0, line);
      absl::StatusOr<std::shared_ptr<const catalog::View>> view = Verify(cached->substr(line + 1));
      if (!view.ok()) {
        result = view.status();
      } else if (best == nullptr || (*view)->version() >= best->version()) {
        best = *std::move(view);
        const std::lock_guard lock(mutex_);
        etag_ = std::move(etag);
      }
    }
  }
  if (best != nullptr) PutInForce(std::move(best));
  return result;
}

absl::Status CatalogKeeper::Fetched(std::string bytes, std::string etag, std::string_view known,
                                    bool may_write) {
  const std::lock_guard fetching(fetch_mutex_);
  if (this->etag() != known) return absl::OkStatus();
  absl::StatusOr<std::shared_ptr<const catalog::View>> view = Verify(bytes);
  if (!view.ok()) return view.status();
  absl::Status result;
  if (may_write && !cache_path_.empty()) {
    result = files_->WriteAtomically(cache_path_, base::Concat({etag, "\n", bytes}));
  }
  bool now = false;
  {
    const std::lock_guard lock(mutex_);
    etag_ = std::move(etag);
    confirmed_boot_ms_ = clock_->BootMillis();
    // Nothing on the screen can change when nothing is in force yet.
    now = policy_ == ApplyPolicy::kImmediately || in_force_ == nullptr;
    held_back_ = now ? nullptr : *view;
  }
  if (now) {
    PutInForce(*std::move(view));
  } else {
    StopWhatStopped(**view);
  }
  return result;
}

void CatalogKeeper::StopWhatStopped(const catalog::View& newer) {
  std::vector<std::uint64_t> stopped;
  std::shared_ptr<const std::string> bytes;
  {
    const std::lock_guard lock(mutex_);
    for (const catalog::Experiment& experiment : in_force_->experiments()) {
      const catalog::Experiment* const then = newer.FindExperiment(experiment.key.view());
      if (then == nullptr || (then->steps & catalog::kNotRunning) != 0) {
        stopped.push_back(experiment.key_hash);
      }
    }
    if (stopped == stopped_) return;
    bytes = in_force_->bytes();
  }
  absl::StatusOr<std::shared_ptr<const catalog::View>> view = Verify(std::move(bytes), stopped);
  if (view.ok()) PutInForce(*std::move(view), std::move(stopped));
}

void CatalogKeeper::Confirmed() {
  const std::lock_guard lock(mutex_);
  confirmed_boot_ms_ = clock_->BootMillis();
}

bool CatalogKeeper::Activate() {
  std::shared_ptr<const catalog::View> view;
  {
    const std::lock_guard lock(mutex_);
    if (policy_ == ApplyPolicy::kNextSession) return false;
    view = std::exchange(held_back_, nullptr);
  }
  if (view == nullptr) return false;
  PutInForce(std::move(view));
  return true;
}

void CatalogKeeper::PutInForce(std::shared_ptr<const catalog::View> view,
                               std::vector<std::uint64_t> stopped) {
  const std::uint64_t version = view->version();
  {
    const std::lock_guard lock(mutex_);
    in_force_ = view;
    stopped_ = std::move(stopped);
    current_.Publish({std::move(view), clock_->WallMillis()});
  }
  Notify(version);
}

std::int64_t CatalogKeeper::Refresh() {
  const std::lock_guard lock(mutex_);
  if (in_force_ == nullptr) return std::numeric_limits<std::int64_t>::max();
  const std::int64_t now = clock_->WallMillis();
  const std::int64_t resolved_for = current_.Read()->now_ms;
  if (now < resolved_for || in_force_->NextBoundary(resolved_for) <= now) {
    current_.Publish({in_force_, now});
  }
  return in_force_->NextBoundary(now);
}

std::string CatalogKeeper::etag() const {
  const std::lock_guard lock(mutex_);
  return etag_;
}

std::uint64_t CatalogKeeper::version() const {
  const std::lock_guard lock(mutex_);
  return in_force_ == nullptr ? 0 : in_force_->version();
}

std::optional<std::int64_t> CatalogKeeper::age_ms() const {
  const std::lock_guard lock(mutex_);
  if (!confirmed_boot_ms_) return std::nullopt;
  return clock_->BootMillis() - *confirmed_boot_ms_;
}

std::shared_ptr<const std::string> CatalogKeeper::bytes() const {
  const std::lock_guard lock(mutex_);
  return in_force_ == nullptr ? nullptr : in_force_->bytes();
}

std::uint64_t CatalogKeeper::AddListener(std::function<void(std::uint64_t)> listener) {
  const std::lock_guard lock(mutex_);
  listeners_.emplace_back(next_listener_, std::move(listener));
  return next_listener_++;
}

void CatalogKeeper::RemoveListener(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [&](const auto& listener) { return listener.first == number; });
}

void CatalogKeeper::Notify(std::uint64_t version) {
  // Copied, so that a listener may add or remove listeners.
  std::vector<std::pair<std::uint64_t, std::function<void(std::uint64_t)>>> listeners;
  {
    const std::lock_guard lock(mutex_);
    listeners = listeners_;
  }
  for (const auto& [number, listener] : listeners) listener(version);
}

}  // namespace upswing::client
