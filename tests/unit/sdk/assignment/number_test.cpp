#include "sdk/assignment/number.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace upswing::assignment {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

// 2^53 + 1 has no double; 2^63 - 1 rounds up to 2^63 as a double.
TEST(Compare, DoesNotRoundLargeIntegers) {
  EXPECT_EQ(Compare(Number::Int(9007199254740993), Number::Double(9007199254740992.0)), 1);
  EXPECT_EQ(Compare(Number::Double(9007199254740992.0), Number::Int(9007199254740993)), -1);
  EXPECT_EQ(Compare(Number::Int(kMax), Number::Double(0x1p63)), -1);
  EXPECT_EQ(Compare(Number::Int(kMin), Number::Double(-0x1p63)), 0);
  EXPECT_EQ(Compare(Number::Int(kMin), Number::Double(-0x1.0000000000001p63)), 1);
  EXPECT_EQ(Compare(Number::Int(3), Number::Double(3.5)), -1);
  EXPECT_EQ(Compare(Number::Int(-3), Number::Double(-3.5)), 1);
  EXPECT_EQ(Compare(Number::Int(0), Number::Double(-0.0)), 0);
  EXPECT_EQ(Compare(Number::Int(0), Number::Double(5e-324)), -1);
  EXPECT_EQ(Compare(Number::Int(kMax), Number::Double(std::numeric_limits<double>::infinity())),
            -1);
}

TEST(Compare, GivesNothingForNan) {
  const Number nan = Number::Double(std::nan(""));
  EXPECT_EQ(Compare(nan, nan), std::nullopt);
  EXPECT_EQ(Compare(nan, Number::Int(0)), std::nullopt);
  EXPECT_EQ(Compare(Number::Int(0), nan), std::nullopt);
  EXPECT_EQ(Compare(nan, Number::Double(0)), std::nullopt);
}

}  // namespace
}  // namespace upswing::assignment
