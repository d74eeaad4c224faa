#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"

namespace upswing::store {

/// Strings by number, each stored once. Number 0 is the empty string.
class StringPool {
 public:
  StringPool() { Clear(); }
  std::uint32_t Intern(std::string_view text);
  /// Valid until the pool is cleared or destroyed.
  std::string_view operator[](std::uint32_t id) const { return strings_[id]; }
  std::size_t size() const { return strings_.size(); }
  void Clear();

 private:
  std::vector<std::string> blocks_;
  std::vector<std::string_view> strings_;
  absl::flat_hash_map<std::string_view, std::uint32_t> ids_;
};

/// `upswing::Reason::kForced`, as it travels.
inline constexpr int kForcedReason = 2;

/// Type of a property's value, as on the wire.
enum class PropertyType : std::uint8_t { kString = 0, kInt64 = 1, kDouble = 2, kBool = 3 };

/// The number that a property is (its bits as below), nearest double of an integer; NaN for a text.
inline double ValueAsNumber(PropertyType type, std::uint64_t bits) {
  switch (type) {
    case PropertyType::kInt64:
      return static_cast<double>(static_cast<std::int64_t>(bits));
    case PropertyType::kDouble:
      return std::bit_cast<double>(bits);
    case PropertyType::kBool:
      return bits != 0 ? 1 : 0;
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

/// Properties of all records of a lane: record i owns [first[i], first[i + 1]).
struct Properties {
  std::vector<std::uint32_t> first{0};
  std::vector<std::uint32_t> name;  ///< Pool number.
  std::vector<PropertyType> type;
  /// kString: pool number; kInt64: the integer; kDouble: its bits; kBool: 0 or 1.
  std::vector<std::uint64_t> bits;

  void Clear();
};

/// Records as the server keeps them: columns, unit keys instead of ids, true times in milliseconds
/// since 1970. Strings are pool numbers. A structure to be cleared and used again.
///
/// `order` breaks ties of time within a unit: the low 16 bits of the batch's sequence, then of the
/// position in the batch, so that records of one epoch keep the order in which they were made.
struct Records {
  /// Row r names the units [first[r], first[r + 1]).
  struct Subjects {
    std::vector<std::uint32_t> first{0};
    std::vector<std::uint32_t> unit_type;  ///< Pool number.
    std::vector<std::uint64_t> key;
    std::size_t size() const { return first.size() - 1; }
  };
  struct Exposures {
    std::vector<std::uint32_t> subject, experiment, variant, iteration, phase, order;
    std::vector<std::uint8_t> reason;
    std::vector<std::uint64_t> catalog_version;
    std::vector<std::int64_t> time_ms;
    Properties attributes;
    std::size_t size() const { return subject.size(); }
  };
  struct Events {
    std::vector<std::uint32_t> subject, name, order;
    std::vector<double> value;
    std::vector<std::int64_t> time_ms;
    std::vector<std::uint64_t> event_id, ref_id;
    Properties properties;
    std::size_t size() const { return subject.size(); }
  };

  StringPool strings;
  Subjects subjects;
  Exposures exposures;
  Events events;

  std::size_t size() const { return exposures.size() + events.size(); }
  void Clear();
};

/// The blob of one landed batch:
///
///     landed = version:u8(1) size:varint zstd(body)
///     body   = strings subjects exposures events; docs/reference/store-format.md has the columns
std::string EncodeRecords(const Records& records);

/// Appends the records of such a blob. kDataLoss if it is damaged; `records` may then hold a part
/// of it and must be cleared. kUnimplemented for a newer version.
absl::Status DecodeRecords(std::string_view blob, Records* records);

}  // namespace upswing::store
