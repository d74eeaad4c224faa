#include "server/simulation/shop.hpp"

#include <cmath>
#include <numbers>

#include "sdk/base/hash.hpp"

namespace upswing::simulation {
namespace {

// Uniform numbers in [0, 1) for one device, in a fixed order.
class Luck {
 public:
  Luck(std::uint64_t seed, std::uint64_t device) : state_(base::Mix(seed ^ base::Mix(device))) {}

  double Next() {
    state_ += 0x9e3779b97f4a7c15ULL;  // SplitMix64's increment
    return static_cast<double>(base::Mix(state_) >> 11) * 0x1p-53;
  }

 private:
  std::uint64_t state_;
};

}  // namespace

Visit VisitOf(const Shop& shop, std::uint64_t seed, std::uint64_t device) {
  Luck luck(seed, device);
  Visit visit;
  double view_rate = 0;
  double place = luck.Next();
  for (const Shop::Tier& tier : Shop::kTiers) {
    visit.member_tier = tier.name;
    view_rate = tier.view_rate;
    if (place < tier.share) break;
    place -= tier.share;
  }
  visit.views = luck.Next() < view_rate;
  visit.adds_to_cart = luck.Next() < shop.cart_rate && visit.views;
  visit.logs_in = luck.Next() < shop.login_rate;
  visit.purchase_luck = luck.Next();
  // Box-Muller.
  const double radius = std::sqrt(-2 * std::log(1 - luck.Next()));
  const double normal = radius * std::cos(2 * std::numbers::pi * luck.Next());
  const double amount = std::exp(shop.log_amount_mean + shop.log_amount_deviation * normal);
  visit.amount = std::round(amount * 100) / 100;
  return visit;
}

bool Buys(const Shop& shop, const Visit& visit, bool one_tap) {
  const double rate = shop.purchase_rate * (one_tap ? 1 + shop.one_tap_effect : 1);
  return visit.adds_to_cart && visit.purchase_luck < rate;
}

Truth TruthOf(const Shop& shop, bool one_tap) {
  double view_rate = 0;
  for (const Shop::Tier& tier : Shop::kTiers) view_rate += tier.share * tier.view_rate;
  Truth truth;
  truth.purchase_rate =
      view_rate * shop.cart_rate * shop.purchase_rate * (one_tap ? 1 + shop.one_tap_effect : 1);
  // Mean of a log-normal; rounding to cents does not move it.
  truth.gmv =
      truth.purchase_rate *
      std::exp(shop.log_amount_mean + shop.log_amount_deviation * shop.log_amount_deviation / 2);
  return truth;
}

}  // namespace upswing::simulation
