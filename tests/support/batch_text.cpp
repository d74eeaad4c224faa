#include "tests/support/batch_text.hpp"

#include <bit>
#include <cstdio>
#include <sstream>

namespace upswing::testing {
namespace {

class Writer {
 public:
  explicit Writer(const wire::Batch& batch) : batch_(batch) {}

  std::string Write() {
    const wire::BatchHeader& header = batch_.header;
    out_ << "id " << wire::FormatBatchId(header.id) << "\n";
    for (const std::uint64_t ancestor : header.ancestors) out_ << "ancestor " << ancestor << "\n";
    out_ << "sdk " << header.sdk_name << " " << header.sdk_version << "\ncatalog "
         << header.catalog_version << "\nclocks " << header.wall_ms << " " << header.boot_ms << " "
         << header.boot_id << "\n";
    const wire::ExposureColumns& e = batch_.exposures;
    for (std::size_t i = 0; i < e.size(); ++i) {
      out_ << "exposure";
      Subject(e.subject[i]);
      out_ << " " << Text(e.experiment[i]) << " " << Text(e.variant[i]) << " iteration "
           << e.iteration[i] << " phase " << e.phase[i] << " reason " << int{e.reason[i]}
           << " catalog " << e.catalog_version[i];
      Time(e.time_ms[i], e.time_kind[i]);
      Properties(e.attributes, i);
    }
    const wire::EventColumns& v = batch_.events;
    for (std::size_t i = 0; i < v.size(); ++i) {
      out_ << "event";
      Subject(v.subject[i]);
      out_ << " " << Text(v.name[i]) << " " << Double(v.value[i]);
      Time(v.time_ms[i], v.time_kind[i]);
      if (v.event_id[i] != 0) out_ << " id " << v.event_id[i];
      if (v.ref_id[i] != 0) out_ << " ref " << v.ref_id[i];
      Properties(v.properties, i);
    }
    for (const wire::DecisionCounter& row : batch_.decisions) {
      out_ << "decisions " << Text(row.experiment) << " " << Text(row.variant) << " "
           << row.evaluated << " " << row.exposed << " " << row.queued << "\n";
    }
    for (const wire::DroppedExposures& row : batch_.dropped_exposures) {
      out_ << "dropped exposures " << Text(row.experiment) << " " << Text(row.variant) << " "
           << int{row.reason} << " " << row.count << "\n";
    }
    for (const wire::DroppedEvents& row : batch_.dropped_events) {
      out_ << "dropped events " << Text(row.name) << " " << int{row.reason} << " " << row.count
           << "\n";
    }
    for (const wire::Problem& problem : batch_.problems) {
      out_ << "problem " << problem.record << " " << wire::ProblemName(problem.kind) << "\n";
    }
    return out_.str();
  }

 private:
  std::string_view Text(std::uint64_t index) const { return batch_.strings[index]; }

  /// Bit-exact and the same everywhere.
  static std::string Double(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%a", value);
    return text;
  }
  void Subject(std::uint32_t row) {
    for (std::uint32_t i = batch_.subjects.first[row]; i < batch_.subjects.first[row + 1]; ++i) {
      out_ << " " << Text(batch_.subjects.unit_type[i]) << "=" << Text(batch_.subjects.unit_id[i]);
    }
  }
  void Time(std::int64_t millis, wire::TimeKind kind) {
    out_ << (kind == wire::TimeKind::kBoot ? " boot " : " wall ") << millis;
  }
  void Properties(const wire::PropertyColumns& columns, std::size_t record) {
    for (std::uint32_t i = columns.first[record]; i < columns.first[record + 1]; ++i) {
      out_ << " " << Text(columns.name[i]) << ":";
      switch (columns.type[i]) {
        case wire::ValueType::kString:
          out_ << "string=" << Text(columns.bits[i]);
          break;
        case wire::ValueType::kInt64:
          out_ << "int64=" << static_cast<std::int64_t>(columns.bits[i]);
          break;
        case wire::ValueType::kDouble:
          out_ << "double=" << Double(std::bit_cast<double>(columns.bits[i]));
          break;
        case wire::ValueType::kBool:
          out_ << "bool=" << columns.bits[i];
          break;
      }
    }
    out_ << "\n";
  }

  const wire::Batch& batch_;
  std::ostringstream out_;
};

}  // namespace

std::string BatchText(const wire::Batch& batch) { return Writer(batch).Write(); }

}  // namespace upswing::testing
