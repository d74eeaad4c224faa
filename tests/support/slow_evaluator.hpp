#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace upswing::testing {

/// Milliseconds since 1970, so that it is no int64 attribute.
struct Millis {
  std::int64_t value = 0;
};
using SlowAttribute =
    std::variant<std::string, std::int64_t, double, bool, Millis, std::vector<std::string>>;

struct SlowSubject {
  std::map<std::string, std::string> units;
  std::map<std::string, SlowAttribute> attributes;
};

struct SlowDecision {
  std::string reason;
  std::optional<std::string> variant;
  std::optional<std::uint32_t> bucket;
  nlohmann::json value;  // of a flag
};

/// The slow and obvious twin of the evaluator: reads the catalog file as it stands, compiles
/// nothing, and shares with the product only XXH3 and the mixer. `matches` is std::regex, so the
/// patterns must mean the same in ECMAScript and RE2.
class SlowEvaluator {
 public:
  /// (unit type, id, experiment) -> (variant, version)
  using Sticky = std::map<std::tuple<std::string, std::string, std::string>,
                          std::pair<std::string, std::uint32_t>>;
  /// experiment -> variant that the app forces
  using Overrides = std::map<std::string, std::string>;

  SlowEvaluator(const nlohmann::json& file, std::int64_t now_ms, const Sticky& sticky,
                const Overrides& overrides)
      : file_(file), now_ms_(now_ms), sticky_(sticky), overrides_(overrides) {}

  SlowDecision Experiment(const std::string& key, const SlowSubject& subject) const;
  SlowDecision Flag(const std::string& key, const SlowSubject& subject) const;

 private:
  bool Holds(const nlohmann::json& condition, const SlowSubject& subject) const;
  bool Leaf(const nlohmann::json& leaf, const SlowSubject& subject) const;
  bool InLayer(const nlohmann::json& experiment, const std::string& id) const;
  bool InLayerBuckets(const std::string& layer, const nlohmann::json& buckets,
                      const std::string& id) const;
  bool IsHeld(const std::string& holdout, const std::string& id) const;

  const nlohmann::json& file_;
  const std::int64_t now_ms_;
  const Sticky& sticky_;
  const Overrides& overrides_;
};

/// "2026-11-01T00:00:00Z" -> milliseconds since 1970; UTC, whole seconds.
std::int64_t SlowTime(const std::string& text);

}  // namespace upswing::testing
