#include "server/analysis/selection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

namespace upswing::analysis {
namespace {

// As a caller does it: passes over all numbers, each dealt out to two threads.
std::vector<double> Find(const std::vector<double>& numbers, const std::vector<std::int64_t>& ranks,
                         std::size_t most, int* passes) {
  Narrowing narrowing;
  std::vector<double> found;
  for (*passes = 1;; ++*passes) {
    Selection one(&narrowing, most);
    Selection other(&narrowing, most);
    for (std::size_t i = 0; i < numbers.size(); ++i) (i % 3 == 0 ? one : other).Add(numbers[i]);
    one.Merge(std::move(other));
    EXPECT_EQ(one.count(), static_cast<std::int64_t>(numbers.size()));
    Narrowing next;
    if (one.Find(ranks, &found, &next)) return found;
    narrowing = next;
  }
}

TEST(Selection, FindsWhatSortingFindsHoweverLittleMemoryItHas) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  for (int shape = 0; shape < 3; ++shape) {
    std::vector<double> numbers;
    for (int i = 0; i < 5000; ++i) {
      const double z = normal(random);
      numbers.push_back(shape == 0 ? z : shape == 1 ? std::exp(3 * z) : std::round(z * 4) / 100);
    }
    std::vector<double> sorted = numbers;
    std::sort(sorted.begin(), sorted.end());
    const std::vector<std::int64_t> ranks = {1, 100, 2500, 2501, 4990, 5000};
    for (const std::size_t most : {5000u, 4999u, 100u, 2u}) {
      int passes = 0;
      const std::vector<double> found = Find(numbers, ranks, most, &passes);
      ASSERT_EQ(found.size(), ranks.size());
      for (std::size_t r = 0; r < ranks.size(); ++r)
        EXPECT_EQ(found[r], sorted[static_cast<std::size_t>(ranks[r]) - 1]) << most;
      EXPECT_EQ(passes == 1, most == 5000);
      EXPECT_LE(passes, 4);
    }
  }
}

TEST(Selection, ARankIsThatOfTheInvertedCdf) {
  EXPECT_EQ(RankAt(0.5, 4), 2);  // two of four numbers are at or below the second
  EXPECT_EQ(RankAt(0.5, 5), 3);
  EXPECT_EQ(RankAt(0.0, 5), 1);
  EXPECT_EQ(RankAt(1.2, 5), 5);
}

}  // namespace
}  // namespace upswing::analysis
