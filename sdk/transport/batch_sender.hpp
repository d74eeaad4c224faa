#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "platform/port/clock.hpp"
#include "sdk/wire/protocol.hpp"
#include "upswing/transport.hpp"

namespace upswing::transport {

/// What becomes of a batch after one attempt.
enum class Verdict : std::uint8_t {
  kDelivered,     ///< Our server has it; `answer` says how.
  kSplit,         ///< 413 from our server: halve it.
  kRefused,       ///< 400 from our server: it can never be stored; set it aside.
  kUnauthorized,  ///< 401 or 403 from our server: keep it, pause until the key changes.
  kRetry,         ///< Anything else: keep it, try again later.
};

struct SendResult {
  Verdict verdict = Verdict::kRetry;
  wire::Answer answer;                           ///< Of kDelivered.
  std::optional<std::int64_t> retry_after_s;     ///< From `Retry-After`, of kRetry.
  std::optional<std::int64_t> pause_s;           ///< From `Upswing-Pause`.
  std::optional<std::int64_t> flush_interval_s;  ///< From `Upswing-Flush-Interval`.
  absl::Status error;                            ///< Why not kDelivered, for people.
};

/// Judges a response to batch `id`. Pure. Only a response that repeats the id is believed (see
/// wire/protocol.hpp), and a 200 only with a body that is an answer; `Retry-After` is honoured from
/// anyone, since it can only delay.
SendResult Judge(const wire::BatchId& id, const HttpResponse& response);

struct Endpoint {
  std::string server_url;  ///< Scheme, host, optional port and path prefix, without a trailing '/'.
  std::string api_key;
  std::chrono::milliseconds timeout{std::chrono::seconds{30}};
};

/// One attempt at one batch.
class BatchSender {
 public:
  BatchSender(Transport* transport, const port::Clock* clock)
      : transport_(transport), clock_(clock) {}

  SendResult Send(const Endpoint& endpoint, const wire::BatchId& id, std::string_view bytes);

 private:
  Transport* transport_;
  const port::Clock* clock_;
};

}  // namespace upswing::transport
