#include "server/statistics/moments.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "sdk/base/hash.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

double Uniform(std::uint64_t i) { return static_cast<double>(base::Mix(i) >> 11) * 0x1p-53; }

// By hand: {4, 7, 13, 16}: mean 10, squares of the differences 36 + 9 + 9 + 36 = 90. A shift of 1e9
// changes the mean only, but destroys sum(x^2) - sum(x)^2 / n in doubles.
TEST(Moments, KeepEveryDigitUnderALargeOffset) {
  MomentSums sums;
  for (const double x : {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}) sums.Add(x);
  const auto moments = sums.Reduce();
  ASSERT_TRUE(moments.ok());
  EXPECT_EQ(moments->mean[0], 1e9 + 10);
  EXPECT_EQ(moments->centred[0], 90);
  EXPECT_EQ(moments->Variance(0), 30);
}

// Near 1e12 a double has steps of 2^-13; values 1e12 +- k 2^-10 have variance of the order 1e-6.
TEST(Moments, AreRightForMeansNear1e12AndVariancesNear1em6) {
  MomentSums sums;
  const int n = 2000;
  for (int i = 0; i < n; ++i) sums.Add(1e12 + (i % 3 - 1) * 0x1p-10);
  // Of 2000 units 667 are -1, 667 are 0 and 666 are +1 steps: sum -1, sum of squares 1333.
  const auto moments = sums.Reduce();
  ASSERT_TRUE(moments.ok());
  const double step = 0x1p-10;
  EXPECT_DOUBLE_EQ(moments->centred[0], (1333.0 - 1.0 / n) * step * step);
}

TEST(Moments, DoNotDependOnTheOrderOrTheSharding) {
  std::vector<std::vector<double>> units;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const double scale = std::ldexp(1.0, static_cast<int>(base::Mix(i) % 120) - 60);
    units.push_back(
        {(Uniform(3 * i) - 0.5) * scale, Uniform(3 * i + 1) - 0.5, 1e12 + Uniform(3 * i + 2)});
  }
  MomentSums once(3);
  for (const auto& unit : units) once.Add(unit);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::vector<MomentSums> shards(7, MomentSums(3));
    std::vector<std::size_t> order(units.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return base::Mix(a * 64 + seed) < base::Mix(b * 64 + seed);
    });
    for (const std::size_t i : order) shards[base::Mix(i + seed) % 7].Add(units[i]);
    MomentSums merged(3);
    for (std::size_t i = 0; i < 7; ++i) merged.Merge(shards[(i * 3 + seed) % 7]);
    EXPECT_EQ(merged.Save(), once.Save());
    const auto loaded = MomentSums::Load(merged.Save());
    ASSERT_TRUE(loaded.ok());
    EXPECT_EQ(loaded->Reduce()->centred, once.Reduce()->centred);
  }
}

// The slow twin: two passes in long double.
TEST(Moments, AgreeWithTwoPassesAtOrdinaryScales) {
  MomentSums sums(2);
  std::vector<double> x, y;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    x.push_back(Uniform(2 * i) * 100);
    y.push_back(x.back() * 0.3 + Uniform(2 * i + 1));
    sums.Add({x.back(), y.back()});
  }
  long double mean_x = 0, mean_y = 0, sxy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i];
    mean_y += y[i];
  }
  mean_x /= static_cast<long double>(x.size());
  mean_y /= static_cast<long double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) sxy += (x[i] - mean_x) * (y[i] - mean_y);
  const auto moments = sums.Reduce();
  ASSERT_TRUE(moments.ok());
  EXPECT_DOUBLE_EQ(moments->mean[1], static_cast<double>(mean_y));
  EXPECT_DOUBLE_EQ(moments->centred[1], static_cast<double>(sxy));
}

TEST(Moments, NameAValueThatIsNotFinite) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(),
                           -std::numeric_limits<double>::infinity(), 1e200}) {
    MomentSums sums;
    sums.Add(1);
    sums.Add(bad);  // 1e200 is fine, its square is not
    EXPECT_EQ(sums.Reduce().status(), Undefined(reason::kNonFiniteInput));
  }
}

TEST(Moments, OfATrillionUnitsOfWhichFewConvertedStayExact) {
  MomentSums sums;
  sums.AddZeros(1'000'000'000'000 - 3);
  for (int i = 0; i < 3; ++i) sums.Add(1);
  const auto moments = sums.Reduce();
  ASSERT_TRUE(moments.ok());
  EXPECT_DOUBLE_EQ(moments->mean[0], 3e-12);
  EXPECT_DOUBLE_EQ(moments->centred[0], 3 - 9e-12);
}

TEST(ExactSum, CancelsWithoutATrace) {
  ExactSum sum;
  for (const double x : {1e308, 1.0, -1e308, 0x1p-1074}) sum.Add(x);
  EXPECT_EQ(sum.Round(), 1.0);
  sum.Add(-1.0);
  EXPECT_EQ(sum.Round(), 0x1p-1074);
  sum.Add(-0x1p-1074);
  EXPECT_EQ(sum.Value(), ExactValue{});
}

TEST(ExactSum, RoundsToNearestWithTiesToEven) {
  ExactSum sum;
  sum.Add(1.0);
  sum.Add(0x1p-53);  // half a step above 1
  EXPECT_EQ(sum.Round(), 1.0);
  sum.Add(0x1p-1000);  // a little more than half
  EXPECT_EQ(sum.Round(), 1.0 + 0x1p-52);
  sum.Add(-0x1p-999);
  EXPECT_EQ(sum.Round(), 1.0);
}

TEST(ExactSum, SurvivesMoreMergesThanAChunkHasRoomFor) {
  ExactSum sum;
  sum.Add(-1.5);
  for (int i = 0; i < 200; ++i) sum.Merge(sum);  // doubles it each time
  EXPECT_EQ(sum.Round(), -1.5 * 0x1p200);
}

TEST(ExactValue, MultipliesAndSubtractsExactly) {
  // (2^60 + 1)(2^60 - 1) = 2^120 - 1
  const ExactValue a = ExactValue::FromInteger((1LL << 60) + 1);
  const ExactValue b = ExactValue::FromInteger((1LL << 60) - 1);
  EXPECT_EQ((a * b - ExactValue::FromDouble(0x1p120)).Round(), -1);
  EXPECT_EQ((b - a).Round(), -2);
  EXPECT_EQ(ExactValue::FromInteger(std::numeric_limits<std::int64_t>::min()).Round(), -0x1p63);
}

}  // namespace
}  // namespace upswing::statistics
