// What `upswing import` reads: a mapping up to the first NUL, then the rows. Any text is read or
// refused with file and line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sdk/base/text.hpp"
#include "server/importer/byte_source.hpp"
#include "server/importer/csv_reader.hpp"
#include "server/importer/mapping.hpp"
#include "server/importer/rows.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswing;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = std::min(input.find('\0'), input.size());
  const auto mapping = importer::ParseMapping("map.json", input.substr(0, split));
  if (!mapping.ok()) {
    if (!base::FromAbsl(mapping.status().message()).starts_with("map.json")) std::abort();
    return 0;
  }
  auto csv = importer::CsvReader::Open(
      "rows.csv", importer::FromMemory(std::string(input.substr(std::min(split + 1, size)))));
  if (!csv.ok()) return 0;
  auto rows = importer::RowReader::Open(*mapping, *std::move(csv));
  if (!rows.ok()) return 0;
  importer::Row row;
  for (int bad = 0; bad < 100;) {
    const auto more = rows->Next(&row);
    if (!more.ok()) {
      ++bad;
      continue;
    }
    if (!*more) break;
  }
  return 0;
}
