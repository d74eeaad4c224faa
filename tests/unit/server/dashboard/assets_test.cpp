#include "server/dashboard/assets.hpp"

#include <gtest/gtest.h>

#include <string>

namespace upswing::dashboard {
namespace {

TEST(Dashboard, EveryFileOfThePageUnpacksToSomethingAndHasAStrongTag) {
  if (Assets().empty()) GTEST_SKIP() << "this build has no web page";
  ASSERT_NE(FindAsset("/"), nullptr);
  for (const Asset& asset : Assets()) {
    EXPECT_FALSE(Uncompressed(asset).empty()) << asset.path;
    EXPECT_TRUE(asset.etag.starts_with('"') && asset.etag.ends_with('"')) << asset.path;
    EXPECT_EQ(asset.immutable, asset.path.starts_with("/assets/")) << asset.path;
  }
  EXPECT_EQ(FindAsset("/assets/no-such-file.js"), nullptr);
}

// The page's policy allows nothing inline, so that markup in a name has nowhere to run.
TEST(Dashboard, ThePageHoldsNoInlineScriptAndNamesNoOtherHost) {
  if (Assets().empty()) GTEST_SKIP() << "this build has no web page";
  const std::string page = Uncompressed(*FindAsset("/"));
  EXPECT_NE(page.find("<script type=\"module\" crossorigin src=\"/assets/"), std::string::npos)
      << page;
  EXPECT_EQ(page.find("<style"), std::string::npos);
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
}

TEST(Dashboard, AServerWithoutThePageSaysHowToGetIt) {
  EXPECT_NE(MissingPage().find("npm"), std::string_view::npos);
  EXPECT_EQ(MissingPage().find("<script"), std::string_view::npos);
}

}  // namespace
}  // namespace upswing::dashboard
