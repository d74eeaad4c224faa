#include "sdk/client/catalog_keeper.hpp"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"

namespace upswing::client {
namespace {

/// Between the path of the cached catalog and the name of an id list.
constexpr char kListInfix[] = ".ids-";

}  // namespace

CatalogKeeper::CatalogKeeper(ApplyPolicy policy, catalog::KeyRing ring, std::string cache_path,
                             port::FileSystem* files, const port::Clock* clock)
    : policy_(policy),
      ring_(std::move(ring)),
      cache_path_(std::move(cache_path)),
      files_(files),
      clock_(clock) {}

absl::Status CatalogKeeper::CheckSignature(std::string_view bytes) const {
  return ring_.empty() ? absl::OkStatus() : ring_.Verify(bytes);
}

absl::Status CatalogKeeper::CheckNotOlder(std::uint64_t version) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t newest = 0;
  for (const ViewPointer& view : {in_force_, held_back_}) {
    if (view != nullptr) newest = std::max(newest, view->version());
  }
  if (ring_.empty() || version >= newest) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("catalog: version ", version, " is older than ",
                                                    newest,
                                                    ", which is here; it may be a replayed one"));
}

absl::StatusOr<CatalogKeeper::ViewPointer> CatalogKeeper::Verify(
    std::shared_ptr<const std::string> bytes, std::span<const std::uint64_t> stopped) const {
  std::vector<catalog::Blob> lists;
  {
    const std::lock_guard lock(mutex_);
    lists = lists_;
  }
  catalog::LoadOptions options;
  options.interner = &interner_;
  options.blobs = lists;
  options.stopped = stopped;
  return catalog::View::Load(std::move(bytes), options);
}

absl::StatusOr<CatalogKeeper::ViewPointer> CatalogKeeper::VerifyWithLists(
    std::string bytes, bool may_write, const FetchIdList& fetch) {
  if (absl::Status status = CheckSignature(bytes); !status.ok()) return status;
  const auto shared = std::make_shared<const std::string>(std::move(bytes));
  absl::StatusOr<ViewPointer> view = Verify(shared);
  if (!view.ok() || (*view)->missing_blobs().empty()) return view;
  // A list that cannot be got makes experiments unsupported, not the catalog worthless.
  GetLists((*view)->missing_blobs(), may_write, fetch).IgnoreError();
  return Verify(shared);
}

std::string CatalogKeeper::ListPath(std::uint64_t name) const {
  return absl::StrCat(cache_path_, kListInfix, absl::Hex(name, absl::kZeroPad16));
}

absl::Status CatalogKeeper::GetLists(std::span<const std::uint64_t> names, bool may_write,
                                     const FetchIdList& fetch) {
  absl::Status result;
  for (const std::uint64_t name : names) {
    const auto list = [this, name](const absl::StatusOr<std::string>& bytes) {
      absl::Status status = bytes.status();
      if (status.ok()) status = CheckSignature(*bytes);
      return status.ok() ? catalog::MakeBlob(name, *bytes) : absl::StatusOr<catalog::Blob>(status);
    };
    absl::StatusOr<catalog::Blob> got = absl::NotFoundError("no cache");
    if (!cache_path_.empty()) got = list(files_->ReadAll(ListPath(name)));
    if (!got.ok() && fetch) {
      const absl::StatusOr<std::string> fetched = fetch(name);
      got = list(fetched);
      if (got.ok() && may_write && !cache_path_.empty()) {
        files_->WriteAtomically(ListPath(name), *fetched).IgnoreError();  // Else fetched again.
      }
    }
    if (!got.ok()) {
      result = got.status();
      continue;
    }
    const std::lock_guard lock(mutex_);
    lists_.push_back(*std::move(got));
  }
  return result;
}

void CatalogKeeper::ForgetUnusedLists(bool may_write) {
  std::vector<std::string> used;
  {
    const std::lock_guard lock(mutex_);
    lists_.clear();
    for (const ViewPointer& view : {in_force_, held_back_}) {
      if (view == nullptr) continue;
      lists_.insert(lists_.end(), view->loaded_blobs().begin(), view->loaded_blobs().end());
    }
    for (const catalog::Blob& list : lists_) used.push_back(ListPath(list.name));
  }
  const std::size_t slash = cache_path_.rfind('/');
  if (!may_write || slash == std::string::npos) return;
  const std::string folder = cache_path_.substr(0, slash + 1);
  const std::string prefix = base::Concat({cache_path_.substr(slash + 1), kListInfix});
  absl::StatusOr<std::vector<std::string>> files = files_->List(folder);
  if (!files.ok()) return;
  for (const std::string& file : *files) {
    if (file.compare(0, prefix.size(), prefix) != 0) continue;
    const std::string path = folder + file;
    if (std::find(used.begin(), used.end(), path) == used.end()) {
      files_->Remove(path).IgnoreError();
    }
  }
}

absl::Status CatalogKeeper::Complete(bool may_write, const FetchIdList& fetch) {
  const std::lock_guard fetching(fetch_mutex_);
  ViewPointer in_force;
  ViewPointer held_back;
  {
    const std::lock_guard lock(mutex_);
    in_force = in_force_;
    held_back = held_back_;
  }
  absl::Status result;
  // A list that comes late changes decisions, so it comes in force as a catalog does.
  if (policy_ == ApplyPolicy::kImmediately && in_force != nullptr &&
      !in_force->missing_blobs().empty()) {
    result = GetLists(in_force->missing_blobs(), may_write, fetch);
    absl::StatusOr<ViewPointer> view = Verify(in_force->bytes());
    if (view.ok() && (*view)->missing_blobs().size() < in_force->missing_blobs().size()) {
      PutInForce(*std::move(view));
    }
  }
  if (held_back != nullptr && !held_back->missing_blobs().empty()) {
    result = GetLists(held_back->missing_blobs(), may_write, fetch);
    absl::StatusOr<ViewPointer> view = Verify(held_back->bytes());
    const std::lock_guard lock(mutex_);
    if (view.ok() && held_back_ == held_back) held_back_ = *std::move(view);
  }
  return result;
}

absl::Status CatalogKeeper::Load(std::string_view bundled) {
  absl::Status result;
  ViewPointer best;
  if (!bundled.empty()) {
    absl::StatusOr<ViewPointer> view = VerifyWithLists(std::string(bundled), false, {});
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
      absl::StatusOr<ViewPointer> view = VerifyWithLists(cached->substr(line + 1), false, {});
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
                                    bool may_write, const FetchIdList& fetch) {
  const std::lock_guard fetching(fetch_mutex_);
  if (this->etag() != known) return absl::OkStatus();
  if (const std::size_t slash = cache_path_.rfind('/'); may_write && slash != std::string::npos) {
    // The first catalog of an installation may come before the first batch has made the folder.
    files_->MakeDirectories(cache_path_.substr(0, slash)).IgnoreError();
  }
  absl::StatusOr<ViewPointer> view = VerifyWithLists(bytes, may_write, fetch);
  if (!view.ok()) return view.status();
  absl::Status result = CheckNotOlder((*view)->version());
  if (!result.ok()) return result;
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
  ForgetUnusedLists(may_write);
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
  absl::StatusOr<ViewPointer> view = Verify(std::move(bytes), stopped);
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

KeyHandle CatalogKeeper::ExperimentHandle(std::string_view key) {
  const Symbol symbol = interner_.Intern(key);
  const catalog::Snapshot* snapshot = current_.Read();
  return snapshot != nullptr ? snapshot->view->ExperimentHandle(symbol)
                             : KeyHandle{symbol, base::Hash64(key)};
}

KeyHandle CatalogKeeper::FlagHandle(std::string_view key) {
  const Symbol symbol = interner_.Intern(key);
  const catalog::Snapshot* snapshot = current_.Read();
  return snapshot != nullptr ? snapshot->view->FlagHandle(symbol)
                             : KeyHandle{symbol, base::Hash64(key)};
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
