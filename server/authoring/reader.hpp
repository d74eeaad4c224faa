#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/authoring/model.hpp"
#include "server/json/document.hpp"

namespace upswing::authoring {

using Problems = std::vector<json::Problem>;

/// `json::Problem::code` of what `Allocate` repairs: buckets that are missing, or not as many as
/// the share asks for.
inline constexpr int kNeedsAllocation = 1;

Place PlaceOf(const json::Node& node, std::string path);
void AddError(Problems& problems, const Place& place, std::string message, std::string fix = "");
void AddNeedsAllocation(Problems& problems, const Place& place, std::string message);
void AddWarning(Problems& problems, const Place& place, std::string message, std::string fix = "");

/// Whether `text` is RFC 3339, e.g. "2026-11-01T00:00:00Z"; then milliseconds since 1970 (rounded
/// down).
std::optional<std::int64_t> ParseTime(std::string_view text);
/// The inverse, in UTC with as many fraction digits as needed.
std::string FormatTime(std::int64_t ms);

/// One JSON object being read. Reports keys that are not known, values of the wrong type, and
/// required values that are missing; the value read then keeps its default.
class Scope {
 public:
  /// `known`: the keys this kind of object has.
  Scope(Problems& problems, const json::Node& node, std::string path,
        std::initializer_list<std::string_view> known);

  bool ok() const { return node_.is_object(); }
  const std::string& path() const { return path_; }
  Place place() const { return PlaceOf(node_, path_); }
  std::string PathOf(std::string_view key) const { return json::PathOf(path_, key); }

  /// Null if absent or null.
  const json::Node* Get(std::string_view key) const;
  /// Reports and returns null if absent.
  const json::Node* Require(std::string_view key, std::string_view what) const;

  void String(std::string_view key, std::string& out) const;
  void RequireString(std::string_view key, std::string& out) const;
  void Bool(std::string_view key, bool& out) const;
  void Number(std::string_view key, double& out, double low, double high) const;
  void Number(std::string_view key, std::optional<double>& out, double low, double high) const;
  void Uint32(std::string_view key, std::uint32_t& out, std::uint32_t low,
              std::uint32_t high) const;
  void Time(std::string_view key, std::int64_t& out) const;
  void Strings(std::string_view key, std::vector<std::string>& out) const;

  /// One of `names`; returns its index, or `fallback` if absent or wrong.
  std::size_t Choice(std::string_view key, std::span<const std::string_view> names,
                     std::size_t fallback) const;

  void Error(const json::Node& node, std::string_view key, std::string message,
             std::string fix = "") const;
  Problems& problems() const { return problems_; }

 private:
  Problems& problems_;
  const json::Node& node_;
  std::string path_;
};

/// `[[from, to), ...]`: sorted, disjoint, within [0, count).
std::vector<BucketRange> ReadRanges(Problems& problems, const json::Node& node,
                                    const std::string& path, std::uint32_t count);

/// A condition, or nothing (reported) if it cannot be read. Attribute types decide what an operator
/// takes, so the attributes come first.
std::optional<Condition> ReadCondition(Problems& problems, const Model& model,
                                       const json::Node& node, const std::string& path);

/// A value of the flag's type, or nothing (reported).
std::optional<FlagValue> ReadFlagValue(Problems& problems, FlagType type, const json::Node& node,
                                       const std::string& path);

Flag ReadFlag(Problems& problems, const Model& model, const json::Member& member,
              const std::string& path);
Experiment ReadExperiment(Problems& problems, const Model& model, const json::Member& member,
                          const std::string& path);

/// Foreign schemes and the bucket count each has by default (0: must be given).
struct SchemeInfo {
  std::string_view name;
  std::uint8_t value;  // of Scheme in sdk/schema/catalog.fbs
  std::uint32_t count;
};
std::span<const SchemeInfo> Schemes();
const SchemeInfo* FindScheme(std::string_view name);

}  // namespace upswing::authoring
