#pragma once

#include <string>

namespace upswing::benchmark {

/// What the experiments of a benchmark catalog have beside their 50/50 split.
enum class Shape {
  kSplit,    ///< nothing
  kTraffic,  ///< holdout, layer (20 % of it, allocated by hash) and schedule
  kTargeted  ///< those, and three conditions: country in 20, version >= 8.2.0, age > 18
};

/// A catalog file with `count` experiments `experiment_00000`, ... of one shape. For kTraffic and
/// kTargeted, every fifth experiment opens a new layer, so that a layer is full.
inline std::string CatalogFile(int count, Shape shape, bool with_flags) {
  std::string text = R"({"project": "benchmark",
 "attributes": {"country": "string", "app_version": "version", "age": "int"},
 "holdouts": {"q4": {"unit": "user", "share": 0.05}},
 "layers": {)";
  const auto key = [](int i) {
    std::string digits = std::to_string(i);
    return "experiment_" + std::string(5 - digits.size(), '0') + digits;
  };
  for (int i = 0; i < count; i += 5) {
    text += (i == 0 ? "" : ",") + std::string("\"l") + std::to_string(i / 5) +
            "\": {\"unit\": \"user\"}";
  }
  text += "},\n \"flags\": {";
  for (int i = 0; with_flags && i < count; ++i) {
    text += (i == 0 ? "\n  \"" : ",\n  \"") + key(i) +
            ".on\": {\"type\": \"bool\", \"default\": false}";
  }
  text += "},\n \"experiments\": {";
  for (int i = 0; i < count; ++i) {
    text += (i == 0 ? "\n  \"" : ",\n  \"") + key(i) + R"(": {"status": "running", "unit": "user")";
    if (shape != Shape::kSplit) {
      text += R"(, "start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z", "holdout": "q4")"
              ", \"layer\": \"l" +
              std::to_string(i / 5) + "\", \"share\": 0.2";
    }
    if (shape == Shape::kTargeted) {
      text +=
          R"(, "when": {"all": [{"attribute": "country", "in": ["CN","HK","MO","TW","SG","MY","TH",
        "VN","ID","PH","JP","KR","IN","BR","MX","US","CA","GB","DE","FR"]},
        {"attribute": "app_version", ">=": "8.2.0"}, {"attribute": "age", ">": 18}]})";
    }
    text += R"(, "control": "off", "variants": {"off": {"weight": 1}, "on": {"weight": 1)";
    if (with_flags) text += ", \"set\": {\"" + key(i) + ".on\": true}";
    text += "}}}";
  }
  return text + "}}\n";
}

}  // namespace upswing::benchmark
