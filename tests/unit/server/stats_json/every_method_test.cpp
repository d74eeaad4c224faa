// Every method of `upswing stats`, on inputs in which one number after the other is replaced by
// what breaks formulas.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "server/stats_json/method.hpp"
#include "tests/support/paths.hpp"

namespace upswing::stats_json {
namespace {

using Json = nlohmann::json;

// Positions of all numbers in `json`; of long lists the first three.
void Numbers(const Json& json, const Json::json_pointer& at, std::vector<Json::json_pointer>* all) {
  if (json.is_number()) all->push_back(at);
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) Numbers(value, at / key, all);
  }
  for (std::size_t i = 0; json.is_array() && i < json.size() && i < 3; ++i)
    Numbers(json[i], at / i, all);
}

// No NaN anywhere, infinity only by name, and a p-value is a probability.
void ExpectSound(const Json& result, const std::string& what) {
  if (result.is_number_float()) {
    EXPECT_TRUE(std::isfinite(result.get<double>())) << what;
  }
  if (result.is_object()) {
    bool missing = false;
    for (const auto& [key, value] : result.items()) {
      missing = missing || value.is_null();
      for (std::size_t i = 0; value.is_array() && i < value.size(); ++i)
        missing = missing || value[i].is_null();
    }
    if (missing) {
      EXPECT_TRUE(result.contains("reason")) << what << ": " << result;
    }
    for (const auto& [key, value] : result.items()) {
      if (key == "p_value" && value.is_number()) {
        EXPECT_GE(value.get<double>(), 0) << what;
        EXPECT_LE(value.get<double>(), 1) << what;
      }
      ExpectSound(value, what);
    }
    if (result.contains("defined") && result["defined"] == false) {
      EXPECT_FALSE(result.value("reason", "").empty()) << what;
    }
  }
  if (result.is_array()) {
    for (const Json& value : result) ExpectSound(value, what);
  }
}

// One input for each method: the first reference case, and our own for methods without one.
std::map<std::string, Json> Inputs(const std::filesystem::path& folder) {
  std::map<std::string, Json> inputs;
  inputs["plan"] = Json::parse(R"({"mean": 0.1, "variance": 0.09, "relative_effect": 0.05})");
  inputs["adjust_e_values"] = Json::parse(R"({"log_e_values": [3.0, 1.0, 0.5]})");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    const Json json = Json::parse(file);
    for (const Json& one : json["cases"]) inputs.emplace(one["method"], one["inputs"]);
  }
  return inputs;
}

TEST(EveryMethod, AnswersHostileNumbersWithAResultAReasonOrTheFieldsName) {
  const auto folder = testing::SharedDir() / "reference" / "stats";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared";
  const std::map<std::string, Json> inputs = Inputs(folder);
  const std::vector<Json> hostile = {0,      1,     2,     -1,    0.5,    1'000'000'000'000,
                                     1e-300, 1e150, "inf", "nan", nullptr};
  for (const std::string& method : MethodNames()) {
    const auto found = inputs.find(method);
    ASSERT_NE(found, inputs.end()) << "no input for " << method;
    const auto plain = RunMethod(method, found->second);
    ASSERT_TRUE(plain.ok()) << method << plain.status();
    ExpectSound(*plain, method);
    std::vector<Json::json_pointer> places;
    Numbers(found->second, Json::json_pointer(), &places);
    for (const Json::json_pointer& place : places) {
      for (const Json& value : hostile) {
        Json changed = found->second;
        changed[place] = value;
        const std::string what = method + " " + place.to_string() + " = " + value.dump();
        const auto result = RunMethod(method, changed);
        if (result.ok()) {
          ExpectSound(*result, what);
        } else {
          EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << what;
          EXPECT_FALSE(result.status().message().empty()) << what;
        }
      }
    }
  }
}

}  // namespace
}  // namespace upswing::stats_json
