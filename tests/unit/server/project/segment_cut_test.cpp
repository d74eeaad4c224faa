#include "server/project/segment_cut.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/authoring/parse.hpp"
#include "server/authoring/reported.hpp"

namespace upswing::project {
namespace {

using Values = std::vector<std::string>;

constexpr const char* kCatalog = R"({
  "project": "shop",
  "attributes": {"tier": "string", "age": "int", "app_version": "version", "city": "string", "tags": "strings"},
  "segments": {
    "members": {"attribute": "tier", "in": ["silver", "gold"]},
    "young_members": {"all": [{"segment": "members"}, {"attribute": "age", "<": 30}]},
    "recent": {"not": {"attribute": "app_version", "<": "8.2.0"}},
    "tagged": {"attribute": "tags", "has_any": ["vip"]},
    "staff": {"unit": "user", "ids": ["u-1"]}},
  "flags": {"f": {"type": "bool", "default": false}},
  "experiments": {"e": {
    "status": "running", "unit": "user", "control": "off",
    "variants": {"off": {}, "on": {"set": {"f": true}}},
    "report_by": ["city", "young_members", "recent"]}}})";

authoring::ParseResult ReportedBy(const std::string& names) {
  std::string text = kCatalog;
  const std::string listed = R"(["city", "young_members", "recent"])";
  text.replace(text.find(listed), listed.size(), names);
  return authoring::Parse(text);
}

TEST(SegmentCuts, ASegmentCutsAsItTargets) {
  const authoring::ParseResult parsed = authoring::Parse(kCatalog);
  ASSERT_TRUE(parsed.ok()) << parsed.problems.front().ToString();
  const authoring::Experiment& experiment = parsed.model->experiments.front();
  const Values carried = authoring::ReportedAttributes(*parsed.model, experiment);
  EXPECT_EQ(carried, (Values{"city", "tier", "age", "app_version"}));
  const auto cuts = SegmentCuts(*parsed.model, kCatalog, experiment, carried);
  ASSERT_TRUE(cuts.ok()) << cuts.status();
  ASSERT_EQ(cuts->size(), 2u);
  const auto& young_members = (*cuts)[0];
  EXPECT_EQ(young_members.key, "young_members");
  EXPECT_TRUE(young_members.holds(Values{"Paris", "gold", "29", ""}));
  EXPECT_FALSE(young_members.holds(Values{"Paris", "gold", "30", ""})) << "too old";
  EXPECT_FALSE(young_members.holds(Values{"Paris", "none", "29", ""})) << "no member";
  EXPECT_FALSE(young_members.holds(Values{"Paris", "gold", "", ""})) << "age is not known";
  const auto& recent = (*cuts)[1];
  EXPECT_TRUE(recent.holds(Values{"", "", "", "8.10.0"})) << "versions are compared as versions";
  EXPECT_FALSE(recent.holds(Values{"", "", "", "8.1.9"}));
  EXPECT_TRUE(recent.holds(Values{"", "", "", ""}))
      << "a negated leaf holds where nothing is known";
  EXPECT_FALSE(young_members == recent);
}

TEST(SegmentCuts, WithoutSegmentsThereAreNone) {
  const authoring::ParseResult parsed = ReportedBy(R"(["city"])");
  ASSERT_TRUE(parsed.ok());
  const auto cuts =
      SegmentCuts(*parsed.model, kCatalog, parsed.model->experiments.front(), {"city"});
  ASSERT_TRUE(cuts.ok());
  EXPECT_TRUE(cuts->empty());
}

TEST(ReportBy, NamesWhatExposuresCannotTellApart) {
  for (const auto& [name, problem] : {std::pair("staff", "needs a list of ids"),
                                      {"tagged", "a time or a list"},
                                      {"nobody", "unknown attribute or segment"}}) {
    const authoring::ParseResult parsed = ReportedBy("[\"" + std::string(name) + "\"]");
    ASSERT_FALSE(parsed.ok()) << name;
    EXPECT_NE(parsed.problems.front().ToString().find(problem), std::string::npos)
        << parsed.problems.front().ToString();
  }
}

}  // namespace
}  // namespace upswing::project
