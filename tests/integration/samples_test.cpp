// The programs of samples/ do what they say, against a real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

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

// Runs `sample` with the server's URL and a device, and reads its exposure and purchase back.
void ExpectTheFirstExposureInTheReport(std::vector<std::string> sample) {
  const TemporaryFolder folder;
  Server server(folder / "data", {"--catalog", Catalog()});
  sample.insert(sample.end(), {server.url(), "d-1"});
  const auto finished = RunProgram(sample);
  ASSERT_EQ(finished.status, 0) << finished.err << finished.out;
  EXPECT_THAT(finished.out, ::testing::HasSubstr("2 records delivered, 0 kept, 0 dropped"));
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

TEST(Samples, TheFirstExposureIsInTheReport) {
  ExpectTheFirstExposureInTheReport({(testing::BinDir() / "sample_first_exposure").string()});
}

TEST(Samples, TheFirstExposureFromCIsInTheReport) {
  ExpectTheFirstExposureInTheReport({(testing::BinDir() / "sample_c").string()});
}

TEST(Samples, TheFirstExposureFromPythonIsInTheReport) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the interpreter is not instrumented";
#endif
  ExpectTheFirstExposureInTheReport(
      {"/usr/bin/python3", (testing::SourceDir() / "samples/python/first_exposure.py").string(),
       (testing::BinDir().parent_path() / "libupswing.so").string()});
}

TEST(Samples, TheFirstExposureFromNodeIsInTheReport) {
  const auto addon = testing::BinDir().parent_path() / "upswing.node";
  if (!std::filesystem::exists(addon)) GTEST_SKIP() << "no Node.js with headers";
  ExpectTheFirstExposureInTheReport(
      {"/usr/bin/env", "node", (testing::SourceDir() / "samples/node/first_exposure.js").string(),
       addon.string()});
}

// Built by the tests java_compiles and objc_compiles.
TEST(Samples, TheFirstExposureFromJavaIsInTheReport) {
  const auto build = testing::BinDir().parent_path();
  const auto classes = build / "tests/java";
  if (!std::filesystem::exists(classes / "test/FirstExposure.class")) GTEST_SKIP() << "no Java";
  ExpectTheFirstExposureInTheReport(
      {"/usr/bin/env", "java", "-Xcheck:jni", "-cp",
       (classes / "main").string() + ":" + (classes / "test").string(), "FirstExposure",
       (build / "libupswing_jni.so").string()});
}

TEST(Samples, TheFirstExposureFromObjectiveCIsInTheReport) {
  const auto sample = testing::BinDir().parent_path() / "tests/objc/sample_objc";
  if (!std::filesystem::exists(sample)) GTEST_SKIP() << "no Objective-C";
  ExpectTheFirstExposureInTheReport({sample.string()});
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

// The same seed is the same shop, through the SDK and HTTP or straight into a data folder.
TEST(Samples, TheSimulationTellsTheSameStoryOnBothWays) {
  const TemporaryFolder folder;
  Server server(folder / "data", {"--catalog", Catalog()});
  const auto variants = [&](const std::string& flag, const std::string& where) {
    const auto simulated =
        RunProgram({Upswing(), "simulate", flag, where, "--catalog", Catalog(), "--users", "300"});
    EXPECT_EQ(simulated.status, 0) << simulated.err;
    const auto finished =
        RunProgram({Upswing(), "report", "one_tap", flag, where, "--format", "json"});
    EXPECT_EQ(finished.status, 0) << finished.err;
    return nlohmann::json::parse(finished.out)["variants"];
  };
  EXPECT_EQ(variants("--server", server.url()), variants("--data", folder / "other"));
}

// A third of the devices is up to three days off; the server finds the true times, whichever way
// the records come.
TEST(Samples, DevicesWithWrongClocksTellTheSameStory) {
  const TemporaryFolder folder;
  const auto world = [&](const std::string& name, double wrong_clocks) {
    std::ifstream file(testing::SourceDir() / "samples/feed_shop/world.json");
    auto json = nlohmann::json::parse(file);
    json["wrong_clocks"] = wrong_clocks;
    std::ofstream(folder / name) << json;
    return folder / name;
  };
  Server server(folder / "data", {"--catalog", Catalog()});
  const auto variants = [&](const std::string& flag, const std::string& where, double wrong) {
    const auto simulated = RunProgram({Upswing(), "simulate", "--world", world("world.json", wrong),
                                       flag, where, "--catalog", Catalog(), "--users", "300"});
    EXPECT_EQ(simulated.status, 0) << simulated.err;
    const auto finished =
        RunProgram({Upswing(), "report", "one_tap", flag, where, "--format", "json"});
    EXPECT_EQ(finished.status, 0) << finished.err;
    return nlohmann::json::parse(finished.out)["variants"];
  };
  const auto right = variants("--data", folder / "right", 0);
  EXPECT_EQ(variants("--server", server.url(), 0.3), right);
  EXPECT_EQ(variants("--data", folder / "wrong", 0.3), right);
}

// Live rooms, too: what the apps of viewers send is what `--data` writes.
TEST(Samples, TheLiveShopTellsTheSameStoryThroughTheSdk) {
  const TemporaryFolder folder;
  const std::string catalog = (testing::SourceDir() / "samples/live_shop/catalog.json").string();
  const std::string world = folder / "world.json";
  std::ofstream(world) << R"({"live_shop": {"rooms": 40, "purchase": 0.2,
    "moods": [{"share": 0.5, "factor": 0.5}, {"share": 0.5, "factor": 1.5}],
    "tiers": {"tier1": {"share": 0.5, "experiment": "coupon_tier1", "effect": 0.05},
              "tier2": {"share": 0.5, "experiment": "coupon_tier2", "effect": 0.4}}}})";
  Server server(folder / "data", {"--catalog", catalog});
  const auto variants = [&](const std::string& flag, const std::string& where) {
    const auto simulated =
        RunProgram({Upswing(), "simulate", "--world", world, flag, where, "--catalog", catalog});
    EXPECT_EQ(simulated.status, 0) << simulated.err;
    const auto finished =
        RunProgram({Upswing(), "report", "coupon_tier2", flag, where, "--format", "json"});
    EXPECT_EQ(finished.status, 0) << finished.err;
    auto json = nlohmann::json::parse(finished.out)["variants"];
    EXPECT_GT(json[0]["units"].get<int>() + json[1]["units"].get<int>(), 30);
    return json;
  };
  EXPECT_EQ(variants("--server", server.url()), variants("--data", folder / "other"));
}

}  // namespace
}  // namespace upswing
