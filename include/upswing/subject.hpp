#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace upswing {

/// Type of an attribute value held by a `Subject`.
enum class AttributeKind : std::uint8_t { kString, kInt, kDouble, kBool, kTime, kStrings };

/// Whom a decision is made for: one id per unit type, and typed attributes for targeting.
///
///     upswing::Subject subject("user", "u-42");
///     subject.SetUnit("device", "d-7").Set("country", "CN").Set("app_version", "8.2.0");
///
/// Ids and strings are UTF-8 and copied. An id is hashed once, here, so that deciding a hundred
/// experiments costs one pass over its bytes. An empty id is the same as no id. Setting a name
/// again replaces its value, also when the type differs.
///
/// A `Subject` that is cleared or overwritten re-uses its memory: building the next one allocates
/// nothing once the buffers have grown. Concurrent reads are safe; writes need the caller's own
/// exclusion.
class Subject {
 public:
  using Time = std::chrono::system_clock::time_point;

  struct Unit {
    std::uint64_t type_hash;  ///< XXH3_64bits of the unit type
    std::uint64_t id_hash;    ///< XXH3_64bits of the id: `h` of the assignment hash
    std::uint32_t type_offset, type_size, id_offset, id_size;
  };
  struct Attribute {
    std::uint64_t name_hash;  ///< XXH3_64bits of the name
    union {
      std::int64_t int_value;  ///< kInt; kTime as milliseconds since 1970
      double double_value;     ///< kDouble
      bool bool_value;         ///< kBool
      /// kString: the text as a version number that orders like it (`catalog::PackVersion`); 0 for
      /// any other text. Parsed once, here, and compared in each condition on it.
      std::uint64_t packed_version;
      std::uint32_t count;  ///< kStrings: number of strings
    };
    std::uint32_t name_offset, name_size, offset, size;
    AttributeKind kind;
  };

  Subject() : few_units_() {}
  Subject(std::string_view unit_type, std::string_view id) : few_units_() {
    SetUnit(unit_type, id);
  }

  /// Sets the id of one unit type, e.g. "user", "device", "session".
  Subject& SetUnit(std::string_view unit_type, std::string_view id);

  Subject& Set(std::string_view name, std::string_view value);
  Subject& Set(std::string_view name, const char* value) {
    return Set(name, std::string_view(value));
  }
  Subject& Set(std::string_view name, const std::string& value) {
    return Set(name, std::string_view(value));
  }
  Subject& Set(std::string_view name, bool value);
  Subject& Set(std::string_view name, double value);
  /// Any integer type. Unsigned values above 2^63 - 1 are kept as the nearest double.
  template <std::integral T>
  requires(!std::same_as<T, bool>) Subject& Set(std::string_view name, T value) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == 8) {
      if (value > static_cast<T>(std::numeric_limits<std::int64_t>::max())) {
        return Set(name, static_cast<double>(value));
      }
    }
    return SetInt(name, static_cast<std::int64_t>(value));
  }
  /// A point in time, kept in milliseconds (rounded down).
  Subject& Set(std::string_view name, Time value);
  Subject& Set(std::string_view name, std::span<const std::string_view> values);
  Subject& Set(std::string_view name, std::span<const std::string> values);
  Subject& Set(std::string_view name, std::initializer_list<std::string_view> values) {
    return Set(name, std::span<const std::string_view>(values.begin(), values.size()));
  }

  /// Removes an attribute; nothing happens if there is none.
  Subject& Remove(std::string_view name);
  /// Removes all ids and attributes and keeps the memory.
  void Clear();

  std::span<const Unit> units() const {
    return more_units_.empty() ? std::span<const Unit>(few_units_, unit_count_)
                               : std::span<const Unit>(more_units_);
  }
  std::span<const Attribute> attributes() const { return attributes_; }
  std::string_view type(const Unit& unit) const { return Text(unit.type_offset, unit.type_size); }
  std::string_view id(const Unit& unit) const { return Text(unit.id_offset, unit.id_size); }
  std::string_view name(const Attribute& a) const { return Text(a.name_offset, a.name_size); }
  /// Text of a kString attribute.
  std::string_view text(const Attribute& a) const { return Text(a.offset, a.size); }
  /// Strings of a kStrings attribute, in order. `visit(std::string_view)` returns false to stop.
  template <class Visit>
  void VisitStrings(const Attribute& a, Visit visit) const {
    std::size_t at = a.offset;
    for (std::uint32_t i = 0; i < a.count; ++i) {
      const std::uint32_t size = ReadSize(at);
      if (!visit(Text(at + 4, size))) return;
      at += 4 + std::size_t{size};
    }
  }

  /// The unit whose type hashes to `type_hash`, or null. Names are told apart by their 64-bit hash;
  /// the catalog compiler refuses two names of one catalog with the same hash.
  const Unit* FindUnit(std::uint64_t type_hash) const {
    for (const Unit& unit : units()) {
      if (unit.type_hash == type_hash) return unit.id_size != 0 ? &unit : nullptr;
    }
    return nullptr;
  }
  const Attribute* FindAttribute(std::uint64_t name_hash) const {
    for (const Attribute& attribute : attributes_) {
      if (attribute.name_hash == name_hash) return &attribute;
    }
    return nullptr;
  }

 private:
  std::string_view Text(std::size_t offset, std::size_t size) const {
    return std::string_view(bytes_).substr(offset, size);
  }
  std::uint32_t ReadSize(std::size_t offset) const;
  Subject& SetInt(std::string_view name, std::int64_t value);
  Attribute& Slot(std::string_view name, AttributeKind kind);
  void StoreRoom(std::size_t new_size, std::uint32_t& offset, std::uint32_t& size);
  void Store(std::string_view text, std::uint32_t& offset, std::uint32_t& size);
  void Reclaim(std::size_t size);

  std::span<Unit> MutableUnits();

  // Few units stay in the object, where a decision reads them without a detour; from the third on
  // all of them are in `more_units_`.
  Unit few_units_[2];
  std::uint32_t unit_count_ = 0;  // of few_units_
  std::vector<Unit> more_units_;
  std::vector<Attribute> attributes_;
  std::string bytes_;             // text of units and attributes
  std::size_t unused_bytes_ = 0;  // of bytes_, left behind by replaced values
};

}  // namespace upswing
