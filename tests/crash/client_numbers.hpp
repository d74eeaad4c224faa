#pragma once

#include <cstddef>

namespace upswing::testing {

/// Victim k tracks numbers from k * kNumbersPerVictim on, its worker w from there +
/// w * kNumbersPerWorker on.
inline constexpr long kNumbersPerVictim = 1'000'000;
inline constexpr long kNumbersPerWorker = 10'000;

/// One count per run of numbers: how many of it were tracked. Room for 1,000 victims.
inline constexpr std::size_t kRuns = 1000 * kNumbersPerVictim / kNumbersPerWorker;
inline constexpr std::size_t kProgressBytes = kRuns * sizeof(long);

}  // namespace upswing::testing
