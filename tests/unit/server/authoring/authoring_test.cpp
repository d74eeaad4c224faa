#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/authoring/allocate.hpp"
#include "server/authoring/check.hpp"
#include "server/authoring/compile.hpp"
#include "server/authoring/parse.hpp"
#include "tests/support/catalog_fixture.hpp"

namespace upswing::authoring {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A catalog file around one piece; `members` are members of the root, with a leading comma.
std::string File(const std::string& members) { return R"({"project": "p")" + members + "}"; }

const std::string kExperiment =
    R"("status": "running", "unit": "user", "control": "a", "variants": {"a": {}, "b": {}})";

std::vector<std::string> ProblemsOf(const std::string& text) {
  std::vector<std::string> lines;
  for (const json::Problem& problem : Parse(text).problems) lines.push_back(problem.ToString());
  return lines;
}

TEST(Parse, TakesTheWholeGrammarWithoutAComplaint) {
  EXPECT_THAT(ProblemsOf(R"({"project": "shop", "timezone": "Asia/Shanghai",
    "attributes": {"s": "string", "v": "version", "i": "int", "d": "double", "b": "bool", "t": "time", "l": "strings"},
    "segments": {"x": {"attribute": "s", "is": "a"}, "y": {"any": [{"segment": "x"}, {"not": {"attribute": "b", "is": true}}]},
                 "ids": {"unit": "user", "ids": ["u1"]}},
    "layers": {"l": {"unit": "user"}, "inner": {"unit": "user", "in": {"layer": "l", "buckets": [[0, 500000]]}}},
    "holdouts": {"h": {"unit": "user", "share": 0.05}, "g": {"unit": "user", "share": 0.01, "global": true}},
    "flags": {"f": {"type": "json", "default": {"a": [1, null]}, "rules": [{"key": "r", "unit": "user", "share": 0.5, "holdout": "h", "value": null}]},
              "k": {"type": "int", "default": 1}},
    "experiments": {"e": {"status": "running", "start": "2026-11-01T00:00:00+08:00", "end": null, "iteration": 2,
        "unit": "user", "fallback_unit": "device", "layer": "inner", "buckets": [[0, 1000], [2000, 3000]], "holdout": ["h"],
        "when": {"all": [{"attribute": "t", "before": "2026-01-01T00:00:00Z"}, {"segment": "y"}]},
        "sticky": {"version": 2, "min_version": 1}, "prerequisites": [{"flag": "k", "is": [1, 2]}],
        "control": "a", "order": ["b", "a"], "variants": {"a": {"weight": 1}, "b": {"weight": 3, "set": {"f": [1]}}},
        "forced": {"b": ["user=q", "device=d"]}, "report_by": ["s"],
        "plan": {"primary": "m", "guardrails": {"m": {"margin": {"absolute": 1}}}, "alpha": 0.05}}},
    "metrics": {"m": {"type": "conversion", "event": "purchase"}}})"),
              IsEmpty());
}

// One file with many mistakes: each is found in one run, at its line, with a fix.
TEST(Parse, FindsEveryMistakeInOneRun) {
  const auto problems = ProblemsOf(R"({"project": "p",
"attributes": {"country": "string", "age": "number"},
"holdouts": {"h": {"unit": "device", "share": 2}},
"flags": {"f": {"type": "boolean", "default": true}, "g": {"type": "int", "default": 1.5}},
"experiments": {"e": {
  "status": "runing",
  "start": "2026-11-02T00:00:00Z", "end": "2026-11-01T00:00:00Z",
  "unit": "user", "holdout": "h",
  "wehn": {},
  "when": {"attribute": "contry", "in": ["CN"]},
  "control": "of",
  "variants": {"off": {"weight": 0.5}, "on": {"weight": 1, "set": {"ff": 1}}},
  "forced": {"onn": ["user=1"]},
  "report_by": ["agee"],
  "plan": {"primary": "m"}}}})");
  EXPECT_THAT(
      problems,
      ElementsAre(
          HasSubstr("line 2, column 44: $.attributes.age: unknown type \"number\"; use \"string\""),
          HasSubstr("line 3, column 47: $.holdouts.h.share: must be a number in [0, 1]"),
          HasSubstr("line 4, column 25: $.flags.f.type: unknown type \"boolean\"; did you mean"),
          HasSubstr("line 4, column 86: $.flags.g.default: must be a value of type int, not 1.5"),
          HasSubstr("line 6, column 13: $.experiments.e.status: unknown status \"runing\"; did you "
                    "mean \"running\"?"),
          HasSubstr("line 7, column 43: $.experiments.e.end: the experiment ends before it starts"),
          HasSubstr(
              "line 8, column 30: $.experiments.e.holdout: the holdout \"h\" is by \"device\""),
          HasSubstr("line 9, column 3: $.experiments.e.wehn: unknown key \"wehn\"; did you mean "
                    "\"when\"?"),
          HasSubstr("line 10, column 25: $.experiments.e.when.attribute: unknown attribute "
                    "\"contry\"; did you mean \"country\"?"),
          HasSubstr("line 11, column 14: $.experiments.e.control: no variant is called \"of\"; did "
                    "you mean \"off\"?"),
          HasSubstr("line 12, column 34: $.experiments.e.variants.off.weight: must be a whole"),
          HasSubstr("line 12, column 68: $.experiments.e.variants.on.set.ff: unknown flag \"ff\"; "
                    "did you mean \"f\"?"),
          HasSubstr("line 13, column 14: $.experiments.e.forced.onn: no variant is called \"onn\""),
          HasSubstr("line 14, column 16: $.experiments.e.report_by: unknown attribute or segment "
                    "\"agee\""),
          HasSubstr("line 15, column 11: $.experiments.e.plan.primary: unknown metric \"m\"")));
}

TEST(Parse, ChecksOperatorsAgainstTheTypeOfTheAttribute) {
  const auto leaf = [](const std::string& type, const std::string& rest) {
    const auto problems =
        ProblemsOf(File(R"(, "attributes": {"x": ")" + type +
                        R"("}, "segments": {"s": {"attribute": "x", )" + rest + "}}"));
    return problems.empty() ? "" : problems[0];
  };
  EXPECT_EQ(leaf("string", R"("in": ["a"])"), "");
  EXPECT_THAT(leaf("string", R"("<": "a")"), HasSubstr("does not apply to the type string"));
  EXPECT_THAT(leaf("string", R"("in": ["a", 1])"), HasSubstr("[1]: must be a string"));
  EXPECT_THAT(leaf("string", R"("in": [])"), HasSubstr("the list is empty"));
  EXPECT_THAT(leaf("string", R"("in": "a")"), HasSubstr("must be a list"));
  EXPECT_THAT(leaf("string", R"("is": ["a"])"), HasSubstr("use \"in\" for a list"));
  EXPECT_THAT(leaf("string", R"("matches": "(a")"), HasSubstr("invalid pattern"));
  EXPECT_THAT(leaf("string", R"x("matches": "(?=a)")x"), HasSubstr("invalid pattern"));
  EXPECT_THAT(leaf("version", R"(">=": "8")"), HasSubstr("must be a version"));
  EXPECT_THAT(leaf("int", R"(">": "18")"), HasSubstr("must be a number"));
  EXPECT_THAT(leaf("time", R"("before": "yesterday")"), HasSubstr("RFC 3339"));
  EXPECT_THAT(leaf("strings", R"("in": ["a"])"), HasSubstr("use one of set, has_any, has_all"));
  EXPECT_THAT(leaf("string", R"("is": "a", "set": true)"), HasSubstr("a second operator"));
  EXPECT_THAT(leaf("string", R"("iss": "a")"), HasSubstr("did you mean \"is\""));
}

TEST(Check, FindsCyclesOfSegmentsLayersAndPrerequisites) {
  EXPECT_THAT(
      ProblemsOf(File(R"(, "segments": {"a": {"segment": "b"}, "b": {"not": {"segment": "a"}}})")),
      ElementsAre(HasSubstr("\"a\" -> \"b\" -> \"a\""), HasSubstr("\"b\" -> \"a\" -> \"b\"")));
  EXPECT_THAT(
      ProblemsOf(
          File(R"(, "layers": {"l": {"unit": "u", "in": {"layer": "l", "buckets": [[0, 1]]}}})")),
      ElementsAre(HasSubstr("the layer lies in itself")));
  EXPECT_THAT(ProblemsOf(File(R"(, "flags": {"f": {"type": "bool", "default": false}},
        "experiments": {"e": {"status": "draft", "unit": "user", "control": "a",
          "variants": {"a": {}, "b": {"set": {"f": true}}}, "prerequisites": [{"flag": "f", "is": true}]}})")),
              ElementsAre(HasSubstr("prerequisites form a cycle: \"e\" -> \"e\"")));
}

TEST(Check, FindsBucketsGivenAwayTwice) {
  const auto problems = ProblemsOf(File(R"(, "layers": {"l": {"unit": "user"}}, "experiments": {
    "a": {)" + kExperiment + R"(, "layer": "l", "buckets": [[0, 500]]},
    "b": {)" + kExperiment + R"(, "layer": "l", "buckets": [[400, 600]]},
    "c": {)" + kExperiment + R"(, "layer": "l", "buckets": [[600, 700]]}})"));
  EXPECT_THAT(problems,
              ElementsAre(HasSubstr(
                  "$.experiments.b.buckets: bucket 400 of layer \"l\" belongs to \"a\"")));
}

TEST(Check, FindsAFlagWithTwoOwnersAtOneTime) {
  const auto file = [](const std::string& a, const std::string& b) {
    const std::string common = R"("status": "running", "unit": "user", "control": "x",
      "variants": {"x": {}, "y": {"set": {"f": true}}})";
    return File(
        R"(, "layers": {"l": {"unit": "user"}}, "holdouts": {"h": {"unit": "user", "share": 0.1}},
      "flags": {"f": {"type": "bool", "default": false}},
      "experiments": {"a": {)" +
        common + a + R"(}, "b": {)" + common + b + "}}");
  };
  EXPECT_THAT(ProblemsOf(file("", "")), ElementsAre(HasSubstr("set by \"a\" at the same time")));
  EXPECT_THAT(ProblemsOf(file(R"(, "end": "2026-01-01T00:00:00Z")",
                              R"(, "start": "2026-01-01T00:00:00Z")")),
              IsEmpty());
  const std::string first = R"(, "layer": "l", "buckets": [[0, 10]])";
  const std::string second = R"(, "layer": "l", "buckets": [[10, 20]])";
  EXPECT_THAT(ProblemsOf(file(first, second)), IsEmpty());
  EXPECT_THAT(ProblemsOf(file(first, second + R"(, "holdout": "h")")),
              ElementsAre(HasSubstr("but has other holdouts")));
}

TEST(Check, WarnsOfWeightsThatLookLikeWrongPercentages) {
  const auto problems = ProblemsOf(File(
      R"(, "experiments": {"e": {"status": "draft", "unit": "u", "control": "a", "variants": {"a": {"weight": 50}, "b": {"weight": 45}}}})"));
  EXPECT_THAT(problems,
              ElementsAre(HasSubstr("warning: $.experiments.e.variants: the weights sum to 95")));
}

TEST(Check, APackBringsMetricsThatPlansMayNameWithTheirMargins) {
  const std::string experiment = R"("experiments": {"e": {)" + kExperiment + R"(,
      "plan": {"primary": "purchase_conversion",
               "guardrails": {"refund_rate": {}, "net": {"margin": {"relative": 0.1}}}}}})";
  const std::string metrics =
      R"("metrics": {"net": {"type": "linear", "terms": {"gmv_per_user": 1}}},)";
  EXPECT_THAT(
      ProblemsOf(File(R"(, "metric_packs": ["short_video_shop"], )" + metrics + experiment)),
      IsEmpty());
  EXPECT_THAT(
      ProblemsOf(File(R"(, "metric_packs": ["short_vidio_shop"], )" + metrics + experiment)),
      Contains(HasSubstr("unknown metric pack \"short_vidio_shop\"; did you mean")));
  const std::string unknown = R"("experiments": {"e": {)" + kExperiment + R"(,
      "plan": {"primary": "purchase_conversion", "guardrails": {"shop_funnel": {}},
               "secondary": ["retention_d8"]}}})";
  EXPECT_THAT(ProblemsOf(File(R"(, "metric_packs": ["short_video_shop"], )" + unknown)),
              ElementsAre(HasSubstr("plan.guardrails.shop_funnel: has no margin"),
                          HasSubstr("unknown metric \"retention_d8\"; did you mean")));
}

// The problems of a plan around one conversion metric with a window of three days.
std::vector<std::string> ProblemsOfPlan(const std::string& plan) {
  return ProblemsOf(File(R"(, "experiments": {"e": {)" + kExperiment +
                         R"(, "plan": {"primary": "m")" + plan +
                         R"(}}}, "metrics": {"m": {"type": "conversion", "event": "purchase",
                         "window": "3d", "covariate": "28d"}})"));
}

TEST(Plan, SaysEveryWayOfJudging) {
  for (
      const char* const plan :
      {R"(, "sequential": {"type": "anytime", "tuning_units": 20000})",
       R"(, "sequential": {"type": "group_sequential", "looks": [7, 14, 21, 28]})",
       R"(, "sequential": {"type": "group_sequential", "looks": [7, 14], "spending": "pocock"})",
       R"(, "sequential": {"type": "group_sequential", "looks": [7, 14], "spending": "power", "parameter": 3})",
       R"(, "sequential": {"type": "group_sequential", "looks": [7, 14],
               "spending": "hwang_shih_decani", "parameter": -4})",
       R"(, "one_sided": true, "alpha": 0.025)", R"(, "non_inferiority": {"relative": 0.01})",
       R"(, "prior": {"mean": 0, "sd": 0.05}, "mde": {"relative": 0.02}, "power": 0.9)",
       R"(, "min_days": 7, "max_days": 28, "min_units": 10000, "cuped": true)",
       R"(, "correction": {"primary": "hochberg", "secondary": "by", "segments": "none"})"}) {
    EXPECT_THAT(ProblemsOfPlan(plan), IsEmpty()) << plan;
  }
}

TEST(Plan, NamesTheFieldThatIsWrongAndTheFix) {
  const std::pair<const char*, const char*> cases[] = {
      {R"(, "alpha": 0.9)", "plan.alpha"},
      {R"(, "power": 2)", "plan.power"},
      {R"(, "mde": {"relative": 0})", "plan.mde: must be above 0"},
      {R"(, "mde": {})", "plan.mde: must have either"},
      {R"(, "non_inferiority": {"relative": 0.1, "absolute": 1})",
       "plan.non_inferiority: must have either"},
      {R"(, "prior": {"mean": 0})", "\"sd\": the standard deviation of past lifts"},
      {R"(, "prior": {"sd": 0})", "plan.prior.sd: must be above 0"},
      {R"(, "min_days": 9, "max_days": 7)", "plan.max_days: is below \"min_days\""},
      {R"(, "one_sided": "yes")", "plan.one_sided"},
      {R"(, "correction": {"secondary": "tukey"})", "plan.correction.secondary"},
      {R"(, "correction": {"guardrails": "holm"})", "guardrails"},
      {R"(, "sequential": {"type": "group_sequential"})", "the days at whose end"},
      {R"(, "sequential": {"type": "group_sequential", "looks": []})", "must be a list of days"},
      {R"(, "sequential": {"type": "group_sequential", "looks": [7, 7]})", "the days must ascend"},
      {R"(, "sequential": {"type": "group_sequential", "looks": [0.5]})",
       "whole number in [1, 3650]"},
      {R"(, "sequential": {"type": "group_sequential", "looks": [7], "spending": "power"})",
       "the exponent of the time"},
      {R"(, "sequential": {"type": "group_sequential", "looks": [7], "parameter": 1})",
       "has no parameter"},
      {R"(, "sequential": {"type": "group_sequential", "looks": [2, 9]})",
       "make the first look later"},
      {R"(, "sequential": {"type": "anytime", "looks": [7]})",
       "looks: belongs to \"group_sequential\""},
      {R"(, "sequential": {"type": "fixed", "tuning_units": 7})",
       "tuning_units: belongs to \"anytime\""},
      {R"(, "negative_controls": true)", "negative_controls"}};
  for (const auto& [plan, problem] : cases)
    EXPECT_THAT(ProblemsOfPlan(plan), ElementsAre(HasSubstr(problem))) << plan;
}

TEST(Plan, PlannedLooksNeedAWindowThatClosesAndTakeCovariatesAndClusters) {
  const auto file = [](const std::string& more) {
    return File(R"(, "experiments": {"e": {)" + kExperiment + more +
                R"(, "plan": {"primary": "m",
                     "sequential": {"type": "group_sequential", "looks": [7, 14]}}}},
                   "metrics": {"m": {"type": "count", "event": "play"}})");
  };
  EXPECT_THAT(ProblemsOf(file("")), ElementsAre(HasSubstr("no verdict before the end")));
  EXPECT_EQ(ProblemsOf(file(R"(, "cluster": "room")")).size(), 1u);
  EXPECT_TRUE(ProblemsOfPlan(R"(, "cuped": true,
      "sequential": {"type": "group_sequential", "looks": [9]})")
                  .empty());
}

TEST(Check, WarnsOfNamesThatNearlyAreTheConventions) {
  const auto problems = ProblemsOf(File(R"(, "metrics": {
    "a": {"type": "count", "event": "purchase", "where": {"catgory": "beauty", "store": "x"}},
    "b": {"type": "ratio", "numerator": {"event": "addToCart"}, "denominator": {"event": "product-view"}},
    "c": {"type": "funnel", "steps": ["play", "purchases", "our_own_event"]},
    "d": {"type": "sum", "event": "purchase", "value": "item"}})"));
  EXPECT_THAT(
      problems,
      ElementsAre(HasSubstr("$.metrics.a.where.catgory: the property \"catgory\" is not one "
                            "of the conventions; did you mean \"category\"?"),
                  HasSubstr("$.metrics.b.numerator.event: the event \"addToCart\" is not "
                            "one of the conventions; did you mean \"add_to_cart\"?"),
                  HasSubstr("did you mean \"product_view\"?"),
                  HasSubstr("$.metrics.c.steps[1]: the event \"purchases\" is not one of "
                            "the conventions; did you mean \"purchase\"?"),
                  HasSubstr("did you mean \"items\"?")));
  // A catalog that speaks another language is left alone.
  EXPECT_THAT(ProblemsOf(File(R"(, "metrics": {"a": {"type": "count", "event": "purchases"}})")),
              IsEmpty());
}

// --- allocation
// ---------------------------------------------------------------------------------------

std::string Layered(const std::string& a, const std::string& b,
                    const std::string& b_status = "running") {
  return R"({"project": "p", "layers": {"l": {"unit": "user"}},
 "experiments": {
  "a": {"status": "running", "unit": "user", "layer": "l")" +
         a + R"(,  "control": "x", "variants": {"x": {}, "y": {}}},
  "b": {"status": ")" +
         b_status + R"(", "unit": "user", "layer": "l")" + b +
         R"(, "control": "x", "variants": {"x": {}, "y": {}}}
 }})";
}

std::uint32_t Total(const Experiment& e) {
  std::uint32_t total = 0;
  for (const BucketRange& range : e.buckets) total += range.end - range.begin;
  return total;
}

TEST(Allocate, GivesDisjointBucketsOfTheSizeThatWasAskedFor) {
  const auto allocated = Allocate(Layered(R"(, "share": 0.2)", R"(, "share": 0.0005)"));
  ASSERT_TRUE(allocated.ok()) << allocated.status();
  const ParseResult parsed = Parse(allocated->text);
  EXPECT_THAT(parsed.problems, IsEmpty());  // overlaps and wrong sizes would be problems
  EXPECT_EQ(Total(parsed.model->experiments[0]), 200'000u);
  EXPECT_EQ(Total(parsed.model->experiments[1]), 500u);
}

TEST(Allocate, ChangesNothingButTheBuckets) {
  const std::string text = Layered(R"(, "share": 0.2)", R"(, "buckets":  [[0, 10]])");
  const auto allocated = Allocate(text);
  ASSERT_TRUE(allocated.ok());
  std::string stripped = allocated->text;
  const std::size_t begin = stripped.find(", \"buckets\": [[");
  stripped.erase(begin, stripped.find("]]", begin) + 2 - begin);
  EXPECT_EQ(stripped, text);
  // And again nothing: allocation is a function of the file that it has reached.
  EXPECT_EQ(Allocate(allocated->text)->text, allocated->text);
}

TEST(Allocate, DividesALayerEquallyWhereNoShareIsGiven) {
  const auto allocated = Allocate(Layered("", ""));
  ASSERT_TRUE(allocated.ok());
  const ParseResult parsed = Parse(allocated->text);
  EXPECT_EQ(Total(parsed.model->experiments[0]), 500'000u);
  EXPECT_EQ(Total(parsed.model->experiments[1]), 500'000u);
}

TEST(Allocate, GivesBucketsOfStoppedExperimentsToOthers) {
  const auto full = Allocate(Layered(R"(, "buckets": [[0, 1000000]])", R"(, "share": 0.5)"));
  EXPECT_EQ(full.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.status().message()), HasSubstr("$.experiments.b: needs 500000"));

  const auto freed =
      Allocate(Layered(R"(, "share": 0.9)", R"(, "buckets": [[0, 1000000]])", "stopped"));
  ASSERT_TRUE(freed.ok()) << freed.status();
  const ParseResult parsed = Parse(freed->text);
  EXPECT_EQ(Total(parsed.model->experiments[0]), 900'000u);
  EXPECT_EQ(Total(parsed.model->experiments[1]), 0u);
}

TEST(Allocate, KeepsEveryAssignedUnitWhenAnExperimentGrows) {
  const auto before = Allocate(Layered(R"(, "share": 0.2)", R"(, "share": 0.3)"));
  ASSERT_TRUE(before.ok());
  std::string grown = before->text;
  grown.replace(grown.find("\"share\": 0.2"), 12, "\"share\": 0.5");
  const auto after = Allocate(grown);
  ASSERT_TRUE(after.ok()) << after.status();
  const ParseResult old_file = Parse(before->text);
  const ParseResult new_file = Parse(after->text);
  EXPECT_EQ(Total(new_file.model->experiments[0]), 500'000u);
  EXPECT_THAT(CheckAgainst(*old_file.model, *new_file.model), IsEmpty());
  EXPECT_EQ(new_file.model->experiments[1].buckets, old_file.model->experiments[1].buckets);
}

TEST(Compile, RefusesALayeredExperimentWithoutBucketsUnlessItIsAlone) {
  const ParseResult two = Parse(Layered("", ""));
  EXPECT_EQ(Compile(*two.model).status().code(), absl::StatusCode::kFailedPrecondition);
  const ParseResult one = Parse(Layered("", "", "archived"));
  EXPECT_TRUE(Compile(*one.model).ok());
}

TEST(Compile, GivesEqualBytesForEqualFiles) {
  const std::string text = Layered(R"(, "buckets": [[0, 10]])", R"(, "buckets": [[10, 20]])");
  const ParseResult a = Parse(text);
  const ParseResult b = Parse(text);
  EXPECT_EQ(Compile(*a.model)->bytes, Compile(*b.model)->bytes);
}

// --- changes
// ------------------------------------------------------------------------------------------

std::vector<std::string> Changes(const std::string& from, const std::string& to) {
  const auto file = [](const std::string& rest) {
    return File(
        R"(, "attributes": {"s": "string"}, "experiments": {"e": {"status": "running", "unit": "user", "control": "a")" +
        rest + "}}");
  };
  const ParseResult a = Parse(file(from));
  const ParseResult b = Parse(file(to));
  EXPECT_TRUE(a.ok()) << a.status();
  EXPECT_TRUE(b.ok()) << b.status();
  std::vector<std::string> lines;
  for (const json::Problem& problem : CheckAgainst(*a.model, *b.model)) {
    lines.push_back(problem.ToString());
  }
  return lines;
}

TEST(CheckAgainst, FindsChangesThatMoveUnits) {
  const std::string halves = R"(, "variants": {"a": {"weight": 1}, "b": {"weight": 1}})";
  EXPECT_THAT(Changes(halves, halves), IsEmpty());
  // [0, 1/2) a, [1/2, 1) b -> [0, 1/4) a, [1/4, 1) b: a quarter moves.
  EXPECT_THAT(
      Changes(halves, R"(, "variants": {"a": {"weight": 1}, "b": {"weight": 3}})"),
      ElementsAre(HasSubstr("25.0 % of the units change their variant; raise \"iteration\"")));
  EXPECT_THAT(Changes(halves, R"(, "order": ["b", "a"])" + halves),
              ElementsAre(HasSubstr("100.0 % of the units")));
  EXPECT_THAT(Changes(halves, R"(, "salt": "x")" + halves), ElementsAre(HasSubstr("another salt")));
  EXPECT_THAT(Changes(R"(, "share": 0.5)" + halves, R"(, "share": 0.4)" + halves),
              ElementsAre(HasSubstr("warning: $.experiments.e.share: the share went down")));
  EXPECT_THAT(Changes(R"(, "share": 0.5)" + halves, R"(, "share": 0.6)" + halves), IsEmpty());
  EXPECT_THAT(Changes(halves, R"(, "when": {"attribute": "s", "is": "x"})" + halves),
              ElementsAre(HasSubstr("the targeting changed")));
  EXPECT_THAT(Changes(halves, R"(, "iteration": 2, "salt": "x")" + halves), IsEmpty());
}

TEST(NextPhases, CountsUpWhenWeightsOrShareChange) {
  const auto model = [](const std::string& rest) {
    return Parse(
        File(R"(, "experiments": {"e": {"status": "running", "unit": "user", "control": "a")" +
             rest + "}}"));
  };
  const auto halves = model(R"(, "share": 0.1, "variants": {"a": {}, "b": {}})");
  const auto more = model(R"(, "share": 0.2, "variants": {"a": {}, "b": {}})");
  const auto quarters = model(R"(, "share": 0.1, "variants": {"a": {"weight": 3}, "b": {}})");
  const auto again = model(R"(, "share": 0.1, "iteration": 2, "variants": {"a": {}, "b": {}})");
  const std::map<std::string, std::uint32_t> phases = {{"e", 4}};
  EXPECT_EQ(NextPhases(*halves.model, phases, *halves.model).at("e"), 4u);
  EXPECT_EQ(NextPhases(*halves.model, phases, *more.model).at("e"), 5u);
  EXPECT_EQ(NextPhases(*halves.model, phases, *quarters.model).at("e"), 5u);
  EXPECT_EQ(NextPhases(*halves.model, phases, *again.model).at("e"), 1u);
}

}  // namespace
}  // namespace upswing::authoring
