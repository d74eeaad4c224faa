#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/port/clock.hpp"
#include "platform/port/file_system.hpp"
#include "sdk/catalog/current.hpp"
#include "sdk/catalog/interner.hpp"
#include "sdk/catalog/signature.hpp"
#include "sdk/catalog/view.hpp"
#include "upswing/options.hpp"

namespace upswing::client {

/// Keeps the best catalog there is in force: bundled, then cached on disk, then fetched, each only
/// if it is newer or equal. A catalog that does not verify changes nothing. Any thread may call.
///
/// With a key ring, bytes from wherever are looked at and cached only if a key of the ring signed
/// them, and a catalog older than the newest that was seen is refused: it may be a replayed one.
class CatalogKeeper {
 public:
  CatalogKeeper(ApplyPolicy policy, catalog::KeyRing ring, std::string cache_path,
                port::FileSystem* files, const port::Clock* clock);

  /// Puts the newer of the bundled and the cached catalog in force. The error, if any, is about one
  /// that was passed over.
  absl::Status Load(std::string_view bundled);

  /// A catalog came from the server: caches it when `may_write`, and puts it in force as the policy
  /// says. Experiments that it has not running any more end at once under every policy. `known` is
  /// the ETag that the request was made with: if another answer was taken since, this one may be
  /// older and changes nothing.
  ///
  /// Id lists that travel beside the catalog are got before that: from memory, from disk, or by
  /// `fetch`, once each. Experiments whose list could not be got stay `unsupported` until
  /// `Complete`.
  using FetchIdList = std::function<absl::StatusOr<std::string>(std::uint64_t name)>;
  absl::Status Fetched(std::string bytes, std::string etag, std::string_view known, bool may_write,
                       const FetchIdList& fetch = {});
  /// Tries again for lists that are missing. The error is about one that still is.
  absl::Status Complete(bool may_write, const FetchIdList& fetch);
  /// The server says that ours is the newest.
  void Confirmed();

  /// Puts a held-back catalog in force.
  bool Activate();

  /// Resolves schedules anew when a start, end or ramp step was passed. Returns the wall time of
  /// the next one.
  std::int64_t Refresh();

  const catalog::Snapshot* Read() const { return current_.Read(); }
  /// Of all strings that decisions name; lives as long as this object.
  catalog::Interner* interner() { return &interner_; }
  /// Also of keys that no catalog has (yet).
  KeyHandle ExperimentHandle(std::string_view key);
  KeyHandle FlagHandle(std::string_view key);
  std::string etag() const;
  std::uint64_t version() const;
  std::optional<std::int64_t> age_ms() const;
  /// Of the catalog in force, to start another keeper from; null if there is none.
  std::shared_ptr<const std::string> bytes() const;

  std::uint64_t AddListener(std::function<void(std::uint64_t)> listener);
  void RemoveListener(std::uint64_t number);

 private:
  using ViewPointer = std::shared_ptr<const catalog::View>;
  /// OK without a ring.
  absl::Status CheckSignature(std::string_view bytes) const;
  absl::Status CheckNotOlder(std::uint64_t version) const;
  absl::StatusOr<ViewPointer> Verify(std::shared_ptr<const std::string> bytes,
                                     std::span<const std::uint64_t> stopped = {}) const;
  absl::StatusOr<ViewPointer> VerifyWithLists(std::string bytes, bool may_write,
                                              const FetchIdList& fetch);
  absl::Status GetLists(std::span<const std::uint64_t> names, bool may_write,
                        const FetchIdList& fetch);
  std::string ListPath(std::uint64_t name) const;
  void ForgetUnusedLists(bool may_write);
  void StopWhatStopped(const catalog::View& newer);
  void PutInForce(std::shared_ptr<const catalog::View> view,
                  std::vector<std::uint64_t> stopped = {});
  void Notify(std::uint64_t version);

  const ApplyPolicy policy_;
  const catalog::KeyRing ring_;
  const std::string cache_path_;
  port::FileSystem* const files_;
  const port::Clock* const clock_;
  mutable catalog::Interner interner_;  // outlives every view
  catalog::Current current_;

  std::mutex fetch_mutex_;  // one answer at a time; taken before mutex_

  mutable std::mutex mutex_;  // all below
  ViewPointer in_force_;
  ViewPointer held_back_;
  std::vector<std::uint64_t> stopped_;  // of in_force_, see LoadOptions
  std::vector<catalog::Blob> lists_;    // that are loaded
  std::string etag_;
  std::optional<std::int64_t> confirmed_boot_ms_;
  std::uint64_t next_listener_ = 1;
  std::vector<std::pair<std::uint64_t, std::function<void(std::uint64_t)>>> listeners_;
};

}  // namespace upswing::client
