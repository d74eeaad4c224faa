#include "server/authoring/reader.hpp"

#include <absl/time/time.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "sdk/base/text.hpp"
#include "server/json/suggest.hpp"

namespace upswing::authoring {

Place PlaceOf(const json::Node& node, std::string path) {
  return {std::move(path), node.position()};
}

void AddError(Problems& problems, const Place& place, std::string message, std::string fix) {
  problems.push_back({json::Problem::Severity::kError, place.path, place.position,
                      std::move(message), std::move(fix)});
}

void AddNeedsAllocation(Problems& problems, const Place& place, std::string message) {
  AddError(problems, place, std::move(message), "run `upswing catalog allocate`");
  problems.back().code = kNeedsAllocation;
}

void AddWarning(Problems& problems, const Place& place, std::string message, std::string fix) {
  problems.push_back({json::Problem::Severity::kWarning, place.path, place.position,
                      std::move(message), std::move(fix)});
}

std::optional<std::int64_t> ParseTime(std::string_view text) {
  // absl::ParseTime also takes "infinite-future" and surrounding spaces.
  if (text.empty() || text[0] < '0' || text[0] > '9' || text.back() == ' ') return std::nullopt;
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, base::ToAbsl(text), &time, nullptr)) return std::nullopt;
  return absl::ToInt64Milliseconds(time - absl::UnixEpoch());
}

std::string FormatTime(std::int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

Scope::Scope(Problems& problems, const json::Node& node, std::string path,
             std::initializer_list<std::string_view> known)
    : problems_(problems), node_(node), path_(std::move(path)) {
  if (!node.is_object()) {
    AddError(problems_, PlaceOf(node, path_), "must be an object", "write {...}");
    return;
  }
  for (const json::Member& member : node.members()) {
    if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
    std::string fix = json::DidYouMean(member.key, {known.begin(), known.size()});
    if (fix.empty()) fix = "remove it";
    AddError(problems_, {json::PathOf(path_, member.key), member.position},
             base::Concat({"unknown key ", json::Quote(member.key)}), std::move(fix));
  }
}

const json::Node* Scope::Get(std::string_view key) const {
  const json::Node* const node = node_.Find(key);
  return node == nullptr || node->is_null() ? nullptr : node;
}

const json::Node* Scope::Require(std::string_view key, std::string_view what) const {
  const json::Node* const node = Get(key);
  if (node == nullptr && ok()) {
    AddError(problems_, place(), base::Concat({json::Quote(key), " is missing"}),
             base::Concat({"add ", what}));
  }
  return node;
}

void Scope::Error(const json::Node& node, std::string_view key, std::string message,
                  std::string fix) const {
  AddError(problems_, PlaceOf(node, PathOf(key)), std::move(message), std::move(fix));
}

void Scope::String(std::string_view key, std::string& out) const {
  const json::Node* const node = Get(key);
  if (node == nullptr) return;
  if (!node->is_string()) return Error(*node, key, "must be a string");
  out = node->as_string();
}

void Scope::RequireString(std::string_view key, std::string& out) const {
  if (Require(key, base::Concat({json::Quote(key), ": \"...\""})) == nullptr) return;
  String(key, out);
  const json::Node* const node = Get(key);
  if (node->is_string() && out.empty()) Error(*node, key, "must not be empty");
}

void Scope::Bool(std::string_view key, bool& out) const {
  const json::Node* const node = Get(key);
  if (node == nullptr) return;
  if (!node->is_bool()) return Error(*node, key, "must be true or false");
  out = node->as_bool();
}

void Scope::Number(std::string_view key, double& out, double low, double high) const {
  const json::Node* const node = Get(key);
  if (node == nullptr) return;
  if (!node->is_number() || !(node->as_double() >= low && node->as_double() <= high)) {
    const auto text = [](double x) {
      std::string digits = std::to_string(x);
      digits.erase(digits.find_last_not_of('0') + 1);
      if (digits.back() == '.') digits.pop_back();
      return digits;
    };
    return Error(*node, key,
                 base::Concat({"must be a number in [", text(low), ", ", text(high), "]"}));
  }
  out = node->as_double();
}

void Scope::Number(std::string_view key, std::optional<double>& out, double low,
                   double high) const {
  double value = std::nan("");
  Number(key, value, low, high);
  if (!std::isnan(value)) out = value;
}

void Scope::Uint32(std::string_view key, std::uint32_t& out, std::uint32_t low,
                   std::uint32_t high) const {
  const json::Node* const node = Get(key);
  if (node == nullptr) return;
  if (!node->is_number() || !node->as_int().has_value() || *node->as_int() < low ||
      *node->as_int() > high) {
    return Error(*node, key,
                 base::Concat({"must be a whole number in [", std::to_string(low), ", ",
                               std::to_string(high), "]"}));
  }
  out = static_cast<std::uint32_t>(*node->as_int());
}

void Scope::Time(std::string_view key, std::int64_t& out) const {
  const json::Node* const node = Get(key);
  if (node == nullptr) return;
  const auto time = node->is_string() ? ParseTime(node->as_string()) : std::nullopt;
  if (!time.has_value()) {
    return Error(*node, key, "must be a time in RFC 3339",
                 "write it with an offset, e.g. \"2026-11-01T00:00:00Z\"");
  }
  out = *time;
}

void Scope::Strings(std::string_view key, std::vector<std::string>& out) const {
  const json::Node* const node = Get(key);
  if (node == nullptr) return;
  if (!node->is_array()) return Error(*node, key, "must be a list of strings");
  for (std::size_t i = 0; i < node->items().size(); ++i) {
    const json::Node& item = node->items()[i];
    const std::string path = json::PathOf(PathOf(key), i);
    if (!item.is_string() || item.as_string().empty()) {
      AddError(problems_, PlaceOf(item, path), "must be a non-empty string");
    } else if (std::find(out.begin(), out.end(), item.as_string()) != out.end()) {
      AddError(problems_, PlaceOf(item, path),
               base::Concat({json::Quote(item.as_string()), " is listed twice"}),
               "remove one of them");
    } else {
      out.push_back(item.as_string());
    }
  }
}

std::size_t Scope::Choice(std::string_view key, std::span<const std::string_view> names,
                          std::size_t fallback) const {
  const json::Node* const node = Get(key);
  if (node == nullptr) return fallback;
  if (node->is_string()) {
    const auto found = std::find(names.begin(), names.end(), node->as_string());
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  }
  std::string all;
  for (const std::string_view name : names) {
    if (!all.empty()) all += ", ";
    all += json::Quote(name);
  }
  std::string fix = node->is_string() ? json::DidYouMean(node->as_string(), names) : "";
  if (fix.empty()) fix = "use one of " + all;
  Error(*node, key, base::Concat({"unknown ", key, " ", node->Text()}), std::move(fix));
  return fallback;
}

std::vector<BucketRange> ReadRanges(Problems& problems, const json::Node& node,
                                    const std::string& path, std::uint32_t count) {
  std::vector<BucketRange> ranges;
  const auto whole = [&](const json::Node& n) {
    return n.is_number() && n.as_int().has_value() && *n.as_int() >= 0 && *n.as_int() <= count;
  };
  if (!node.is_array()) {
    AddError(problems, PlaceOf(node, path), "must be a list of ranges", "write [[from, to], ...]");
    return ranges;
  }
  for (std::size_t i = 0; i < node.items().size(); ++i) {
    const json::Node& item = node.items()[i];
    const Place place = PlaceOf(item, json::PathOf(path, i));
    if (!item.is_array() || item.items().size() != 2 || !whole(item.items()[0]) ||
        !whole(item.items()[1])) {
      AddError(problems, place,
               base::Concat(
                   {"must be [from, to] with whole numbers in [0, ", std::to_string(count), "]"}));
      continue;
    }
    const BucketRange range{static_cast<std::uint32_t>(*item.items()[0].as_int()),
                            static_cast<std::uint32_t>(*item.items()[1].as_int())};
    if (range.begin >= range.end) {
      AddError(problems, place, "the range is empty: it includes `from` and excludes `to`",
               "make `to` larger than `from`, or remove the range");
    } else if (!ranges.empty() && range.begin < ranges.back().end) {
      AddError(problems, place, "ranges must be in order and must not overlap",
               "sort and join them");
    } else if (!ranges.empty() && range.begin == ranges.back().end) {
      ranges.back().end = range.end;
    } else {
      ranges.push_back(range);
    }
  }
  return ranges;
}

std::span<const SchemeInfo> Schemes() {
  static constexpr std::array<SchemeInfo, 12> kSchemes = {{{"growthbook_v1", 1, 1000},
                                                           {"growthbook_v2", 2, 10000},
                                                           {"eppo", 3, 10000},
                                                           {"unleash", 4, 100},
                                                           {"unleash_variant", 5, 0},
                                                           {"flagd", 6, 0},
                                                           {"launchdarkly", 7, 100000},
                                                           {"optimizely", 8, 10000},
                                                           {"planout", 9, 0},
                                                           {"planout_weighted", 10, 0},
                                                           {"statsig", 11, 10000},
                                                           {"configcat", 12, 100}}};
  return kSchemes;
}

const SchemeInfo* FindScheme(std::string_view name) {
  for (const SchemeInfo& scheme : Schemes()) {
    if (scheme.name == name) return &scheme;
  }
  return nullptr;
}

}  // namespace upswing::authoring
