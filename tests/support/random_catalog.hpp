#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "sdk/catalog/view.hpp"
#include "tests/support/slow_evaluator.hpp"
#include "upswing/subject.hpp"

namespace upswing::testing {

using nlohmann::json;

inline const std::vector<std::string> kTexts = {"",
                                                "a",
                                                "ab",
                                                "A",
                                                "\xc3\xa9",
                                                "abcdefg",
                                                "abcdefgh",
                                                "abcdefghijk",
                                                "CN",
                                                "HK",
                                                std::string("a\0b", 3),
                                                "\xf0\x9f\x98\x80"};
// The same in RE2 and ECMAScript, on texts without line breaks.
inline const std::vector<std::string> kPatterns = {
    "^a", "b$", "^$", "", "ab|HK", "[a-c]+h", "^(a|b)*$", "^[A-Z]{2}$", "a?b?c", "^\xc3\xa9$"};
inline const std::vector<std::string> kVersions = {"0.0.0",
                                                   "1.2",
                                                   "1.2.0",
                                                   "1.2.3",
                                                   "1.2.3-alpha",
                                                   "1.2.3-alpha.1",
                                                   "1.2.3-alpha.beta",
                                                   "1.2.3-1",
                                                   "1.2.3-10",
                                                   "1.2.3-9",
                                                   "1.2.3+build.7",
                                                   "2.0",
                                                   "10.0.0",
                                                   "1.2.3--",
                                                   "999999.0.0",
                                                   "1000000.0.0",
                                                   "99999999999999999999999.0.0",
                                                   "1.0.99999999999999999999999"};
inline const std::vector<std::string> kNoVersions = {"",        "1",      "v1.2",     "01.2.3",
                                                     "1.2.3.4", "1.2.3-", "1.2.3-01", "1.2.3+",
                                                     "1..2",    " 1.2",   "1.02",     "a.b"};
inline const std::vector<std::int64_t> kInts = {0,
                                                1,
                                                -1,
                                                18,
                                                9007199254740992,
                                                9007199254740993,
                                                std::numeric_limits<std::int64_t>::max(),
                                                std::numeric_limits<std::int64_t>::min()};
inline const std::vector<double> kDoubles = {
    0.5,   -0.5,   18.5,  9007199254740992.5, 9223372036854775807.0, -9223372036854775808.0,
    1e308, -1e308, 5e-324};
inline const std::vector<std::string> kTimes = {"1970-01-01T00:00:00Z", "2026-10-31T23:59:59Z",
                                                "2026-11-01T00:00:00Z", "2026-11-15T12:00:00Z",
                                                "2026-11-15T12:00:01Z", "2024-02-29T00:00:00Z"};

/// Draws catalogs and subjects in which every operator, scheme and step of the evaluation occurs.
/// The same seed draws the same.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::size_t Below(std::size_t n) { return random_() % n; }
  bool Chance(int percent) { return Below(100) < static_cast<std::size_t>(percent); }
  template <class T>
  const T& Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }

  json Number() { return Chance(60) ? json(Pick(kInts)) : json(Pick(kDoubles)); }
  json Literal(const std::string& type) {
    if (type == "string" || type == "strings") return Pick(kTexts);
    if (type == "version") return Pick(kVersions);
    if (type == "bool") return Chance(50);
    if (type == "time") return Pick(kTimes);
    return Number();
  }
  json Literals(const std::string& type) {
    json list = json::array();
    for (std::size_t n = 1 + Below(Chance(10) ? 30 : 4); n > 0; --n) list.push_back(Literal(type));
    return list;
  }

  json Leaf() {
    static const std::vector<std::pair<std::string, std::string>> kAttributes = {
        {"s", "string"}, {"v", "version"}, {"i", "int"},    {"d", "double"},
        {"b", "bool"},   {"t", "time"},    {"l", "strings"}};
    const auto& [name, type] = Pick(kAttributes);
    std::vector<std::string> ops = {"set"};
    if (type != "strings") ops.insert(ops.end(), {"is", "in", "not_in"});
    if (type == "int" || type == "double" || type == "version" || type == "time") {
      ops.insert(ops.end(), {"<", "<=", ">", ">="});
    }
    if (type == "string") {
      ops.insert(ops.end(), {"starts_with", "ends_with", "contains", "matches"});
    }
    if (type == "time") ops.insert(ops.end(), {"before", "after"});
    if (type == "strings") ops.insert(ops.end(), {"has_any", "has_all", "has_none"});
    const std::string op = Pick(ops);
    json leaf = {{"attribute", name}};
    if (op == "set") {
      leaf[op] = Chance(50);
    } else if (op == "matches") {
      leaf[op] = Pick(kPatterns);
    } else if (op == "in" || op == "not_in" || op.rfind("has_", 0) == 0) {
      leaf[op] = Literals(type);
    } else if ((op == "starts_with" || op == "ends_with" || op == "contains") && Chance(50)) {
      leaf[op] = Literals(type);
    } else {
      leaf[op] = Literal(type);
    }
    return leaf;
  }

  json Condition(int depth, std::size_t segments) {
    if (segments != 0 && Chance(15)) return {{"segment", "seg" + std::to_string(Below(segments))}};
    if (depth == 0 || Chance(40)) return Leaf();
    if (Chance(20)) return {{"not", Condition(depth - 1, segments)}};
    json children = json::array();
    for (std::size_t n = 1 + Below(3); n > 0; --n) {
      children.push_back(Condition(depth - 1, segments));
    }
    return {{Chance(50) ? "all" : "any", children}};
  }

  json Value(const std::string& type) {
    if (type == "bool") return Chance(50);
    if (type == "int") return Pick(kInts);
    if (type == "double") return Pick(kDoubles);
    return Pick(kTexts);
  }

  std::string Unit() { return Chance(80) ? "user" : "device"; }

  json Catalog() {
    json file = {{"project", "twin"},
                 {"attributes",
                  {{"s", "string"},
                   {"v", "version"},
                   {"i", "int"},
                   {"d", "double"},
                   {"b", "bool"},
                   {"t", "time"},
                   {"l", "strings"}}},
                 {"segments", json::object()},
                 {"layers", json::object()},
                 {"holdouts", json::object()},
                 {"flags", json::object()},
                 {"experiments", json::object()}};
    const std::size_t segments = Below(4);
    for (std::size_t i = 0; i < segments; ++i) {
      json& segment = file["segments"]["seg" + std::to_string(i)];
      if (Chance(30)) {
        segment = {{"unit", Unit()}, {"ids", json::array()}};
        for (std::size_t n = Below(60); n > 0; --n) segment["ids"].push_back(Id());
        continue;
      }
      segment = Condition(2, i);
    }
    const std::string unit = Unit();
    file["layers"]["outer"] = {{"unit", unit}};
    file["layers"]["inner"] = {{"unit", unit},
                               {"in", {{"layer", "outer"}, {"buckets", {{0, 600'000}}}}}};
    file["holdouts"]["group"] = {{"unit", unit}, {"share", 0.1}};
    if (Chance(50)) file["holdouts"]["all"] = {{"unit", unit}, {"share", 0.05}, {"global", true}};
    const std::size_t experiments = 1 + Below(4);
    for (std::size_t i = 0; i < experiments; ++i) AddExperiment(file, i, unit, segments);
    return file;
  }

  void AddExperiment(json& file, std::size_t i, const std::string& unit, std::size_t segments) {
    const std::string n = std::to_string(i);
    const std::string type = Pick<std::string>({"bool", "int", "double", "string"});
    json flag = {{"type", type}, {"default", Value(type)}};
    for (std::size_t r = Below(3); r > 0; --r) {
      json rule = {{"key", "r" + std::to_string(r)}, {"value", Value(type)}};
      if (Chance(70)) rule["when"] = Condition(2, segments);
      if (Chance(40)) {
        rule["unit"] = unit;
        rule["share"] = Pick<double>({0, 0.25, 0.5, 1});
        if (Chance(50)) rule["holdout"] = "group";
      }
      flag["rules"].push_back(rule);
    }
    const std::string flag_key = "flag." + n;
    file["flags"][flag_key] = flag;

    json e = {{"status", Chance(92) ? "running" : Pick<std::string>({"draft", "stopped"})},
              {"unit", unit},
              {"control", "c"},
              {"variants", {{"c", {{"weight", Below(3)}}}}}};
    const std::size_t variants = 1 + Below(3);
    for (std::size_t v = 0; v < variants; ++v) {
      json variant = {{"weight", 1 + Below(5)}};
      if (v == 0 || Chance(50)) variant["set"][flag_key] = Value(type);
      e["variants"][Pick<std::string>({"a", "b", "z"}) + std::to_string(v)] = variant;
    }
    if (Chance(20)) {
      std::vector<std::string> order;
      for (const auto& [key, variant] : e["variants"].items()) order.push_back(key);
      std::shuffle(order.begin(), order.end(), random_);
      e["order"] = order;
    }
    if (Chance(15))
      e["start"] = Pick<std::string>({"2026-10-31T23:59:59Z", "2026-11-15T12:00:00Z"});
    if (Chance(15)) e["end"] = Pick<std::string>({"2026-11-15T12:00:01Z", "2026-11-20T00:00:00Z"});
    if (Chance(20)) e["iteration"] = 1 + Below(3);
    if (Chance(20)) e["salt"] = "salt" + std::to_string(Below(3));
    if (Chance(30)) e["holdout"] = "group";
    if (Chance(70)) e["when"] = Condition(3, segments);
    if (Chance(20)) {
      e["forced"][Chance(50) ? "c" : e["variants"].items().begin().key()] = {"user=" + Id(),
                                                                             "device=" + Id()};
    }
    if (Chance(25)) e["fallback_unit"] = unit == "user" ? "device" : "user";
    if (Chance(25)) e["sticky"] = {{"version", 2}, {"min_version", Below(3)}};
    if (i > 0 && Chance(30)) {
      const std::string required = "flag." + std::to_string(Below(i));
      const std::string required_type = file["flags"][required]["type"];
      json is = Value(required_type);
      if (Chance(50)) is = {Value(required_type), Value(required_type)};
      e["prerequisites"] = {{{"flag", required}, {"is", is}}};
    }
    if (Chance(25)) AddForeignSplit(e);
    const std::size_t traffic = Below(6);
    // Whole blocks of buckets are looked up otherwise than ranges that begin or end inside one.
    const std::size_t odd = Chance(50) ? 0 : 1 + Below(catalog::Shard::kBlock - 1);
    if (traffic == 0) {
      e["layer"] = "inner";
      e["buckets"] = {{i * 200'000, i * 200'000 + 50'000 + odd},
                      {i * 200'000 + 100'000 + odd, i * 200'000 + 200'000}};
    } else if (traffic == 1) {
      e["layer"] = "outer";
      e["buckets"] = {{600'000 + i * 100'000 + odd, 700'000 + i * 100'000}};
    } else if (traffic == 2) {
      e["share"] = Pick<double>({0, 0.1, 0.5, 0.333333, 1});
    } else if (traffic == 3) {
      e["ramp"] = {{{"at", "2026-11-01T00:00:00Z"}, {"share", 0.1}},
                   {{"at", "2026-11-15T12:00:00Z"}, {"share", 0.6}}};
    }
    if (traffic == 5) {
      e["traffic"] = Foreign();
      const std::uint64_t count = e["traffic"]["count"];
      e["traffic"]["ranges"] = {{0, (count + 2) / 3}};
      if (count > 2) e["traffic"]["ranges"].push_back({count - 1, count});
    }
    file["experiments"]["exp" + n] = e;
  }

  json Foreign() {
    static const std::vector<std::pair<std::string, std::uint64_t>> kSchemes = {
        {"growthbook_v1", 1000},   {"growthbook_v2", 10'000}, {"eppo", 10'000},
        {"unleash", 100},          {"unleash_variant", 1000}, {"flagd", 7},
        {"launchdarkly", 100'000}, {"optimizely", 10'000},    {"planout", 3},
        {"planout_weighted", 100}, {"statsig", 10'000},       {"configcat", 100}};
    const auto& [scheme, count] = Pick(kSchemes);
    return {{"scheme", scheme},
            {"salt", Pick<std::string>({"", "s", "flag.key", "\xc3\xa9t\xc3\xa9", "a:b-c.d"})},
            {"count", Chance(70) ? count : 1 + Below(0x7fffffff)}};
  }

  // By weights, or by ranges that may leave gaps.
  void AddForeignSplit(json& e) {
    e["split"] = Foreign();
    if (Chance(50)) return;
    const std::uint64_t count = e["split"]["count"];
    std::uint64_t at = 0;
    for (const auto& [key, variant] : e["variants"].items()) {
      const std::uint64_t size = count / 4;
      if (size == 0) break;
      const std::uint64_t gap = Chance(30) ? size / 2 : 0;
      if (at + gap + size > count) break;
      e["split"]["ranges"][key] = {{at + gap, at + gap + size}};
      at += gap + size;
    }
  }

  std::string Id() { return (Chance(5) ? "\xf0\x9f\x8d\x8e" : "u") + std::to_string(Below(300)); }

  SlowSubject RandomSubject() {
    SlowSubject subject;
    if (Chance(90)) subject.units["user"] = Chance(3) ? "" : Id();
    if (Chance(60)) subject.units["device"] = Id();
    for (const char* name : {"s", "v", "i", "d", "b", "t", "l"}) {
      if (Chance(80)) subject.attributes[name] = Attribute(Chance(90) ? name[0] : 'x');
    }
    return subject;
  }

  SlowAttribute Attribute(char kind) {
    switch (kind) {
      case 's':
        return Pick(kTexts);
      case 'v':
        return Chance(80) ? Pick(kVersions) : Pick(kNoVersions);
      case 'i':
        return Chance(80) ? SlowAttribute(Pick(kInts)) : SlowAttribute(Pick(kDoubles));
      case 'd':
        if (Chance(10)) return std::nan("");
        if (Chance(10)) return std::numeric_limits<double>::infinity();
        return Chance(50) ? SlowAttribute(Pick(kDoubles)) : SlowAttribute(Pick(kInts));
      case 'b':
        return Chance(50);
      case 't':
        return Millis{SlowTime(Pick(kTimes)) + static_cast<std::int64_t>(Below(3)) - 1};
      case 'l': {
        std::vector<std::string> list;
        for (std::size_t n = Below(5); n > 0; --n) list.push_back(Pick(kTexts));
        return list;
      }
      default:
        return Attribute("svidbtl"[Below(7)]);
    }
  }

  SlowEvaluator::Sticky Sticky(const json& file) {
    SlowEvaluator::Sticky sticky;
    for (const auto& [key, e] : file["experiments"].items()) {
      for (std::size_t n = Below(200); n > 0; --n) {
        const std::string variant = Chance(90) ? e["variants"].items().begin().key() : "gone";
        sticky[{Chance(50) ? "user" : "device", Id(), key}] = {
            variant, static_cast<std::uint32_t>(Below(3))};
      }
    }
    return sticky;
  }

  // Mostly none; some name a variant that is not there.
  SlowEvaluator::Overrides Overrides(const json& file) {
    SlowEvaluator::Overrides overrides;
    if (Chance(80)) return overrides;
    for (const auto& [key, e] : file["experiments"].items()) {
      if (Chance(50)) overrides[key] = Chance(80) ? e["control"].get<std::string>() : "gone";
    }
    return overrides;
  }

  static upswing::Subject Fast(const SlowSubject& slow) {
    upswing::Subject subject;
    for (const auto& [type, id] : slow.units) subject.SetUnit(type, id);
    for (const auto& [name, value] : slow.attributes) {
      if (const auto* const list = std::get_if<std::vector<std::string>>(&value)) {
        subject.Set(name, std::span<const std::string>(*list));
      } else if (const auto* const time = std::get_if<Millis>(&value)) {
        subject.Set(name, upswing::Subject::Time(std::chrono::milliseconds(time->value)));
      } else if (const auto* const text = std::get_if<std::string>(&value)) {
        subject.Set(name, *text);
      } else if (const auto* const integer = std::get_if<std::int64_t>(&value)) {
        subject.Set(name, *integer);
      } else if (const auto* const real = std::get_if<double>(&value)) {
        subject.Set(name, *real);
      } else {
        subject.Set(name, std::get<bool>(value));
      }
    }
    return subject;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace upswing::testing
