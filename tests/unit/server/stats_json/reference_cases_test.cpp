#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "server/stats_json/check.hpp"
#include "server/stats_json/method.hpp"
#include "tests/support/paths.hpp"

namespace upswing::stats_json {
namespace {

TEST(ReferenceCases, AllPass) {
  const auto folder = testing::SharedDir() / "reference" / "stats";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared";
  int passed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    const auto result = CheckCases(nlohmann::json::parse(file));
    ASSERT_TRUE(result.ok()) << entry.path() << result.status();
    passed += result->passed;
    for (const std::string& failure : result->failures) ADD_FAILURE() << failure;
  }
  EXPECT_GE(passed, 193);
}

nlohmann::json Case(const char* method, const char* inputs, const char* expected) {
  return {{"format", 1},
          {"cases",
           {{{"id", "x-001"},
             {"method", method},
             {"inputs", nlohmann::json::parse(inputs)},
             {"expected", nlohmann::json::parse(expected)},
             {"tolerance", {{"default", {{"rel", 1e-9}, {"abs", 0}}}}}}}}};
}

TEST(CheckCases, FailsOnAWrongNumberAMissingFieldAndAnUnknownMethod) {
  const char* points = R"({"points": [[0]]})";
  EXPECT_EQ(CheckCases(Case("normal_sf", points, R"({"values": [0.5]})"))->passed, 1);
  EXPECT_EQ(CheckCases(Case("normal_sf", points, R"({"values": [0.51]})"))->failed, 1);
  EXPECT_EQ(CheckCases(Case("normal_sf", points, R"({"value": [0.5]})"))->failed, 1);
  EXPECT_EQ(CheckCases(Case("normal_sf", points, R"({"values": ["nan"]})"))->failed, 1);
  EXPECT_EQ(CheckCases(Case("normal_fs", points, R"({"values": [0.5]})"))->failed, 1);
  EXPECT_FALSE(CheckCases(nlohmann::json::array()).ok());
}

// The library's quantile is off by 1e-9; what the engine uses is not. 3.135759472793243:
// scipy 1.10.1.
TEST(RunMethod, GivesTheExactQuantileBesideTheLibrarys) {
  const auto result =
      RunMethod("student_t_ppf", nlohmann::json::parse(R"({"points": [[0.995, 10.5]]})"));
  ASSERT_TRUE(result.ok());
  EXPECT_NEAR(result->at("values")[0].get<double>(), 3.135759472793243, 1e-14);
  EXPECT_NEAR(result->at("exact")[0].get<double>(), 3.1357594763127, 1e-12);
}

TEST(RunMethod, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(
      RunMethod("welch_t", nlohmann::json::parse(R"({"control": {"n": 3}})")).status().message(),
      "mean: missing");
  EXPECT_EQ(
      RunMethod("welch_t", nlohmann::json::parse(R"({"control": {"n": 2.5}})")).status().message(),
      "n: must be a whole number");
  EXPECT_EQ(RunMethod("no_such", nlohmann::json::object()).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(RunMethod, ReportsWhatIsNotDefinedWithAReason) {
  const auto result =
      RunMethod("welch_t", nlohmann::json::parse(R"({"control": {"n": 1, "mean": 1, "variance": 0},
                                           "treatment": {"n": 5, "mean": 1, "variance": 1}})"));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->at("defined"), false);
  EXPECT_EQ(result->at("reason"), "not_enough_data");
}

// Every method answers an empty object with an error that names a field, never a crash.
TEST(RunMethod, SurvivesAnEmptyObjectForEveryMethod) {
  for (const std::string& method : MethodNames()) {
    const auto result = RunMethod(method, nlohmann::json::object());
    EXPECT_FALSE(result.ok()) << method;
  }
}

}  // namespace
}  // namespace upswing::stats_json
