#include "tests/support/slow_evaluator.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <regex>
#include <set>

#include "sdk/base/hash.hpp"
#include "tests/support/slow_scheme.hpp"

namespace upswing::testing {
namespace {

using nlohmann::json;

std::uint32_t BucketOf(const std::string& salt, const std::string& id) {
  const std::uint64_t mixed = base::Mix(base::Hash64(id) ^ base::Hash64(salt));
  return static_cast<std::uint32_t>(((mixed >> 32) * 1'000'000ULL) >> 32);
}

std::string SaltOf(const json& object, const std::string& key) { return object.value("salt", key); }

std::string IterationSalt(const std::string& purpose, const json& e, const std::string& key) {
  std::string salt = purpose + "/" + SaltOf(e, key);
  const int iteration = e.value("iteration", 1);
  if (iteration > 1) salt += "#" + std::to_string(iteration);
  return salt;
}

bool Below(std::uint32_t bucket, double share) {
  return bucket < static_cast<std::uint32_t>(std::llround(share * 1e6));
}

bool InRanges(const json& ranges, std::uint32_t bucket) {
  for (const json& range : ranges) {
    if (bucket >= range[0].get<std::uint32_t>() && bucket < range[1].get<std::uint32_t>()) {
      return true;
    }
  }
  return false;
}

bool Has(const json& object, const char* key) {
  return object.contains(key) && !object[key].is_null();
}

// --- versions: text into parts, parts into comparisons -------------------------------------------

struct SlowVersion {
  std::vector<std::string> numbers;
  std::vector<std::string> pre;
};

std::vector<std::string> SplitAt(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool IsNumber(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

bool IsIdentifier(const std::string& text) {
  return !text.empty() && text.find_first_not_of(
                              "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") ==
                              std::string::npos;
}

bool HasLeadingZero(const std::string& text) { return text.size() > 1 && text[0] == '0'; }

std::optional<SlowVersion> ParseSlow(std::string text) {
  SlowVersion version;
  if (const auto plus = text.find('+'); plus != std::string::npos) {
    for (const auto& part : SplitAt(text.substr(plus + 1), '.')) {
      if (!IsIdentifier(part)) return std::nullopt;
    }
    text = text.substr(0, plus);
  }
  if (const auto dash = text.find('-'); dash != std::string::npos) {
    version.pre = SplitAt(text.substr(dash + 1), '.');
    for (const auto& part : version.pre) {
      if (!IsIdentifier(part) || (IsNumber(part) && HasLeadingZero(part))) return std::nullopt;
    }
    text = text.substr(0, dash);
  }
  version.numbers = SplitAt(text, '.');
  if (version.numbers.size() == 2) version.numbers.emplace_back("0");
  if (version.numbers.size() != 3) return std::nullopt;
  for (const auto& number : version.numbers) {
    if (!IsNumber(number) || HasLeadingZero(number)) return std::nullopt;
  }
  return version;
}

template <class T>
int Sign(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

int CompareNumberText(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? Sign(a.size(), b.size()) : Sign(a, b);
}

int CompareSlow(const SlowVersion& a, const SlowVersion& b) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (const int order = CompareNumberText(a.numbers[i], b.numbers[i]); order != 0) return order;
  }
  if (a.pre.empty() || b.pre.empty()) return Sign(a.pre.empty(), b.pre.empty());
  for (std::size_t i = 0; i < std::min(a.pre.size(), b.pre.size()); ++i) {
    const bool x = IsNumber(a.pre[i]);
    const bool y = IsNumber(b.pre[i]);
    const int order = x && y   ? CompareNumberText(a.pre[i], b.pre[i])
                      : x != y ? (x ? -1 : 1)
                               : Sign(a.pre[i], b.pre[i]);
    if (order != 0) return order;
  }
  return Sign(a.pre.size(), b.pre.size());
}

// --- operators
// -------------------------------------------------------------------------------------

bool Relation(const std::string& op, int order) {
  if (op == "<" || op == "before") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">" || op == "after") return order > 0;
  if (op == ">=") return order >= 0;
  return order == 0;  // is, in
}

// An x87 long double has 64 bits of mantissa, so it holds every int64 and every double exactly.
bool NumberMatches(const std::string& op, long double value, const json& operand) {
  const long double other = operand.is_number_float()
                                ? static_cast<long double>(operand.get<double>())
                                : static_cast<long double>(operand.get<std::int64_t>());
  if (std::isnan(value)) return false;
  return Relation(op, Sign(value, other));
}

bool TextMatches(const std::string& op, const std::string& value, const std::string& operand) {
  if (op == "starts_with") return value.rfind(operand, 0) == 0;
  if (op == "ends_with") {
    return value.size() >= operand.size() &&
           value.compare(value.size() - operand.size(), operand.size(), operand) == 0;
  }
  if (op == "contains") return value.find(operand) != std::string::npos;
  if (op == "matches") {
    static std::map<std::string, std::regex> compiled;
    return std::regex_search(value, compiled.try_emplace(operand, operand).first->second);
  }
  return value == operand;  // is, in
}

}  // namespace

std::int64_t SlowTime(const std::string& text) {
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
  std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%dZ", &y, &mo, &d, &h, &mi, &s);
  std::int64_t days = 0;
  const auto leap = [](int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; };
  for (int year = 1970; year < y; ++year) days += leap(year) ? 366 : 365;
  const int lengths[] = {31, leap(y) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int month = 1; month < mo; ++month) days += lengths[month - 1];
  return (((days + d - 1) * 24 + h) * 60 + mi) * 60'000 + s * 1000;
}

bool SlowEvaluator::Leaf(const json& leaf, const SlowSubject& subject) const {
  const std::string name = leaf["attribute"];
  const std::string type = file_["attributes"][name];
  std::string op;
  json operand;
  for (const auto& [key, value] : leaf.items()) {
    if (key != "attribute") {
      op = key;
      operand = value;
    }
  }
  if (op == "not_in") return !Leaf({{"attribute", name}, {"in", operand}}, subject);
  if (op == "has_none") return !Leaf({{"attribute", name}, {"has_any", operand}}, subject);
  if (op == "set" && operand == false) return !Leaf({{"attribute", name}, {"set", true}}, subject);
  if (!operand.is_array()) operand = json::array({operand});

  const auto found = subject.attributes.find(name);
  if (found == subject.attributes.end()) return false;
  const SlowAttribute& value = found->second;
  const auto any = [&](auto matches) {
    return std::any_of(operand.begin(), operand.end(), matches);
  };
  if (type == "string") {
    const auto* const text = std::get_if<std::string>(&value);
    if (text == nullptr) return false;
    return op == "set" ||
           any([&](const json& o) { return TextMatches(op, *text, o.get<std::string>()); });
  }
  if (type == "version") {
    const auto* const text = std::get_if<std::string>(&value);
    if (text == nullptr) return false;
    const auto version = ParseSlow(*text);
    if (!version.has_value()) return false;
    return op == "set" || any([&](const json& o) {
             return Relation(op, CompareSlow(*version, *ParseSlow(o.get<std::string>())));
           });
  }
  if (type == "int" || type == "double") {
    long double number = 0;
    if (const auto* const i = std::get_if<std::int64_t>(&value)) {
      number = static_cast<long double>(*i);
    } else if (const auto* const d = std::get_if<double>(&value)) {
      number = static_cast<long double>(*d);
    } else {
      return false;
    }
    return op == "set" || any([&](const json& o) { return NumberMatches(op, number, o); });
  }
  if (type == "bool") {
    const auto* const b = std::get_if<bool>(&value);
    return b != nullptr && (op == "set" || any([&](const json& o) { return o.get<bool>() == *b; }));
  }
  if (type == "time") {
    const auto* const time = std::get_if<Millis>(&value);
    return time != nullptr &&
           (op == "set" || any([&](const json& o) {
              return Relation(op, Sign(time->value, SlowTime(o.get<std::string>())));
            }));
  }
  const auto* const list = std::get_if<std::vector<std::string>>(&value);
  if (list == nullptr) return false;
  if (op == "set") return true;
  const auto listed = [&](const json& o) {
    return std::find(list->begin(), list->end(), o.get<std::string>()) != list->end();
  };
  return op == "has_all" ? std::all_of(operand.begin(), operand.end(), listed) : any(listed);
}

bool SlowEvaluator::Holds(const json& condition, const SlowSubject& subject) const {
  if (condition.contains("all")) {
    for (const json& child : condition["all"]) {
      if (!Holds(child, subject)) return false;
    }
    return true;
  }
  if (condition.contains("any")) {
    for (const json& child : condition["any"]) {
      if (Holds(child, subject)) return true;
    }
    return false;
  }
  if (condition.contains("not")) return !Holds(condition["not"], subject);
  if (condition.contains("segment")) {
    const json& segment = file_["segments"][condition["segment"].get<std::string>()];
    if (!segment.contains("ids")) return Holds(segment, subject);
    const auto unit = subject.units.find(segment["unit"].get<std::string>());
    return unit != subject.units.end() && !unit->second.empty() &&
           std::find(segment["ids"].begin(), segment["ids"].end(), unit->second) !=
               segment["ids"].end();
  }
  return Leaf(condition, subject);
}

bool SlowEvaluator::IsHeld(const std::string& holdout, const std::string& id) const {
  const json& h = file_["holdouts"][holdout];
  return Below(BucketOf("holdout/" + SaltOf(h, holdout), id), h["share"].get<double>());
}

bool SlowEvaluator::InLayerBuckets(const std::string& layer, const json& buckets,
                                   const std::string& id) const {
  const json& l = file_["layers"][layer];
  if (!InRanges(buckets, BucketOf("layer/" + SaltOf(l, layer), id))) return false;
  return !Has(l, "in") ||
         InLayerBuckets(l["in"]["layer"].get<std::string>(), l["in"]["buckets"], id);
}

bool SlowEvaluator::InLayer(const json& experiment, const std::string& id) const {
  if (!Has(experiment, "layer")) return true;
  const json whole = json::array({{0, 1'000'000}});
  return InLayerBuckets(experiment["layer"].get<std::string>(),
                        Has(experiment, "buckets") ? experiment["buckets"] : whole, id);
}

SlowDecision SlowEvaluator::Experiment(const std::string& key, const SlowSubject& subject) const {
  const json& e = file_["experiments"][key];
  if (e["status"] != "running") return {"disabled", {}, {}, {}};
  if (const auto wanted = overrides_.find(key);
      wanted != overrides_.end() && e["variants"].contains(wanted->second)) {
    return {"forced", wanted->second, {}, {}};
  }
  if (Has(e, "forced")) {
    for (const auto& [variant, units] : e["forced"].items()) {
      for (const json& unit : units) {
        for (const auto& [type, id] : subject.units) {
          if (unit == type + "=" + id) return {"forced", variant, {}, {}};
        }
      }
    }
  }
  // Who decides: a stored assignment of either id, else the unit's own id, else the fallback.
  std::vector<std::string> types = {e["unit"].get<std::string>()};
  if (Has(e, "fallback_unit")) types.push_back(e["fallback_unit"].get<std::string>());
  std::string id;
  std::optional<std::string> kept;
  for (const std::string& type : types) {
    const auto unit = subject.units.find(type);
    if (unit == subject.units.end() || unit->second.empty()) continue;
    if (Has(e, "sticky")) {
      const auto stored = sticky_.find({type, unit->second, key});
      if (stored != sticky_.end() &&
          stored->second.second >= e["sticky"].value("min_version", 0u)) {
        id = unit->second;
        kept = stored->second.first;
        break;
      }
    }
  }
  for (const std::string& type : types) {
    const auto unit = subject.units.find(type);
    if (id.empty() && unit != subject.units.end()) id = unit->second;
  }
  if (id.empty()) return {"missing_unit", {}, {}, {}};
  if (Has(e, "start") && now_ms_ < SlowTime(e["start"])) return {"not_started", {}, {}, {}};
  if (Has(e, "end") && now_ms_ >= SlowTime(e["end"])) return {"ended", {}, {}, {}};
  for (const auto& [holdout, h] : file_["holdouts"].items()) {
    const bool own = Has(e, "holdout") && e["holdout"] == holdout;
    const bool global = h.value("global", false) && h["unit"] == e["unit"];
    if ((own || global) && IsHeld(holdout, id)) return {"holdout", {}, {}, {}};
  }
  const bool foreign = Has(e, "split");
  const std::uint64_t count = foreign ? e["split"]["count"].get<std::uint64_t>() : 1'000'000;
  const std::uint32_t bucket =
      foreign ? SlowForeignBucket(e["split"], id) : BucketOf(IterationSalt("split", e, key), id);
  if (kept.has_value() && e["variants"].contains(*kept)) return {"sticky", kept, bucket, {}};

  if (Has(e, "prerequisites")) {
    for (const json& p : e["prerequisites"]) {
      const json value = Flag(p["flag"].get<std::string>(), subject).value;
      const json wanted = p["is"].is_array() ? p["is"] : json::array({p["is"]});
      if (std::find(wanted.begin(), wanted.end(), value) == wanted.end()) {
        return {"prerequisite", {}, {}, {}};
      }
    }
  }
  if (Has(e, "when") && !Holds(e["when"], subject)) return {"targeting", {}, {}, {}};
  if (!InLayer(e, id)) return {"layer", {}, {}, {}};
  const std::uint32_t traffic = BucketOf(IterationSalt("share", e, key), id);
  if (Has(e, "traffic")) {
    if (!InRanges(e["traffic"]["ranges"], SlowForeignBucket(e["traffic"], id))) {
      return {"traffic", {}, {}, {}};
    }
  } else if (Has(e, "ramp")) {
    double share = 0;
    for (const json& step : e["ramp"]) {
      if (SlowTime(step["at"]) <= now_ms_) share = step["share"].get<double>();
    }
    if (!Below(traffic, share)) return {"traffic", {}, {}, {}};
  } else if (Has(e, "share") && !Has(e, "buckets") && !Below(traffic, e["share"].get<double>())) {
    return {"traffic", {}, {}, {}};
  }

  if (foreign && Has(e["split"], "ranges")) {
    for (const auto& [variant, ranges] : e["split"]["ranges"].items()) {
      if (InRanges(ranges, bucket)) return {"assigned", variant, bucket, {}};
    }
    return {"traffic", {}, {}, {}};
  }
  std::vector<std::string> order;
  if (Has(e, "order")) {
    order = e["order"].get<std::vector<std::string>>();
  } else {
    order.push_back(e["control"].get<std::string>());
    std::set<std::string> rest;
    for (const auto& [variant, v] : e["variants"].items()) rest.insert(variant);
    rest.erase(order[0]);
    order.insert(order.end(), rest.begin(), rest.end());
  }
  std::uint64_t total = 0;
  for (const std::string& variant : order) {
    total += e["variants"][variant].value("weight", std::uint64_t{1});
  }
  std::uint64_t cumulative = 0;
  for (const std::string& variant : order) {
    cumulative += e["variants"][variant].value("weight", std::uint64_t{1});
    if (bucket < count * cumulative / total) return {"assigned", variant, bucket, {}};
  }
  return {"traffic", {}, {}, {}};
}

SlowDecision SlowEvaluator::Flag(const std::string& key, const SlowSubject& subject) const {
  static const std::vector<std::string> kProgress = {"disabled",  "missing_unit", "not_started",
                                                     "ended",     "holdout",      "prerequisite",
                                                     "targeting", "layer",        "traffic"};
  const auto progress = [](const std::string& reason) {
    return std::find(kProgress.begin(), kProgress.end(), reason) - kProgress.begin();
  };
  const json& flag = file_["flags"][key];
  std::optional<SlowDecision> best;
  bool in = false;
  // In the order of the file, which an ordered_json of the test keeps in "experiment_order".
  for (const json& name : file_["experiment_order"]) {
    const json& e = file_["experiments"][name.get<std::string>()];
    bool owns = false;
    for (const auto& [variant, v] : e["variants"].items()) {
      owns = owns || (v.contains("set") && v["set"].contains(key));
    }
    if (!owns) continue;
    SlowDecision decision = Experiment(name, subject);
    if (decision.variant.has_value()) {
      const json& v = e["variants"][*decision.variant];
      if (v.contains("set") && v["set"].contains(key)) {
        decision.value = v["set"][key];
        return decision;
      }
      best = decision;
      in = true;
      break;
    }
    if (!best.has_value() || progress(decision.reason) > progress(best->reason)) best = decision;
  }
  SlowDecision decision = best.value_or(SlowDecision{"default", {}, {}, {}});
  if (flag.contains("rules")) {
    for (const json& rule : flag["rules"]) {
      if (Has(rule, "unit")) {
        const auto unit = subject.units.find(rule["unit"].get<std::string>());
        if (unit == subject.units.end() || unit->second.empty()) continue;
        if (Has(rule, "holdout") && IsHeld(rule["holdout"], unit->second)) continue;
        if (Has(rule, "share") &&
            !Below(BucketOf("rule/" + key + "/" + rule["key"].get<std::string>(), unit->second),
                   rule["share"].get<double>())) {
          continue;
        }
      }
      if (Has(rule, "when") && !Holds(rule["when"], subject)) continue;
      decision.value = rule["value"];
      if (!in) decision.reason = "rule";
      return decision;
    }
  }
  decision.value = flag["default"];
  return decision;
}

}  // namespace upswing::testing
