#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/simulation/world.hpp"

namespace upswing::simulation {

/// The events of docs/reference/events.md.
enum class Kind : std::uint8_t {
  kAppOpen,
  kImpression,
  kPlay,
  kDwell,
  kComplete,
  kLike,
  kComment,
  kShare,
  kFollow,
  kProductView,
  kAddToCart,
  kCouponIssue,
  kCheckout,
  kPurchase,
  kCouponUse,
  kPointsUse,
  kMemberJoin,
  kRefund,
  kTicket,
  kReply,
  kLiveEnter,
  kLiveStay,
  kNoteView,
  kNoteSave,
};
inline constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::kNoteSave) + 1;
std::string_view KindName(Kind kind);
std::optional<Kind> KindOf(std::string_view name);

/// One event of one user.
struct Happening {
  Kind kind = Kind::kAppOpen;
  std::int64_t time_ms = 0;
  double value = 1;
  std::uint32_t id = 0;   ///< Counts the user's events from 1.
  std::uint32_t ref = 0;  ///< `id` of the event that this one refers to; 0 = none.
  bool live = false;      ///< In a live room, else in the feed.
  std::uint32_t category = 0;
  std::uint32_t item = 0;  ///< Creator, product, room or topic: see `kind`.
  int items = 0;           ///< Of a purchase.
};

/// Spread of amounts and times: standard deviations of their logarithms.
inline constexpr double kAmountSigma = 0.9;
inline constexpr double kTimeSigma = 0.8;
inline constexpr double kPointsSigma = 0.5;
inline constexpr int kLiveProducts = 2;
inline constexpr int kNoteSlots = 2;
inline constexpr int kMoreItems = 3;
inline constexpr int kMoreSessions = 2;
inline constexpr double kCouponFaceValue = 10;
/// After how many days a refund comes, and how often.
struct RefundLag {
  int days;
  double share;
};
inline constexpr std::array<RefundLag, 3> kRefundLags = {{{0, 0.3}, {2, 0.4}, {6, 0.3}}};

/// A user before anything is decided.
struct Person {
  std::uint64_t number = 0;
  std::size_t portrait = 0;
  int entry_day = 0;          ///< Of the first session since the experiment began.
  std::int64_t habit_ms = 0;  ///< Time of day of the first session on every day.
  bool anonymous = false;
  bool offline = false;
};

/// How the calendar changes `kOpen`.
class Calendar {
 public:
  explicit Calendar(const World& world);
  /// Factor of a day, counted from the start of the experiment; may be negative.
  double Factor(int day) const {
    const int weekday = ((day + first_) % 7 + 7) % 7;
    return weekday >= 5 ? weekend_ : 1;
  }

 private:
  int first_;  // 0 = Monday
  double weekend_;
};

/// Uniform numbers of one user, in a fixed order, the same on every machine. One of the two kinds
/// of luck that `DrawPerson` and `Live` take; the other goes through all outcomes, in tests.
class SeededLuck {
 public:
  SeededLuck(std::uint64_t seed, std::uint64_t user);
  bool Chance(double p) { return Next() < p; }
  std::uint32_t Uniform(std::uint32_t n) { return static_cast<std::uint32_t>(Next() * n); }
  /// Log-normal with this mean, rounded to hundredths.
  double Spread(double mean, double sigma);
  /// Uniform in [0.5, 1.5] * mean.
  double Around(double mean) { return mean * (0.5 + Next()); }
  double Next();

 private:
  std::uint64_t state_;
};

/// The user's portrait and first day, or nobody: the user does not come in the enrolment days.
template <class Luck>
std::optional<Person> DrawPerson(const World& world, const Calendar& calendar,
                                 const Portraits& portraits, const RateTable& rates,
                                 std::uint64_t number, Luck& luck) {
  Person person;
  person.number = number;
  person.portrait = portraits.At(luck.Next());
  // Between 6 and 16 o'clock, so that all of a day's sessions fall into one calendar day.
  person.habit_ms = 6 * 3'600'000 + static_cast<std::int64_t>(luck.Next() * 36'000'000);
  person.anonymous = luck.Chance(world.anonymous);
  person.offline = luck.Chance(world.offline);
  const double open = At(rates.Before(person.portrait), Stage::kOpen);
  while (!luck.Chance(open * calendar.Factor(person.entry_day))) {
    if (++person.entry_day == world.enrol_days) return std::nullopt;
  }
  return person;
}

/// Lives through a user's days and gives every event to `emit(const Happening&)`, in order of time
/// but for refunds, which follow their purchase.
///
/// Everything of day k falls into [t0 + k * 24 h, t0 + (k + 1) * 24 h), where t0 is the first
/// session, and all sessions of a day into one calendar day: windows of whole days, by the clock or
/// by the calendar, cut no day in two.
template <class Luck, class Sink>
class Life {
 public:
  Life(const World& world, const Calendar& calendar, const RateTable& rates, Luck& luck, Sink emit)
      : world_(world), calendar_(calendar), table_(rates), luck_(luck), emit_(emit) {
    const auto interest = world.AttributeIndex("interest");
    if (interest) categories_ = static_cast<std::uint32_t>(world.portrait[*interest].values.size());
    interest_attribute_ = interest;
  }

  /// `variant` counts from the exposure at the first session of `person.entry_day` on.
  void Run(const Person& person, const Portraits& portraits, std::size_t variant) {
    next_id_ = 0;
    interest_ =
        interest_attribute_
            ? static_cast<std::uint32_t>(portraits.value(person.portrait, *interest_attribute_))
            : 0;
    // Between the start and the entry day the user stayed away.
    for (int day = -world_.history_days; day < 0; ++day)
      Day(person, table_.Before(person.portrait), day, false);
    for (int day = 0; day < world_.follow_days; ++day)
      Day(person, table_.After(person.portrait, variant, day), person.entry_day + day, day == 0);
  }

 private:
  double Rate(Stage stage) const { return At(*rates_, stage); }

  std::uint32_t Emit(Kind kind, std::int64_t time, double value = 1, std::uint32_t ref = 0) {
    now_.kind = kind;
    now_.time_ms = time;
    now_.value = value;
    now_.id = ++next_id_;
    now_.ref = ref;
    emit_(static_cast<const Happening&>(now_));
    return next_id_;
  }
  // Ten seconds further; a session of at most 24 steps per slot stays below an hour and a half.
  std::int64_t Tick() { return clock_ += 10'000; }

  void Day(const Person& person, const Rates& rates, int day, bool comes) {
    rates_ = &rates;
    if (!comes && !luck_.Chance(Rate(Stage::kOpen) * calendar_.Factor(day))) return;
    const std::int64_t begin = world_.DayStart(day) + person.habit_ms;
    int sessions = 1;
    for (int i = 0; i < kMoreSessions; ++i) sessions += luck_.Chance(Rate(Stage::kMoreSessions));
    for (int i = 0; i < sessions; ++i) {
      clock_ = begin + i * std::int64_t{7'200'000};
      Session();
    }
  }

  void Session() {
    now_ = {};
    Emit(Kind::kAppOpen, clock_);
    for (int i = 0; i < world_.slots; ++i) {
      if (luck_.Chance(Rate(Stage::kImpression))) Impression();
    }
    if (luck_.Chance(Rate(Stage::kLiveEnter))) LiveRoom();
    for (int i = 0; i < kNoteSlots; ++i) {
      if (luck_.Chance(Rate(Stage::kNoteView))) Note();
    }
  }

  std::uint32_t Focused(double focus, std::uint32_t own, std::uint32_t all) {
    if (all == 1 || luck_.Chance(focus)) return own;
    const std::uint32_t other = luck_.Uniform(all - 1);
    return other < own ? other : other + 1;
  }

  void Impression() {
    now_.live = false;
    now_.category = Focused(Rate(Stage::kFocus), interest_, categories_);
    const auto creators = static_cast<std::uint32_t>(world_.creators_per_category);
    const std::uint32_t creator = now_.category * creators + luck_.Uniform(creators);
    now_.item = creator;
    Emit(Kind::kImpression, Tick());
    if (!luck_.Chance(Rate(Stage::kPlay))) return;
    Emit(Kind::kPlay, Tick());
    const double dwell = luck_.Spread(Rate(Stage::kDwell), kTimeSigma);
    static constexpr std::pair<Stage, Kind> kReactions[] = {{Stage::kComplete, Kind::kComplete},
                                                            {Stage::kLike, Kind::kLike},
                                                            {Stage::kComment, Kind::kComment},
                                                            {Stage::kShare, Kind::kShare},
                                                            {Stage::kFollow, Kind::kFollow}};
    for (const auto& [stage, kind] : kReactions) {
      if (luck_.Chance(Rate(stage))) Emit(kind, Tick());
    }
    Emit(Kind::kDwell, Tick(), dwell);
    if (luck_.Chance(Rate(Stage::kProductView))) Product();
  }

  // A product view and what comes of it.
  void Product() {
    now_.category = Focused(Rate(Stage::kFocus), interest_, categories_);
    const auto products = static_cast<std::uint32_t>(world_.products_per_category);
    now_.item = now_.category * products + luck_.Uniform(products);
    Emit(Kind::kProductView, Tick());
    if (!luck_.Chance(Rate(Stage::kAddToCart))) return;
    Emit(Kind::kAddToCart, Tick());
    if (!luck_.Chance(Rate(Stage::kCheckout))) return;
    Emit(Kind::kCheckout, Tick());
    const bool coupon = luck_.Chance(Rate(Stage::kCouponIssue));
    if (coupon) Emit(Kind::kCouponIssue, Tick(), kCouponFaceValue);
    if (luck_.Chance(Rate(Stage::kPurchase))) Purchase(coupon);
  }

  void Purchase(bool coupon) {
    const double amount = luck_.Spread(Rate(Stage::kAmount), kAmountSigma);
    now_.items = 1;
    for (int i = 0; i < kMoreItems; ++i) now_.items += luck_.Chance(Rate(Stage::kMoreItems));
    const std::uint32_t order = Emit(Kind::kPurchase, Tick(), amount);
    const std::int64_t paid = clock_;
    if (coupon && luck_.Chance(Rate(Stage::kCouponUse)))
      Emit(Kind::kCouponUse, paid, amount * Rate(Stage::kCouponDepth), order);
    if (luck_.Chance(Rate(Stage::kPointsUse)))
      Emit(Kind::kPointsUse, paid, luck_.Spread(Rate(Stage::kPoints), kPointsSigma), order);
    if (luck_.Chance(Rate(Stage::kMemberJoin))) Emit(Kind::kMemberJoin, Tick());
    if (luck_.Chance(Rate(Stage::kTicket))) {
      const std::int64_t asked = paid + 1'800'000;
      const std::uint32_t ticket = Emit(Kind::kTicket, asked, 1, order);
      const double delay = luck_.Around(Rate(Stage::kReply));
      Emit(Kind::kReply, asked + std::llround(delay * 1000), 1, ticket);
    }
    if (luck_.Chance(Rate(Stage::kRefund))) {
      double rest = 1;
      for (const RefundLag& lag : kRefundLags) {
        if (luck_.Chance(lag.share / rest)) {
          Emit(Kind::kRefund, paid + 3'600'000 + lag.days * std::int64_t{86'400'000}, amount,
               order);
          break;
        }
        rest -= lag.share;
      }
    }
  }

  void LiveRoom() {
    now_.live = true;
    now_.item = luck_.Uniform(static_cast<std::uint32_t>(world_.rooms));
    const std::uint32_t room = now_.item;
    Emit(Kind::kLiveEnter, Tick());
    const double stay = luck_.Spread(Rate(Stage::kLiveStay), kTimeSigma);
    for (int i = 0; i < kLiveProducts; ++i) {
      if (luck_.Chance(Rate(Stage::kLiveProductView))) Product();
    }
    now_.item = room;
    Emit(Kind::kLiveStay, Tick(), stay);
    now_.live = false;
  }

  void Note() {
    const auto topics = static_cast<std::uint32_t>(world_.topics);
    now_.item = Focused(Rate(Stage::kNoteFocus), interest_ % topics, topics);
    Emit(Kind::kNoteView, Tick());
    if (luck_.Chance(Rate(Stage::kNoteSave))) Emit(Kind::kNoteSave, Tick());
  }

  const World& world_;
  const Calendar& calendar_;
  const RateTable& table_;
  Luck& luck_;
  Sink emit_;
  std::optional<std::size_t> interest_attribute_;
  std::uint32_t categories_ = 1;
  std::uint32_t interest_ = 0;
  const Rates* rates_ = nullptr;
  std::int64_t clock_ = 0;
  std::uint32_t next_id_ = 0;
  Happening now_;
};

}  // namespace upswing::simulation
