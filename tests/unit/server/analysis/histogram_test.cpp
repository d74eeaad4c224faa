#include "server/analysis/histogram.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace upswing::analysis {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Two bins share a doubling: [1, 1.5) and [1.5, 2), [2, 3) and [3, 4).
TEST(Histogram, PutsEveryValueIntoTheBinThatHoldsIt) {
  Histogram histogram;
  for (const double value : {0.0, -0.0, 1.0, 1.4999, 1.5, 2.0, 2.9, 3.0, -1.0, -1.5, 1e300, 1e-300,
                             kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN()})
    histogram.Add(value);
  std::int64_t all = 0;
  for (const HistogramBin& bin : histogram.Bins()) all += bin.count;
  EXPECT_EQ(all, 14) << "what is not a number has no place";
  const auto count = [&](double low, double high) {
    for (const HistogramBin& bin : histogram.Bins())
      if (bin.low == low && bin.high == high) return bin.count;
    return std::int64_t{0};
  };
  EXPECT_EQ(count(0, 0), 2);
  EXPECT_EQ(count(1, 1.5), 2);
  EXPECT_EQ(count(1.5, 2), 1);
  EXPECT_EQ(count(2, 3), 2);
  EXPECT_EQ(count(3, 4), 1);
  EXPECT_EQ(count(-1.5, -1), 1) << "-1";
  EXPECT_EQ(count(-2, -1.5), 1) << "-1.5";
  EXPECT_EQ(histogram.Bins().front().low, -kInfinity);
  EXPECT_EQ(histogram.Bins().back().high, kInfinity);
}

TEST(Histogram, BinsTouchAndAscend) {
  Histogram histogram;
  for (int e = -20; e < 60; ++e)
    for (const double m : {1.0, 1.6}) histogram.Add(std::ldexp(m, e));
  const auto bins = histogram.Bins();
  ASSERT_EQ(bins.size(), 128u);
  EXPECT_EQ(bins.front().low, 0);
  for (std::size_t i = 1; i < bins.size(); ++i) EXPECT_EQ(bins[i].low, bins[i - 1].high);
}

TEST(Histogram, WhatWasMergedIsTakenOutAgain) {
  Histogram all, some;
  for (int i = 0; i < 100; ++i) (i % 3 == 0 ? some : all).Add(i * 0.7);
  const auto before = all.Bins();
  all.Merge(some);
  all.Subtract(some);
  ASSERT_EQ(all.Bins().size(), before.size());
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(all.Bins()[i].count, before[i].count);
}

}  // namespace
}  // namespace upswing::analysis
