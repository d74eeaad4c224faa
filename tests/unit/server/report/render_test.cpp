#include "server/report/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include <nlohmann/json.hpp>

#include "server/report/words.hpp"
#include "tests/support/golden.hpp"

namespace upswing::report {
namespace {

using ::testing::HasSubstr;
using testing::MatchesGolden;
using ::testing::Not;

// Numbers of the visit metric of the e-mail experiment published by K. Hillstrom in 2008, rounded.
Report Sample() {
  Report report;
  report.experiment = "spring_email";
  report.hypothesis = "A promotion e-mail brings customers to the site.";
  report.as_of = "2026-11-22T00:00:00Z";
  report.control = "No E-Mail";
  report.records = 73'394;
  report.variants = {
      {"No E-Mail", 21306, {{"visit", 21306, 0, {2262, ""}, {0.106167, ""}, {0.0949, ""}}}},
      {"Mens E-Mail", 21307, {{"visit", 21307, 12, {3894, ""}, {0.182757, ""}, {0.1494, ""}}}}};
  Comparison comparison;
  comparison.metric = "visit";
  comparison.variant = "Mens E-Mail";
  comparison.role = "primary";
  comparison.good = "up";
  comparison.method = "welch";
  comparison.absolute = {{0.07659, ""}, 0.06995, 0.08323, ""};
  comparison.relative = {{0.7214, ""}, 0.6440, 0.7988, "delta"};
  comparison.relative_fieller = {{0.7214, ""}, 0.6467, 0.8015, "fieller"};
  comparison.p_value = {3.6e-112, ""};
  comparison.p_value_adjusted = {7.2e-112, ""};
  comparison.anytime = {{{0.07659, ""}, 0.0650, 0.0881, ""}, {1e-90, ""}};
  comparison.bayesian = {{1.0, ""}, {0.0, ""}};
  comparison.detectable = {0.078, ""};
  report.comparisons = {comparison};
  report.decision = {"ship", "visit improved and no guardrail was harmed.", "Mens E-Mail"};
  report.health.srm_p_value = {0.904, ""};
  report.health.srm_expected = {0.5, 0.5};
  return report;
}

TEST(Render, TextJsonCsvAndMarkdownAreAsReviewed) {
  EXPECT_TRUE(MatchesGolden("report/spring_email.txt", RenderText(Sample())));
  EXPECT_TRUE(MatchesGolden("report/spring_email.json", RenderJson(Sample())));
  EXPECT_TRUE(MatchesGolden("report/spring_email.csv", RenderCsv(Sample())));
  EXPECT_TRUE(MatchesGolden("report/spring_email.md", RenderMarkdown(Sample())));
}

TEST(RenderJson, GivesNullAndTheReasonForWhatIsNotDefined) {
  Report report = Sample();
  report.comparisons[0].relative = {{std::nullopt, "control_mean_near_zero"}, {}, {}, "delta"};
  report.comparisons[0].p_value = {std::nullopt, "not_enough_data"};
  report.variants[0].metrics[0].variance = {std::nullopt, "not_enough_data"};
  const auto json = nlohmann::json::parse(RenderJson(report));
  const auto& comparison = json["comparisons"][0];
  EXPECT_TRUE(comparison["relative"]["estimate"].is_null());
  EXPECT_TRUE(comparison["relative"]["ci"].is_null());
  EXPECT_EQ(comparison["relative"]["reason"], "control_mean_near_zero");
  EXPECT_TRUE(comparison["p_value"].is_null());
  EXPECT_EQ(comparison["p_value_reason"], "not_enough_data");
  EXPECT_EQ(json["variants"][0]["metrics"]["visit"]["variance_reason"], "not_enough_data");
}

TEST(RenderJson, KeepsEveryDigitOfANumber) {
  Report report = Sample();
  report.variants[0].metrics[0].mean = {0.1 + 0.2, ""};
  EXPECT_EQ(nlohmann::json::parse(RenderJson(report))["variants"][0]["metrics"]["visit"]["mean"]
                .get<double>(),
            0.1 + 0.2);
  EXPECT_THAT(RenderCsv(report), HasSubstr(",0.30000000000000004,"));
}

TEST(RenderText, ShowsNoLiftSentenceWhenHealthBlocks) {
  Report report = Sample();
  report.health.ok = false;
  report.health.checks = {
      {"srm", "block", false, {1e-9, ""}, {}, 0.001, "more units in Mens E-Mail than planned"}};
  report.decision = {"blocked_unhealthy", "the sample ratio does not match the plan.", ""};
  const std::string text = RenderText(report);
  EXPECT_THAT(text, HasSubstr("BLOCKED"));
  EXPECT_THAT(text, HasSubstr("NOT TRUSTWORTHY"));
  EXPECT_THAT(text, HasSubstr("more units in Mens E-Mail than planned"));
  EXPECT_THAT(text, Not(HasSubstr("rose")));
}

TEST(RenderText, FitsATerminalOfEightyColumnsWhateverThingsAreCalled) {
  for (const std::string& name :
       {std::string("on"), std::string(300, 'x'), std::string("word ") + std::string(200, 'y'),
        std::string(
            "很长的名字很长的名字很长的名字很长的名字很长的名字很长的名字很长的名字很长的名字"),
        std::string("🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁🎁")}) {
    Report report = Sample();
    report.experiment = report.hypothesis = name;
    report.variants[1].key = report.comparisons[0].variant = name;
    report.comparisons[0].metric = name;
    for (VariantSummary& variant : report.variants) variant.metrics[0].metric = name;
    report.decision.reason = name + " got better.";
    report.health.checks = {{"srm", "warn", false, {1e-9, ""}, {}, 0.001, name + " is off"}};
    std::istringstream lines(RenderText(report));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(Width(line), 80u) << line;
  }
}

TEST(Render, HostileNamesBreakOutOfNoFormat) {
  const auto paragraphs = [](const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = text.find("\n\n"); at != std::string::npos;
         at = text.find("\n\n", at + 2))
      ++count;
    return count;
  };
  const std::size_t plain = paragraphs(RenderText(Sample()));
  for (const std::string name : {"\x1b[2Jevil", "</script><b>", "a|b\nc", "=cmd()", "\xff\xfe",
                                 "\u202e"
                                 "abc",
                                 "很长的名字", "\"q\",1"}) {
    Report report = Sample();
    report.variants[1].key = report.comparisons[0].variant = name;
    const std::string text = RenderText(report);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(paragraphs(text), plain);
    EXPECT_THAT(text, Not(HasSubstr("\nc")));
    EXPECT_TRUE(nlohmann::json::accept(RenderJson(report)));
    const std::string markdown = RenderMarkdown(report);
    EXPECT_THAT(markdown, Not(HasSubstr("</script>")));
    EXPECT_THAT(markdown, Not(HasSubstr("a|b")));
    EXPECT_THAT(RenderCsv(report), Not(HasSubstr(",=cmd")));
  }
}

}  // namespace
}  // namespace upswing::report
