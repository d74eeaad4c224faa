#include "server/json/suggest.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace upswing::json {
namespace {

TEST(DidYouMean, SuggestsOnlyWhatIsNear) {
  constexpr std::string_view kKnown[] = {"country", "app_version"};
  EXPECT_EQ(DidYouMean("contry", kKnown), "did you mean \"country\"?");
  EXPECT_EQ(DidYouMean("appversion", kKnown), "did you mean \"app_version\"?");
  EXPECT_EQ(DidYouMean("app", kKnown), "did you mean \"app_version\"?");
  EXPECT_EQ(DidYouMean("colour", kKnown), "");
}

}  // namespace
}  // namespace upswing::json
