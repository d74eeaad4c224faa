#include "server/stats_json/check.hpp"

#include <cmath>
#include <optional>

#include "server/stats_json/fields.hpp"
#include "server/stats_json/method.hpp"

namespace upswing::stats_json {
namespace {

struct Tolerance {
  double relative = 0;
  double absolute = 0;
};

Tolerance ToleranceFrom(const Json& value) {
  return {NumberAt(value, "rel"), NumberAt(value, "abs")};
}

// What differs first, or nothing.
class Matcher {
 public:
  explicit Matcher(bool undefined_allowed) : undefined_allowed_(undefined_allowed) {}

  std::optional<std::string> Match(const Json& expected, const Json& actual,
                                   const Tolerance& tolerance, const std::string& path) const {
    if (expected.is_object()) {
      for (const auto& [name, value] : expected.items()) {
        if (!actual.is_object() || !actual.contains(name)) return path + "." + name + ": missing";
        if (auto wrong = Match(value, actual.at(name), tolerance, path + "." + name)) return wrong;
      }
      return std::nullopt;
    }
    if (expected.is_array()) {
      if (!actual.is_array() || actual.size() != expected.size())
        return path + ": expected a list of " + std::to_string(expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i)
        if (auto wrong =
                Match(expected[i], actual[i], tolerance, path + "[" + std::to_string(i) + "]"))
          return wrong;
      return std::nullopt;
    }
    if (expected == "nan") return Expect(actual.is_null(), expected, actual, path);
    if (expected.is_string()) {
      const bool met = actual == expected || (undefined_allowed_ && actual.is_null());
      return Expect(met, expected, actual, path);
    }
    if (!expected.is_number()) return Expect(actual == expected, expected, actual, path);
    if (actual.is_null()) return Expect(undefined_allowed_, expected, actual, path);
    if (!actual.is_number()) return Expect(false, expected, actual, path);
    const double e = expected.get<double>();
    const double gap = std::fabs(actual.get<double>() - e);
    return Expect(gap <= tolerance.absolute + tolerance.relative * std::fabs(e), expected, actual,
                  path);
  }

 private:
  static std::optional<std::string> Expect(bool met, const Json& expected, const Json& actual,
                                           const std::string& path) {
    if (met) return std::nullopt;
    return path + ": expected " + expected.dump() + ", got " + actual.dump();
  }

  bool undefined_allowed_;
};

std::optional<std::string> CheckCase(const Json& test) {
  const auto actual = RunMethod(At(test, "method").get<std::string>(), At(test, "inputs"));
  if (!actual.ok()) return std::string(actual.status().message());
  const Json& expected = At(test, "expected");
  const bool defined = FlagAt(*actual, "defined", true);
  if (!FlagAt(expected, "defined", true)) {
    if (!defined) return std::nullopt;
    return "expected that it is not defined, got " + actual->dump();
  }
  if (!defined) return "not defined: " + TextAt(*actual, "reason", "");
  const Json& tolerances = At(test, "tolerance");
  const Tolerance standard = ToleranceFrom(At(tolerances, "default"));
  const Matcher matcher(TextAt(test, "note", "").find("must say \"not defined\"") !=
                        std::string::npos);
  for (const auto& [name, value] : expected.items()) {
    if (name == "defined") continue;
    if (!actual->contains(name)) return name + ": missing";
    const Tolerance tolerance =
        tolerances.contains(name) ? ToleranceFrom(tolerances.at(name)) : standard;
    if (auto wrong = matcher.Match(value, actual->at(name), tolerance, name)) return wrong;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<CheckResult> CheckCases(const nlohmann::json& file) {
  if (!file.is_object() || !file.contains("cases") || !file.at("cases").is_array())
    return absl::InvalidArgumentError("cases: the file has no list of cases");
  if (file.value("format", 0) != 1) return absl::InvalidArgumentError("format: must be 1");
  CheckResult result;
  for (const Json& test : file.at("cases")) {
    std::optional<std::string> wrong;
    try {
      wrong = CheckCase(test);
    } catch (const Stopped& stopped) {
      wrong = std::string(stopped.status.message());
    } catch (const nlohmann::json::exception& error) {
      wrong = error.what();
    }
    if (!wrong) {
      ++result.passed;
      continue;
    }
    ++result.failed;
    result.failures.push_back(test.value("id", "?") + ": " + *wrong);
  }
  return result;
}

}  // namespace upswing::stats_json
