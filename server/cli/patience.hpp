#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "platform/posix/posix_entropy.hpp"
#include "sdk/transport/backoff.hpp"

namespace upswing::cli {

/// How long a command goes on trying a server that is away or busy: growing, jittered pauses of at
/// most five seconds, for ten minutes.
class Patience {
 public:
  /// The pause before the next attempt, at least `at_least`; nullopt when patience is at its end.
  std::optional<std::chrono::milliseconds> NextPause(std::chrono::milliseconds at_least = {}) {
    const std::chrono::milliseconds pause =
        std::max(std::chrono::milliseconds(backoff_.NextMillis(entropy_.Next64())), at_least);
    if (std::chrono::steady_clock::now() + pause > end_) return std::nullopt;
    return pause;
  }

 private:
  transport::Backoff backoff_{5'000};
  posix::PosixEntropy entropy_;
  const std::chrono::steady_clock::time_point end_ =
      std::chrono::steady_clock::now() + std::chrono::minutes(10);
};

}  // namespace upswing::cli
