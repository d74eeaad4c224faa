#include "server/metrics/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace upswing::metrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Result {
  std::vector<MetricDefinition> metrics;
  std::vector<std::string> problems;
};

Result Read(std::string_view text) {
  const auto parsed = json::Parse(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  std::vector<json::Problem> problems;
  Result result;
  result.metrics = ParseMetrics(parsed->root, "$.metrics", &problems);
  for (const json::Problem& problem : problems) result.problems.push_back(problem.ToString());
  return result;
}

TEST(ParseMetrics, ReadsTheExampleOfTheCatalogFormat) {
  const Result result = Read(R"({
    "purchase_rate": {"type": "conversion", "event": "purchase", "window": "7d"},
    "gmv_per_user": {"type": "sum", "event": "purchase", "winsorize": {"percentile_nonzero": 0.999}, "covariate": "28d"},
    "refund_rate": {"type": "ratio", "numerator": {"event": "refund"}, "denominator": {"event": "purchase"}, "good": "down"}})");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.metrics.size(), 3u);
  EXPECT_EQ(result.metrics[0].window_ms, 7LL * 86'400'000);
  EXPECT_EQ(result.metrics[1].covariate->window_ms, 28LL * 86'400'000);
  EXPECT_EQ(result.metrics[1].winsorize->percentile_nonzero, 0.999);
  EXPECT_THAT(result.metrics[2].events.events, ElementsAre("refund"));
  EXPECT_THAT(result.metrics[2].denominator.events, ElementsAre("purchase"));
  EXPECT_EQ(result.metrics[2].good, GoodDirection::kDown);
}

TEST(ParseMetrics, ReadsEveryType) {
  const Result result = Read(R"({
    "a": {"type": "count", "events": ["like", "share"], "where": {"category": "beauty", "amount": {">=": 10, "<": 20}}},
    "b": {"type": "mean", "event": "play", "value": "seconds"},
    "c": {"type": "max", "event": "live_stay"},
    "d": {"type": "last", "event": "rating", "missing": 3},
    "e": {"type": "quantile", "event": "play", "quantile": 0.9},
    "f": {"type": "retention", "event": "app_open", "days": [7, 7], "elapsed": true},
    "g": {"type": "funnel", "steps": ["impression", {"event": "product_view"}, "purchase"], "window": "1d"},
    "h": {"type": "time_to", "event": "purchase", "window": "7d"},
    "i": {"type": "distinct", "event": "product_view", "value": "item"},
    "j": {"type": "pair", "from": {"event": "ticket"}, "event": "reply"},
    "k": {"type": "linear", "terms": {"a": 1, "c": -2}}})");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.metrics.size(), 11u);
  EXPECT_EQ(result.metrics[0].events.where.size(), 3u);
  EXPECT_EQ(result.metrics[5].last_day, 7);
  EXPECT_EQ(result.metrics[6].steps.size(), 3u);
  EXPECT_EQ(result.metrics[10].terms[1].weight, -2);
}

TEST(ParseMetrics, NamesTheLineAndTheFixOfEveryMistake) {
  const Result result = Read(R"({
"a": {"type": "som", "event": "x"},
"b": {"type": "sum"},
"c": {"type": "sum", "event": "x", "quantile": 0.5},
"d": {"type": "sum", "event": "x", "window": "7 days"},
"e": {"type": "sum", "event": "x", "winsorize": {"value": 0}},
"f": {"type": "funnel", "steps": ["x"]},
"g": {"type": "linear", "terms": {"nothing": 1}},
"h": {"type": "count", "event": "x", "where": {"p": {"~": 1}}},
"i": {"type": "retention", "event": "x", "days": [7, 1]},
"j": {"type": "time_to", "event": "x"}})");
  ASSERT_EQ(result.problems.size(), 10u);
  const char* expected[] = {"line 2, column 15: $.metrics.a.type: unknown type",
                            "line 3, column 6: $.metrics.b: needs either",
                            "$.metrics.c.quantile: a sum metric has no such key",
                            "$.metrics.d.window: must be a duration",
                            "$.metrics.e.winsorize.value: a cap must be above 0",
                            "$.metrics.f.steps: must be an array of at least two",
                            "$.metrics.h.where.p[\"~\"]: unknown operator",
                            "$.metrics.i.days: must be [first, last]",
                            "$.metrics.j: a time_to metric needs a window",
                            "$.metrics.g.terms.nothing: there is no metric"};
  for (std::size_t i = 0; i < std::size(expected); ++i)
    EXPECT_THAT(result.problems[i], HasSubstr(expected[i]));
}

TEST(ParseMetrics, MetricsMadeOfOthersCloseWithTheLastOfTheirWindows) {
  const Result result = Read(R"({
    "roi": {"type": "incremental_ratio", "numerator": "profit", "denominator": "cost"},
    "profit": {"type": "linear", "terms": {"gmv": 0.3, "refunds": -0.3}},
    "open": {"type": "linear", "terms": {"gmv": 1, "ever": 1}},
    "gmv": {"type": "sum", "event": "purchase", "window": "7d"},
    "refunds": {"type": "sum", "event": "refund", "window": "14d"},
    "ever": {"type": "sum", "event": "refund"},
    "cost": {"type": "sum", "event": "coupon_use", "window": "7d", "margin": {"relative": 0.1}}})");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.metrics.size(), 7u);
  EXPECT_EQ(result.metrics[0].window_ms, 14LL * 86'400'000);
  EXPECT_EQ(result.metrics[0].terms[0].metric, "profit");
  EXPECT_EQ(result.metrics[1].window_ms, 14LL * 86'400'000);
  EXPECT_EQ(result.metrics[2].window_ms, std::nullopt);
  EXPECT_EQ(result.metrics[6].margin->relative, 0.1);
}

TEST(ParseMetrics, RefusesTermsThatHaveNoSingleValue) {
  const Result result = Read(R"({
    "roi": {"type": "incremental_ratio", "numerator": "roi2", "denominator": "nothing"},
    "roi2": {"type": "incremental_ratio", "numerator": "a", "denominator": "a"},
    "a": {"type": "count", "event": "x", "margin": {"relative": -1}},
    "b": {"type": "count", "event": "x", "margin": 0.1}})");
  ASSERT_EQ(result.problems.size(), 6u);
  EXPECT_THAT(result.problems[0], HasSubstr("$.metrics.a.margin: must have either"));
  EXPECT_THAT(result.problems[1], HasSubstr("$.metrics.b.margin: must have either"));
  EXPECT_THAT(result.problems[2], HasSubstr("$.metrics.roi.roi2: this metric has not one value"));
  EXPECT_THAT(result.problems[3], HasSubstr("$.metrics.roi.nothing: there is no metric"));
}

TEST(ParseDuration, TakesWholeUnitsUpToTenYears) {
  EXPECT_EQ(ParseDuration("250ms"), 250);
  EXPECT_EQ(ParseDuration("90s"), 90'000);
  EXPECT_EQ(ParseDuration("3650d"), 3650LL * 86'400'000);
  for (const char* wrong : {"", "7", "d", "0d", "3651d", "7 d", "-1d", "1.5h", "99999999999999d"})
    EXPECT_EQ(ParseDuration(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace upswing::metrics
