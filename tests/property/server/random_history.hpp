#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "server/analysis/result.hpp"
#include "server/analysis/spec.hpp"
#include "tests/support/stream_of_records.hpp"

namespace upswing::testing {

inline constexpr std::int64_t kHour = 3'600'000;
inline constexpr std::int64_t kDay = 24 * kHour;
/// 2026-10-20T00:00:00Z: twelve days before New York leaves daylight-saving time (1 November).
inline constexpr std::int64_t kStart = 1'792'454'400'000;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::int64_t Below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }
  bool OneIn(std::int64_t n) { return Below(n) == 0; }

 private:
  std::mt19937_64 random_;
};

/// Key of a unit by its number.
std::uint64_t Key(const char* type, std::int64_t number);
/// Records of a few units over 25 days from `kStart`, with everything that may collide colliding.
RecordList RandomRecords(Dice* dice, int count);
/// A question about them.
analysis::ExperimentSpec RandomSpec(Dice* dice);

/// How far two results may be apart. 0: to the bit.
void ExpectSame(const analysis::AnalysisResult& real, const analysis::AnalysisResult& oracle,
                const analysis::ExperimentSpec& spec, double tolerance = 0);

}  // namespace upswing::testing
