#include "sdk/transport/backoff.hpp"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/support/fake_platform.hpp"

namespace upswing::transport {
namespace {

constexpr std::uint64_t kHighest = ~std::uint64_t{0};

// 500 ms * 2^k before retry k, until the longest pause.
TEST(Backoff, TheCeilingDoublesWithEachFailureUpToTheLongest) {
  testing::FakeEntropy entropy;
  for (const std::int64_t ceiling : {1000, 2000, 4000, 8000, 10'000, 10'000}) {
    std::int64_t largest = 0;
    for (int draw = 0; draw < 2000; ++draw) {
      Backoff backoff(10'000);
      for (std::int64_t passed = 1000; passed < ceiling; passed *= 2) backoff.NextMillis(0);
      const std::int64_t pause = backoff.NextMillis(entropy.Next64());
      ASSERT_GE(pause, 0);
      ASSERT_LE(pause, ceiling);
      largest = std::max(largest, pause);
    }
    EXPECT_GT(largest, ceiling * 95 / 100) << "the whole range is used";
  }
}

// The mean of a uniform pause in [0, c] is c / 2 with standard deviation c / sqrt(12 n); with
// n = 10,000 four of these are 1.2 % of c.
TEST(Backoff, PausesAreSpreadOverTheWholeRangeSoThatAFleetDoesNotRetryInStep) {
  testing::FakeEntropy entropy;
  double sum = 0;
  int low = 0;
  for (int draw = 0; draw < 10'000; ++draw) {
    Backoff backoff(1000);
    const std::int64_t pause = backoff.NextMillis(entropy.Next64());
    sum += static_cast<double>(pause);
    low += pause < 250 ? 1 : 0;
  }
  EXPECT_NEAR(sum / 10'000, 500, 12);
  EXPECT_NEAR(low, 2500, 180);
}

TEST(Backoff, SuccessStartsAnew) {
  Backoff backoff(1'000'000);
  for (int i = 0; i < 8; ++i) backoff.NextMillis(0);
  backoff.Reset();
  for (int i = 0; i < 100; ++i) {
    Backoff fresh = backoff;
    EXPECT_LE(fresh.NextMillis(kHighest - static_cast<std::uint64_t>(i)), 1000);
  }
}

TEST(Backoff, NeverOverflowsHoweverLongTheServerIsAway) {
  Backoff backoff(3'600'000);
  testing::FakeEntropy entropy;
  for (int failure = 0; failure < 10'000; ++failure) {
    const std::int64_t pause = backoff.NextMillis(entropy.Next64());
    ASSERT_GE(pause, 0);
    ASSERT_LE(pause, 3'600'000);
  }
}

}  // namespace
}  // namespace upswing::transport
