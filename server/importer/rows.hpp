#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/importer/csv_reader.hpp"
#include "server/importer/mapping.hpp"

namespace upswing::importer {

/// The instant of all rows of a mapping without `time`: 2000-01-01T00:00:00Z in milliseconds.
/// Fixed, so that importing a file twice makes the same records.
inline constexpr std::int64_t kTimelessMillis = 946'684'800'000;

/// What one row says. Views live until the next row.
struct Row {
  std::string unit_id;
  std::string_view variant;
  std::int64_t time_ms = kTimelessMillis;
  std::vector<std::string_view>
      attributes;               ///< In the order of `Mapping::attributes`; may be empty text.
  std::vector<double> metrics;  ///< In the order of `Mapping::metrics`; 0 where there is no event.
  std::vector<double> covariates;  ///< In the order of `Mapping::covariates`; 0 likewise.
};

/// Reads the rows of a CSV as a mapping says. Every error names file, line and column.
class RowReader {
 public:
  /// kInvalidArgument, naming the mapping's line and the nearest column, if a column is not in the
  /// CSV. `mapping` outlives this.
  static absl::StatusOr<RowReader> Open(const Mapping& mapping, CsvReader csv);

  /// The next row; false at the end. kInvalidArgument for a row whose cells cannot be used: the
  /// next call goes on with the row after it. kDataLoss or another code: the file cannot be read
  /// on.
  absl::StatusOr<bool> Next(Row* row);

  /// Line on which the last row began.
  std::int64_t line() const { return csv_.line(); }

 private:
  RowReader(const Mapping& mapping, CsvReader csv) : mapping_(&mapping), csv_(std::move(csv)) {}
  absl::StatusOr<std::size_t> Find(const ColumnRef& column) const;
  absl::StatusOr<double> Number(std::size_t column) const;
  absl::Status Read(Row* row);

  const Mapping* mapping_;
  CsvReader csv_;
  std::vector<std::string_view> fields_;
  std::int64_t rows_ = 0;
  std::size_t unit_ = 0;
  std::size_t variant_ = 0;
  std::size_t time_ = 0;
  std::string time_format_;
  std::vector<std::size_t> attributes_;
  std::vector<std::ptrdiff_t> metrics_;  // -1: no column
  std::vector<std::ptrdiff_t> covariates_;
};

}  // namespace upswing::importer
