#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "server/simulation/rooms.hpp"
#include "server/simulation/world.hpp"

namespace upswing::cli {

/// Runs `runs` A/A tests of the live shop (rooms are split by a coin, nobody gets a coupon) and
/// prints how often p < 0.05 came out of comparing viewers, as if each had been randomised alone,
/// and of comparing rooms.
absl::Status CountFalsePositives(const simulation::LiveShop& shop, std::uint64_t runs,
                                 std::uint64_t seed);

/// Shows `users` one list each, interleaved from the two rankings of notes that the world's
/// variants stand for, and prints whose notes were opened.
absl::Status Interleave(const simulation::World& world, std::uint64_t users, std::uint64_t seed);

}  // namespace upswing::cli
