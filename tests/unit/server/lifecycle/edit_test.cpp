#include "server/lifecycle/edit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/authoring/parse.hpp"
#include "server/lifecycle/difference.hpp"

namespace upswing::lifecycle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'795'000'000'000;  // 2026-11-18T11:06:40Z

std::string Source(const std::string& experiment) {
  return R"({"project": "shop",
  "layers": {"checkout": {"unit": "user"}},
  "flags": {"tap": {"type": "bool", "default": false}},
  "experiments": {
    "one_tap": {)" +
         experiment + R"(
      "unit": "user", "control": "off",
      "variants": {"off": {"weight": 1}, "on": {"weight": 1, "set": {"tap": true}}}}}
})";
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(Start, ChangesTheStatusAndNothingElseOfTheFile) {
  const std::string source = Source(R"("status": "draft",)");
  const auto edited = Start(source, "one_tap", kNow);
  ASSERT_TRUE(edited.ok()) << edited.status();
  EXPECT_EQ(edited->text, Replaced(source, "\"draft\"", "\"running\""));
  EXPECT_THAT(edited->changes, ElementsAre("one_tap: status draft -> running"));
}

TEST(Start, BringsAStartThatLiesAheadToNow) {
  const std::string source = Source(R"("status": "running", "start": "2027-01-01T00:00:00Z",)");
  const auto edited = Start(source, "one_tap", kNow);
  ASSERT_TRUE(edited.ok()) << edited.status();
  EXPECT_EQ(edited->text, Replaced(source, "2027-01-01T00:00:00Z", "2026-11-18T11:06:40Z"));
}

TEST(Start, RefusesWhatRunsWhatIsArchivedAndWhatHasEnded) {
  for (const char* state : {R"("status": "running",)", R"("status": "archived",)",
                            R"("status": "draft", "end": "2026-01-01T00:00:00Z",)"}) {
    EXPECT_EQ(Start(Source(state), "one_tap", kNow).status().code(),
              absl::StatusCode::kFailedPrecondition)
        << state;
  }
  EXPECT_EQ(Start(Source(R"("status": "draft",)"), "other", kNow).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(Start, DrawsBucketsForADraftOfALayer) {
  const auto edited =
      Start(Source(R"("status": "draft", "layer": "checkout", "share": 0.5,)"), "one_tap", kNow);
  ASSERT_TRUE(edited.ok()) << edited.status();
  const auto parsed = authoring::Parse(edited->text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  std::uint32_t buckets = 0;
  for (const auto& range : parsed.model->FindExperiment("one_tap")->buckets)
    buckets += range.end - range.begin;
  EXPECT_EQ(buckets, 500'000u);
}

TEST(Stop, StopsWhatRunsAndNothingElse) {
  const std::string source = Source(R"("status": "running",)");
  const auto edited = Stop(source, "one_tap");
  ASSERT_TRUE(edited.ok()) << edited.status();
  EXPECT_EQ(edited->text, Replaced(source, "\"running\"", "\"stopped\""));
  EXPECT_EQ(Stop(edited->text, "one_tap").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Ramp, SetsTheShare) {
  const std::string source = Source(R"("status": "running",)");
  const auto edited = Ramp(source, "one_tap", 0.25, kNow);
  ASSERT_TRUE(edited.ok()) << edited.status();
  const auto parsed = authoring::Parse(edited->text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed.model->FindExperiment("one_tap")->share, 0.25);
  for (const double share : {0.0, -0.5, 1.5}) {
    EXPECT_EQ(Ramp(source, "one_tap", share, kNow).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(Ramp, ReplacesAScheduleByThisShareFromNowOn) {
  const std::string source = Source(
      R"("status": "running", "ramp": [{"at": "2026-11-01T00:00:00Z", "share": 0.1}, {"at": "2027-01-01T00:00:00Z", "share": 1}],)");
  const auto edited = Ramp(source, "one_tap", 0.25, kNow);
  ASSERT_TRUE(edited.ok()) << edited.status();
  const auto parsed = authoring::Parse(edited->text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const auto& ramp = parsed.model->FindExperiment("one_tap")->ramp;
  ASSERT_EQ(ramp.size(), 1u);
  EXPECT_EQ(ramp[0].at_ms, kNow);
  EXPECT_EQ(ramp[0].share, 0.25);
}

TEST(Ramp, KeepsTheBucketsOfALayerAsTheShareGrows) {
  const auto small =
      Ramp(Source(R"("status": "running", "layer": "checkout", "buckets": [], "share": 0.1,)"),
           "one_tap", 0.2, kNow);
  ASSERT_TRUE(small.ok()) << small.status();
  const auto large = Ramp(small->text, "one_tap", 0.6, kNow);
  ASSERT_TRUE(large.ok()) << large.status();
  const auto ranges = [](const std::string& text) {
    return authoring::Parse(text).model->FindExperiment("one_tap")->buckets;
  };
  const auto has = [&](std::uint32_t bucket) {
    for (const auto& range : ranges(large->text)) {
      if (range.begin <= bucket && bucket < range.end) return true;
    }
    return false;
  };
  for (const auto& range : ranges(small->text)) {
    EXPECT_TRUE(has(range.begin));
    EXPECT_TRUE(has(range.end - 1));
  }
}

TEST(Ship, StopsAndMakesTheVariantsValuesTheDefaults) {
  const std::string source = Source(R"("status": "running",)");
  const auto edited = Ship(source, "one_tap", "on");
  ASSERT_TRUE(edited.ok()) << edited.status();
  EXPECT_EQ(edited->text, Replaced(Replaced(source, "\"running\"", "\"stopped\""),
                                   "\"default\": false", "\"default\": true"));
  EXPECT_THAT(edited->changes,
              ElementsAre("one_tap: status running -> stopped", "tap: default false -> true"));
  EXPECT_THAT(std::string(Ship(source, "one_tap", "other").status().message()),
              HasSubstr("variant: "));
}

TEST(Ship, GivesTheValueOnlyToUnitsThatTheExperimentWasFor) {
  const std::string source =
      R"({"project": "shop", "attributes": {"country": "string"},
  "flags": {"tap": {"type": "bool", "default": false,
    "rules": [{"key": "hk", "when": {"attribute": "country", "is": "HK"}, "value": false}]}},
  "experiments": {"one_tap": {"status": "running", "unit": "user", "when": {"attribute": "country", "in": ["CN", "HK"]},
    "control": "off", "variants": {"off": {"weight": 1}, "on": {"weight": 1, "set": {"tap": true}}}}}})";
  const auto edited = Ship(source, "one_tap", "on");
  ASSERT_TRUE(edited.ok()) << edited.status();
  EXPECT_EQ(edited->text,
            Replaced(Replaced(source, "\"running\"", "\"stopped\""), "\"value\": false}]",
                     "\"value\": false}, {\"key\": \"shipped_one_tap\", \"when\": {\"attribute\": "
                     "\"country\", \"in\": [\"CN\", \"HK\"]}, \"value\": true}]"));
  EXPECT_TRUE(authoring::Parse(edited->text).ok());
  // Shipping the same again changes nothing, and says so.
  EXPECT_THAT(std::string(Ship(edited->text, "one_tap", "on").status().message()),
              HasSubstr("shipped already"));
}

TEST(Differences, NamesWhatWasAddedRemovedAndChangedWhateverTheOrder) {
  const auto previous = json::Parse(R"({"a": 1, "b": {"c": [1, 2], "d": "x"}, "e": null})");
  const auto next = json::Parse(R"({"b": {"d": "x", "c": [1, 3]}, "a": 1, "f": true})");
  ASSERT_TRUE(previous.ok() && next.ok());
  const auto differences = Differences(previous->root, next->root);
  ASSERT_EQ(differences.size(), 3u);
  EXPECT_EQ(differences[0].path, "$.b.c");
  EXPECT_EQ(differences[0].from, "[1,2]");
  EXPECT_EQ(differences[0].to, "[1,3]");
  EXPECT_EQ(differences[1].path, "$.f");
  EXPECT_EQ(differences[1].kind, Difference::Kind::kAdded);
  EXPECT_EQ(differences[2].path, "$.e");
  EXPECT_EQ(differences[2].kind, Difference::Kind::kRemoved);
}

}  // namespace
}  // namespace upswing::lifecycle
