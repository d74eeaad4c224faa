// The programs of samples/ do what they say, against a real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"

namespace upswing {
namespace {

using testing::RunProgram;
using testing::Server;
using testing::TemporaryFolder;
using testing::Upswing;

std::string Catalog() { return (testing::SourceDir() / "samples/feed_shop/catalog.json").string(); }

TEST(Samples, TheFirstExposureIsInTheReport) {
  const TemporaryFolder folder;
  Server server(folder / "data", {"--catalog", Catalog()});
  const auto sample =
      RunProgram({(testing::BinDir() / "sample_first_exposure").string(), server.url(), "d-1"});
  ASSERT_EQ(sample.status, 0) << sample.err << sample.out;
  EXPECT_THAT(sample.out, ::testing::HasSubstr("2 records delivered, 0 kept, 0 dropped"));
  const auto report =
      RunProgram({Upswing(), "report", "one_tap", "--server", server.url(), "--format", "json"});
  ASSERT_EQ(report.status, 0) << report.err;
  const auto json = nlohmann::json::parse(report.out);
  // Its window of seven days is open, so that it is pending.
  double units = 0;
  double pending = 0;
  for (const auto& variant : json["variants"]) {
    units += variant["units"].get<double>();
    pending += variant["metrics"]["purchase_conversion"]["pending"].get<double>();
  }
  EXPECT_EQ(units, 1);
  EXPECT_EQ(pending, 1);
  EXPECT_EQ(json["records"], 2) << "the exposure and the purchase";
}

// The same devices twice: the second time every exposure and event is a repeat, so the numbers
// stay.
TEST(Samples, ASimulationThatRunsTwiceCountsOnce) {
  const TemporaryFolder folder;
  Server server(folder / "data", {"--catalog", Catalog()});
  const auto report = [&] {
    const auto finished =
        RunProgram({Upswing(), "report", "one_tap", "--server", server.url(), "--format", "json"});
    EXPECT_EQ(finished.status, 0) << finished.err;
    return nlohmann::json::parse(finished.out)["variants"];
  };
  const std::vector<std::string> simulate = {Upswing(), "simulate", "--server",  server.url(),
                                             "--users", "500",      "--storage", folder / "app"};
  ASSERT_EQ(RunProgram(simulate).status, 0);
  const auto first = report();
  ASSERT_EQ(RunProgram(simulate).status, 0);
  EXPECT_EQ(report(), first);
  EXPECT_GT(first[0]["units"].get<int>() + first[1]["units"].get<int>(), 300);
}

}  // namespace
}  // namespace upswing
