#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/json/document.hpp"

namespace upswing::authoring {

/// What a catalog file says, checked as far as each value by itself goes: types, ranges, known
/// keys. References between objects are names here; `Check` resolves them. Everything is in the
/// order of the file and knows where in the file it stands.

/// Where an object stands in the file, for messages.
struct Place {
  std::string path;
  json::Position position;
};

enum class AttributeType : std::uint8_t {
  kString,
  kVersion,
  kInt,
  kDouble,
  kBool,
  kTime,
  kStrings
};
enum class FlagType : std::uint8_t { kBool, kInt, kDouble, kString, kJson };
enum class Status : std::uint8_t { kDraft, kRunning, kStopped, kArchived };

/// Lower-case name as written in the file: "draft", "running", "stopped", "archived".
std::string_view StatusName(Status status);
std::string_view AttributeTypeName(AttributeType type);
std::string_view FlagTypeName(FlagType type);

struct Attribute {
  std::string key;
  AttributeType type = AttributeType::kString;
  Place place;
};

enum class Operator : std::uint8_t {
  kSet,
  kIs,
  kIn,
  kNotIn,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kStartsWith,
  kEndsWith,
  kContains,
  kMatches,
  kBefore,
  kAfter,
  kHasAny,
  kHasAll,
  kHasNone
};

/// Name as written in the file, e.g. "not_in", "<=".
std::string_view OperatorName(Operator op);

/// One operand value. Which member counts follows from the attribute's type and the operator.
struct Literal {
  enum class Kind : std::uint8_t { kString, kInt, kDouble, kBool, kTime };
  Kind kind = Kind::kString;
  std::string text;          // kString; a version's text
  std::int64_t integer = 0;  // kInt; kTime in milliseconds since 1970
  double real = 0;
  bool boolean = false;
  Place place;
};

struct Condition {
  enum class Kind : std::uint8_t { kAll, kAny, kNot, kSegment, kLeaf };
  Kind kind = Kind::kAll;
  std::vector<Condition> children;  // kAll, kAny; one for kNot
  std::string segment;              // kSegment
  std::string attribute;            // kLeaf
  Operator op = Operator::kSet;
  std::vector<Literal> operands;
  Place place;
};

struct Segment {
  std::string key;
  std::optional<Condition> condition;  // else an id list:
  std::string unit;
  std::vector<std::string> ids;
  /// Path as written, of a file with one id per line; whoever parses reads it into `ids`.
  std::string ids_file;
  /// A list that was hashed and sent before; whoever parses fetches its bytes.
  std::optional<std::uint64_t> ids_blob;
  std::shared_ptr<const std::string> blob_bytes;
  Place place;
};

/// Half-open range of buckets.
struct BucketRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  friend bool operator==(const BucketRange&, const BucketRange&) = default;
};

struct Layer {
  std::string key;
  std::string unit;
  std::string salt;  // default: key
  /// Nested layer: lies in these buckets of `parent`. Empty: takes part in no other layer.
  std::string parent;
  std::vector<BucketRange> buckets;
  Place place;
};

struct Holdout {
  std::string key;
  std::string unit;
  double share = 0;
  std::string salt;  // default: key
  /// Applies to every experiment with this unit, before the experiment's own holdouts.
  bool global = false;
  Place place;
};

/// A flag's value as written; `text` is canonical JSON for kJson.
struct FlagValue {
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  friend bool operator==(const FlagValue&, const FlagValue&) = default;
};

/// Foreign bucketing, see docs/concepts/assignment.md.
struct ForeignShard {
  std::string scheme;
  std::string salt;
  std::uint32_t count = 0;
  std::vector<BucketRange> ranges;
  Place place;
};

struct Rule {
  std::string key;
  std::optional<Condition> when;
  std::optional<double> share;
  std::string unit;  // of `share` and `holdouts`
  std::vector<std::string> holdouts;
  FlagValue value;
  Place place;
};

struct Flag {
  std::string key;
  FlagType type = FlagType::kBool;
  FlagValue default_value;
  std::vector<Rule> rules;
  std::string description;
  Place place;
};

struct Setting {
  std::string flag;
  const json::Node* raw = nullptr;  // checked against the flag's type by `Check`
  FlagValue value;
  Place place;
};

struct Variant {
  std::string key;
  std::uint64_t weight = 1;
  std::vector<Setting> settings;
  std::string description;
  Place place;
};

struct Prerequisite {
  std::string flag;
  std::vector<const json::Node*> raw;
  std::vector<FlagValue> values;  // the flag must have one of these
  Place place;
};

struct RampStep {
  std::int64_t at_ms = 0;
  double share = 0;
  Place place;
};

struct Sticky {
  std::uint32_t version = 1;
  std::uint32_t min_version = 0;
};

/// A QA list entry: "user=u-qa-1" under its variant.
struct Forced {
  std::string variant;
  std::string unit;
  std::string id;
  Place place;
};

/// Margin of a guardrail: one of the two, or neither where the metric's own margin holds.
struct Margin {
  std::optional<double> relative;
  std::optional<double> absolute;
};

struct Guardrail {
  std::string metric;
  Margin margin;
};

/// What is analysed and how. Stays on the server. `node` has the whole object as written.
struct Plan {
  std::string primary;
  std::vector<Guardrail> guardrails;
  std::vector<std::string> secondary;
  double alpha = 0.05;
  // "none", "bonferroni", "holm", "hochberg", "bh", "by"
  std::string correction_primary = "holm";  // over the variants
  std::string correction_secondary = "bh";
  std::string correction_segments = "bh";
  bool one_sided = false;
  bool cuped = false;
  std::optional<Margin> non_inferiority;    // of the primary metric
  std::string sequential;                   // "" (fixed horizon) or "anytime" or "group_sequential"
  double tuning_units = 5000;               // anytime
  std::vector<int> looks;                   // group_sequential: days, ascending
  std::string spending = "obrien_fleming";  // or "pocock", "power", "hwang_shih_decani"
  double spending_parameter = 0;
  double power = 0.8;
  std::optional<Margin> mde;         // the smallest effect that matters
  std::optional<double> prior_mean;  // of the lift; set together with its standard deviation
  double prior_sd = 0;
  double min_days = 0;
  std::uint32_t min_units = 0;
  std::optional<double> max_days;
  const json::Node* node = nullptr;
};

struct Experiment {
  std::string key;
  std::string name;
  std::string hypothesis;
  std::string owner;
  Status status = Status::kDraft;
  std::int64_t start_ms = std::numeric_limits<std::int64_t>::min();
  std::int64_t end_ms = std::numeric_limits<std::int64_t>::max();
  std::uint32_t iteration = 1;
  std::string unit;
  std::string fallback_unit;
  std::string cluster;
  std::string layer;
  std::vector<BucketRange> buckets;
  std::vector<std::string> holdouts;
  /// Share of traffic; with a layer, the share of the layer that `allocate` takes.
  std::optional<double> share;
  std::vector<RampStep> ramp;
  std::string salt;  // default: key
  std::optional<Sticky> sticky;
  std::vector<Prerequisite> prerequisites;
  std::optional<Condition> when;
  std::string control;
  std::vector<Variant> variants;  // in the order of the file
  /// Keys in the order of their ranges: `order`, by default control, then byte order.
  std::vector<std::string> order;
  std::vector<Forced> forced;
  std::vector<std::string> report_by;
  /// Experiments moved from another system: traffic and split as that system does them.
  std::optional<ForeignShard> foreign_traffic;
  struct ForeignSplit {
    std::string scheme;
    std::string salt;
    std::uint32_t count = 0;
    /// Empty: from the weights. Else per variant (index into `variants`).
    std::vector<std::pair<std::size_t, BucketRange>> ranges;
    Place place;
  };
  std::optional<ForeignSplit> foreign_split;
  std::optional<Plan> plan;
  /// Metrics of this experiment alone, as `server/metrics` reads them; they stand before the
  /// catalog's metrics of the same key. Null if absent.
  const json::Node* metrics = nullptr;
  const json::Node* node = nullptr;
  Place place;

  const Variant* FindVariant(std::string_view variant_key) const;
  std::size_t VariantIndex(std::string_view variant_key) const;  // variants.size() if unknown
};

/// A whole catalog file. Moves, and does not copy: nodes are referred to by address.
struct Model {
  std::shared_ptr<const json::Parsed> document;
  std::string project;
  std::string timezone = "UTC";
  std::vector<Attribute> attributes;
  std::vector<Segment> segments;
  std::vector<Layer> layers;
  std::vector<Holdout> holdouts;
  std::vector<Flag> flags;
  std::vector<Experiment> experiments;
  /// The sections that `server/metrics` reads; null if absent.
  const json::Node* metrics = nullptr;
  const json::Node* metric_packs = nullptr;

  const Attribute* FindAttribute(std::string_view key) const;
  const Segment* FindSegment(std::string_view key) const;
  const Layer* FindLayer(std::string_view key) const;
  const Holdout* FindHoldout(std::string_view key) const;
  const Flag* FindFlag(std::string_view key) const;
  const Experiment* FindExperiment(std::string_view key) const;
};

}  // namespace upswing::authoring
