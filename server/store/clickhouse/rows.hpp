#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/store/record_source.hpp"
#include "server/store/records.hpp"

namespace upswing::store {

/// Columns of `records_local` in the order in which `AppendRows` writes them.
std::string_view WrittenColumns();

/// Appends the records of a batch in RowBinary, one row for each unit of a record's subject, but
/// for subjects that `left_out` names (by row of `Records::subjects`, with the record's time).
/// Returns the number of records written.
std::size_t AppendRows(const Records& records, std::uint64_t attempt, std::uint32_t batch,
                       const std::function<bool(std::uint32_t, std::int64_t)>& left_out,
                       std::string* body);

struct ChunkRows {
  std::size_t rows = 0;
  std::size_t records = 0;  ///< A record with several units counts with the first of them.
};
/// Likewise the rows of a chunk, as `AppendChunk` gave them: `units` are their numbers in `keys`.
ChunkRows AppendChunkRows(const Records& records, Lane lane, std::string_view name,
                          std::string_view unit_type, const std::vector<std::uint32_t>& units,
                          const std::vector<std::uint64_t>& keys, std::uint64_t attempt,
                          std::uint32_t batch, std::string* body);

/// Columns that `RowReader` takes, in order.
std::string_view ReadColumns();

/// Reads rows of `ReadColumns` in RowBinary as they come in, in pieces of any size.
class RowReader {
 public:
  /// Takes the next piece; whole rows are appended to `records`, and their units to `keys`. False
  /// if the bytes are no such rows.
  bool Add(std::string_view piece, Lane lane, std::string_view unit_type, std::string_view name,
           Records* records, std::vector<std::uint64_t>* keys);
  /// True if no part of a row is left.
  bool AtEnd() const { return rest_.empty(); }
  void Clear() { rest_.clear(); }

 private:
  std::string rest_;
};

}  // namespace upswing::store
