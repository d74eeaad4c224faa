#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace upswing::simulation {

/// What decides how a user's days go. Most are chances; `dwell`, `reply` and `live_stay` are mean
/// seconds, `amount` and `points` means per order.
enum class Stage : std::uint8_t {
  kOpen,          ///< The user comes on a day.
  kMoreSessions,  ///< Each of two more sessions that day.
  kImpression,    ///< Each of a session's slots shows a video.
  kPlay,          ///< Of an impression.
  kDwell,
  kComplete,  ///< Of a play, like the next four.
  kLike,
  kComment,
  kShare,
  kFollow,
  kFocus,        ///< What is shown belongs to the user's interest.
  kProductView,  ///< Of a play.
  kAddToCart,    ///< Of a product view.
  kCheckout,     ///< Of a product in the cart.
  kPurchase,     ///< Of a checkout.
  kAmount,
  kMoreItems,    ///< Each of three more items in an order.
  kCouponIssue,  ///< Of a checkout.
  kCouponUse,    ///< Of a purchase with a coupon.
  kCouponDepth,  ///< Share of the amount that a coupon takes off.
  kPointsUse,    ///< Of a purchase, like the next four.
  kPoints,
  kMemberJoin,
  kRefund,
  kTicket,
  kReply,
  kLiveEnter,  ///< Of a session.
  kLiveStay,
  kLiveProductView,  ///< Each of two products shown in a live room.
  kNoteView,         ///< Each of a session's two note slots.
  kNoteSave,         ///< Of a note that was opened.
  kNoteFocus,        ///< The note's topic is the user's own.
};
inline constexpr std::size_t kStages = static_cast<std::size_t>(Stage::kNoteFocus) + 1;
std::string_view StageName(Stage stage);
/// False for means and for `kCouponDepth`, which may exceed 1 or are no chance.
bool IsChance(Stage stage);

using Rates = std::array<double, kStages>;
inline double At(const Rates& rates, Stage stage) { return rates[static_cast<std::size_t>(stage)]; }

/// One attribute of the users: its values, their shares, and by what factor each changes rates.
struct Attribute {
  struct Value {
    std::string name;
    double share = 0;
    Rates factors;
  };
  std::string name;
  std::vector<Value> values;
};

/// What a variant changes.
struct Effect {
  std::string variant;
  Stage stage = Stage::kPurchase;
  double relative = 0;  ///< The rate becomes rate * (1 + relative) on the day of exposure.
  /// Of whom: all must hold; attribute and allowed values.
  std::vector<std::pair<std::string, std::vector<std::string>>> when;
  /// The effect k days after exposure is `relative * (stays + (1 - stays) * 2^(-k/half_life))`.
  double half_life_days = 0;  ///< 0 = it does not fade.
  double stays = 0;
  /// Part of the effect that everybody around a treated user gets (a live room is talked about), in
  /// proportion to the treated share of all users; the rest is the user's own.
  double spill = 0;
};

/// A short-video shop: docs/guides/simulation.md. Every chance is independent of every other given
/// the user's portrait, the variant and the day, so that expectations have closed forms.
struct World {
  std::string experiment;
  std::string unit = "user";  ///< Type of the randomised unit: "user" or "device".
  /// Variants with weights, the control first.
  std::vector<std::pair<std::string, double>> variants;
  std::vector<Effect> effects;

  std::int64_t start_ms = 0;  ///< Local midnight of the first day, milliseconds since 1970.
  std::int64_t timezone_ms = 0;
  int enrol_days = 7;    ///< Who comes in these days is exposed at the first session.
  int follow_days = 31;  ///< Days lived after the day of exposure's begin, that day included.
  int history_days = 14;
  double weekend = 1;  ///< Factor of `kOpen` on Saturdays and Sundays.
  int slots = 8;
  int products_per_category = 30;
  int creators_per_category = 20;
  int topics = 12;
  int rooms = 200;
  double anonymous = 0;  ///< Share of users known by device until their first purchase.
  double offline = 0;    ///< Share of devices whose records arrive after everybody else's.
  /// Share of devices whose wall clock is hours or days off. They stamp records with the clock
  /// since boot, as the SDK does, and the server finds the true times.
  double wrong_clocks = 0;
  double duplicates = 0;  ///< Share of events that are sent twice.
  Rates rates{};
  std::vector<Attribute> portrait;

  /// Weight of a variant over all; variants[v].
  double ShareOf(std::size_t variant) const;
  /// Index of the attribute, or nullopt.
  std::optional<std::size_t> AttributeIndex(std::string_view name) const;
  std::int64_t DayStart(int day) const { return start_ms + day * std::int64_t{86'400'000}; }
};

/// Reads the world of a JSON text: the built-in one (server/simulation/worlds), changed by what the
/// text says. Empty text = the built-in world without an experiment. kInvalidArgument names the
/// path, and every chance that an effect would push above 1.
absl::StatusOr<World> ReadWorld(std::string_view text);
/// The same for several texts, each changing what the ones before it said.
absl::StatusOr<World> ReadWorlds(const std::vector<std::string_view>& texts);

/// Every combination of the portrait's values, in a fixed order.
class Portraits {
 public:
  explicit Portraits(const World& world);

  std::size_t size() const { return share_.size(); }
  double share(std::size_t portrait) const { return share_[portrait]; }
  /// Index of the value of attribute `a`.
  std::size_t value(std::size_t portrait, std::size_t a) const;
  /// The portrait at `place` in [0, 1) of the cumulated shares.
  std::size_t At(double place) const;

 private:
  const World* world_;
  std::vector<double> share_;
  std::vector<double> cumulated_;
};

/// Rates by portrait, variant and day since exposure. Before the exposure nobody is treated.
class RateTable {
 public:
  RateTable(const World& world, const Portraits& portraits);

  const Rates& Before(std::size_t portrait) const { return before_[portrait]; }
  /// `day` in [0, follow_days).
  const Rates& After(std::size_t portrait, std::size_t variant, int day) const;
  /// An effect that pushes a chance above 1, in words; empty if there is none.
  const std::string& impossible() const { return impossible_; }

 private:
  std::size_t variants_, days_;
  std::vector<Rates> before_;
  std::vector<Rates> after_;  // portrait, variant, day; one entry per portrait and variant if no
                              // effect fades
  std::string impossible_;
};

}  // namespace upswing::simulation
