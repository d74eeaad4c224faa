#include "sdk/catalog/version.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace upswing::catalog {
namespace {

int Compare(std::string_view a, std::string_view b) {
  const Version x = ParseVersion(a);
  const Version y = ParseVersion(b);
  EXPECT_TRUE(x.valid) << a;
  EXPECT_TRUE(y.valid) << b;
  const int order = CompareVersions(x, y);
  return (order > 0) - (order < 0);
}

// The chain of semver.org 2.0.0, item 11, with numbers beyond 64 bits at the end.
TEST(CompareVersions, FollowsThePrecedenceOfSemver) {
  const std::vector<std::string> ascending = {"0.0.0",
                                              "1.0.0-alpha",
                                              "1.0.0-alpha.1",
                                              "1.0.0-alpha.beta",
                                              "1.0.0-beta",
                                              "1.0.0-beta.2",
                                              "1.0.0-beta.11",
                                              "1.0.0-rc.1",
                                              "1.0.0",
                                              "1.0.1",
                                              "1.2.0",
                                              "1.10.0",
                                              "2.0.0",
                                              "2.1.0",
                                              "2.1.1",
                                              "18446744073709551616.0.0",
                                              "99999999999999999999999.0.0"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(Compare(ascending[i], ascending[j]), (i > j) - (i < j))
          << ascending[i] << " " << ascending[j];
    }
  }
}

TEST(CompareVersions, IgnoresBuildMetadataAndTakesTwoPartsForThree) {
  EXPECT_EQ(Compare("1.2.3+a", "1.2.3+b.4"), 0);
  EXPECT_EQ(Compare("8.2", "8.2.0"), 0);
  EXPECT_EQ(Compare("8.2-beta", "8.2.0-beta"), 0);
  EXPECT_LT(Compare("8.2", "8.2.1"), 0);
}

TEST(ParseVersion, RefusesWhatIsNoVersion) {
  for (const char* text : {"",        "1",        "1.",         ".1",     "1.2.",
                           "1.2.3.4", "v1.2.3",   "01.2.3",     "1.02.3", "1.2.03",
                           "1.2.3-",  "1.2.3-01", "1.2.3-a..b", "1.2.3+", "1.2.3-\xc3\xa9",
                           " 1.2.3",  "1.2.3 ",   "-1.2.3",     "a.b.c",  "1.2.x"}) {
    EXPECT_FALSE(ParseVersion(text).valid) << text;
  }
  EXPECT_TRUE(ParseVersion("1.2.3-0a").valid);   // letters make it no number
  EXPECT_TRUE(ParseVersion("1.2.3--").valid);    // "-" is an identifier
  EXPECT_TRUE(ParseVersion("1.2.3+001").valid);  // build metadata may have leading zeros
}

// Where both texts pack, the numbers order like the versions; what does not pack is left to
// CompareVersions.
TEST(PackVersion, OrdersLikeTheVersionsItTakes) {
  const std::vector<std::string> texts = {"0.0",        "0.0.0",           "0.0.1",  "0.1.0",
                                          "1.0",        "8.2.0",           "8.10.0", "10.0.0",
                                          "999999.0.0", "1.999999.999999", "1.2.3",  "1.2.4"};
  for (const std::string& a : texts) {
    for (const std::string& b : texts) {
      const std::uint64_t x = PackVersion(a);
      const std::uint64_t y = PackVersion(b);
      ASSERT_NE(x, 0u) << a;
      EXPECT_EQ((x > y) - (x < y), Compare(a, b)) << a << " " << b;
    }
  }
  for (const char* text : {"", "1", "1.", "1.2.", ".1.2", "1.2.3.4", "1..2", "01.2", "1.02", "00.1",
                           "1.2.3-a", "1.2.3+b", "1000000.0.0", "1.2.x"}) {
    EXPECT_EQ(PackVersion(text), 0u) << text;
  }
}

}  // namespace
}  // namespace upswing::catalog
