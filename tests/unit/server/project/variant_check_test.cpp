#include "server/project/variant_check.hpp"

#include <gtest/gtest.h>

#include "server/authoring/parse.hpp"
#include "tests/support/fake_platform.hpp"

namespace upswing::project {
namespace {

constexpr char kCatalog[] = R"json({
  "project": "shop", "attributes": {"country": "string"},
  "experiments": {
    "everyone": {"status": "running", "start": "2026-01-01T00:00:00Z", "unit": "user", "control": "off",
                 "variants": {"off": {"weight": 1}, "on": {"weight": 1}}},
    "targeted": {"status": "running", "start": "2026-01-01T00:00:00Z", "unit": "user", "control": "off",
                 "when": {"attribute": "country", "in": ["CN"]},
                 "variants": {"off": {"weight": 1}, "on": {"weight": 1}}}}})json";

TEST(VariantCheck, TellsVariantsThatFollowFromTheIdOfItsOwnCatalogVersionOnly) {
  const testing::FakeClock clock;
  VariantCheck check(&clock);
  std::string variant;
  EXPECT_FALSE(check.Variant("everyone", "user", "u-1", 7, &variant));  // no catalog yet
  authoring::ParseResult parsed = authoring::Parse(kCatalog);
  ASSERT_TRUE(parsed.ok()) << (parsed.problems.empty() ? "" : parsed.problems[0].ToString());
  const auto compiled = authoring::Compile(*parsed.model, {.version = 7, .phases = {}});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  ASSERT_TRUE(check.Use(compiled->bytes, compiled->blobs).ok());

  int on = 0;
  for (int user = 0; user < 100; ++user) {
    ASSERT_TRUE(check.Variant("everyone", "user", "u-" + std::to_string(user), 7, &variant));
    on += variant == "on" ? 1 : 0;
  }
  EXPECT_GT(on, 20);  // both variants occur: not below 20 of 100 but with a chance of 1e-10
  EXPECT_LT(on, 80);
  EXPECT_FALSE(check.Variant("everyone", "user", "u-1", 6, &variant));
  EXPECT_FALSE(check.Variant("everyone", "device", "u-1", 7, &variant));
  EXPECT_FALSE(check.Variant("targeted", "user", "u-1", 7, &variant));
  EXPECT_FALSE(check.Variant("unknown", "user", "u-1", 7, &variant));
}

}  // namespace
}  // namespace upswing::project
