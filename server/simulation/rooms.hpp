#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/simulation/records.hpp"

namespace upswing::simulation {

/// Live rooms in which viewers influence each other: what sells in a room sells to all of it, so
/// that viewers of one room are alike and a coupon is talked about. Experiments are by room; each
/// member tier has its own. docs/guides/live-shop.md.
struct LiveShop {
  /// How a room goes: a factor of everybody's chance to buy.
  struct Mood {
    double share = 0;
    double factor = 1;
  };
  struct Tier {
    std::string name;
    double share = 0;
    std::string experiment;  ///< Its variants: "plain" (the control) and "coupon".
    double effect = 0;       ///< Of a coupon on the chance to buy, relative.
  };
  std::int64_t start_ms = 0;
  int days = 7;
  int rooms = 600;
  int fewest_viewers = 20;  ///< The number is uniform from this
  int most_viewers = 60;    ///< to this.
  double purchase = 0.2;
  double amount = 86;
  double stay = 340;  ///< Mean seconds.
  double coupon_use = 0.8;
  double coupon_depth = 0.06;
  std::vector<Mood> moods;
  std::vector<Tier> tiers;
};

/// Reads `{"live_shop": {...}}`; nothing if the text has no such member. kInvalidArgument names the
/// path.
absl::StatusOr<std::optional<LiveShop>> ReadLiveShop(std::string_view text);

/// What one viewer does.
struct Viewer {
  std::size_t tier = 0;
  bool buys = false;
  double amount = 0;
  double discount = 0;  ///< 0 = no coupon was used.
  double stay = 0;
};

/// The room's factor.
template <class Luck>
double DrawMood(const LiveShop& shop, Luck& luck) {
  double rest = 1;
  for (const LiveShop::Mood& mood : shop.moods) {
    if (luck.Chance(mood.share / rest)) return mood.factor;
    rest -= mood.share;
  }
  return shop.moods.back().factor;
}

template <class Luck>
std::size_t DrawTier(const LiveShop& shop, Luck& luck) {
  double rest = 1;
  for (std::size_t t = 0; t + 1 < shop.tiers.size(); ++t) {
    if (luck.Chance(shop.tiers[t].share / rest)) return t;
    rest -= shop.tiers[t].share;
  }
  return shop.tiers.size() - 1;
}

/// A viewer of the tier in a room, with or without a coupon.
template <class Luck>
Viewer DrawViewer(const LiveShop& shop, std::size_t tier, double mood, bool coupon, Luck& luck) {
  Viewer viewer;
  viewer.tier = tier;
  viewer.stay = luck.Spread(shop.stay, kTimeSigma);
  viewer.buys = luck.Chance(shop.purchase * mood * (coupon ? 1 + shop.tiers[tier].effect : 1));
  if (!viewer.buys) return viewer;
  viewer.amount = luck.Spread(shop.amount, kAmountSigma);
  if (coupon && luck.Chance(shop.coupon_use)) viewer.discount = viewer.amount * shop.coupon_depth;
  return viewer;
}

/// Exact expectations per viewer of a tier.
struct LiveTruth {
  double purchase_conversion = 0;
  double gmv = 0;
  double coupon_cost = 0;
  /// `margin` is gross profit per GMV.
  double Contribution(double margin) const { return margin * gmv - coupon_cost; }
};
LiveTruth LiveTruthOf(const LiveShop& shop, std::size_t tier, bool coupon);

/// Whether a room hands out coupons to a tier: nothing if the viewer is in no experiment.
using AssignRoom = std::function<std::optional<bool>(
    std::size_t tier, const std::string& room, const std::string& user, std::int64_t time_ms)>;

/// A viewer in a room, assigned.
struct LiveVisit {
  std::size_t tier = 0;
  int room_number = 0;
  std::string room, user;
  std::int64_t time_ms = 0;  ///< Of the exposure.
  bool coupon = false;
  Viewer viewer;

  struct Event {
    Kind kind;
    double value;
    std::int64_t time_ms;
  };
  /// What the viewer does, in order of time.
  std::vector<Event> Events() const;
};

/// Calls `visit` for every viewer of every room, in order. The same shop, seed and decisions give
/// the same visits.
absl::Status VisitLiveShop(const LiveShop& shop, std::uint64_t seed, const AssignRoom& assign,
                           const std::function<absl::Status(const LiveVisit&)>& visit);

/// Gives all rooms' records to `take`. The same shop, seed and decisions make the same bytes.
absl::Status MakeLiveShop(const LiveShop& shop, std::uint64_t seed, const AssignRoom& assign,
                          const BatchMaker::Take& take);

}  // namespace upswing::simulation
