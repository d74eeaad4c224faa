#include "server/metrics/pack.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "server/metrics/parse.hpp"
#include "tests/support/golden.hpp"

namespace upswing::metrics {
namespace {

const Pack& Shop() { return *FindPack("short_video_shop"); }

std::string Percent(double share) {
  std::string text = std::to_string(share * 100);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " %";
}

// The tables of docs/reference/events.md, made from the pack's file.
std::string EventsPage() {
  std::string page =
      "# Events and metrics of the short-video shop\n\n"
      "Names, values, units and properties on which everybody agrees, and the metrics made of "
      "them. "
      "A catalog takes both in by\n`\"metric_packs\": [\"short_video_shop\"]`; "
      "`upswing catalog pack short_video_shop` prints the file behind this page. The catalog's own "
      "metrics win\nover the pack's of the same key. `upswing catalog check` warns of names that "
      "nearly are one of these.\n\nThis page is made from `server/metrics/packs/` and a test "
      "compares the two.\n\n## Events\n\n"
      "| event | when | value | properties |\n|---|---|---|---|\n";
  for (const EventConvention& event : Shop().events) {
    page += "| `" + std::string(event.name) + "` | " + std::string(event.meaning) + " | ";
    if (!event.value.empty()) page += std::string(event.value) + ", " + std::string(event.unit);
    page += " | ";
    for (const auto& property : event.properties) {
      if (&property != &event.properties.front()) page += ", ";
      page += "`" + std::string(property.name) + "` (" + std::string(property.type) + ")";
    }
    page += " |\n";
  }
  page +=
      "\nAn event without a value is sent with the value 1. Money is in the project's one "
      "currency. "
      "`source` is `feed` or `live`. Give every event that\nmay be sent twice an event id; "
      "refunds, "
      "tickets, coupons and points name their purchase, replies their ticket, as `ref_id`.\n\n"
      "## Metrics\n\nMargins are how much worse a guardrail may become where the plan does not "
      "say.\n\n| metric | definition | better | margin |\n|---|---|---|---|\n";
  for (const MetricDefinition& metric : Shop().metrics) {
    const char* better = metric.good == GoodDirection::kUp     ? "up"
                         : metric.good == GoodDirection::kDown ? "down"
                                                               : "neither";
    page += "| `" + metric.key + "` | " + metric.description + " | " + better + " | " +
            (metric.margin && metric.margin->relative ? Percent(*metric.margin->relative) : "") +
            " |\n";
  }
  return page;
}

TEST(Pack, ReadsWithoutAProblem) {
  for (const Pack& pack : Packs()) {
    auto parsed = json::Parse(pack.text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    std::vector<json::Problem> problems = parsed->problems;
    ParseMetrics(*parsed->root.Find("metrics"), "$.metrics", &problems);
    for (const json::Problem& problem : problems) ADD_FAILURE() << problem.ToString();
    EXPECT_EQ(pack.metrics.size(), parsed->root.Find("metrics")->members().size());
  }
}

TEST(Pack, EveryMetricIsMadeOfTheConventionsEventsAndProperties) {
  std::set<std::string, std::less<>> events;
  for (const EventConvention& event : Shop().events) events.emplace(event.name);
  const auto check = [&](const EventSelector& selector, const std::string& metric) {
    for (const std::string& name : selector.events) {
      ASSERT_TRUE(events.contains(name)) << metric << ": " << name;
      const auto event = std::find_if(Shop().events.begin(), Shop().events.end(),
                                      [&](const auto& known) { return known.name == name; });
      const auto has = [&](const std::string& property) {
        return std::any_of(event->properties.begin(), event->properties.end(),
                           [&](const auto& known) { return known.name == property; });
      };
      EXPECT_TRUE(selector.value.empty() || has(selector.value)) << metric;
      for (const Condition& condition : selector.where)
        EXPECT_TRUE(has(condition.property)) << metric;
      const bool own_value = selector.sum && selector.value.empty();
      EXPECT_TRUE(!own_value || !event->value.empty()) << metric;
    }
    EXPECT_TRUE(selector.refers_to.empty() || events.contains(selector.refers_to)) << metric;
  };
  for (const MetricDefinition& metric : Shop().metrics) {
    EXPECT_FALSE(metric.description.empty()) << metric.key;
    for (const EventSelector* part : {&metric.events, &metric.denominator, &metric.from})
      check(*part, metric.key);
    for (const EventSelector& step : metric.steps) check(step, metric.key);
  }
}

TEST(Pack, TheReferencePageSaysWhatTheFileSays) {
  std::ifstream file(testing::SourceDir() / "docs/reference/events.md", std::ios::binary);
  std::stringstream page;
  page << file.rdbuf();
  if (page.str() == EventsPage()) return;
  const auto written = testing::BinDir().parent_path() / "golden/events.md";
  std::filesystem::create_directories(written.parent_path());
  std::ofstream(written, std::ios::binary) << EventsPage();
  FAIL() << "docs/reference/events.md differs; review and copy " << written;
}

}  // namespace
}  // namespace upswing::metrics
