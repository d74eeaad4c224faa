#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/wire/batch_id.hpp"

/// The HTTP contract between SDK and server, written once for both.
///
///     POST /v1/batches
///       Authorization: Bearer <key>
///       Content-Type: application/vnd.upswing.batch
///       Upswing-Batch: <id of the batch in the body>
///       Upswing-Sent-At: <wall ms> <boot ms> <boot id, hex>
///     -> 200  Upswing-Batch: <the same id>     body: Answer as JSON
///        413  Upswing-Batch: <the same id>     the client halves the batch
///        400  Upswing-Batch: <the same id>     the client sets the batch aside
///        401, 403  Upswing-Batch: <the same id>  the client pauses until its key changes
///        429, 5xx  [Retry-After: <seconds>]    the client retries
///
/// Only a response that repeats the batch's id in `Upswing-Batch` comes from our server; the client
/// retries after any other, whatever its status.
///
/// What the server does with ids, in the transaction that stores the records:
///   1. The id is known with the same checksum: nothing is stored; answer `duplicate: true`, 200.
///   2. The id is known with another checksum: the bytes are kept aside under a conflict id; answer
///   200,
///      `conflict: true`.
///   3. The batch has `ancestors` and one of them was *stored*: its records are there already. Mark
///   the id as known;
///      answer `duplicate: true`, 200.
///   4. The id is known as *split* (rule 5): its records come in its parts. Store nothing and
///   answer
///      413, so that whoever sent the whole, a clone of the device perhaps, sends the parts too.
///   5. Otherwise store the records, mark the id as stored and each of its ancestors as split
///   (unless stored), so that a
///      late copy of an ancestor stores nothing.
/// An answer of 413 must come before anything of the batch is committed.
namespace upswing::wire {

inline constexpr std::string_view kBatchesPath = "/v1/batches";
inline constexpr std::string_view kCatalogPath = "/v1/catalog";
inline constexpr std::string_view kBatchContentType = "application/vnd.upswing.batch";
inline constexpr std::string_view kBatchHeader = "Upswing-Batch";
inline constexpr std::string_view kSentAtHeader = "Upswing-Sent-At";
/// Response: send nothing for this many seconds (kill switch). Capped at `kLongestPauseSeconds`.
inline constexpr std::string_view kPauseHeader = "Upswing-Pause";
/// Response: flush at most every so many seconds, until the next answer says otherwise.
inline constexpr std::string_view kFlushIntervalHeader = "Upswing-Flush-Interval";
inline constexpr std::string_view kRetryAfterHeader = "Retry-After";

/// `Retry-After` and `Upswing-Pause` beyond this count as this: a hostile or broken answer must not
/// silence a device.
inline constexpr std::int64_t kLongestPauseSeconds = 24 * 60 * 60;

/// The sender's clocks at the moment of sending.
struct SentAt {
  std::int64_t wall_ms = 0;
  std::int64_t boot_ms = 0;
  std::uint64_t boot_id = 0;

  friend bool operator==(const SentAt&, const SentAt&) = default;
};

/// "<wall ms> <boot ms> <boot id in hexadecimal>".
std::string FormatSentAt(const SentAt& sent_at);
std::optional<SentAt> ParseSentAt(std::string_view text);

/// Non-negative whole seconds in decimal, no sign, no date, capped at `kLongestPauseSeconds`.
/// (`Retry-After` may also be a date; that form is refused because it needs a trusted clock.)
std::optional<std::int64_t> ParseSeconds(std::string_view text);

/// Records [first, first + count) were refused. Numbered like `Problem::record`.
struct RejectedRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::string reason;

  friend bool operator==(const RejectedRange&, const RejectedRange&) = default;
};

/// Body of a 200.
struct Answer {
  std::uint32_t accepted = 0;  ///< Records stored now, or, for a duplicate, 0.
  bool duplicate = false;      ///< The records were stored before; nothing was stored now.
  bool conflict = false;       ///< Another batch is stored under this id; this one was kept aside.
  std::vector<RejectedRange> rejected;

  friend bool operator==(const Answer&, const Answer&) = default;
};

/// {"accepted":3,"duplicate":false,"conflict":false,"rejected":[{"first":0,"count":1,"reason":"no_unit"}]}
std::string FormatAnswer(const Answer& answer);

/// Reads an `Answer` from JSON; keys it does not know are skipped. nullopt when it is not such an
/// object, is larger than 1 MiB or is nested deeper than 16.
std::optional<Answer> ParseAnswer(std::string_view json);

}  // namespace upswing::wire
