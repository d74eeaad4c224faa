#include "server/importer/csv_reader.hpp"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace upswing::importer {

CsvReader::CsvReader(std::string name, std::unique_ptr<ByteSource> source)
    : name_(std::move(name)), source_(std::move(source)), buffer_(256 * 1024, '\0') {}

absl::StatusOr<CsvReader> CsvReader::Open(std::string name, std::unique_ptr<ByteSource> source) {
  CsvReader reader(std::move(name), std::move(source));
  std::vector<std::string_view> fields;
  for (int mark : {0xef, 0xbb, 0xbf}) {
    const absl::StatusOr<int> next = reader.Peek();
    if (!next.ok()) return reader.At(0, next.status());
    if (*next != mark) break;
    ++reader.position_;
  }
  const absl::StatusOr<bool> more = reader.ReadRecord();
  if (!more.ok()) return more.status();
  if (!*more)
    return absl::InvalidArgumentError(
        absl::StrCat(reader.name_, ":1: the file has no header line"));
  absl::flat_hash_set<std::string> seen;
  std::size_t begin = 0;
  for (const std::size_t end : reader.ends_) {
    reader.header_.push_back(reader.row_.substr(begin, end - begin));
    begin = end;
    if (!seen.insert(reader.header_.back()).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          reader.name_, ":1: column \"", reader.header_.back(), "\" stands twice in the header"));
    }
  }
  return reader;
}

absl::Status CsvReader::At(std::size_t column, const absl::Status& status) const {
  const std::string shown = column < header_.size() ? absl::StrCat("\"", header_[column], "\"")
                                                    : absl::StrCat(column + 1);
  return absl::Status(status.code(), absl::StrCat(name_, ":", row_line_, ": column ", shown, ": ",
                                                  status.message()));
}

absl::StatusOr<int> CsvReader::Peek() {
  if (position_ == filled_) {
    const absl::StatusOr<std::size_t> size =
        source_->Read(absl::MakeSpan(buffer_.data(), buffer_.size()));
    if (!size.ok()) return size.status();
    filled_ = *size;
    position_ = 0;
    if (filled_ == 0) return -1;
  }
  return static_cast<unsigned char>(buffer_[position_]);
}

absl::StatusOr<bool> CsvReader::ReadRecord() {
  row_.clear();
  ends_.clear();
  row_line_ = line_;
  bool quoted = false;      // inside quotes
  bool was_quoted = false;  // the field began with a quote
  for (;;) {
    const absl::StatusOr<int> next = Peek();
    if (!next.ok()) return At(ends_.size(), next.status());
    const std::size_t field_begin = ends_.empty() ? 0 : ends_.back();
    if (*next < 0) {
      if (quoted)
        return At(ends_.size(),
                  absl::InvalidArgumentError("the quote that opens this field is never closed"));
      if (row_.empty() && ends_.empty() && !was_quoted) return false;
      ends_.push_back(row_.size());
      return true;
    }
    const char c = static_cast<char>(*next);
    ++position_;
    if (c == '\n') ++line_;
    if (quoted) {
      if (c != '"') {
        row_ += c;
        continue;
      }
      const absl::StatusOr<int> after = Peek();
      if (!after.ok()) return At(ends_.size(), after.status());
      if (*after == '"') {
        row_ += '"';
        ++position_;
      } else {
        quoted = false;
      }
    } else if (c == ',') {
      ends_.push_back(row_.size());
      was_quoted = false;
    } else if (c == '\n') {
      if (!was_quoted && row_.size() > field_begin && row_.back() == '\r') row_.pop_back();
      if (row_.empty() && ends_.empty() && !was_quoted) {  // An empty line.
        row_line_ = line_;
        continue;
      }
      ends_.push_back(row_.size());
      return true;
    } else if (was_quoted) {
      if (c != '\r')
        return At(ends_.size(), absl::InvalidArgumentError("text follows the closing quote"));
    } else if (c == '"' && row_.size() == field_begin) {
      quoted = was_quoted = true;
    } else {
      row_ += c;
    }
  }
}

absl::StatusOr<bool> CsvReader::Next(std::vector<std::string_view>* fields) {
  const absl::StatusOr<bool> more = ReadRecord();
  if (!more.ok() || !*more) return more;
  if (ends_.size() != header_.size()) {
    return At(std::min(ends_.size(), header_.size()) - 1,
              absl::InvalidArgumentError(absl::StrCat("the row has ", ends_.size(),
                                                      " fields, the header ", header_.size())));
  }
  fields->clear();
  std::size_t begin = 0;
  for (const std::size_t end : ends_) {
    fields->push_back(std::string_view(row_).substr(begin, end - begin));
    begin = end;
  }
  return true;
}

}  // namespace upswing::importer
