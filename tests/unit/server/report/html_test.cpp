#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "server/report/render.hpp"
#include "tests/support/golden.hpp"
#include "tests/unit/server/report/example_report.hpp"

namespace upswing::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using upswing::testing::MatchesGolden;

Report Example() { return Build(testing::ExampleExperiment().AsInput()); }

TEST(ExampleReport, IsAsReviewedInEveryFormat) {
  const Report report = Example();
  EXPECT_TRUE(MatchesGolden("report/product_card.txt", RenderText(report)));
  EXPECT_TRUE(MatchesGolden("report/product_card.json", RenderJson(report)));
  EXPECT_TRUE(MatchesGolden("report/product_card.csv", RenderCsv(report)));
  EXPECT_TRUE(MatchesGolden("report/product_card.md", RenderMarkdown(report)));
  EXPECT_TRUE(MatchesGolden("report/product_card.html", RenderHtml(report)));
  EXPECT_TRUE(MatchesGolden("report/product_card.zh.html", RenderHtml(report, Language::kChinese)));
}

// Values of <data class="KIND" value="..."> in the rows of the table of all numbers, by kind.
std::multiset<std::string> ValuesInHtml(const std::string& html, const std::string& kind) {
  std::multiset<std::string> values;
  const std::string table = html.substr(html.find("class=\"numbers\""));
  const std::regex pattern("<data class=\"" + kind + "\" value=\"([^\"]*)\"");
  for (std::sregex_iterator it(table.begin(), table.end(), pattern), end; it != end; ++it)
    values.insert((*it)[1]);
  return values;
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
