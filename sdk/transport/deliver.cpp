#include "sdk/transport/deliver.hpp"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sdk/transport/backoff.hpp"
#include "sdk/wire/split.hpp"

namespace upswing::transport {
namespace {

struct Piece {
  wire::BatchId id;
  std::string bytes;
  std::uint32_t records = 0;
  std::uint32_t first = 0;  // of the records of the batch that was given
};

absl::Status Append(const Piece& whole, std::vector<Piece>* pieces) {
  absl::StatusOr<std::vector<wire::Part>> halves = wire::SplitBatch(whole.bytes);
  if (!halves.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("batch ", wire::FormatBatchId(whole.id),
                                                   " is too large for the server and cannot be "
                                                   "halved: ",
                                                   halves.status().message()));
  }
  std::uint32_t first = whole.first;
  std::vector<Piece> parts;
  for (wire::Part& half : *halves) {
    const std::uint32_t records = half.exposures + half.events;
    parts.push_back({half.id, std::move(half.bytes), records, first});
    first += records;
  }
  // The stack's end is sent first.
  std::move(parts.rbegin(), parts.rend(), std::back_inserter(*pieces));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Delivery> Deliver(BatchSender* sender, const Endpoint& endpoint,
                                 const wire::BatchId& id, std::string_view bytes,
                                 std::uint32_t records, port::Entropy* entropy,
                                 const DeliverOptions& options) {
  Delivery delivery;
  Backoff backoff(options.max_backoff_ms);
  std::vector<Piece> pieces;
  pieces.push_back({id, std::string(bytes), records, 0});
  int attempts = 0;
  while (!pieces.empty()) {
    const SendResult result = sender->Send(endpoint, pieces.back().id, pieces.back().bytes);
    switch (result.verdict) {
      case Verdict::kDelivered: {
        if (result.answer.conflict) {
          return absl::FailedPreconditionError(absl::StrCat("another batch is stored under ",
                                                            wire::FormatBatchId(pieces.back().id)));
        }
        delivery.accepted += result.answer.accepted;
        if (result.answer.duplicate) delivery.duplicate += pieces.back().records;
        for (wire::RejectedRange range : result.answer.rejected) {
          range.first += pieces.back().first;
          delivery.rejected.push_back(std::move(range));
        }
        pieces.pop_back();
        backoff.Reset();
        attempts = 0;
        break;
      }
      case Verdict::kSplit: {
        const Piece whole = std::move(pieces.back());
        pieces.pop_back();
        if (absl::Status status = Append(whole, &pieces); !status.ok()) return status;
        break;
      }
      case Verdict::kRefused:
      case Verdict::kUnauthorized:
        return result.error;
      case Verdict::kRetry: {
        if (++attempts >= options.max_attempts) return result.error;
        const std::int64_t pause = std::max(backoff.NextMillis(entropy->Next64()),
                                            result.retry_after_s.value_or(0) * 1000);
        if (!options.wait(pause)) return result.error;
        break;
      }
    }
  }
  return delivery;
}

}  // namespace upswing::transport
