#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace upswing::simulation {

/// A small short-video shop whose true effects are known: every device opens the app once, looks at
/// a product with some luck, puts it in the cart, and buys; one-tap checkout makes the last step
/// likelier. All is a pure function of the seed and the device's number, the same on every machine.
struct Shop {
  /// Share of devices, and chance to look at a product, by membership.
  struct Tier {
    std::string_view name;
    double share;
    double view_rate;
  };
  static constexpr std::array<Tier, 3> kTiers = {
      {{"none", 0.7, 0.55}, {"silver", 0.2, 0.65}, {"gold", 0.1, 0.8}}};

  double cart_rate = 0.4;        ///< Of those who looked.
  double purchase_rate = 0.45;   ///< Of those with something in the cart, without one-tap checkout.
  double one_tap_effect = 0.15;  ///< Relative change of `purchase_rate` by one-tap checkout.
  double login_rate = 0.3;       ///< Of devices that are anonymous until checkout and log in there.
  /// Amounts are log-normal with these parameters; the amount does not depend on the variant.
  double log_amount_mean = 4.2;
  double log_amount_deviation = 0.6;
};

/// What is bound to happen on one device, whatever it is shown.
struct Visit {
  std::string_view member_tier;
  bool views = false;
  bool adds_to_cart = false;
  bool logs_in = false;
  /// Buys if this is below the purchase rate in force. Uniform in [0, 1).
  double purchase_luck = 0;
  double amount = 0;
};

Visit VisitOf(const Shop& shop, std::uint64_t seed, std::uint64_t device);

/// Whether the visit ends with a purchase.
bool Buys(const Shop& shop, const Visit& visit, bool one_tap);

/// The exact expectation per device.
struct Truth {
  double purchase_rate = 0;
  double gmv = 0;
};
Truth TruthOf(const Shop& shop, bool one_tap);

}  // namespace upswing::simulation
