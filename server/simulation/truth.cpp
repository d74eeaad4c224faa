#include "server/simulation/truth.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "server/simulation/life.hpp"

namespace upswing::simulation {
namespace {

using metrics::EventSelector;
using metrics::MetricDefinition;
using metrics::MetricType;

constexpr std::int64_t kDayMs = 86'400'000;

// A generating function, cut off: coefficients of z^0 .. z^(size - 1).
class Series {
 public:
  explicit Series(std::size_t size, double constant = 1) : c_(size, 0.0) { c_[0] = constant; }
  static Series Z(std::size_t size) {
    Series z(size, 0);
    if (size > 1) z.c_[1] = 1;
    return z;
  }
  Series operator*(const Series& other) const {
    Series product(c_.size(), 0);
    for (std::size_t i = 0; i < c_.size(); ++i) {
      for (std::size_t j = 0; i + j < c_.size(); ++j) product.c_[i + j] += c_[i] * other.c_[j];
    }
    return product;
  }
  // 1 - p + p * this
  Series Maybe(double p) const {
    Series mixed = *this;
    for (double& c : mixed.c_) c *= p;
    mixed.c_[0] += 1 - p;
    return mixed;
  }
  Series Plus(const Series& other) const {
    Series sum = *this;
    for (std::size_t i = 0; i < c_.size(); ++i) sum.c_[i] += other.c_[i];
    return sum;
  }
  Series Times(double p) const {
    Series scaled = *this;
    for (double& c : scaled.c_) c *= p;
    return scaled;
  }
  Series One() const { return Series(c_.size()); }
  double Sum() const {
    double sum = 0;
    for (const double c : c_) sum += c;
    return sum;
  }

 private:
  std::vector<double> c_;
};

// A generating function's value and derivative at 1: chances in, a mean out.
class Slope {
 public:
  explicit Slope(double derivative = 0, double value = 1) : value_(value), slope_(derivative) {}
  Slope operator*(const Slope& other) const {
    return Slope(value_ * other.slope_ + slope_ * other.value_, value_ * other.value_);
  }
  Slope Maybe(double p) const { return Slope(p * slope_, 1 - p + p * value_); }
  Slope Plus(const Slope& other) const {
    return Slope(slope_ + other.slope_, value_ + other.value_);
  }
  Slope Times(double p) const { return Slope(p * slope_, p * value_); }
  Slope One() const { return Slope(); }
  double slope() const { return slope_; }

 private:
  double value_, slope_;
};

// Which events count: by kind, in the feed and live, of a category asked for or another.
struct Chosen {
  bool kind[kKinds][2] = {};
  std::vector<std::uint32_t> categories;  // empty = any
  bool categorised = false;
};

// Marks of the events, e.g. z where they are chosen and 1 where not.
template <class T>
struct Marks {
  explicit Marks(const T& none) {
    for (std::size_t k = 0; k < kKinds; ++k) mark.push_back({none, none});
  }
  const T& At(Kind kind, bool live) const { return mark[static_cast<std::size_t>(kind)][live]; }
  std::vector<std::vector<T>> mark;
};

// The generating function of one day on which the user comes.
template <class T>
class DayFunction {
 public:
  // `counted`: marks of products of a category asked for; `other`: of the rest. `fits`: chance that
  // a refund comes in time.
  DayFunction(const World& world, const Rates& rates, const Marks<T>& counted,
              const Marks<T>& other, double category_share, double fits)
      : world_(world),
        rates_(rates),
        counted_(counted),
        other_(other),
        category_share_(category_share),
        fits_(fits) {}

  T Day() const {
    const T session = Session();
    const T more = session.Maybe(Rate(Stage::kMoreSessions));
    T day = session;
    for (int i = 0; i < kMoreSessions; ++i) day = day * more;
    return day;
  }

 private:
  double Rate(Stage stage) const { return At(rates_, stage); }
  const T& Mark(Kind kind) const { return counted_.At(kind, false); }

  T Session() const {
    T session = Mark(Kind::kAppOpen);
    const T slot = Impression().Maybe(Rate(Stage::kImpression));
    for (int i = 0; i < world_.slots; ++i) session = session * slot;
    session = session * LiveRoom().Maybe(Rate(Stage::kLiveEnter));
    const T note = (Mark(Kind::kNoteView) * Mark(Kind::kNoteSave).Maybe(Rate(Stage::kNoteSave)))
                       .Maybe(Rate(Stage::kNoteView));
    for (int i = 0; i < kNoteSlots; ++i) session = session * note;
    return session;
  }

  T Impression() const {
    const T play = Mark(Kind::kPlay) * Mark(Kind::kDwell) *
                   Mark(Kind::kComplete).Maybe(Rate(Stage::kComplete)) *
                   Mark(Kind::kLike).Maybe(Rate(Stage::kLike)) *
                   Mark(Kind::kComment).Maybe(Rate(Stage::kComment)) *
                   Mark(Kind::kShare).Maybe(Rate(Stage::kShare)) *
                   Mark(Kind::kFollow).Maybe(Rate(Stage::kFollow)) *
                   Product(false).Maybe(Rate(Stage::kProductView));
    return Mark(Kind::kImpression) * play.Maybe(Rate(Stage::kPlay));
  }

  T LiveRoom() const {
    T room = counted_.At(Kind::kLiveEnter, true) * counted_.At(Kind::kLiveStay, true);
    const T product = Product(true).Maybe(Rate(Stage::kLiveProductView));
    for (int i = 0; i < kLiveProducts; ++i) room = room * product;
    return room;
  }

  T Product(bool live) const {
    if (category_share_ >= 1) return Path(counted_, live);
    return Path(counted_, live)
        .Times(category_share_)
        .Plus(Path(other_, live).Times(1 - category_share_));
  }

  // From the product view on.
  T Path(const Marks<T>& marks, bool live) const {
    const auto mark = [&](Kind kind) -> const T& { return marks.At(kind, live); };
    const T order = mark(Kind::kPurchase) * mark(Kind::kPointsUse).Maybe(Rate(Stage::kPointsUse)) *
                    mark(Kind::kMemberJoin).Maybe(Rate(Stage::kMemberJoin)) *
                    (mark(Kind::kTicket) * mark(Kind::kReply)).Maybe(Rate(Stage::kTicket)) *
                    mark(Kind::kRefund).Maybe(Rate(Stage::kRefund) * fits_);
    const T with_coupon = order * mark(Kind::kCouponUse).Maybe(Rate(Stage::kCouponUse));
    const double buys = Rate(Stage::kPurchase);
    const double issued = Rate(Stage::kCouponIssue);
    const T checkout =
        mark(Kind::kCheckout) *
        order.Maybe(buys)
            .Times(1 - issued)
            .Plus((mark(Kind::kCouponIssue) * with_coupon.Maybe(buys)).Times(issued));
    const T cart = mark(Kind::kAddToCart) * checkout.Maybe(Rate(Stage::kCheckout));
    return mark(Kind::kProductView) * cart.Maybe(Rate(Stage::kAddToCart));
  }

  const World& world_;
  const Rates& rates_;
  const Marks<T>& counted_;
  const Marks<T>& other_;
  double category_share_;
  double fits_;
};

// Mean value of an event of a kind.
absl::StatusOr<double> MeanOf(Kind kind, const std::string& property, const Rates& rates) {
  if (!property.empty()) {
    if (kind == Kind::kPurchase && property == "items")
      return 1 + kMoreItems * At(rates, Stage::kMoreItems);
    return absl::UnimplementedError(absl::StrCat("value: no mean of ", property, " is known"));
  }
  switch (kind) {
    case Kind::kDwell:
      return At(rates, Stage::kDwell);
    case Kind::kLiveStay:
      return At(rates, Stage::kLiveStay);
    case Kind::kPurchase:
    case Kind::kRefund:
      return At(rates, Stage::kAmount);
    case Kind::kCouponUse:
      return At(rates, Stage::kAmount) * At(rates, Stage::kCouponDepth);
    case Kind::kCouponIssue:
      return kCouponFaceValue;
    case Kind::kPointsUse:
      return At(rates, Stage::kPoints);
    default:
      return 1;
  }
}

// A stretch of days since exposure, both included.
struct Days {
  int first = 0;
  int last = 0;
};

double Fits(int days_left) {
  double fits = 0;
  for (const RefundLag& lag : kRefundLags) fits += lag.days <= days_left ? lag.share : 0;
  return fits;
}

}  // namespace

struct Truth::State {
  explicit State(const World& w) : world(w), calendar(w), portraits(w), rates(w, portraits) {
    interest = w.AttributeIndex("interest");
    for (std::size_t p = 0; p < portraits.size(); ++p) {
      if (portraits.share(p) <= 0) continue;
      const double open = At(rates.Before(p), Stage::kOpen);
      double away = 1;
      std::vector<double> enters;
      for (int day = 0; day < w.enrol_days; ++day) {
        const double comes = open * calendar.Factor(day);
        enters.push_back(away * comes);
        away *= 1 - comes;
      }
      entering += portraits.share(p) * (1 - away);
      // Portraits that differ in no rate are one.
      std::vector<double> key;
      const auto add = [&](const Rates& r) { key.insert(key.end(), r.begin(), r.end()); };
      add(rates.Before(p));
      for (std::size_t v = 0; v < w.variants.size(); ++v) {
        for (int day = 0; day < w.follow_days; ++day) {
          if (day > 0 && &rates.After(p, v, day) == &rates.After(p, v, day - 1)) break;
          add(rates.After(p, v, day));
        }
      }
      alike[key].push_back(p);
      enters_on.emplace(p, std::move(enters));
    }
  }

  // Portraits to sum over: one of each kind, and the share of all like it.
  struct Group {
    std::size_t portrait;
    double share;
  };
  absl::StatusOr<std::vector<Group>> Groups(
      const std::optional<std::pair<std::string, std::string>>& when, bool by_interest) const {
    std::optional<std::size_t> attribute;
    if (when) {
      attribute = world.AttributeIndex(when->first);
      if (!attribute)
        return absl::InvalidArgumentError(absl::StrCat("the portrait has no ", when->first));
    }
    std::vector<Group> groups;
    for (const auto& [key, members] : alike) {
      std::map<std::size_t, Group> parts;
      for (const std::size_t p : members) {
        if (attribute &&
            world.portrait[*attribute].values[portraits.value(p, *attribute)].name != when->second)
          continue;
        const std::size_t part = by_interest && interest ? portraits.value(p, *interest) : 0;
        Group& group = parts.try_emplace(part, Group{p, 0}).first->second;
        group.share += portraits.share(p);
      }
      for (const auto& [part, group] : parts) groups.push_back(group);
    }
    return groups;
  }

  // Sums over portraits and entry days: `of_day(portrait, day)` is the function of a day on which
  // the user comes, `combine(days)` the number wanted from the days' functions, which hold the
  // chance to stay away.
  template <class T, class OfDay, class Combine>
  double Average(const std::vector<Group>& groups, std::size_t variant, Days days, const T& one,
                 OfDay of_day, Combine combine) const {
    double total = 0;
    double weight = 0;
    for (const Group& group : groups) {
      std::vector<T> functions;
      for (int day = days.first; day <= days.last; ++day)
        functions.push_back(of_day(group.portrait, day));
      const std::vector<double>& enters = enters_on.at(group.portrait);
      for (int entry = 0; entry < world.enrol_days; ++entry) {
        const double share = group.share * enters[static_cast<std::size_t>(entry)];
        T window = one;
        for (int day = days.first; day <= days.last; ++day) {
          const double comes = day == 0
                                   ? 1
                                   : At(rates.After(group.portrait, variant, day), Stage::kOpen) *
                                         calendar.Factor(entry + day);
          window = window * functions[static_cast<std::size_t>(day - days.first)].Maybe(comes);
        }
        total += share * combine(window);
        weight += share;
      }
    }
    return weight > 0 ? total / weight : 0;
  }

  const World& world;
  Calendar calendar;
  Portraits portraits;
  RateTable rates;
  std::optional<std::size_t> interest;
  double entering = 0;
  std::map<std::vector<double>, std::vector<std::size_t>> alike;
  std::map<std::size_t, std::vector<double>> enters_on;
};

namespace {

// Expectations of one question's metrics.
class Question {
 public:
  using When = std::optional<std::pair<std::string, std::string>>;
  Question(const Truth::State& state, const std::vector<MetricDefinition>& metrics, When when)
      : s_(state), metrics_(metrics), when_(std::move(when)) {}

  // One number per component and variant.
  absl::StatusOr<std::vector<double>> Values(const MetricDefinition& metric, std::size_t variant) {
    switch (metric.type) {
      case MetricType::kConversion:
        return One(Reaches(metric, metric.events, metric.threshold, variant));
      case MetricType::kRetention:
        return One(Reaches(metric, metric.events, metric.threshold, variant));
      case MetricType::kCount:
        return One(Mean(metric, metric.events, false, variant));
      case MetricType::kSum:
        return One(Mean(metric, metric.events, true, variant));
      case MetricType::kMean:
        return Ratio(Mean(metric, metric.events, true, variant),
                     Mean(metric, metric.events, false, variant));
      case MetricType::kRatio:
        return Ratio(Mean(metric, metric.events, metric.events.sum, variant),
                     Mean(metric, metric.denominator, metric.denominator.sum, variant));
      case MetricType::kPair:
        return Pair(metric, variant);
      case MetricType::kDistinct:
        return One(Distinct(metric, variant));
      case MetricType::kFunnel:
        return Funnel(metric, variant);
      case MetricType::kLinear: {
        double total = 0;
        for (const metrics::LinearTerm& term : metric.terms) {
          const auto value = Term(term, variant);
          if (!value.ok()) return value.status();
          total += term.weight * *value;
        }
        return std::vector<double>{total};
      }
      case MetricType::kIncrementalRatio: {
        std::vector<double> parts;
        for (const metrics::LinearTerm& term : metric.terms) {
          const auto value = Term(term, variant);
          if (!value.ok()) return value.status();
          parts.push_back(*value);
        }
        return parts;
      }
      default:
        return absl::UnimplementedError("type: has no closed form here");
    }
  }

 private:
  static absl::StatusOr<std::vector<double>> One(const absl::StatusOr<double>& value) {
    if (!value.ok()) return value.status();
    return std::vector<double>{*value};
  }
  static absl::StatusOr<std::vector<double>> Ratio(const absl::StatusOr<double>& numerator,
                                                   const absl::StatusOr<double>& denominator) {
    if (!numerator.ok()) return numerator.status();
    if (!denominator.ok()) return denominator.status();
    return std::vector<double>{*numerator / *denominator};
  }

  absl::StatusOr<double> Term(const metrics::LinearTerm& term, std::size_t variant) {
    for (const MetricDefinition& metric : metrics_) {
      if (metric.key != term.metric) continue;
      const auto values = Values(metric, variant);
      if (!values.ok()) return values.status();
      return values->front();
    }
    return absl::NotFoundError(absl::StrCat("terms: there is no metric ", term.metric));
  }

  absl::StatusOr<Days> DaysOf(const MetricDefinition& metric) const {
    Days days{0, s_.world.follow_days - 1};
    if (metric.type == MetricType::kRetention) {
      days = {metric.first_day, metric.last_day};
    } else if (metric.window_ms) {
      if (*metric.window_ms % kDayMs != 0)
        return absl::UnimplementedError("window: must be whole days");
      days.last = static_cast<int>(*metric.window_ms / kDayMs) - 1;
    }
    if (days.last >= s_.world.follow_days)
      return absl::UnimplementedError("window: goes beyond the world's follow_days");
    return days;
  }

  absl::StatusOr<Chosen> Choose(const EventSelector& selector) const {
    Chosen chosen;
    for (const std::string& event : selector.events) {
      const std::optional<Kind> kind = KindOf(event);
      if (!kind) return absl::UnimplementedError(absl::StrCat("event: there is no ", event));
      const bool late = *kind == Kind::kRefund && selector.refers_to != "purchase";
      if (late && s_.world.history_days > 0)
        return absl::UnimplementedError("event: refunds of orders before the exposure");
      for (bool& one : chosen.kind[static_cast<std::size_t>(*kind)]) one = true;
    }
    for (const metrics::Condition& condition : selector.where) {
      if (condition.op != metrics::Condition::Operator::kIn)
        return absl::UnimplementedError("where: only \"is\" and \"in\"");
      std::vector<std::string> values;
      for (const metrics::Literal& value : condition.values) {
        if (const auto* text = std::get_if<std::string>(&value)) values.push_back(*text);
      }
      const auto has = [&](std::string_view value) {
        return std::find(values.begin(), values.end(), value) != values.end();
      };
      if (condition.property == "source") {
        for (auto& kind : chosen.kind) {
          kind[0] = kind[0] && has("feed");
          kind[1] = kind[1] && has("live");
        }
      } else if (condition.property == "category" && s_.interest) {
        chosen.categorised = true;
        const auto& all = s_.world.portrait[*s_.interest].values;
        for (std::size_t c = 0; c < all.size(); ++c) {
          if (has(all[c].name)) chosen.categories.push_back(static_cast<std::uint32_t>(c));
        }
        for (std::size_t k = 0; k < kKinds; ++k) {
          const bool product = k >= static_cast<std::size_t>(Kind::kProductView) &&
                               k <= static_cast<std::size_t>(Kind::kReply);
          if (chosen.kind[k][0] && !product)
            return absl::UnimplementedError("where: category of what is no product");
        }
      } else {
        return absl::UnimplementedError(
            absl::StrCat("where: no condition on ", condition.property));
      }
    }
    return chosen;
  }

  // Chance that a product is of a category asked for.
  double CategoryShare(const Chosen& chosen, std::size_t portrait, const Rates& rates) const {
    if (!chosen.categorised) return 1;
    const auto all = static_cast<double>(s_.world.portrait[*s_.interest].values.size());
    const auto own = static_cast<std::uint32_t>(s_.portraits.value(portrait, *s_.interest));
    const bool has_own = std::find(chosen.categories.begin(), chosen.categories.end(), own) !=
                         chosen.categories.end();
    const double focus = all == 1 ? 1 : At(rates, Stage::kFocus);
    const auto others = static_cast<double>(chosen.categories.size()) - (has_own ? 1 : 0);
    return (has_own ? focus : 0) + (others > 0 ? others * (1 - focus) / (all - 1) : 0);
  }

  // `mark(kind, rates)` is what a chosen event becomes.
  template <class T, class MarkOf, class Combine>
  absl::StatusOr<double> Sum(const Chosen& chosen, Days days, std::size_t variant, const T& one,
                             MarkOf mark, Combine combine) const {
    const auto groups = s_.Groups(when_, chosen.categorised);
    if (!groups.ok()) return groups.status();
    const Marks<T> none(one);
    return s_.Average<T>(
        *groups, variant, days, one,
        [&](std::size_t portrait, int day) {
          const Rates& rates = s_.rates.After(portrait, variant, day);
          Marks<T> marks(one);
          for (std::size_t k = 0; k < kKinds; ++k) {
            for (std::size_t live = 0; live < 2; ++live) {
              if (chosen.kind[k][live]) marks.mark[k][live] = mark(static_cast<Kind>(k), rates);
            }
          }
          return DayFunction<T>(s_.world, rates, marks, none,
                                CategoryShare(chosen, portrait, rates), Fits(days.last - day))
              .Day();
        },
        combine);
  }

  absl::StatusOr<double> Reaches(const MetricDefinition& metric, const EventSelector& selector,
                                 std::int64_t threshold, std::size_t variant) const {
    const auto days = DaysOf(metric);
    if (!days.ok()) return days.status();
    const auto chosen = Choose(selector);
    if (!chosen.ok()) return chosen.status();
    const auto size = static_cast<std::size_t>(threshold);
    return Sum<Series>(
        *chosen, *days, variant, Series(size), [&](Kind, const Rates&) { return Series::Z(size); },
        [](const Series& window) { return 1 - window.Sum(); });
  }

  absl::StatusOr<double> Mean(const MetricDefinition& metric, const EventSelector& selector,
                              bool values, std::size_t variant) const {
    const auto days = DaysOf(metric);
    if (!days.ok()) return days.status();
    const auto chosen = Choose(selector);
    if (!chosen.ok()) return chosen.status();
    for (const std::string& event : selector.events) {
      if (!values) break;
      const auto mean = MeanOf(*KindOf(event), selector.value, s_.world.rates);
      if (!mean.ok()) return mean.status();
    }
    return Sum<Slope>(
        *chosen, *days, variant, Slope(),
        [&](Kind kind, const Rates& rates) {
          return Slope(values ? *MeanOf(kind, selector.value, rates) : 1);
        },
        [](const Slope& window) { return window.slope(); });
  }

  absl::StatusOr<std::vector<double>> Pair(const MetricDefinition& metric,
                                           std::size_t variant) const {
    if (metric.from.events != std::vector<std::string>{"after_sales_ticket"} ||
        metric.events.events != std::vector<std::string>{"after_sales_reply"})
      return absl::UnimplementedError("pair: only from after_sales_ticket to after_sales_reply");
    const auto days = DaysOf(metric);
    if (!days.ok()) return days.status();
    const auto replies = Choose(metric.events);
    if (!replies.ok()) return replies.status();
    return Ratio(Sum<Slope>(
                     *replies, *days, variant, Slope(),
                     [&](Kind, const Rates& rates) { return Slope(At(rates, Stage::kReply)); },
                     [](const Slope& window) { return window.slope(); }),
                 Mean(metric, metric.events, false, variant));
  }

  // Every item is seen or not: items of equal chance are counted together.
  absl::StatusOr<double> Distinct(const MetricDefinition& metric, std::size_t variant) const {
    const auto days = DaysOf(metric);
    if (!days.ok()) return days.status();
    const auto chosen = Choose(metric.events);
    if (!chosen.ok()) return chosen.status();
    const auto is = [&](std::string_view event, std::string_view property) {
      return metric.events.events == std::vector<std::string>{std::string(event)} &&
             metric.events.value == property && !chosen->categorised;
    };
    const double categories =
        s_.interest ? static_cast<double>(s_.world.portrait[*s_.interest].values.size()) : 1;
    double per = 0;  // items of a category
    double groups = categories;
    Stage focus = Stage::kFocus;
    if (is("product_view", "product")) {
      per = s_.world.products_per_category;
    } else if (is("play", "creator")) {
      per = s_.world.creators_per_category;
    } else if (is("note_view", "topic")) {
      per = 1;
      groups = s_.world.topics;
      focus = Stage::kNoteFocus;
    } else {
      return absl::UnimplementedError(
          "distinct: only products viewed, creators played and topics of notes");
    }
    double expected = 0;
    for (const bool own : {true, false}) {
      if (!own && groups == 1) break;
      const auto chance = Sum<Series>(
          *chosen, *days, variant, Series(1),
          [&](Kind, const Rates& rates) {
            const double focused = groups == 1 ? 1 : At(rates, focus);
            const double seen = own ? focused / per : (1 - focused) / (groups - 1) / per;
            return Series(1, 1 - seen);
          },
          [](const Series& window) { return 1 - window.Sum(); });
      if (!chance.ok()) return chance.status();
      expected += *chance * per * (own ? 1 : groups - 1);
    }
    return expected;
  }

  // Steps along the path of a session: whoever has an event of a step has the ones before it in
  // the same session, earlier.
  absl::StatusOr<std::vector<double>> Funnel(const MetricDefinition& metric,
                                             std::size_t variant) const {
    const auto rank = [](const EventSelector& step) {
      using List = std::vector<std::string>;
      List events = step.events;
      std::sort(events.begin(), events.end());
      if (events == List{"live_enter", "play"}) return 1;
      if (events == List{"product_view"}) return 2;
      if (events == List{"add_to_cart"}) return 3;
      if (events == List{"checkout"}) return 4;
      if (events == List{"purchase"}) return 5;
      if (events == List{"after_sales_ticket", "refund"}) return 6;
      return 0;
    };
    std::vector<double> reach;
    int before = 0;
    for (const EventSelector& step : metric.steps) {
      if (rank(step) <= before || !step.where.empty())
        return absl::UnimplementedError("steps: not the path of a session");
      before = rank(step);
      const auto chance = Reaches(metric, step, 1, variant);
      if (!chance.ok()) return chance.status();
      reach.push_back(*chance);
    }
    return reach;
  }

  const Truth::State& s_;
  const std::vector<MetricDefinition>& metrics_;
  When when_;
};

}  // namespace

Truth::Truth(const World& world) : state_(std::make_unique<State>(world)) {}
Truth::~Truth() = default;

double Truth::entering() const { return state_->entering; }

absl::StatusOr<std::vector<TruthRow>> Truth::Of(
    const MetricDefinition& metric, const std::vector<MetricDefinition>& metrics,
    const std::optional<std::pair<std::string, std::string>>& when) const {
  Question question(*state_, metrics, when);
  std::vector<TruthRow> rows;
  std::vector<double> control;
  for (std::size_t v = 0; v < state_->world.variants.size(); ++v) {
    const auto values = question.Values(metric, v);
    if (!values.ok()) return values.status();
    if (v == 0) control = *values;
    const bool incremental = metric.type == MetricType::kIncrementalRatio;
    const std::size_t size = incremental ? 1 : values->size();
    for (std::size_t i = 0; i < size; ++i) {
      if (v == 0) {
        std::string name = metric.key;
        if (metric.type == MetricType::kFunnel)
          absl::StrAppend(&name, ".", i + 1, "_", metric.steps[i].events[0]);
        rows.push_back({std::move(name), {}});
      }
      std::optional<double> value = (*values)[i];
      if (incremental) {
        const double gained = (*values)[0] - control[0];
        const double spent = (*values)[1] - control[1];
        value = spent != 0 ? std::optional(gained / spent) : std::nullopt;
      }
      rows[i].values.push_back(value);
    }
  }
  return rows;
}

}  // namespace upswing::simulation
