#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/report/render.hpp"
#include "server/report/unit_checks.hpp"
#include "server/report/words.hpp"
#include "tests/support/golden.hpp"
#include "tests/unit/server/report/example_report.hpp"

namespace upswing::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using upswing::testing::MatchesGolden;

Report Example() { return Build(testing::ExampleExperiment().AsInput()); }

// The same data under a plan of three looks with CUPED and a planned effect, with what clients
// counted and with the checks of single units.
Report PlannedExample() {
  testing::ExampleExperiment example;
  example.LookAt({7, 14, 21});
  for (std::size_t v = 0; v < 3; ++v) {
    store::DecisionCounts& counts = example.result.variants[v].decisions;
    counts.evaluated = 31'000 + static_cast<std::int64_t>(v);
    counts.exposed = 6'300;
    counts.queued = 6'290 - static_cast<std::int64_t>(v);
    counts.dropped[0] = 10 + static_cast<std::int64_t>(v);
  }
  Input input = example.AsInput();
  input.plan.primary = "gmv_per_user";
  input.plan.secondary = {"purchase_rate", "checkout"};
  input.plan.anytime = false;
  input.plan.cuped = true;
  input.plan.mde = Margin{0.03, std::nullopt};
  input.plan.group_sequential =
      Plan::GroupSequential{statistics::Spending::kObrienFlemingLike, 0, {7, 14, 21}};
  Report report = Build(input);
  UnitChecks checks;
  checks.as_of = "2026-11-21T20:00:00Z";
  checks.units = 1'000'000;
  checks.share = 0.25;
  checks.negative_controls = {{"gmv_per_user", 998'000, 200, 11, 1.032, {0.71, ""}, false},
                              {"watch_time", 998'000, 200, 61, 3.4, {1e-40, ""}, true}};
  checks.outliers = {{"gmv_per_user", "one_tap", 3.25, 0.875, 0.004, 0.31, true}};
  checks.ages = {{"gmv_per_user",
                  "one_tap",
                  500'000,
                  false,
                  -0.125,
                  1e-5,
                  0.75,
                  0.25,
                  {{0, 0.75, 0.0625}, {1, 0.5, 0.0625}, {2, 0.25, 0.0625}}}};
  checks.interactions = {
      {"cover_style", "price", "gmv_per_user", "one_tap", 240'000, 0.5, 0.125, 6e-5, 3e-4, 0.62}};
  AddUnitChecks(checks, &report);
  return report;
}

TEST(PlannedReport, IsAsReviewed) {
  const Report report = PlannedExample();
  EXPECT_TRUE(MatchesGolden("report/planned_looks.txt", RenderText(report)));
  EXPECT_TRUE(MatchesGolden("report/planned_looks.md", RenderMarkdown(report)));
  EXPECT_TRUE(MatchesGolden("report/planned_looks.html", RenderHtml(report)));
  EXPECT_TRUE(
      MatchesGolden("report/planned_looks.zh.html", RenderHtml(report, Language::kChinese)));
}

TEST(ExampleReport, IsAsReviewedInEveryFormat) {
  const Report report = Example();
  EXPECT_TRUE(MatchesGolden("report/product_card.txt", RenderText(report)));
  EXPECT_TRUE(MatchesGolden("report/product_card.json", RenderJson(report)));
  EXPECT_TRUE(MatchesGolden("report/product_card.csv", RenderCsv(report)));
  EXPECT_TRUE(MatchesGolden("report/product_card.md", RenderMarkdown(report)));
  EXPECT_TRUE(MatchesGolden("report/product_card.html", RenderHtml(report)));
  EXPECT_TRUE(MatchesGolden("report/product_card.zh.html", RenderHtml(report, Language::kChinese)));
}

// Values of <data class="KIND" value="..."> of the page.
std::multiset<std::string> ValuesOnPage(const std::string& table, const std::string& kind) {
  std::multiset<std::string> values;
  const std::string begin = "<data class=\"" + kind + "\" value=\"";
  for (std::size_t at = table.find(begin); at != std::string::npos; at = table.find(begin, at)) {
    at += begin.size();
    values.insert(table.substr(at, table.find('"', at) - at));
  }
  return values;
}

// In the rows of the table of all numbers.
std::multiset<std::string> ValuesInHtml(const std::string& html, const std::string& kind) {
  return ValuesOnPage(html.substr(html.find("class=\"numbers\"")), kind);
}

// The columns of the rows of scope "all" of the CSV, where they are not empty.
std::multiset<std::string> ValuesInCsv(const std::string& csv, const std::string& column) {
  std::multiset<std::string> values;
  std::istringstream lines(csv);
  std::string line, field;
  std::getline(lines, line);
  std::vector<std::string> names;
  for (std::istringstream head(line); std::getline(head, field, ',');) names.push_back(field);
  while (std::getline(lines, line)) {
    if (line.rfind("all,", 0) != 0) continue;
    std::size_t at = 0;
    for (std::istringstream row(line); std::getline(row, field, ','); ++at)
      if (names[at] == column && !field.empty()) values.insert(field);
  }
  return values;
}

TEST(ExampleReport, HasTheSameNumbersInJsonCsvAndHtml) {
  const Report report = Example();
  const auto json = nlohmann::json::parse(RenderJson(report));
  const std::string csv = RenderCsv(report);
  const std::string html = RenderHtml(report);
  const std::map<std::string, std::string> in_csv = {{"relative", "relative"},
                                                     {"relative_low", "relative_low"},
                                                     {"relative_high", "relative_high"},
                                                     {"p_value", "p_value"},
                                                     {"p_value_adjusted", "p_value_adjusted"},
                                                     {"chance_to_win", "chance_to_win"},
                                                     {"shrunken", "shrunken"},
                                                     {"mean", "mean"}};
  const std::map<std::string, std::string> in_json = {{"relative", "/relative/estimate"},
                                                      {"relative_low", "/relative/ci/0"},
                                                      {"relative_high", "/relative/ci/1"},
                                                      {"p_value", "/p_value"},
                                                      {"p_value_adjusted", "/p_value_adjusted"},
                                                      {"chance_to_win", "/bayesian/chance_to_win"},
                                                      {"shrunken", "/shrunken"}};
  for (const auto& [kind, column] : in_csv) {
    const auto expected = ValuesInCsv(csv, column);
    EXPECT_FALSE(expected.empty()) << kind;
    EXPECT_EQ(ValuesInHtml(html, kind), expected) << kind;
    const auto pointer = in_json.find(kind);
    if (pointer == in_json.end()) continue;
    std::multiset<double> numbers, from_csv;
    for (const std::string& text : expected) from_csv.insert(std::stod(text));
    for (const auto& comparison : json["comparisons"]) {
      const auto& value = comparison[nlohmann::json::json_pointer(pointer->second)];
      if (value.is_number()) numbers.insert(value.get<double>());
    }
    EXPECT_EQ(numbers, from_csv) << kind;
  }
}

// How the plan judges, what more data would bring, stages and checks of single units.
TEST(PlannedReport, HasTheSameNumbersInJsonCsvAndHtml) {
  const Report report = PlannedExample();
  const auto json = nlohmann::json::parse(RenderJson(report));
  const std::string csv = RenderCsv(report);
  const std::string html = RenderHtml(report);
  // What is at `pointer` of each of `list`, as the exact text of the number.
  const auto numbers = [](const nlohmann::json& list, const std::string& pointer) {
    std::multiset<std::string> values;
    for (const auto& one : list) {
      const nlohmann::json::json_pointer at(pointer);
      if (one.contains(at) && one[at].is_number())
        values.insert(ExactNumber(one[at].get<double>()));
    }
    return values;
  };
  const std::pair<const char*, const char*> comparisons[] = {
      {"judged_p_value", "/judged/p_value"},
      {"judged_p_value_adjusted", "/judged/p_value_adjusted"},
      {"judged_relative_low", "/judged/relative/ci/0"},
      {"judged_relative_high", "/judged/relative/ci/1"},
      {"look_z", "/judged/look/z"},
      {"look_bound", "/judged/look/z_bound"},
      {"look_alpha_spent", "/judged/look/alpha_spent"},
      {"power_now", "/outlook/power_now"},
      {"units_needed", "/outlook/units_needed"},
      {"conditional_power", "/outlook/conditional_power"}};
  for (const auto& [kind, pointer] : comparisons) {
    const auto on_page = ValuesOnPage(html, kind);
    EXPECT_FALSE(on_page.empty()) << kind;
    EXPECT_EQ(on_page, numbers(json["comparisons"], pointer)) << kind;
    EXPECT_EQ(on_page, ValuesInCsv(csv, kind)) << kind;
  }
  const auto& health = json["health"];
  const std::tuple<const char*, const char*, const char*> found[] = {
      {"evaluated", "stages", "/evaluated"},
      {"exposed", "stages", "/exposed"},
      {"queued", "stages", "/queued"},
      {"dropped", "stages", "/dropped"},
      {"arrived", "stages", "/units"},
      {"control_ratio", "negative_controls", "/variance_ratio"},
      {"control_beyond", "negative_controls", "/beyond_1_96"},
      {"control_p", "negative_controls", "/p_value"},
      {"outlier_with", "outliers", "/with_all"},
      {"outlier_without", "outliers", "/without_largest"},
      {"age_slope", "ages", "/slope_per_day"},
      {"age_p", "ages", "/p_value"},
      {"interaction", "interactions", "/estimate"},
      {"interaction_p_adjusted", "interactions", "/p_value_adjusted"}};
  for (const auto& [kind, list, pointer] : found) {
    const auto on_page = ValuesOnPage(html, kind);
    EXPECT_FALSE(on_page.empty()) << kind;
    const auto& of = health.contains(list) ? health[list] : health["unit_checks"][list];
    EXPECT_EQ(on_page, numbers(of, pointer)) << kind;
  }
  EXPECT_EQ(ValuesOnPage(html, "age_effect").size(), 3u);
}

TEST(PlannedReport, SaysNothingOfLooksAndPowerWhenHealthBlocks) {
  Report report = PlannedExample();
  EXPECT_THAT(RenderHtml(report), HasSubstr("this look&#39;s bound"));
  EXPECT_THAT(RenderText(report), HasSubstr("this look's bound"));
  report.health.ok = false;
  EXPECT_THAT(RenderHtml(report), Not(HasSubstr("this look&#39;s bound")));
  EXPECT_THAT(RenderText(report), Not(HasSubstr("this look's bound")));
  EXPECT_THAT(RenderJson(report), Not(HasSubstr("this look's bound")));
  // The numbers stay.
  EXPECT_FALSE(ValuesOnPage(RenderHtml(report), "look_z").empty());
}

TEST(RenderHtml, HostileNamesBreakOutOfNothing) {
  const std::string tag = "<script>alert(1)</script>";
  for (const std::string& name :
       {tag, std::string("\"><img src=x onerror=alert(1)>"), std::string("' onload='x"),
        std::string("\u202eevil"), std::string(3000, 'w'),
        std::string("🎁👩‍👩‍👧 很长"), std::string("\xff\xfe\x1b[2J"),
        std::string("</style><b>"), std::string("{0}{1}")}) {
    testing::ExampleExperiment example;
    example.spec.experiment = name;
    example.spec.variants[1].key = example.result.variants[1].key = name;
    example.spec.metrics[0].key = name;
    for (auto& variant : example.result.variants) {
      variant.segments[0].attribute = name;
      variant.segments[1].value = name;
    }
    Input input = example.AsInput();
    input.hypothesis = name;
    input.plan.primary = name;
    const Report report = Build(input);
    for (const Language language : {Language::kEnglish, Language::kChinese}) {
      const std::string html = RenderHtml(report, language);
      EXPECT_THAT(html, Not(HasSubstr("<script")));
      EXPECT_THAT(html, Not(HasSubstr("<img")));
      EXPECT_THAT(html, Not(HasSubstr("' onload")));
      EXPECT_THAT(html, Not(HasSubstr("\u202e")));
      EXPECT_EQ(html.find('\x1b'), std::string::npos);
      // One style sheet, closed once.
      EXPECT_EQ(html.find("</style>"), html.rfind("</style>"));
    }
    EXPECT_TRUE(nlohmann::json::accept(RenderJson(report)));
  }
}

TEST(RenderHtml, AsksNothingOfTheNetworkAndRunsNothing) {
  const std::string html = RenderHtml(Example());
  for (const char* what :
       {"http:", "https:", "<script", "<link", "<img", "@import", "url(", "src="})
    EXPECT_THAT(html, Not(HasSubstr(what)));
}

TEST(RenderHtml, GivesNoVerdictAndNoHighlightWhenHealthBlocks) {
  testing::ExampleExperiment example;
  example.result.variants[1].units_first_variant += 900;
  const Report report = Build(example.AsInput());
  ASSERT_FALSE(report.health.ok);
  const std::string html = RenderHtml(report);
  EXPECT_THAT(html, HasSubstr("Blocked: unhealthy"));
  EXPECT_THAT(html, HasSubstr("not trustworthy"));
  EXPECT_THAT(html, Not(HasSubstr("class=\"lift good\"")));
  EXPECT_THAT(html, Not(HasSubstr("class=\"lift bad\"")));
  EXPECT_THAT(html, Not(HasSubstr("rose")));
  // The numbers stay reachable.
  EXPECT_FALSE(ValuesInHtml(html, "relative").empty());
  const auto json = nlohmann::json::parse(RenderJson(report));
  EXPECT_TRUE(json["comparisons"][0]["relative"]["estimate"].is_number());
  EXPECT_FALSE(json["comparisons"][0].contains("sentence"));
}

TEST(RenderHtml, HighlightsAClearGainAndNotAnUnclearOne) {
  const std::string html = RenderHtml(Example());
  EXPECT_THAT(html, HasSubstr("class=\"lift good\""));
  EXPECT_THAT(html, HasSubstr("class=\"lift\""));
}

}  // namespace
}  // namespace upswing::report
