#pragma once

#include <absl/status/statusor.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/catalog/blob.hpp"
#include "sdk/catalog/interner.hpp"
#include "sdk/catalog/matcher.hpp"
#include "sdk/catalog/version.hpp"
#include "upswing/decision.hpp"
#include "upswing/handle.hpp"

namespace upswing::schema {
struct Arm;
struct Catalog;
struct Experiment;
struct Node;
struct Operand;
struct Range;
struct RampStep;
}  // namespace upswing::schema

namespace upswing::catalog {

inline constexpr std::uint32_t kNone = 0xffffffff;

/// Units that `bucket(unit)` sends into sorted, disjoint ranges. One cache line.
struct alignas(64) Shard {
  /// `catalog allocate` hands out buckets in blocks of this size, so that one bit tells of most.
  static constexpr std::uint32_t kBlock = 10'000;

  std::uint64_t salt_hash = 0;
  std::uint64_t blocks[2] = {};  // bit i: buckets [i, i + 1) * kBlock; if `in_blocks`
  const schema::Range* ranges = nullptr;
  const char* salt_data = nullptr;
  std::uint32_t salt_size = 0;
  std::uint32_t range_count = 0;
  std::uint32_t bucket_count = 0;
  std::uint8_t scheme = 0;
  bool in_blocks = false;  // the ranges begin and end where blocks do

  std::string_view salt() const { return {salt_data, salt_size}; }
};

/// A unit type and the hash by which `Subject::FindUnit` finds it.
struct UnitType {
  Symbol name;
  std::uint64_t hash = 0;
};

struct Holdout {
  Symbol key;
  Shard shard;
};

/// An attribute that conditions name.
struct Attribute {
  std::uint64_t hash = 0;  // of its name, for `Subject::FindAttribute`
  std::uint8_t type = 0;   // AttributeType of the schema
};

/// A leaf's right-hand side, ready for comparison.
struct Operand {
  const schema::Operand* table = nullptr;
  const std::int64_t* ints = nullptr;     // little-endian, in the verified bytes
  const double* doubles = nullptr;        // likewise
  const std::uint64_t* packed = nullptr;  // `PackShort` of the strings, sorted, if all are short
  std::uint32_t int_count = 0;
  std::uint32_t double_count = 0;
  std::uint32_t string_count = 0;
  std::uint32_t version = kNone;     // into View::versions(), if `strings[0]` is one
  std::uint64_t packed_version = 0;  // `PackVersion` of `strings[0]`
  const Matcher* matcher = nullptr;  // of `strings[0]`, for `matches`
};

/// The `T` at `bytes` in little-endian order.
template <class T>
T LoadLittle(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  if constexpr (std::endian::native == std::endian::big) {
    if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
  }
  return value;
}

/// A string of at most 7 bytes as a number: its bytes, and its size in the top byte. Different for
/// different strings.
inline bool PackShort(std::string_view text, std::uint64_t* packed) {
  const std::size_t size = text.size();
  std::uint64_t bytes = 0;
  if (size >= 4) {
    if (size > 7) return false;
    // Two loads that may overlap.
    bytes = LoadLittle<std::uint32_t>(text.data()) |
            std::uint64_t{LoadLittle<std::uint32_t>(text.data() + size - 4)} << (8 * (size - 4));
  } else if (size >= 2) {
    bytes = LoadLittle<std::uint16_t>(text.data()) |
            std::uint64_t{LoadLittle<std::uint16_t>(text.data() + size - 2)} << (8 * (size - 2));
  } else if (size == 1) {
    bytes = static_cast<unsigned char>(text[0]);
  }
  *packed = bytes | std::uint64_t{size} << 56;
  return true;
}

struct IdList {
  UnitType unit_type;
  std::uint64_t salt_hash = 0;
  const unsigned char* ids = nullptr;  // little-endian, 8 bytes each, sorted
  std::uint64_t count = 0;
};

/// One QA list: units of one type that are forced into one variant. An experiment's lists follow
/// each other, sorted by `experiment`.
struct ForcedList {
  IdList list;
  std::uint32_t experiment = 0;
  std::uint16_t variant = 0;
};

struct Segment {
  std::string_view key;
  std::uint32_t root = kNone;  // node of the condition, or
  std::uint32_t list = kNone;  // index into the id lists
  bool supported = true;
};

/// Buckets below `end` (and not below the arm before) give `variant`; kNoVariant for a gap.
struct Arm {
  std::uint32_t end = 0;
  std::uint32_t variant = 0;
};

/// What an experiment has beside its split. The evaluator skips what is not there.
enum ExperimentSteps : std::uint16_t {
  kNotRunning = 1 << 0,
  kNotSupported = 1 << 1,
  kHasForced = 1 << 2,
  kHasSticky = 1 << 3,
  kHasFallback = 1 << 4,
  kHasSchedule = 1 << 5,
  kHasHoldouts = 1 << 6,
  kHasPrerequisites = 1 << 7,
  kHasCondition = 1 << 8,
  kHasLayer = 1 << 9,
  kHasShare = 1 << 10,
  kHasRamp = 1 << 11,
  kHasForeignSplit = 1 << 12,
};

/// An experiment as compiled. The first cache line is what every decision reads; what is rarely
/// needed stays in the verified bytes (`table`).
struct alignas(64) Experiment {
  std::uint64_t key_hash = 0;
  Symbol key;
  std::uint64_t split_salt_hash = 0;
  std::uint64_t hash = 0;
  const Symbol* variants = nullptr;
  std::uint32_t first_arm = 0;  // into View::arms()
  std::uint32_t split_bucket_count = 0;
  std::uint32_t iteration = 1;
  std::uint32_t phase = 1;
  std::uint16_t steps = 0;  // ExperimentSteps
  std::uint16_t arm_count = 0;
  std::uint16_t variant_count = 0;
  std::uint8_t unit_type = 0;  // into View::unit_types()
  std::uint8_t fallback_unit = 0xff;

  SymbolList report_by;
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;
  const schema::Experiment* table = nullptr;
  std::uint32_t first_layer = 0;    // into View::shards()
  std::uint32_t share = kNone;      // into View::shards()
  std::uint32_t condition = kNone;  // root node
  std::uint32_t first_holdout = 0;  // into View::experiment_holdouts()
  std::uint32_t holdout_keys = 0;   // into View::holdout_lists()
  std::uint8_t layer_count = 0;
  std::uint8_t holdout_count = 0;
};

struct Rule {
  Value value;
  std::uint32_t condition = kNone;
  std::uint32_t share = kNone;
  std::uint32_t first_holdout = 0;
  std::uint8_t holdout_count = 0;
  std::uint8_t unit_type = 0xff;
  bool supported = true;
};

/// One experiment that owns a flag, and the flag's value per variant (kNone: the default).
struct Owner {
  std::uint32_t experiment = 0;
  std::uint32_t first_value = 0;  // into View::values(), one per variant
};

struct Flag {
  std::uint64_t key_hash = 0;
  Symbol key;
  Value default_value;
  std::uint32_t first_owner = 0;
  std::uint32_t first_rule = 0;
  std::uint16_t owner_count = 0;
  std::uint16_t rule_count = 0;
};

struct LoadOptions {
  /// Outlives the view and every decision made from it.
  Interner* interner = nullptr;
  std::span<const Blob> blobs;
  /// Null: experiments that use `matches` are unsupported.
  const MatcherFactory* matchers = nullptr;
  /// Hashes of the keys of experiments that count as stopped whatever the bytes say.
  std::span<const std::uint64_t> stopped;
};

/// A verified, compiled, immutable catalog. Everything in it is in range: the evaluator checks
/// nothing again. Any number of threads may read.
class View {
 public:
  /// Verifies and compiles. kInvalidArgument, naming what is wrong, for bytes that are truncated,
  /// flipped, or not a catalog; then nothing has changed.
  static absl::StatusOr<std::shared_ptr<const View>> Load(std::shared_ptr<const std::string> bytes,
                                                          const LoadOptions& options);
  ~View();
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  std::uint64_t version() const { return version_; }
  std::string_view project() const { return project_; }
  const std::shared_ptr<const std::string>& bytes() const { return bytes_; }
  /// Id lists that were not among `LoadOptions::blobs`: the experiments that use them are
  /// unsupported until a view is loaded with them.
  std::span<const std::uint64_t> missing_blobs() const { return missing_blobs_; }
  /// Those that were: hand them on to the load of the next catalog.
  std::span<const Blob> loaded_blobs() const { return loaded_blobs_; }

  /// First time after `now_ms` at which a schedule or ramp changes; the largest int64 if none does.
  /// Between two boundaries, decisions do not depend on the time.
  std::int64_t NextBoundary(std::int64_t now_ms) const;

  std::span<const Experiment> experiments() const { return experiments_; }
  std::span<const Flag> flags() const { return flags_; }
  const Experiment* FindExperiment(std::string_view key) const;
  const Experiment* FindExperiment(const KeyHandle& handle) const;
  const Flag* FindFlag(std::string_view key) const;
  const Flag* FindFlag(const KeyHandle& handle) const;
  /// For keys that the catalog has not (yet) as well.
  KeyHandle ExperimentHandle(Symbol key) const;
  KeyHandle FlagHandle(Symbol key) const;

  // What the evaluator reads.
  const schema::Catalog& table() const { return *table_; }
  const schema::Node* nodes() const { return nodes_; }
  std::span<const UnitType> unit_types() const { return unit_types_; }
  std::span<const Shard> shards() const { return shards_; }
  std::span<const Holdout> holdouts() const { return holdouts_; }
  std::span<const std::uint32_t> experiment_holdouts() const { return experiment_holdouts_; }
  std::span<const Attribute> attributes() const { return attributes_; }
  std::span<const Arm> arms() const { return arms_; }
  std::span<const Version> versions() const { return versions_; }
  std::span<const SymbolList> holdout_lists() const { return holdout_lists_; }
  std::span<const Operand> operands() const { return operands_; }
  std::span<const Segment> segments() const { return segments_; }
  std::span<const IdList> id_lists() const { return id_lists_; }
  std::span<const ForcedList> forced() const { return forced_; }
  std::span<const Rule> rules() const { return rules_; }
  std::span<const Owner> owners() const { return owners_; }
  std::span<const Value> values() const { return values_; }

  /// Memory beside `bytes()` and the interner. Unit: bytes.
  std::size_t resident_bytes() const;

 private:
  friend class ViewBuilder;

  /// Open addressing over the hashes of keys; a slot is empty at index kNone. Keys are told apart
  /// by their 64-bit hash: loading refuses two of one hash, and a key that the catalog has not is
  /// taken for one it has once in 2^64 / 1,000 tries.
  struct Index {
    struct Slot {
      std::uint32_t tag = 0;
      std::uint32_t index = kNone;
    };
    std::vector<Slot> slots;
    std::uint32_t mask = 0;
  };

  View() = default;
  template <class T>
  static const T* Find(const Index& index, std::span<const T> items, std::uint64_t hash);

  std::shared_ptr<const std::string> bytes_;
  const schema::Catalog* table_ = nullptr;
  const schema::Node* nodes_ = nullptr;
  std::uint64_t version_ = 0;
  std::string_view project_;
  Index experiment_index_;
  Index flag_index_;
  std::vector<Experiment> experiments_;
  std::vector<Flag> flags_;
  std::vector<UnitType> unit_types_;
  std::vector<Shard> shards_;
  std::vector<Holdout> holdouts_;
  std::vector<std::uint32_t> experiment_holdouts_;
  std::vector<Attribute> attributes_;
  std::vector<Arm> arms_;
  std::vector<Version> versions_;
  std::vector<std::vector<std::uint64_t>> packed_;
  std::vector<SymbolList> holdout_lists_;
  std::vector<Operand> operands_;
  std::vector<Segment> segments_;
  std::vector<IdList> id_lists_;
  std::vector<ForcedList> forced_;
  std::vector<Rule> rules_;
  std::vector<Owner> owners_;
  std::vector<Value> values_;
  std::vector<std::int64_t> boundaries_;  // sorted
  std::vector<std::uint64_t> missing_blobs_;
  std::vector<Blob> loaded_blobs_;
  std::vector<std::unique_ptr<const Matcher>> matchers_;
};

}  // namespace upswing::catalog
