#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace upswing {

/// Why a decision is what it is. The order is the order of evaluation; values are never renumbered.
enum class Reason : std::uint8_t {
  kAssigned = 0,       ///< in the experiment, by its bucket
  kSticky = 1,         ///< in the experiment, by an earlier assignment that is kept
  kForced = 2,         ///< local override or QA list; not analysed
  kRule = 3,           ///< flag: value of one of its rules
  kDefault = 4,        ///< flag: no experiment and no rule applies
  kDisabled = 5,       ///< the experiment is a draft, stopped or archived
  kMissingUnit = 6,    ///< the subject has no id of the experiment's unit type
  kNotStarted = 7,     ///< before `start`
  kEnded = 8,          ///< at or after `end`
  kHoldout = 9,        ///< held out
  kPrerequisite = 10,  ///< another flag has not the required value
  kTargeting = 11,     ///< the condition `when` does not hold
  kLayer = 12,         ///< the unit's bucket of the layer belongs to others
  kTraffic = 13,       ///< outside the share of traffic
  kNoCatalog = 14,     ///< no catalog yet: the caller's default
  kUnknownKey = 15,    ///< the catalog has no such key: the caller's default
  kTypeMismatch = 16,  ///< the flag has another type: the caller's default
  kUnsupported = 17,   ///< the catalog asks for something this SDK does not know: the default
};

/// The name that logs, reports and `upswing assign` print, e.g. "assigned", "missing_unit".
std::string_view ReasonName(Reason reason);

/// A string that lives as long as the client, also across publishes of new catalogs. NUL-terminated
/// for the C boundary. Equal strings of one client have equal addresses.
class Symbol {
 public:
  constexpr Symbol() = default;
  /// `data` points behind a 4-byte size in host byte order.
  explicit constexpr Symbol(const char* data) : data_(data) {}

  bool empty() const { return data_ == nullptr || size() == 0; }
  std::string_view view() const {
    return data_ == nullptr ? std::string_view() : std::string_view(data_, size());
  }
  friend bool operator==(Symbol a, Symbol b) { return a.data_ == b.data_; }

 private:
  std::uint32_t size() const {
    std::uint32_t size;
    std::memcpy(&size, data_ - sizeof(size), sizeof(size));
    return size;
  }
  const char* data_ = nullptr;
};

/// An immutable list of symbols that lives as long as the client.
class SymbolList {
 public:
  constexpr SymbolList() = default;
  constexpr SymbolList(const Symbol* begin, std::uint32_t size) : begin_(begin), size_(size) {}
  const Symbol* begin() const { return begin_; }
  const Symbol* end() const { return begin_ + size_; }
  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Symbol operator[](std::uint32_t i) const { return begin_[i]; }

 private:
  const Symbol* begin_ = nullptr;
  std::uint32_t size_ = 0;
};

enum class ValueType : std::uint8_t { kNone, kBool, kInt, kDouble, kString, kJson };

/// A flag's value. Strings live as long as the client. Asking for another type than `type()` gives
/// nothing; an int is not silently a double.
class Value {
 public:
  constexpr Value() : int_(0) {}
  static constexpr Value Bool(bool value) { return Value(ValueType::kBool, value ? 1 : 0); }
  static constexpr Value Int(std::int64_t value) { return Value(ValueType::kInt, value); }
  static constexpr Value Double(double value) {
    Value v(ValueType::kDouble, 0);
    v.double_ = value;
    return v;
  }
  /// `type` is kString or kJson.
  static constexpr Value Text(ValueType type, Symbol text) {
    Value v(type, 0);
    v.text_ = text;
    return v;
  }

  ValueType type() const { return type_; }
  std::optional<bool> as_bool() const {
    return type_ == ValueType::kBool ? std::optional<bool>(int_ != 0) : std::nullopt;
  }
  std::optional<std::int64_t> as_int() const {
    return type_ == ValueType::kInt ? std::optional<std::int64_t>(int_) : std::nullopt;
  }
  std::optional<double> as_double() const {
    return type_ == ValueType::kDouble ? std::optional<double>(double_) : std::nullopt;
  }
  /// Text of a string or JSON value.
  std::optional<std::string_view> as_text() const {
    return type_ == ValueType::kString || type_ == ValueType::kJson
               ? std::optional<std::string_view>(text_.view())
               : std::nullopt;
  }

 private:
  constexpr Value(ValueType type, std::int64_t value) : int_(value), type_(type) {}
  union {
    std::int64_t int_;
    double double_;
    Symbol text_;
  };
  ValueType type_ = ValueType::kNone;
};

enum class DecisionKind : std::uint8_t { kExperiment, kFlag };

/// The outcome for one subject and one experiment or flag. A small value: copy it, keep it; all
/// that it names lives as long as the client.
///
/// For a flag, the experiment fields are those of the experiment that decided it (or that came
/// nearest to deciding it); they are empty if no experiment owns the flag.
struct Decision {
  static constexpr std::uint32_t kNoBucket = 0xffffffff;
  static constexpr std::uint16_t kNoVariant = 0xffff;
  static constexpr std::uint32_t kMaxHoldouts = 4;

  // Not defaulted: compilers would clear the whole object first, by a string instruction that
  // takes longer than the hash.
  Decision() noexcept {}

  /// Key that was asked for: of the experiment, or of the flag.
  std::string_view key() const { return key_symbol.view(); }
  /// Key of the experiment whose exposure this is; empty if there is none.
  std::string_view experiment() const { return experiment_symbol.view(); }
  /// Variant key; empty if the unit is not in the experiment.
  std::string_view variant() const { return variant_symbol.view(); }
  /// Whether the unit is in the experiment (assigned, sticky or forced).
  bool in_experiment() const { return variant_index != kNoVariant; }
  /// Type of the unit that decided, which is the unit of analysis: `unit` or `fallback_unit`.
  std::string_view unit_type() const { return unit_type_symbol.view(); }

  Symbol key_symbol;
  Symbol experiment_symbol;
  Symbol variant_symbol;
  Symbol unit_type_symbol;
  /// Flag decisions: the value in force, kNone if only the caller's default serves.
  Value value;
  /// Attributes that exposures may carry off the device.
  SymbolList report_by;
  /// Keys of the holdouts that were consulted, in order. All but the last are `open` for the unit;
  /// the last is `held` if `held` is set, else `open`. Each gets one exposure to `holdout:<key>`.
  SymbolList holdouts;
  std::uint32_t holdouts_consulted = 0;
  bool held = false;

  DecisionKind kind = DecisionKind::kExperiment;
  Reason reason = Reason::kNoCatalog;
  std::uint16_t variant_index = kNoVariant;
  /// Index of the unit in `Subject::units()` that decided; 0xff if none did.
  std::uint8_t unit_index = 0xff;
  /// Flag decisions by rule: index into the flag's `rules`; -1 otherwise.
  std::int32_t rule_index = -1;
  /// Bucket of the split in [0, 1'000'000) (in [0, count) for a foreign scheme), or kNoBucket.
  std::uint32_t bucket = kNoBucket;
  std::uint32_t iteration = 0;
  std::uint32_t phase = 0;
  /// Version of sticky assignments to store with a new assignment; meaningful if `sticky` is set.
  std::uint32_t sticky_version = 0;
  /// The experiment keeps units in their variant: store this assignment.
  bool sticky = false;
  /// The unit is the experiment's `fallback_unit`, e.g. the device before login.
  bool by_fallback = false;
  /// Hash of the experiment as compiled: differs when anything of the experiment differs.
  std::uint64_t experiment_hash = 0;
  std::uint64_t catalog_version = 0;
};

}  // namespace upswing
