#include "sdk/client/catalog_keeper.hpp"

#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "platform/posix/posix_file_system.hpp"
#include "tests/support/catalog_fixture.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/process.hpp"

namespace upswing::client {
namespace {

std::string Bytes(std::uint64_t version, const std::string& status = "running") {
  return testing::TestCatalog(R"({"project": "shop", "experiments": {
    "e": {"unit": "user", "status": ")" +
                                  status +
                                  R"(", "control": "off", "variants": {"off": {}, "on": {}}}}})",
                              {.version = version})
      .compiled.bytes;
}

class CatalogKeeperTest : public ::testing::Test {
 protected:
  CatalogKeeper Keeper(ApplyPolicy policy = ApplyPolicy::kImmediately) {
    return CatalogKeeper(policy, {}, path_, &files_, &clock_);
  }
  static bool Runs(const CatalogKeeper& keeper) {
    const catalog::Experiment* found = keeper.Read()->view->FindExperiment("e");
    return found != nullptr && (found->steps & catalog::kNotRunning) == 0;
  }

  testing::TemporaryFolder folder_;
  const std::string path_ = folder_ / "app/catalog";
  posix::PosixFileSystem files_;
  testing::FakeClock clock_;
};

TEST_F(CatalogKeeperTest, TakesTheNewerOfTheBundledAndTheCachedCatalog) {
  {
    CatalogKeeper keeper = Keeper();
    ASSERT_TRUE(keeper.Fetched(Bytes(5), "\"v5\"", "", /*may_write=*/true).ok());
  }
  for (const auto& [bundled, expected, etag] :
       {std::tuple(4u, 5u, "\"v5\""), std::tuple(6u, 6u, "")}) {
    CatalogKeeper keeper = Keeper();
    EXPECT_TRUE(keeper.Load(Bytes(bundled)).ok());
    EXPECT_EQ(keeper.version(), expected);
    EXPECT_EQ(keeper.etag(), etag);
  }
}

TEST_F(CatalogKeeperTest, ADamagedCacheOrBundleIsNamedAndTheOtherServes) {
  {
    CatalogKeeper keeper = Keeper();
    EXPECT_FALSE(keeper.Load("not a catalog").ok());
    EXPECT_EQ(keeper.Read(), nullptr);
    ASSERT_TRUE(keeper.Fetched(Bytes(5), "\"v5\"", "", /*may_write=*/true).ok());
  }
  {
    CatalogKeeper keeper = Keeper();
    EXPECT_FALSE(keeper.Load("not a catalog").ok());
    EXPECT_EQ(keeper.version(), 5u);
  }
  std::ofstream(path_) << "\"v9\"\nnot a catalog";
  CatalogKeeper keeper = Keeper();
  EXPECT_FALSE(keeper.Load(Bytes(4)).ok());
  EXPECT_EQ(keeper.version(), 4u);
  EXPECT_EQ(keeper.etag(), "") << "else the server would say that ours is the newest";
}

TEST_F(CatalogKeeperTest, WhatDoesNotVerifyChangesNothing) {
  CatalogKeeper keeper = Keeper();
  ASSERT_TRUE(keeper.Fetched(Bytes(5), "\"v5\"", "", /*may_write=*/true).ok());
  EXPECT_FALSE(keeper.Fetched("not a catalog", "\"v6\"", "\"v5\"", /*may_write=*/true).ok());
  EXPECT_EQ(keeper.version(), 5u);
  EXPECT_EQ(keeper.etag(), "\"v5\"");
}

TEST_F(CatalogKeeperTest, AnAnswerToAnOlderQuestionChangesNothing) {
  CatalogKeeper keeper = Keeper();
  ASSERT_TRUE(keeper.Fetched(Bytes(5), "\"v5\"", "", /*may_write=*/true).ok());
  EXPECT_TRUE(keeper.Fetched(Bytes(4), "\"v4\"", "", /*may_write=*/true).ok());
  EXPECT_EQ(keeper.version(), 5u);
}

TEST_F(CatalogKeeperTest, WritesNothingThatItMayNot) {
  CatalogKeeper keeper = Keeper();
  ASSERT_TRUE(keeper.Fetched(Bytes(5), "\"v5\"", "", /*may_write=*/false).ok());
  EXPECT_FALSE(files_.ReadAll(path_).ok());
  CatalogKeeper next = Keeper();
  EXPECT_TRUE(next.Load("").ok());
  EXPECT_EQ(next.Read(), nullptr);
}

TEST_F(CatalogKeeperTest, HoldsACatalogBackAsThePolicySays) {
  for (const ApplyPolicy policy : {ApplyPolicy::kOnActivate, ApplyPolicy::kNextSession}) {
    CatalogKeeper keeper = Keeper(policy);
    std::vector<std::uint64_t> told;
    keeper.AddListener([&](std::uint64_t version) { told.push_back(version); });
    ASSERT_TRUE(keeper.Load(Bytes(1)).ok());
    ASSERT_TRUE(keeper.Fetched(Bytes(2), "\"v2\"", "", /*may_write=*/false).ok());
    EXPECT_EQ(keeper.version(), 1u);
    const bool activates = policy == ApplyPolicy::kOnActivate;
    EXPECT_EQ(keeper.Activate(), activates);
    EXPECT_EQ(keeper.version(), activates ? 2u : 1u);
    EXPECT_FALSE(keeper.Activate());
    EXPECT_EQ(told, activates ? std::vector<std::uint64_t>({1, 2}) : std::vector<std::uint64_t>{1});
  }
}

TEST_F(CatalogKeeperTest, TheFirstCatalogIsInForceAtOnceUnderEveryPolicy) {
  for (const ApplyPolicy policy :
       {ApplyPolicy::kImmediately, ApplyPolicy::kOnActivate, ApplyPolicy::kNextSession}) {
    CatalogKeeper keeper = Keeper(policy);
    ASSERT_TRUE(keeper.Fetched(Bytes(2), "\"v2\"", "", /*may_write=*/false).ok());
    EXPECT_EQ(keeper.version(), 2u);
  }
}

TEST_F(CatalogKeeperTest, WhatAHeldBackCatalogStopsEndsAtOnce) {
  CatalogKeeper keeper = Keeper(ApplyPolicy::kNextSession);
  ASSERT_TRUE(keeper.Load(Bytes(1)).ok());
  ASSERT_TRUE(Runs(keeper));
  ASSERT_TRUE(keeper.Fetched(Bytes(2, "stopped"), "\"v2\"", "", /*may_write=*/false).ok());
  EXPECT_EQ(keeper.version(), 1u);
  EXPECT_FALSE(Runs(keeper));
  // Started again while it is still held back: nothing is stopped any more.
  ASSERT_TRUE(keeper.Fetched(Bytes(3), "\"v3\"", "\"v2\"", /*may_write=*/false).ok());
  EXPECT_TRUE(Runs(keeper));
}

TEST_F(CatalogKeeperTest, AgeCountsFromTheLastWordOfTheServer) {
  CatalogKeeper keeper = Keeper();
  ASSERT_TRUE(keeper.Load(Bytes(1)).ok());
  EXPECT_EQ(keeper.age_ms(), std::nullopt) << "a bundled catalog is of an unknown age";
  ASSERT_TRUE(keeper.Fetched(Bytes(2), "\"v2\"", "", /*may_write=*/false).ok());
  clock_.Advance(500);
  EXPECT_EQ(keeper.age_ms(), 500);
  clock_.wall_ms -= 1'000'000;
  EXPECT_EQ(keeper.age_ms(), 500) << "the wall clock is not asked";
  keeper.Confirmed();
  EXPECT_EQ(keeper.age_ms(), 0);
}

}  // namespace
}  // namespace upswing::client
