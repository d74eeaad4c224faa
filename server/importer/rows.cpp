#include "server/importer/rows.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "sdk/base/text.hpp"
#include "server/json/suggest.hpp"

namespace upswing::importer {

absl::StatusOr<RowReader> RowReader::Open(const Mapping& mapping, CsvReader csv) {
  RowReader reader(mapping, std::move(csv));
  const auto bind = [&](const ColumnRef& column, std::size_t* index) {
    const absl::StatusOr<std::size_t> found = reader.Find(column);
    if (found.ok()) *index = *found;
    return found.status();
  };
  absl::Status status = bind(mapping.variant, &reader.variant_);
  if (status.ok() && mapping.unit) status = bind(*mapping.unit, &reader.unit_);
  if (status.ok() && mapping.time) {
    status = bind(*mapping.time, &reader.time_);
    // absl writes "seconds with any fraction" as %E*S and "+00:00" as %Ez.
    reader.time_format_ = absl::StrReplaceAll(mapping.time_format, {{"%S", "%E*S"}, {"%z", "%Ez"}});
  }
  for (const Mapping::Attribute& attribute : mapping.attributes) {
    reader.attributes_.push_back(0);
    if (status.ok()) status = bind(attribute.column, &reader.attributes_.back());
  }
  for (const Mapping::Metric& metric : mapping.metrics) {
    std::size_t index = 0;
    if (status.ok() && metric.column) status = bind(*metric.column, &index);
    reader.metrics_.push_back(metric.column ? static_cast<std::ptrdiff_t>(index) : -1);
  }
  for (const Mapping::Covariate& covariate : mapping.covariates) {
    std::size_t index = 0;
    if (status.ok()) status = bind(covariate.column, &index);
    reader.covariates_.push_back(static_cast<std::ptrdiff_t>(index));
  }
  if (!status.ok()) return status;
  return reader;
}

absl::StatusOr<std::size_t> RowReader::Find(const ColumnRef& column) const {
  const std::vector<std::string>& header = csv_.header();
  const auto found = std::find(header.begin(), header.end(), column.name);
  if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  const std::vector<std::string_view> names(header.begin(), header.end());
  const std::string fix = json::DidYouMean(column.name, names);
  return mapping_->ErrorAt(column,
                           absl::StrCat("the data has no column \"", column.name, "\"; ",
                                        fix.empty() ? "its header is on the first line" : fix));
}

absl::StatusOr<double> RowReader::Number(std::size_t column) const {
  const absl::string_view cell = absl::StripAsciiWhitespace(base::ToAbsl(fields_[column]));
  if (cell.empty()) return 0.0;
  double value = 0;
  // SimpleAtod also reads "nan" and "inf", which are no measurements.
  if (absl::SimpleAtod(cell, &value) && std::isfinite(value)) return value;
  if (absl::EqualsIgnoreCase(cell, "true") || absl::EqualsIgnoreCase(cell, "yes")) return 1.0;
  if (absl::EqualsIgnoreCase(cell, "false") || absl::EqualsIgnoreCase(cell, "no")) return 0.0;
  return csv_.At(column,
                 absl::InvalidArgumentError(absl::StrCat(
                     "\"", cell.substr(0, 100), "\" is not a number, true, false, yes or no")));
}

absl::Status RowReader::Read(Row* row) {
  if (mapping_->unit) {
    if (fields_[unit_].empty())
      return csv_.At(unit_, absl::InvalidArgumentError("the unit's id is empty"));
    row->unit_id = fields_[unit_];
  } else {
    row->unit_id = absl::StrCat(mapping_->experiment, ":", rows_);
  }
  row->variant = fields_[variant_];
  const auto& weights = mapping_->weights;
  const bool known = weights.empty() ? !row->variant.empty()
                                     : std::any_of(weights.begin(), weights.end(),
                                                   [&](const Mapping::Weight& weight) {
                                                     return weight.variant == row->variant;
                                                   });
  if (!known) {
    return csv_.At(variant_, absl::InvalidArgumentError(
                                 absl::StrCat("\"", base::ToAbsl(row->variant.substr(0, 100)),
                                              "\" is not a variant of the mapping's weights")));
  }
  row->time_ms = kTimelessMillis;
  if (mapping_->time) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(time_format_, base::ToAbsl(fields_[time_]), &time, &error)) {
      return csv_.At(time_, absl::InvalidArgumentError(absl::StrCat(
                                "\"", base::ToAbsl(fields_[time_].substr(0, 100)),
                                "\" is not a time of the form ", mapping_->time_format)));
    }
    row->time_ms = absl::ToUnixMillis(time);
  }
  row->attributes.clear();
  for (const std::size_t column : attributes_) row->attributes.push_back(fields_[column]);
  const auto numbers = [this](const std::vector<std::ptrdiff_t>& columns,
                              std::vector<double>* values) {
    values->clear();
    for (const std::ptrdiff_t column : columns) {
      const absl::StatusOr<double> value =
          column < 0 ? 0.0 : Number(static_cast<std::size_t>(column));
      if (!value.ok()) return value.status();
      values->push_back(*value);
    }
    return absl::OkStatus();
  };
  if (absl::Status status = numbers(metrics_, &row->metrics); !status.ok()) return status;
  return numbers(covariates_, &row->covariates);
}

absl::StatusOr<bool> RowReader::Next(Row* row) {
  const absl::StatusOr<bool> more = csv_.Next(&fields_);
  if (!more.ok() || !*more) return more;
  ++rows_;
  if (absl::Status status = Read(row); !status.ok()) return status;
  return true;
}

}  // namespace upswing::importer
