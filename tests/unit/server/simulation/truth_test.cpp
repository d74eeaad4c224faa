// The truth in closed form against an enumeration of everything that can happen: small worlds, in
// which the generator itself is led through every outcome with its probability, and the metrics are
// read off the events one by one. Nothing is drawn.
#include "server/simulation/truth.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/metrics/parse.hpp"
#include "server/simulation/life.hpp"
#include "server/simulation/records.hpp"
#include "tests/support/every_luck.hpp"

namespace upswing::simulation {
namespace {

using metrics::EventSelector;
using metrics::MetricDefinition;
using metrics::MetricType;
using testing::EveryLuck;

constexpr std::int64_t kDayMs = 86'400'000;

// Metrics by plain reading of the events of one user.
class Reading {
 public:
  Reading(const World& world, const std::vector<MetricDefinition>& metrics)
      : world_(world), metrics_(metrics), vocabulary_(world) {}

  std::vector<double> Of(const MetricDefinition& metric, const std::vector<Happening>& events,
                         std::int64_t t0) const {
    std::int64_t from = t0;
    std::int64_t to = metric.window_ms ? t0 + *metric.window_ms : t0 + 1000 * kDayMs;
    if (metric.type == MetricType::kRetention) {
      const std::int64_t zone = world_.timezone_ms;
      const std::int64_t midnight = (t0 + zone) / kDayMs * kDayMs - zone;
      from = midnight + metric.first_day * kDayMs;
      to = midnight + (metric.last_day + 1) * kDayMs;
    }
    const auto select = [&](const EventSelector& s) { return Select(s, events, from, to); };
    const auto number = [&](const Happening& h, const EventSelector& s) {
      return s.value == "items" ? static_cast<double>(h.items) : h.value;
    };
    const auto total = [&](const EventSelector& s, bool values) {
      double sum = 0;
      for (const Happening* h : select(s)) sum += values ? number(*h, s) : 1;
      return sum;
    };
    switch (metric.type) {
      case MetricType::kConversion:
      case MetricType::kRetention:
        return {static_cast<std::int64_t>(select(metric.events).size()) >= metric.threshold ? 1.0
                                                                                            : 0.0};
      case MetricType::kCount:
        return {total(metric.events, false)};
      case MetricType::kSum:
        return {total(metric.events, true)};
      case MetricType::kMean:
        return {total(metric.events, true), total(metric.events, false)};
      case MetricType::kRatio:
        return {total(metric.events, metric.events.sum),
                total(metric.denominator, metric.denominator.sum)};
      case MetricType::kPair: {
        double seconds = 0;
        double pairs = 0;
        for (const Happening* reply : select(metric.events)) {
          for (const Happening* ticket : select(metric.from)) {
            if (ticket->id != reply->ref) continue;
            seconds += static_cast<double>(reply->time_ms - ticket->time_ms) / 1000;
            ++pairs;
          }
        }
        return {seconds, pairs};
      }
      case MetricType::kDistinct: {
        std::set<std::string> seen;
        for (const Happening* h : select(metric.events))
          seen.insert(Property(*h, metric.events.value));
        return {static_cast<double>(seen.size())};
      }
      case MetricType::kFunnel: {
        std::vector<double> reached(metric.steps.size(), 0);
        std::int64_t since = from;
        for (std::size_t s = 0; s < metric.steps.size(); ++s) {
          std::int64_t first = to;
          for (const Happening* h : select(metric.steps[s])) {
            if (h->time_ms >= since) first = std::min(first, h->time_ms);
          }
          if (first == to) break;
          reached[s] = 1;
          since = first + 1;
        }
        return reached;
      }
      case MetricType::kLinear: {
        double sum = 0;
        for (const auto& term : metric.terms) sum += term.weight * Named(term.metric, events, t0);
        return {sum};
      }
      case MetricType::kIncrementalRatio:
        return {Named(metric.terms[0].metric, events, t0),
                Named(metric.terms[1].metric, events, t0)};
      default:
        ADD_FAILURE() << metric.key;
        return {};
    }
  }

 private:
  double Named(const std::string& key, const std::vector<Happening>& events,
               std::int64_t t0) const {
    for (const MetricDefinition& metric : metrics_) {
      if (metric.key == key) return Of(metric, events, t0)[0];
    }
    ADD_FAILURE() << key;
    return 0;
  }

  std::string Property(const Happening& happening, std::string_view name) const {
    std::array<Vocabulary::Detail, 4> details;
    const std::size_t size = vocabulary_.Details(happening, &details);
    for (std::size_t i = 0; i < size; ++i) {
      if (details[i].name == name) return std::string(details[i].text);
    }
    return "";
  }

  std::vector<const Happening*> Select(const EventSelector& selector,
                                       const std::vector<Happening>& events, std::int64_t from,
                                       std::int64_t to) const {
    std::vector<const Happening*> chosen;
    for (const Happening& h : events) {
      if (h.time_ms < from || h.time_ms >= to) continue;
      const auto& names = selector.events;
      if (std::find(names.begin(), names.end(), KindName(h.kind)) == names.end()) continue;
      bool holds = true;
      for (const metrics::Condition& condition : selector.where) {
        bool any = false;
        for (const metrics::Literal& value : condition.values)
          any = any || std::get<std::string>(value) == Property(h, condition.property);
        holds = holds && any;
      }
      if (!selector.refers_to.empty()) {
        bool refers = false;
        for (const Happening& other : events)
          refers = refers || (other.id == h.ref && KindName(other.kind) == selector.refers_to &&
                              other.time_ms >= from && other.time_ms < to);
        holds = holds && refers;
      }
      if (holds) chosen.push_back(&h);
    }
    return chosen;
  }

  const World& world_;
  const std::vector<MetricDefinition>& metrics_;
  const Vocabulary vocabulary_;
};

struct Case {
  const char* name;
  const char* rates;  // all others are 0
  const char* world;  // more members of the world
  const char* metrics;
};

constexpr const char* kOnePortrait = R"("portrait": {
  "city_tier": {"x": {"share": 1}}, "age_band": {"x": {"share": 1}},
  "member_tier": {"none": {"share": 0.75}, "gold": {"share": 0.25, "rates": {"open": 1.5}}},
  "activity": {"x": {"share": 1}}, "price_sensitivity": {"x": {"share": 1}},
  "interest": {"beauty": {"share": 0.5}, "food": {"share": 0.5}}})";

const Case kCases[] = {
    {"path", R"("open": 0.5, "impression": 1, "play": 1, "product_view": 0.6, "add_to_cart": 0.5,
             "checkout": 1, "purchase": 0.5, "amount": 10, "dwell": 20)",
     R"("slots": 2)", R"({
      "conversion": {"type": "conversion", "event": "purchase", "window": "2d"},
      "again": {"type": "conversion", "event": "purchase", "threshold": 2, "window": "3d"},
      "thrice": {"type": "conversion", "events": ["purchase", "add_to_cart"], "threshold": 3},
      "orders": {"type": "count", "event": "purchase", "window": "1d"},
      "gmv": {"type": "sum", "event": "purchase", "window": "3d"},
      "dwell": {"type": "mean", "event": "dwell", "window": "2d"},
      "ctr": {"type": "ratio", "numerator": {"event": "product_view"}, "denominator": {"event": "impression"}, "window": "2d"},
      "share": {"type": "ratio", "numerator": {"event": "purchase", "sum": true}, "denominator": {"event": "dwell", "sum": true}},
      "funnel": {"type": "funnel", "window": "2d", "steps": [{"events": ["play", "live_enter"]}, "product_view", "add_to_cart", "purchase"]},
      "d1": {"type": "retention", "event": "app_open", "days": [1, 1]},
      "d1_2": {"type": "retention", "event": "app_open", "days": [1, 2]},
      "both": {"type": "retention", "event": "app_open", "days": [1, 2], "threshold": 2}})"},
    {"after-sales",
     R"("open": 0.5, "impression": 1, "play": 1, "product_view": 1, "add_to_cart": 1, "checkout": 1,
             "purchase": 0.5, "amount": 10, "refund": 0.5, "ticket": 0.4, "reply": 3000)",
     R"("slots": 1)", R"({
      "refund_rate": {"type": "ratio", "numerator": {"event": "refund", "refers_to": "purchase"}, "denominator": {"event": "purchase"}, "window": "2d"},
      "refunds": {"type": "sum", "event": "refund", "refers_to": "purchase", "window": "3d"},
      "gmv": {"type": "sum", "event": "purchase", "window": "2d"},
      "net": {"type": "linear", "terms": {"gmv": 1, "refunds": -1}},
      "any": {"type": "conversion", "event": "refund", "refers_to": "purchase", "window": "3d"},
      "response": {"type": "pair", "from": {"event": "after_sales_ticket"}, "event": "after_sales_reply", "window": "3d"},
      "funnel": {"type": "funnel", "window": "3d", "steps": ["product_view", "purchase", {"events": ["after_sales_ticket", "refund"], "refers_to": "purchase"}]}})"},
    {"coupons",
     R"("open": 0.5, "impression": 1, "play": 1, "product_view": 1, "add_to_cart": 1, "checkout": 0.9,
             "purchase": 0.5, "amount": 10, "more_items": 1, "coupon_issue": 0.5, "coupon_use": 0.4, "coupon_depth": 0.2, "points_use": 0.5,
             "points": 30, "member_join": 0.3)",
     R"("slots": 1, "follow_days": 2)", R"({
      "cost": {"type": "sum", "event": "coupon_use", "window": "2d"},
      "gmv": {"type": "sum", "event": "purchase", "window": "2d"},
      "profit": {"type": "linear", "terms": {"gmv": 0.3}},
      "roi": {"type": "incremental_ratio", "numerator": "profit", "denominator": "cost"},
      "use": {"type": "ratio", "numerator": {"event": "coupon_use"}, "denominator": {"event": "coupon_issue"}},
      "handed": {"type": "sum", "event": "coupon_issue"},
      "got": {"type": "conversion", "events": ["coupon_issue", "coupon_use"], "threshold": 2},
      "items": {"type": "ratio", "numerator": {"event": "purchase", "value": "items"}, "denominator": {"event": "purchase"}},
      "points": {"type": "sum", "event": "points_use", "window": "1d"},
      "member": {"type": "conversion", "event": "member_join"}})"},
    {"live",
     R"("open": 0.5, "live_enter": 0.5, "live_stay": 100, "live_product_view": 0.5, "add_to_cart": 0.5, "focus": 0.6)",
     R"("slots": 1, "follow_days": 2, "products_per_category": 2)", R"({
      "enter": {"type": "conversion", "event": "live_enter", "window": "2d"},
      "stay": {"type": "sum", "event": "live_stay", "window": "2d"},
      "visit": {"type": "mean", "event": "live_stay"},
      "feed": {"type": "count", "event": "product_view", "where": {"source": "feed"}},
      "room": {"type": "count", "event": "product_view", "where": {"source": "live"}},
      "beauty": {"type": "conversion", "event": "add_to_cart", "where": {"category": {"in": ["beauty"]}}},
      "products": {"type": "distinct", "event": "product_view", "value": "product", "window": "2d"}})"},
    {"notes", R"("open": 0.5, "note_view": 0.5, "note_save": 0.5, "note_focus": 0.5)",
     R"("slots": 1, "follow_days": 2, "topics": 3)", R"({
      "notes": {"type": "count", "event": "note_view", "window": "2d"},
      "save": {"type": "ratio", "numerator": {"event": "note_save"}, "denominator": {"event": "note_view"}},
      "topics": {"type": "distinct", "event": "note_view", "value": "topic", "window": "2d"}})"},
    {"reactions",
     R"("open": 0.5, "impression": 0.8, "play": 0.7, "complete": 0.5, "like": 0.4, "comment": 0.3, "share": 0.2, "follow": 0.1, "focus": 0.7)",
     R"("slots": 1, "follow_days": 2, "creators_per_category": 1)", R"({
      "complete": {"type": "ratio", "numerator": {"event": "complete"}, "denominator": {"event": "play"}},
      "like": {"type": "ratio", "numerator": {"event": "like"}, "denominator": {"event": "play"}},
      "any": {"type": "conversion", "events": ["comment", "share"]},
      "follow": {"type": "conversion", "event": "follow"},
      "length": {"type": "ratio", "numerator": {"events": ["play", "like"]}, "denominator": {"event": "app_open"}},
      "creators": {"type": "distinct", "event": "play", "value": "creator"}})"},
    {"sessions", R"("open": 0.5, "more_sessions": 0.4, "impression": 0.5)", R"("slots": 1)", R"({
      "sessions": {"type": "count", "event": "app_open", "window": "3d"},
      "impressions": {"type": "count", "event": "impression", "window": "2d"},
      "four": {"type": "conversion", "event": "app_open", "threshold": 4, "window": "3d"}})"},
};

World WorldOf(const Case& c) {
  std::string rates;
  for (std::size_t s = 0; s < kStages; ++s)
    rates += "\"" + std::string(StageName(static_cast<Stage>(s))) + "\": 0, ";
  // Later rates win: the first object sets all to 0, the case's world sets its own.
  const std::string effects =
      R"("experiment": {"key": "e", "variants": {"off": 2, "on": 1}, "effects": [
      {"variant": "on", "stage": "open", "relative": 0.1, "half_life_days": 1.5, "stays": 0.25},
      {"variant": "on", "stage": "purchase", "relative": 0.4, "when": {"member_tier": "gold"}},
      {"variant": "on", "stage": "coupon_issue", "relative": 0.5},
      {"variant": "on", "stage": "reply", "relative": -0.5},
      {"variant": "on", "stage": "live_enter", "relative": 0.3, "spill": 0.4},
      {"variant": "on", "stage": "note_focus", "relative": 0.2}]})";
  const std::string zero =
      "{" + std::string(kOnePortrait) + ", \"rates\": {" + rates.substr(0, rates.size() - 2) +
      "}, \"follow_days\": 3, \"enrol_days\": 2, \"history_days\": 0, \"weekend\": 0.5, "
      "\"start\": \"2026-03-06\", \"anonymous\": 0, \"offline\": 0, \"products_per_category\": 1, "
      "\"creators_per_category\": 1, \"rooms\": 1, \"topics\": 1}";
  const std::string own =
      "{\"rates\": {" + std::string(c.rates) + "}, " + c.world + ", " + effects + "}";
  const auto world = ReadWorlds({zero, own});
  EXPECT_TRUE(world.ok()) << c.name << ": " << world.status();
  return *world;
}

class TruthTest : public ::testing::TestWithParam<Case> {};

TEST_P(TruthTest, EqualsTheSumOverAllOutcomes) {
  const World world = WorldOf(GetParam());
  const auto parsed = json::Parse(GetParam().metrics);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  std::vector<json::Problem> problems;
  const auto metrics = metrics::ParseMetrics(parsed->root, "$", &problems);
  for (const json::Problem& problem : problems) FAIL() << problem.ToString();

  const Calendar calendar(world);
  const Portraits portraits(world);
  const RateTable rates(world, portraits);
  const Reading reading(world, metrics);
  // [metric][variant] -> sums of the components
  std::map<std::string, std::vector<std::vector<double>>> sums;
  std::vector<double> weight(world.variants.size(), 0);
  double all = 0;
  for (std::size_t p = 0; p < portraits.size(); ++p) {
    for (std::size_t v = 0; v < world.variants.size(); ++v) {
      EveryLuck luck;
      do {
        std::vector<Happening> events;
        auto person = DrawPerson(world, calendar, portraits, rates, 1, luck);
        if (person) {
          // The portrait is summed over here, not drawn. Its chance to come stands in the path.
          Person other = *person;
          other.portrait = p;
          const auto keep = [&](const Happening& h) { events.push_back(h); };
          const double open = At(rates.Before(p), Stage::kOpen);
          const double drawn = At(rates.Before(person->portrait), Stage::kOpen);
          // The path was drawn for portrait 0: replace the chances of its first days.
          double correction = 1;
          for (int day = 0; day <= other.entry_day; ++day) {
            const double f = calendar.Factor(day);
            correction *= day == other.entry_day ? open / drawn : (1 - open * f) / (1 - drawn * f);
          }
          Life<EveryLuck, decltype(keep)>(world, calendar, rates, luck, keep)
              .Run(other, portraits, v);
          const double w = luck.weight() * correction * portraits.share(p);
          weight[v] += w;
          for (const MetricDefinition& metric : metrics) {
            const auto value =
                reading.Of(metric, events, world.DayStart(other.entry_day) + other.habit_ms);
            auto& by_variant = sums[metric.key];
            by_variant.resize(world.variants.size(), std::vector<double>(value.size(), 0));
            for (std::size_t i = 0; i < value.size(); ++i) by_variant[v][i] += w * value[i];
          }
        }
        if (v == 0) all += luck.weight() * portraits.share(p);
      } while (luck.NextOutcome());
    }
  }
  EXPECT_NEAR(all, 1, 1e-9);
  const Truth truth(world);
  EXPECT_NEAR(truth.entering(), weight[0], 1e-9);
  for (const MetricDefinition& metric : metrics) {
    const auto rows = truth.Of(metric, metrics);
    ASSERT_TRUE(rows.ok()) << metric.key << ": " << rows.status();
    const auto& found = sums[metric.key];
    for (std::size_t v = 0; v < world.variants.size(); ++v) {
      for (std::size_t r = 0; r < rows->size(); ++r) {
        double expected = found[v][r] / weight[v];
        if (metric.type == MetricType::kMean || metric.type == MetricType::kRatio ||
            metric.type == MetricType::kPair)
          expected = found[v][0] / found[v][1];
        if (metric.type == MetricType::kIncrementalRatio) {
          if (v == 0) continue;
          expected = (found[v][0] / weight[v] - found[0][0] / weight[0]) /
                     (found[v][1] / weight[v] - found[0][1] / weight[0]);
        }
        ASSERT_TRUE((*rows)[r].values[v].has_value()) << (*rows)[r].name;
        EXPECT_NEAR(*(*rows)[r].values[v], expected, 1e-9 * std::max(1.0, std::fabs(expected)))
            << (*rows)[r].name << " " << world.variants[v].first;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Worlds, TruthTest, ::testing::ValuesIn(kCases), [](const auto& entry) {
  std::string name = entry.param.name;
  std::erase(name, '-');
  return name;
});

TEST(Truth, SaysWhatItCannotCompute) {
  const auto world = ReadWorld("");
  ASSERT_TRUE(world.ok()) << world.status();
  World tiny = *world;
  tiny.experiment = "e";
  tiny.variants = {{"off", 1}, {"on", 1}};
  const auto parsed = json::Parse(R"({
    "max": {"type": "max", "event": "dwell"}, "half": {"type": "count", "event": "play", "window": "12h"},
    "long": {"type": "count", "event": "play", "window": "90d"},
    "old": {"type": "sum", "event": "refund", "window": "7d"}})");
  std::vector<json::Problem> problems;
  const auto metrics = metrics::ParseMetrics(parsed->root, "$", &problems);
  ASSERT_EQ(metrics.size(), 4u);
  const Truth truth(tiny);
  for (const MetricDefinition& metric : metrics)
    EXPECT_EQ(truth.Of(metric, metrics).status().code(), absl::StatusCode::kUnimplemented)
        << metric.key;
}

TEST(ReadWorld, NamesWhatIsWrong) {
  const auto message = [](std::string_view text) {
    return std::string(ReadWorld(text).status().message());
  };
  EXPECT_NE(message(R"({"rates": {"purchse": 1}})").find("$.rates.purchse"), std::string::npos);
  EXPECT_NE(message(R"({"rates": {"open": 0.9}})").find("$.rates.open"), std::string::npos);
  EXPECT_NE(message(R"({"users": 1})").find("$.users: unknown key"), std::string::npos);
  EXPECT_NE(message(R"({"portrait": {"x": {"a": {"share": 0.5}}}})").find("add up to 1"),
            std::string::npos);
  EXPECT_NE(message(R"({"experiment": {"key": "e", "variants": {"a": 1, "b": 1},
      "effects": [{"variant": "b", "stage": "play", "relative": 1}]}})")
                .find("$.rates.play: comes to"),
            std::string::npos);
}

}  // namespace
}  // namespace upswing::simulation
