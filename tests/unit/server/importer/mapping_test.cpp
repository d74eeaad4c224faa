#include "server/importer/mapping.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace upswing::importer {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The refusal of a mapping with these metrics.
std::string Refusal(const std::string& metrics) {
  const auto mapping = ParseMapping("map.json", R"({"experiment": "spring",
    "unit": {"type": "user", "column": "id"}, "variant": {"column": "arm", "control": "off"},
    "time": {"column": "at", "format": "unix_ms"}, "metrics": )" +
                                                    metrics + "}");
  return mapping.ok() ? "taken" : std::string(mapping.status().message());
}

TEST(Mapping, MetricsWithoutAKeyAreRefused) {
  // Found by fuzzing: two of them were compared by keys that they do not have.
  for (const char* const metrics :
       {R"([{"type": "count", "column": "n"}])",
        R"([{"type": "count", "column": "n"}, {"type": "count", "column": "m"}])",
        R"([{"type": "count", "column": "n"}, {"key": "m", "type": "count", "column": "m"}])"}) {
    EXPECT_THAT(Refusal(metrics), StartsWith("map.json")) << metrics;
    EXPECT_THAT(Refusal(metrics), HasSubstr("key")) << metrics;
  }
}

TEST(Mapping, AKeyStandsOnce) {
  const std::string metrics =
      R"([{"key": "n", "type": "count", "column": "n"}, {"key": "n", "type": "count", "column": "m"}])";
  EXPECT_THAT(Refusal(metrics), HasSubstr("this key stands twice"));
}

}  // namespace
}  // namespace upswing::importer
