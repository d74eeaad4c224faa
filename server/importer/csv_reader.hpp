#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/importer/byte_source.hpp"

namespace upswing::importer {

/// Reads RFC 4180 CSV with a header line: quoted fields may hold commas, quotes ("") and line
/// breaks; lines end in CRLF or LF; a byte-order mark and empty lines are passed over.
///
/// Every error names the file, the line (counted from 1, as an editor counts) and the column.
class CsvReader {
 public:
  /// Reads the header. `name` is how errors call the file. kInvalidArgument if there is no header
  /// or a column name stands twice.
  static absl::StatusOr<CsvReader> Open(std::string name, std::unique_ptr<ByteSource> source);

  /// Column names in file order.
  const std::vector<std::string>& header() const { return header_; }

  /// The next row; one field per column. False at the end. The views live until the next call.
  /// kInvalidArgument if the row has another number of fields than the header or its quotes are
  /// wrong, kDataLoss if the data is damaged or ends early.
  absl::StatusOr<bool> Next(std::vector<std::string_view>* fields);

  /// Line on which the row returned last begins.
  std::int64_t line() const { return row_line_; }

  /// `status` with "<file>:<line>: column <name>: " before its message.
  absl::Status At(std::size_t column, const absl::Status& status) const;

 private:
  CsvReader(std::string name, std::unique_ptr<ByteSource> source);

  // Reads one record's fields into `row_` and `ends_`; false at the end of the data.
  absl::StatusOr<bool> ReadRecord();
  // The next byte, or -1 at the end.
  absl::StatusOr<int> Peek();

  std::string name_;
  std::unique_ptr<ByteSource> source_;
  std::vector<std::string> header_;
  std::string buffer_;
  std::size_t position_ = 0;
  std::size_t filled_ = 0;
  std::string row_;                // the record's fields, joined
  std::vector<std::size_t> ends_;  // where each field ends in `row_`
  std::int64_t line_ = 1;
  std::int64_t row_line_ = 0;
};

}  // namespace upswing::importer
