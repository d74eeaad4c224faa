#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "upswing/transport.hpp"

namespace upswing {

/// What the user allowed. The app stores the answer and passes it to `Client::Create` each time.
enum class Consent : std::uint8_t {
  kUnknown,  ///< Decide; write no file, send nothing; records wait in memory and are lost on
             ///< denial.
  kGranted,
  kDenied,  ///< Catalog defaults only; nothing is kept, sent or written; what was kept is purged.
};

/// When a catalog that was fetched starts to decide. Experiments that are stopped in it end at once
/// in any case.
enum class ApplyPolicy : std::uint8_t {
  kImmediately,
  kNextSession,  ///< At the next `Create`: a screen never changes under the user.
  kOnActivate,   ///< When the app calls `Client::Activate`.
};

/// When batches on disk are forced to it. A killed process loses nothing under any policy; a power
/// cut loses what was not forced yet.
enum class Fsync : std::uint8_t {
  kEveryBatch,
  kInterval,      ///< With each flush interval and at the moments of kOnBackground.
  kOnBackground,  ///< At `Background`, `Flush` and `Close`.
};

/// What the app knows about the way to the network, see `Client::SetNetwork`.
enum class Network : std::uint8_t {
  kUnknown,    ///< As the platform says; if it says nothing, send as usual.
  kOffline,    ///< Attempts are made once per `max_backoff` only, in case the hint is wrong.
  kMetered,    ///< Batches are sent together, at most every `metered_interval`.
  kUnmetered,  ///< Send as usual.
};

enum class LogLevel : std::uint8_t { kInfo, kWarning, kError };

/// Receives what the SDK has to say; called from the SDK's threads. Must not call back into the
/// client.
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// How records reach the server. `Client::Create` checks every range and names the field; nothing
/// is clamped.
struct DeliveryOptions {
  /// Memory for records that are not yet in a batch, per lane (exposures; metric events); pages are
  /// touched only as they are needed. A full lane refuses the new record and counts it. Unit:
  /// bytes, a power of two. Range: [64 KiB, 64 MiB].
  std::size_t queue_bytes = std::size_t{1} << 20;

  /// Longest time a record waits before its batch is formed and sent. Range: [100 ms, 1 h].
  std::chrono::milliseconds flush_interval{std::chrono::seconds{30}};

  /// A batch is formed as soon as so many records wait. Range: [1, 10,000].
  std::uint32_t batch_records = 500;

  /// Upper bound of one batch before compression. Unit: bytes. Range: [4 KiB, 4 MiB].
  std::size_t batch_bytes = std::size_t{256} << 10;

  /// Disk for batches that are not acknowledged. Beyond it whole batches are evicted, metric events
  /// first, oldest first, and counted. Unit: bytes. Range: [64 KiB, 1 GiB].
  std::size_t spool_bytes = std::size_t{10} << 20;

  /// Batches older than this are dropped and counted. Range: [1 min, 14 days].
  std::chrono::milliseconds spool_age{std::chrono::hours{14 * 24}};

  Fsync fsync = Fsync::kInterval;

  /// Longest pause between two attempts. The pause before retry k is uniform in [0,
  /// min(max_backoff, 500 ms * 2^k)]. `Retry-After` may ask for more, up to 24 h. Range: [100 ms, 1
  /// h].
  std::chrono::milliseconds max_backoff{std::chrono::minutes{5}};

  /// For one request, connecting included. Range: [100 ms, 5 min].
  std::chrono::milliseconds request_timeout{std::chrono::seconds{30}};

  /// On a metered network: shortest time between two bursts of sending, so that the radio sleeps
  /// in between. Records go to disk as usual meanwhile. Range: [0, 1 h].
  std::chrono::milliseconds metered_interval{std::chrono::minutes{5}};

  /// zstd level of a batch. Range: [1, 19].
  int compression_level = 5;

  /// Units whose last exposure is remembered, so that a repeat is not sent again; 8 bytes each, a
  /// power of two. Range: [1024, 16 Mi].
  std::size_t exposure_memory = std::size_t{64} << 10;
};

struct CatalogOptions {
  /// Catalog bytes that came with the app; the disk's and the server's are preferred when they are
  /// newer. Optional.
  std::string bundled;

  /// The server is asked for a newer catalog this often, with a jitter of 10 %. 0 = never. Range: 0
  /// or [1 s, 24 h].
  std::chrono::milliseconds poll_interval{std::chrono::minutes{5}};

  /// Keep a request open at the server, so that a new catalog arrives within a second or so of its
  /// publication. Costs a connection and a thread: right for servers and kiosks, not for batteries.
  /// Not with a `transport` of the app's own. Polling goes on beside it.
  bool watch = false;

  ApplyPolicy apply = ApplyPolicy::kImmediately;

  /// Public keys of those who may sign catalogs, each as `upswing keys signing` prints it:
  /// "ed25519//<base64>". With any, a catalog or id list, from the server, the disk or `bundled`,
  /// is used and cached only if one of them signed it, and one older than the newest seen is
  /// refused; so any network may carry it. Leave a key out that is trusted no more. Empty = whom
  /// TLS trusts is trusted.
  std::vector<std::string> trusted_keys;

  /// Where the catalog is fetched, as `server_url`, in its place: a CDN in front of the server. It
  /// is not sent the API key. `watch` still asks the server. Empty = the server.
  std::string cdn_url;

  /// Fetch the catalog also while consent is unknown or denied; no ids are sent with it.
  bool fetch_without_consent = false;
};

/// What `Client::Create` takes.
struct ClientOptions {
  /// Scheme, host and optional port and path prefix. Empty = offline: decide and keep records, send
  /// nothing.
  std::string server_url;

  /// A key with scope `client`.
  std::string api_key;

  /// Folder of this app's own for spool and catalog; made if needed. Several processes may share
  /// it. Empty = nothing is written to disk.
  std::string storage_directory;

  Consent consent = Consent::kGranted;
  CatalogOptions catalog;
  DeliveryOptions delivery;

  /// Variants to force, by experiment key, for development and QA. Such exposures are marked and
  /// not analysed.
  std::map<std::string, std::string> overrides;

  LogSink log;

  /// HTTP stack to use in the place of libcurl; then the next three options must be empty.
  std::shared_ptr<Transport> transport;

  std::string proxy;           ///< URL of an HTTP proxy. The environment is not asked.
  std::string ca_bundle_path;  ///< PEM file of the authorities to trust; empty = the system's.
  std::string
      pinned_key;  ///< "sha256//<base64>" of the server's public key; several joined by ';'.
};

}  // namespace upswing
