#include "server/store/export.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sdk/base/text.hpp"
#include "server/store/chunk.hpp"

namespace upswing::store {
namespace {

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<int>(c));
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  return out + "\"";
}

std::string Number(double value) { return absl::StrFormat("%.17g", value); }

std::string PropertiesJson(const Records& records, const Properties& properties, std::size_t row) {
  std::string out = "{";
  for (std::uint32_t p = properties.first[row]; p < properties.first[row + 1]; ++p) {
    absl::StrAppend(&out, out.size() > 1 ? "," : "",
                    JsonString(records.strings[properties.name[p]]), ":");
    const std::uint64_t bits = properties.bits[p];
    switch (properties.type[p]) {
      case PropertyType::kString:
        out += JsonString(records.strings[static_cast<std::uint32_t>(bits)]);
        break;
      case PropertyType::kInt64:
        absl::StrAppend(&out, static_cast<std::int64_t>(bits));
        break;
      case PropertyType::kDouble:
        out += Number(std::bit_cast<double>(bits));
        break;
      case PropertyType::kBool:
        out += bits != 0 ? "true" : "false";
        break;
    }
  }
  return out + "}";
}

struct Field {
  const char* name;
  std::string text;
  bool is_text;  // quoted in JSON
};

}  // namespace

absl::Status Export(const RecordSource& source, ExportFormat format,
                    const std::function<void(std::string_view)>& write, const ExportedUnit* only) {
  if (format == ExportFormat::kCsv)
    write(
        "lane,time_ms,units,name,variant,value,iteration,phase,reason,event_id,ref_id,"
        "properties\n");
  for (const ChunkGroup& group : source.Groups()) {
    if (only != nullptr &&
        (group.unit_type != only->type || group.shard != source.ShardOf(only->key)))
      continue;
    const absl::StatusOr<std::vector<std::uint64_t>> keys =
        source.Keys(group.unit_type, group.shard);
    if (!keys.ok()) return keys.status();
    std::uint32_t wanted = 0;
    if (only != nullptr) {
      const auto found = std::find(keys->begin(), keys->end(), only->key);
      if (found == keys->end()) continue;
      wanted = static_cast<std::uint32_t>(found - keys->begin());
    }
    for (const ChunkRef& chunk :
         source.Chunks(group.unit_type, group.shard, group.lane, group.name)) {
      if (only != nullptr && (wanted < chunk.min_unit || chunk.max_unit < wanted)) continue;
      const absl::StatusOr<std::string> bytes = source.Read(chunk);
      if (!bytes.ok()) return bytes.status();
      Records records;
      std::vector<std::uint32_t> units;
      absl::Status status = AppendChunk(*bytes, group.lane, group.name, &records, &units);
      if (!status.ok()) return status;
      const bool is_event = group.lane == Lane::kEvents;
      std::string lines;
      for (std::size_t row = 0; row < units.size(); ++row) {
        if (only != nullptr && units[row] != wanted) continue;
        const std::uint32_t subject =
            is_event ? records.events.subject[row] : records.exposures.subject[row];
        std::string names =
            absl::StrCat(group.unit_type, "=", absl::Hex((*keys)[units[row]], absl::kZeroPad16));
        bool first_copy = true;  // a record has a copy per unit: the first type's is written
        for (std::uint32_t p = records.subjects.first[subject];
             p < records.subjects.first[subject + 1]; ++p) {
          const std::string_view type = records.strings[records.subjects.unit_type[p]];
          first_copy &= group.unit_type < type;
          absl::StrAppend(&names, " ", base::ToAbsl(type), "=",
                          absl::Hex(records.subjects.key[p], absl::kZeroPad16));
        }
        if (only == nullptr && !first_copy) continue;
        const auto& x = records.exposures;
        const auto& e = records.events;
        const Field fields[] = {
            {"lane", is_event ? "event" : "exposure", true},
            {"time_ms", absl::StrCat(is_event ? e.time_ms[row] : x.time_ms[row]), false},
            {"units", names, true},
            {"name", group.name, true},
            {"variant", is_event ? "" : std::string(records.strings[x.variant[row]]), true},
            {"value", is_event ? Number(e.value[row]) : "", false},
            {"iteration", is_event ? "" : absl::StrCat(x.iteration[row]), false},
            {"phase", is_event ? "" : absl::StrCat(x.phase[row]), false},
            {"reason", is_event ? "" : absl::StrCat(static_cast<int>(x.reason[row])), false},
            {"event_id", is_event ? absl::StrCat(e.event_id[row]) : "", true},
            {"ref_id", is_event ? absl::StrCat(e.ref_id[row]) : "", true},
            {"properties", PropertiesJson(records, is_event ? e.properties : x.attributes, row),
             false},
        };
        if (format == ExportFormat::kCsv) {
          for (const Field& field : fields)
            absl::StrAppend(&lines, &field == fields ? "" : ",", CsvField(field.text));
        } else {
          lines += "{";
          const char* comma = "";
          for (const Field& field : fields) {
            if (field.text.empty()) continue;  // the other lane's
            absl::StrAppend(&lines, comma, "\"", field.name,
                            "\":", field.is_text ? JsonString(field.text) : field.text);
            comma = ",";
          }
          lines += "}";
        }
        lines += "\n";
      }
      write(lines);
    }
  }
  return absl::OkStatus();
}

}  // namespace upswing::store
