#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/record_source.hpp"
#include "server/store/records.hpp"

namespace upswing::store {

/// Columns of a chunk. The numbers are part of the format.
enum class ColumnId : std::uint8_t {
  kUnit = 1,         ///< Dense number of the unit; never falls.
  kTime = 2,         ///< Milliseconds since 1970.
  kValue = 3,        ///< Events.
  kVariant = 4,      ///< Exposures; number in the chunk's strings.
  kIteration = 5,    ///< Exposures.
  kPhase = 6,        ///< Exposures.
  kReason = 7,       ///< Exposures.
  kCatalog = 8,      ///< Exposures.
  kEventId = 9,      ///< Events; absent if all are 0.
  kRefId = 10,       ///< Events; absent if all are 0.
  kProperty = 11,    ///< One per (name, type): see `Property`.
  kOrder = 12,       ///< `Records` says what it is.
  kCompanion = 13,   ///< Row of the companion table; absent if no record has another unit.
  kCompanions = 14,  ///< The companion table: the other units of the records' subjects.
  kStrings = 15,     ///< The chunk's strings, by number; 0 is the empty string.
};

/// One record's place on its way into a chunk.
struct ChunkRow {
  std::uint32_t unit = 0;  ///< Dense number.
  std::uint32_t row = 0;   ///< Row of the lane in the `Records` it comes from.
};

/// Sorts by (unit, time, order, content): the order in which a chunk holds its records. Rows that
/// still tie are equal in every column that an analysis reads.
void SortRows(const Records& records, Lane lane, std::vector<ChunkRow>* rows);

/// The bytes of one chunk with the given rows, which must be sorted and not empty.
///
///     chunk  = version:u8(1) rows:varint columns:varint entry* headsum:u32 payload*
///     entry  = id:u8 [name-length:varint name type:u8 only for properties]
///              size:varint checksum:u32
///
/// Checksums are the low 32 bits of XXH3-64 of the payload, `headsum` that of all bytes before it.
/// `unit_type` is the pool number of the type whose numbers the rows carry: it is left out of the
/// companions.
std::string EncodeChunk(const Records& records, Lane lane, std::uint32_t unit_type,
                        const std::vector<ChunkRow>& rows);

/// A chunk's columns, decoded one by one. `bytes` must outlive it.
class ChunkReader {
 public:
  /// kDataLoss if the head is damaged; kUnimplemented for a newer version.
  static absl::StatusOr<ChunkReader> Open(std::string_view bytes);

  std::size_t rows() const { return rows_; }
  bool Has(ColumnId id) const { return Find(id) != nullptr; }

  /// Each replaces `out`. kDataLoss, naming the column, if it fails its checksum or does not
  /// decode. An absent column reads as zeros.
  absl::Status Read(ColumnId id, std::vector<std::uint32_t>* out) const;
  absl::Status Read(ColumnId id, std::vector<std::int64_t>* out) const;
  absl::Status Read(ColumnId id, std::vector<std::uint64_t>* out) const;
  absl::Status Read(ColumnId id, std::vector<std::uint8_t>* out) const;
  absl::Status ReadValues(std::vector<double>* out) const;
  absl::Status ReadStrings(std::vector<std::string_view>* out, std::string* buffer) const;

  /// A property that some rows have.
  struct Property {
    std::string_view name;
    PropertyType type;
    std::size_t entry;
  };
  std::vector<Property> Properties() const;
  /// Rows that have the property, ascending, and their values (as in `store::Properties`, strings
  /// as numbers in the chunk's strings).
  absl::Status ReadProperty(const Property& property, std::vector<std::uint32_t>* rows,
                            std::vector<std::uint64_t>* bits) const;

  /// Companion table: row r names the units [first[r], first[r + 1]); types are string numbers.
  absl::Status ReadCompanions(std::vector<std::uint32_t>* first, std::vector<std::uint32_t>* type,
                              std::vector<std::uint64_t>* key) const;

  /// Reads every column and throws it away.
  absl::Status Verify() const;

 private:
  struct Entry {
    ColumnId id;
    std::string_view name;
    PropertyType type;
    std::uint32_t checksum;
    std::string_view payload;
  };
  const Entry* Find(ColumnId id) const;
  absl::Status Checked(const Entry& entry) const;
  template <typename T>
  absl::Status ReadColumn(ColumnId id, std::vector<T>* out) const;

  std::size_t rows_ = 0;
  std::vector<Entry> entries_;
};

/// Appends a chunk's records to `records` (for merging and export); `units` gets their unit
/// numbers. Their subjects are the companions alone: the unit itself is `units`.
absl::Status AppendChunk(std::string_view bytes, Lane lane, std::string_view name, Records* records,
                         std::vector<std::uint32_t>* units);

}  // namespace upswing::store
