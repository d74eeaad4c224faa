#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace upswing {

/// Records lost on this device since the client was created, by reason. docs/concepts/delivery.md
/// explains each.
struct DroppedRecords {
  std::uint64_t queue_full = 0;
  std::uint64_t spool_full = 0;
  std::uint64_t expired = 0;
  std::uint64_t too_large = 0;
  std::uint64_t spool_failed = 0;
  std::uint64_t spool_corrupt = 0;
  std::uint64_t rejected = 0;
  std::uint64_t consent = 0;
  std::uint64_t invalid = 0;

  std::uint64_t total() const {
    return queue_full + spool_full + expired + too_large + spool_failed + spool_corrupt + rejected +
           consent + invalid;
  }
};

/// A snapshot of what the client did since it was created. Cheap enough for a debug screen, not for
/// every frame.
struct ClientStats {
  std::uint64_t queued = 0;        ///< Records taken by `Track`, `Decide` and `Expose`.
  std::uint64_t deduplicated = 0;  ///< Exposures that repeated the last one of their unit.
  std::uint64_t batched = 0;       ///< Records that have left the queue in a batch.
  std::uint64_t acknowledged = 0;  ///< Records the server has answered for, also as duplicates.
  DroppedRecords dropped;

  std::uint64_t batches_sent = 0;          ///< Attempts to send a batch.
  std::uint64_t batches_acknowledged = 0;  ///< Batches the server has.
  std::uint64_t retries =
      0;  ///< Attempts that ended without an answer of our server, or with 429 or 5xx.
  std::uint64_t bytes_sent = 0;  ///< Bodies of all attempts.

  std::uint64_t spooled_batches = 0;    ///< Waiting now.
  std::uint64_t spooled_records = 0;    ///< In these.
  std::uint64_t spooled_bytes = 0;      ///< Disk and memory these take.
  std::uint64_t unwritten_batches = 0;  ///< Of these, in memory because the disk refused them.

  std::uint64_t catalog_version = 0;                     ///< In force; 0 = none.
  std::optional<std::chrono::milliseconds> catalog_age;  ///< Since the server last confirmed it.
  std::string last_error;                                ///< For people; empty if there was none.
};

/// What became of the records that were waiting when `Flush` or `Close` was called.
struct FlushResult {
  std::uint64_t sent = 0;  ///< Acknowledged by the server.
  std::uint64_t kept =
      0;  ///< Still in the spool (on disk, or in memory where nothing may be written).
  std::uint64_t dropped = 0;  ///< Lost meanwhile, and counted in `ClientStats::dropped`.
};

}  // namespace upswing
