#include "server/statistics/distributions.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace upswing::statistics {
namespace {

TEST(StudentTUpperQuantile, InvertsTheTailExactly) {
  for (const double q : {0.4, 0.025, 0.005, 1e-9})
    for (const double df : {1.0, 1.7, 2.3, 10.5, 82.61, 919.84, 1e7})
      EXPECT_NEAR(StudentTSurvival(StudentTUpperQuantile(q, df), df) / q, 1, 1e-12)
          << q << " " << df;
}

TEST(NormalUpperQuantile, InvertsTailsDownToTheSmallestNumbers) {
  for (const double q : {0.5, 0.025, 1e-20, 1e-100, 1e-300})
    EXPECT_NEAR(NormalSurvival(NormalUpperQuantile(q)) / q, 1, 1e-11) << q;
}

// Mills' ratio: P(Z > x) = phi(x) / x (1 - 1/x^2 + ...).
TEST(LogNormalSurvival, GoesOnWhereTheProbabilityUnderflows) {
  EXPECT_NEAR(LogNormalSurvival(29.999), std::log(NormalSurvival(29.999)), 1e-9);
  EXPECT_NEAR(LogNormalSurvival(30.001), std::log(NormalSurvival(30.001)), 1e-9);
  EXPECT_NEAR(LogNormalSurvival(1000), -500'000 - std::log(1000) - 0.9189385332046727, 1e-5);
}

// Gamma(a + n) / Gamma(a) for whole n is a (a + 1) ... (a + n - 1).
TEST(LogRisingFactorial, KeepsDigitsForLargeArguments) {
  EXPECT_NEAR(LogRisingFactorial(1e9, 2), std::log(1e9) + std::log(1e9 + 1), 1e-13 * 41);
  EXPECT_NEAR(LogRisingFactorial(25, 3), std::log(25.0 * 26 * 27), 1e-13);
  EXPECT_NEAR(LogRisingFactorial(0.5, 4), std::log(0.5 * 1.5 * 2.5 * 3.5), 1e-13);
}

}  // namespace
}  // namespace upswing::statistics
