#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace upswing::wire {

/// Names a batch for ever: a random 128-bit epoch, drawn when a spool folder is made, and a counter
/// within it that starts at 1. The bytes of a batch never change once it has an id, so that a
/// repeated id is a repeated batch.
struct BatchId {
  std::uint64_t epoch_hi = 0;
  std::uint64_t epoch_lo = 0;
  std::uint64_t sequence = 0;

  friend bool operator==(const BatchId&, const BatchId&) = default;
  friend auto operator<=>(const BatchId&, const BatchId&) = default;
};

/// The text form in headers and logs: 32 lower-case hexadecimal digits of the epoch, '-', the
/// sequence in decimal.
std::string FormatBatchId(const BatchId& id);

/// Reads exactly what `FormatBatchId` writes; nullopt for anything else, also for a sequence of 0.
std::optional<BatchId> ParseBatchId(std::string_view text);

}  // namespace upswing::wire
