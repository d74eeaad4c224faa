#include "server/simulation/shop.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace upswing::simulation {
namespace {

TEST(Shop, TheSameSeedMakesTheSameVisit) {
  const Visit a = VisitOf({}, 7, 42);
  const Visit b = VisitOf({}, 7, 42);
  EXPECT_EQ(a.purchase_luck, b.purchase_luck);
  EXPECT_EQ(a.amount, b.amount);
  EXPECT_NE(VisitOf({}, 8, 42).purchase_luck, a.purchase_luck);
}

// 400,000 visits; each check allows five standard errors, so one fails by chance less than once in
// a million runs.
TEST(Shop, VisitsAgreeWithTheTruthThatIsComputedWithoutThem) {
  const Shop shop;
  constexpr int kDevices = 400'000;
  for (const bool one_tap : {false, true}) {
    double buyers = 0;
    double gmv = 0;
    double squares = 0;
    for (int device = 0; device < kDevices; ++device) {
      const Visit visit = VisitOf(shop, 1, static_cast<std::uint64_t>(device));
      if (!Buys(shop, visit, one_tap)) continue;
      ++buyers;
      gmv += visit.amount;
      squares += visit.amount * visit.amount;
    }
    const Truth truth = TruthOf(shop, one_tap);
    const double rate = buyers / kDevices;
    EXPECT_NEAR(rate, truth.purchase_rate, 5 * std::sqrt(rate * (1 - rate) / kDevices));
    const double mean = gmv / kDevices;
    EXPECT_NEAR(mean, truth.gmv, 5 * std::sqrt((squares / kDevices - mean * mean) / kDevices));
  }
}

TEST(Shop, OneTapOnlyAddsBuyers) {
  for (std::uint64_t device = 0; device < 10'000; ++device) {
    const Visit visit = VisitOf({}, 3, device);
    EXPECT_LE(Buys({}, visit, false), Buys({}, visit, true));
  }
}

}  // namespace
}  // namespace upswing::simulation
