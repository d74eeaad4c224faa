#include "server/importer/csv_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

namespace upswing::importer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Rows = std::vector<std::vector<std::string>>;

absl::StatusOr<Rows> ReadAll(std::string bytes) {
  auto reader = CsvReader::Open("data.csv", FromMemory(std::move(bytes)));
  if (!reader.ok()) return reader.status();
  Rows rows = {reader->header()};
  std::vector<std::string_view> fields;
  for (;;) {
    const absl::StatusOr<bool> more = reader->Next(&fields);
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    rows.emplace_back(fields.begin(), fields.end());
  }
}

std::string Gzip(const std::string& text) {
  std::string out(text.size() + 100, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

TEST(CsvReader, ReadsCommasQuotesAndLineBreaksInsideQuotes) {
  const auto rows = ReadAll("a,b\r\n\"1,2\",\"say \"\"hi\"\"\"\r\n\"two\r\nlines\",x\r\n");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_THAT(*rows, ElementsAre(ElementsAre("a", "b"), ElementsAre("1,2", "say \"hi\""),
                                 ElementsAre("two\r\nlines", "x")));
}

TEST(CsvReader, TakesAByteOrderMarkEmptyLinesEmptyFieldsAndNoLastLineBreak) {
  const auto rows = ReadAll(
      "\xef\xbb\xbf"
      "a,b\n\n1,\n\n\"\",4");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_THAT(*rows,
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1", ""), ElementsAre("", "4")));
}

TEST(CsvReader, ReadsGzipAndZstdByTheirFirstBytes) {
  std::string text = "n\n";
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + "\n";
  for (const std::string& bytes :
       {Gzip(text), Zstd(text), Gzip(text.substr(0, 1000)) + Gzip(text.substr(1000))}) {
    const auto rows = ReadAll(bytes);
    ASSERT_TRUE(rows.ok()) << rows.status();
    EXPECT_EQ(rows->size(), 100'001u);
    EXPECT_EQ(rows->back(), std::vector<std::string>{"99999"});
  }
}

TEST(CsvReader, NamesFileLineAndColumnWhereCompressedDataEndsEarly) {
  std::string text = "id,value\n";
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919 % 100'003) + ",1\n";
  for (const std::string& whole : {Gzip(text), Zstd(text)}) {
    const auto rows = ReadAll(whole.substr(0, whole.size() / 2));
    EXPECT_EQ(rows.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(rows.status().message()),
                ::testing::MatchesRegex(
                    "data.csv:[0-9]+: column \"(id|value)\": the (gzip|zstd) data ends early"));
  }
}

TEST(CsvReader, NamesTheLineAndColumnOfEachMistake) {
  const auto message = [](std::string text) {
    return std::string(ReadAll(std::move(text)).status().message());
  };
  EXPECT_THAT(message(""), HasSubstr("data.csv:1: the file has no header line"));
  EXPECT_THAT(message("a,a\n"), HasSubstr("data.csv:1: column \"a\" stands twice"));
  EXPECT_THAT(message("a,b\n1,2\n1,2,3\n"),
              HasSubstr("data.csv:3: column \"b\": the row has 3 fields, the header 2"));
  EXPECT_THAT(message("a,b\n\"x\ny\",2\n1\n"),
              HasSubstr("data.csv:4: column \"a\": the row has 1 fields"));
  EXPECT_THAT(
      message("a,b\n1,\"x\n"),
      HasSubstr("data.csv:2: column \"b\": the quote that opens this field is never closed"));
  EXPECT_THAT(message("a,b\n\"x\"y,2\n"),
              HasSubstr("data.csv:2: column \"a\": text follows the closing quote"));
}

TEST(OpenFile, NamesAFileThatIsNotThere) {
  const auto source = OpenFile("/nowhere/data.csv");
  EXPECT_EQ(source.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(source.status().message()), HasSubstr("/nowhere/data.csv: No such file"));
}

}  // namespace
}  // namespace upswing::importer
