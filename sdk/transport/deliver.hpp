#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/port/entropy.hpp"
#include "sdk/transport/batch_sender.hpp"

namespace upswing::transport {

/// What the server made of a batch's records.
struct Delivery {
  std::uint64_t accepted = 0;
  std::uint64_t duplicate = 0;                ///< Stored before, under the same id.
  std::vector<wire::RejectedRange> rejected;  ///< Numbered as in the batch that was given.
};

struct DeliverOptions {
  std::int64_t max_backoff_ms = 10'000;
  int max_attempts = 20;
  /// Waits for so many milliseconds. False = give up.
  std::function<bool(std::int64_t)> wait;
};

/// Sends one batch of `records` records that is already formed and does not return before the
/// server has answered for all of it, or for good against it; for importers, which have nobody else
/// to wait. Retries as the protocol says and halves after 413. Sending the same bytes again, also
/// from another process, changes nothing on the server.
///
/// kInvalidArgument: the server refused the batch (400), or a single record is too large.
/// kPermissionDenied: 401 or 403. kFailedPrecondition: another batch is stored under the id.
/// kUnavailable: attempts used up, or `wait` gave up.
absl::StatusOr<Delivery> Deliver(BatchSender* sender, const Endpoint& endpoint,
                                 const wire::BatchId& id, std::string_view bytes,
                                 std::uint32_t records, port::Entropy* entropy,
                                 const DeliverOptions& options);

}  // namespace upswing::transport
