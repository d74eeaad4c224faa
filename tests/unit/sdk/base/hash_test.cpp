#include "sdk/base/hash.hpp"

#include <gtest/gtest.h>

namespace upswing::base {
namespace {

// XXH3_64bits("") from the xxHash specification's test vectors (seed 0).
TEST(Hash64, IsXxh3OfTheBytes) { EXPECT_EQ(Hash64(""), 0x2d06800538d394c2ULL); }

// The first output of SplitMix64 with seed 0 is the finalizer of the golden gamma; the value is the
// one in S. Vigna's splitmix64.c test output.
TEST(Mix, IsTheSplitmix64Finalizer) {
  EXPECT_EQ(Mix(0x9e3779b97f4a7c15ULL), 0xe220a8397b1dcdafULL);
}

TEST(Bucket, StaysBelowTheCountAtBothEndsOfTheHash) {
  // Mix is a bijection with Mix(0) = 0, so equal hashes give bucket 0.
  EXPECT_EQ(Bucket(7, 7), 0u);
  for (std::uint64_t h = 1; h < 10'000; ++h)
    ASSERT_LT(Bucket(h * 0x9e3779b97f4a7c15ULL, 0), kBucketCount);
}

}  // namespace
}  // namespace upswing::base
