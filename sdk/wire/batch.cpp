#include "sdk/wire/batch.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sdk/schema/batch_generated.h"
#include "sdk/wire/column.hpp"
#include "sdk/wire/compress.hpp"
#include "sdk/wire/format.hpp"
#include "sdk/wire/string_form.hpp"
#include "sdk/wire/utf8.hpp"

namespace upswing::wire {
namespace {

/// Beyond this a time is nonsense, and sums with it could overflow: 2^53 ms is the year 287,396.
constexpr std::int64_t kMaxMillis = std::int64_t{1} << 53;

/// 0 = sound; else a `ProblemKind` + 1. Bytes, so that a column of them is cheap.
using Flaw = std::uint8_t;
constexpr Flaw FlawOf(ProblemKind kind) { return static_cast<Flaw>(static_cast<int>(kind) + 1); }

absl::Status Damaged(std::string_view section) {
  return absl::InvalidArgumentError(
      absl::StrCat("batch: damaged section ", absl::string_view(section.data(), section.size())));
}

absl::Status Exceeds(std::string_view name, std::uint64_t value, std::uint64_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat("batch: ", absl::string_view(name.data(), name.size()), " ", value,
                   " exceeds the limit of ", limit));
}

struct Shapes {
  /// Column w of shape s is `fixed[w][s]`, as a string index or number.
  std::vector<std::uint64_t> fixed[kExposureShapeWords];
  std::vector<std::uint32_t> first;  ///< Slots of shape s: [first[s], first[s + 1]).
  std::vector<std::uint32_t> name;
  std::vector<ValueType> type;
  std::vector<Flaw> flaw;
};

}  // namespace

std::string_view ProblemName(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::kSubjectOutOfRange:
      return "subject_out_of_range";
    case ProblemKind::kStringOutOfRange:
      return "string_out_of_range";
    case ProblemKind::kEmptyName:
      return "empty_name";
    case ProblemKind::kInvalidUtf8:
      return "invalid_utf8";
    case ProblemKind::kStringTooLong:
      return "string_too_long";
    case ProblemKind::kValueNotFinite:
      return "value_not_finite";
    case ProblemKind::kNoUnit:
      return "no_unit";
    case ProblemKind::kTimeOutOfRange:
      return "time_out_of_range";
  }
  return "unknown";
}

struct Decoder::Scratch {
  Decompressor decompressor;
  std::vector<StringForm> form;
  std::vector<Flaw> string_flaw;
  std::vector<Flaw> subject_flaw;
  std::vector<Flaw> record_flaw;
  std::vector<std::uint32_t> shape_of_record;
  std::vector<std::uint32_t> order;  ///< Records sorted by shape.
  std::vector<std::uint32_t>
      order_first;  ///< Records of shape s: [order_first[s], order_first[s + 1]).
  Shapes shapes;

  absl::Status ReadHeader(const schema::Batch& table, Batch* batch) const;
  absl::Status ReadStrings(Reader* reader, std::uint16_t format_version, const Limits& limits,
                           Batch* batch);
  absl::Status ReadSubjects(Reader* reader, const Limits& limits, Batch* batch);
  absl::Status ReadShapes(Reader* reader, std::size_t count, std::size_t fixed_words,
                          std::size_t string_words, const Limits& limits);
  absl::Status ReadRecords(Reader* reader, std::size_t count, std::size_t base, const Batch& batch,
                           const Limits& limits, std::vector<std::uint32_t>* subject,
                           std::vector<std::int64_t>* time_ms, std::vector<TimeKind>* time_kind,
                           PropertyColumns* properties);
  void ReadProperties(Reader* reader, std::size_t base, std::size_t shape,
                      PropertyColumns* properties);
  absl::Status ReadExposures(Reader* reader, const Limits& limits, Batch* batch);
  absl::Status ReadEvents(Reader* reader, const Limits& limits, Batch* batch);
  absl::Status ReadCounters(Reader* reader, const Limits& limits, Batch* batch) const;

  Flaw StringFlaw(std::uint64_t index) const {
    return index < string_flaw.size() ? string_flaw[static_cast<std::size_t>(index)]
                                      : FlawOf(ProblemKind::kStringOutOfRange);
  }
  Flaw NameFlaw(std::uint64_t index) const {
    return index == 0 ? FlawOf(ProblemKind::kEmptyName) : StringFlaw(index);
  }
  void Mark(std::size_t record, Flaw flaw) {
    if (record_flaw[record] == 0) record_flaw[record] = flaw;
  }
};

Decoder::Decoder() : scratch_(new Scratch) {}
Decoder::~Decoder() { delete scratch_; }

absl::Status Decoder::Scratch::ReadHeader(const schema::Batch& table, Batch* batch) const {
  if (table.format_version() > kFormatVersion) {
    return absl::UnimplementedError(absl::StrCat("batch: format_version ", table.format_version(),
                                                 " is newer than this reader's ", kFormatVersion));
  }
  BatchHeader& header = batch->header;
  header.id = {table.epoch_hi(), table.epoch_lo(), table.sequence()};
  if (header.id.sequence == 0)
    return absl::InvalidArgumentError("batch: sequence must be at least 1");
  header.ancestors.clear();
  if (table.ancestors() != nullptr) {
    if (table.ancestors()->size() > kMaxAncestors) {
      return Exceeds("ancestors", table.ancestors()->size(), kMaxAncestors);
    }
    // Byte by byte: the verifier does not check that the elements of a vector are aligned.
    const std::size_t count = table.ancestors()->size();
    Reader sequences(table.ancestors()->Data(), count * sizeof(std::uint64_t));
    for (std::size_t i = 0; i < count; ++i) header.ancestors.push_back(sequences.Fixed64());
  }
  const auto text = [](const flatbuffers::String* value, std::string* out) {
    if (value != nullptr)
      out->assign(value->c_str(), value->size());
    else
      out->clear();
    return out->size() <= 64 && IsValidUtf8(*out);
  };
  if (!text(table.sdk_name(), &header.sdk_name)) return Damaged("sdk_name");
  if (!text(table.sdk_version(), &header.sdk_version)) return Damaged("sdk_version");
  header.catalog_version = table.catalog_version();
  header.boot_id = table.boot_id();
  header.wall_ms = table.wall_ms();
  header.boot_ms = table.boot_ms();
  return absl::OkStatus();
}

absl::Status Decoder::Scratch::ReadStrings(Reader* reader, std::uint16_t format_version,
                                           const Limits& limits, Batch* batch) {
  batch->strings.assign(1, std::string_view());
  string_flaw.assign(1, 0);
  const std::uint64_t announced = reader->Varint();
  if (announced >= limits.strings) return Exceeds("strings", announced, limits.strings);
  const auto count = static_cast<std::size_t>(announced);
  batch->strings.resize(count + 1);
  string_flaw.assign(count + 1, 0);
  form.resize(count);
  std::uint64_t stored = 0;
  std::uint64_t expanded = 0;
  bool unknown = false;
  ReadColumn<std::uint64_t>(reader, count, [&](std::size_t i, std::uint64_t code) {
    form[i] = FormOfCode(code, format_version);
    unknown = unknown || (form[i].kind == StringKind::kKnown && form[i].n >= KnownStringCount());
    // Sums of at most `limits.strings` numbers below 2^40 do not overflow.
    stored += std::min<std::uint64_t>(form[i].stored_bytes(), std::uint64_t{1} << 40);
    expanded += std::min<std::uint64_t>(form[i].max_text_bytes(), std::uint64_t{1} << 40);
  });
  if (unknown) return absl::UnimplementedError("batch: a known string of a later version");
  if (!reader->ok() || stored > reader->remaining()) return Damaged("strings");
  // Where addresses have 32 bits, the text may not fit into them.
  if (expanded > std::numeric_limits<std::ptrdiff_t>::max()) return Damaged("strings");
  batch->text.resize(static_cast<std::size_t>(expanded));
  char* text = batch->text.data();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* bytes = reader->Bytes(static_cast<std::size_t>(form[i].stored_bytes()));
    std::string_view& view = batch->strings[i + 1];
    if (form[i].kind == StringKind::kKnown) {
      view = KnownString(form[i].n);
    } else if (form[i].kind == StringKind::kText) {
      view = {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(form[i].n)};
    } else {
      view = {text, ExpandForm(form[i], bytes, text)};
      text += view.size();
    }
    const bool any_bytes = form[i].kind == StringKind::kText || form[i].kind == StringKind::kNumber;
    if (any_bytes && !IsValidUtf8(view)) string_flaw[i + 1] = FlawOf(ProblemKind::kInvalidUtf8);
    if (view.size() > limits.string_bytes) {
      string_flaw[i + 1] = FlawOf(ProblemKind::kStringTooLong);
    }
  }
  return absl::OkStatus();
}

absl::Status Decoder::Scratch::ReadSubjects(Reader* reader, const Limits& limits, Batch* batch) {
  SubjectColumns& subjects = batch->subjects;
  subjects.first.assign(1, 0);
  subjects.unit_type.clear();
  subjects.unit_id.clear();
  subject_flaw.clear();
  const std::uint64_t announced = reader->Varint();
  if (announced > limits.records) return Exceeds("subjects", announced, limits.records);
  const auto count = static_cast<std::size_t>(announced);
  bool too_many = false;
  ReadColumn<std::uint32_t>(reader, count, [&](std::size_t, std::uint32_t units) {
    too_many = too_many || units > kMaxUnitsPerSubject;
    subjects.first.push_back(subjects.first.back() + std::min(units, kMaxUnitsPerSubject));
  });
  if (!reader->ok() || too_many || subjects.size() != count) return Damaged("subjects");
  const std::size_t pairs = subjects.first.back();
  std::vector<std::uint32_t>* const columns[] = {&subjects.unit_type, &subjects.unit_id};
  for (std::vector<std::uint32_t>* column : columns) {
    column->resize(pairs);
    ReadColumn<std::uint32_t>(reader, pairs,
                              [&](std::size_t i, std::uint32_t index) { (*column)[i] = index; });
  }
  if (!reader->ok()) return Damaged("subjects");
  subject_flaw.assign(count, 0);
  for (std::size_t row = 0; row < count; ++row) {
    Flaw flaw =
        subjects.first[row] == subjects.first[row + 1] ? FlawOf(ProblemKind::kNoUnit) : Flaw{0};
    for (std::size_t i = subjects.first[row]; i < subjects.first[row + 1]; ++i) {
      for (std::vector<std::uint32_t>* column : columns) {
        if (flaw == 0) flaw = NameFlaw((*column)[i]);
        if ((*column)[i] >= batch->strings.size()) (*column)[i] = 0;
      }
    }
    subject_flaw[row] = flaw;
  }
  return absl::OkStatus();
}

absl::Status Decoder::Scratch::ReadShapes(Reader* reader, std::size_t count,
                                          std::size_t fixed_words, std::size_t string_words,
                                          const Limits& limits) {
  const std::uint64_t announced = reader->Varint();
  if (announced == 0 || announced > count) return Damaged("shapes");
  const auto size = static_cast<std::size_t>(announced);
  shapes.flaw.assign(size, 0);
  for (std::size_t w = 0; w < fixed_words; ++w) {
    shapes.fixed[w].assign(size, 0);
    ReadColumn<std::uint64_t>(reader, size, [&](std::size_t s, std::uint64_t value) {
      const Flaw flaw = w < string_words ? NameFlaw(value) : Flaw{0};
      if (flaw == FlawOf(ProblemKind::kStringOutOfRange)) value = 0;
      if (shapes.flaw[s] == 0) shapes.flaw[s] = flaw;
      shapes.fixed[w][s] = value;
    });
  }
  shapes.first.assign(1, 0);
  std::uint64_t slots = 0;
  ReadColumn<std::uint32_t>(reader, size, [&](std::size_t, std::uint32_t properties) {
    slots = std::max<std::uint64_t>(slots, properties);
    shapes.first.push_back(shapes.first.back() +
                           std::min(properties, limits.properties_per_record));
  });
  if (slots > limits.properties_per_record) {
    return Exceeds("properties_per_record", slots, limits.properties_per_record);
  }
  if (!reader->ok() || shapes.first.size() != size + 1) return Damaged("shapes");
  if (shapes.first.back() > limits.properties) {
    return Exceeds("properties", shapes.first.back(), limits.properties);
  }
  shapes.name.assign(shapes.first.back(), 0);
  ReadColumn<std::uint32_t>(reader, shapes.name.size(),
                            [&](std::size_t i, std::uint32_t index) { shapes.name[i] = index; });
  shapes.type.assign(shapes.first.back(), ValueType::kString);
  bool unknown_type = false;
  ReadColumn<std::uint8_t>(reader, shapes.type.size(), [&](std::size_t i, std::uint8_t type) {
    unknown_type = unknown_type || type > static_cast<std::uint8_t>(ValueType::kBool);
    shapes.type[i] = static_cast<ValueType>(type);
  });
  if (!reader->ok() || unknown_type) return Damaged("shapes");
  for (std::size_t s = 0; s < size; ++s) {
    for (std::size_t i = shapes.first[s]; i < shapes.first[s + 1]; ++i) {
      const Flaw flaw = NameFlaw(shapes.name[i]);
      if (shapes.flaw[s] == 0) shapes.flaw[s] = flaw;
      if (flaw == FlawOf(ProblemKind::kStringOutOfRange)) shapes.name[i] = 0;
    }
  }
  return absl::OkStatus();
}

absl::Status Decoder::Scratch::ReadRecords(Reader* reader, std::size_t count, std::size_t base,
                                           const Batch& batch, const Limits& limits,
                                           std::vector<std::uint32_t>* subject,
                                           std::vector<std::int64_t>* time_ms,
                                           std::vector<TimeKind>* time_kind,
                                           PropertyColumns* properties) {
  const std::size_t shape_count = shapes.flaw.size();
  shape_of_record.resize(count);
  bool shape_out_of_range = false;
  order_first.assign(shape_count + 1, 0);
  ReadColumn<std::uint32_t>(reader, count, [&](std::size_t i, std::uint32_t shape) {
    if (shape >= shape_count) {
      shape_out_of_range = true;
      shape = 0;
    }
    shape_of_record[i] = shape;
    ++order_first[shape + 1];
  });
  if (!reader->ok() || shape_out_of_range) return Damaged("shapes of records");
  for (std::size_t s = 0; s < shape_count; ++s) order_first[s + 1] += order_first[s];
  order.resize(count);
  {
    std::vector<std::uint32_t>& next =
        properties->first;  // Borrowed: filled with its own content below.
    next.assign(order_first.begin(), order_first.end());
    for (std::size_t i = 0; i < count; ++i) {
      order[next[shape_of_record[i]]++] = static_cast<std::uint32_t>(i);
    }
  }

  subject->resize(count);
  ReadColumn<std::uint32_t>(reader, count, [&](std::size_t i, std::uint32_t row) {
    const bool known = row < subject_flaw.size();
    (*subject)[i] = known ? row : 0;
    Mark(base + i, known ? subject_flaw[row] : FlawOf(ProblemKind::kSubjectOutOfRange));
  });

  const std::uint8_t* mode = reader->Bytes(1);
  if (mode == nullptr || *mode > static_cast<std::uint8_t>(TimeMode::kMixed))
    return Damaged("times");
  time_kind->resize(count);
  if (static_cast<TimeMode>(*mode) == TimeMode::kMixed) {
    const std::uint8_t* kinds = reader->Bytes(count);
    for (std::size_t i = 0; i < count && kinds != nullptr; ++i) {
      (*time_kind)[i] = kinds[i] == 0 ? TimeKind::kBoot : TimeKind::kWall;
    }
  } else {
    const bool boot = static_cast<TimeMode>(*mode) == TimeMode::kBoot;
    std::fill(time_kind->begin(), time_kind->end(), boot ? TimeKind::kBoot : TimeKind::kWall);
  }
  time_ms->resize(count);
  const auto boot_ms = static_cast<std::uint64_t>(batch.header.boot_ms);
  const auto wall_ms = static_cast<std::uint64_t>(batch.header.wall_ms);
  ReadColumn<std::int64_t>(reader, count, [&](std::size_t i, std::int64_t delta) {
    const std::uint64_t from = (*time_kind)[i] == TimeKind::kBoot ? boot_ms : wall_ms;
    const auto time = static_cast<std::int64_t>(from + static_cast<std::uint64_t>(delta));
    const bool sane = time <= kMaxMillis && time >= -kMaxMillis;
    (*time_ms)[i] = sane ? time : 0;
    if (!sane) Mark(base + i, FlawOf(ProblemKind::kTimeOutOfRange));
  });
  if (!reader->ok()) return Damaged("records");

  std::uint64_t total = 0;
  properties->first.resize(count + 1);
  properties->first[0] = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t shape = shape_of_record[i];
    Mark(base + i, shapes.flaw[shape]);
    total += shapes.first[shape + 1] - shapes.first[shape];
    if (total > limits.properties) return Exceeds("properties", total, limits.properties);
    properties->first[i + 1] = static_cast<std::uint32_t>(total);
  }
  properties->name.resize(properties->first[count]);
  properties->type.resize(properties->first[count]);
  properties->bits.resize(properties->first[count]);
  return absl::OkStatus();
}

void Decoder::Scratch::ReadProperties(Reader* reader, std::size_t base, std::size_t shape,
                                      PropertyColumns* properties) {
  const std::uint32_t* records = order.data() + order_first[shape];
  const std::size_t count = order_first[shape + 1] - order_first[shape];
  for (std::uint32_t slot = 0; slot < shapes.first[shape + 1] - shapes.first[shape]; ++slot) {
    const std::uint32_t name = shapes.name[shapes.first[shape] + slot];
    const ValueType type = shapes.type[shapes.first[shape] + slot];
    const auto store = [&](std::size_t i, std::uint64_t bits) {
      const std::size_t row = properties->first[records[i]] + slot;
      properties->name[row] = name;
      properties->type[row] = type;
      properties->bits[row] = bits;
    };
    switch (type) {
      case ValueType::kDouble:
        ReadDoubles(reader, count, [&](std::size_t i, double value) {
          if (!std::isfinite(value)) Mark(base + records[i], FlawOf(ProblemKind::kValueNotFinite));
          store(i, std::bit_cast<std::uint64_t>(value));
        });
        break;
      case ValueType::kInt64:
        ReadColumn<std::int64_t>(reader, count, [&](std::size_t i, std::int64_t value) {
          store(i, static_cast<std::uint64_t>(value));
        });
        break;
      case ValueType::kString:
        ReadColumn<std::uint64_t>(reader, count, [&](std::size_t i, std::uint64_t index) {
          const Flaw flaw = StringFlaw(index);
          if (flaw != 0) Mark(base + records[i], flaw);
          store(i, index < string_flaw.size() ? index : 0);
        });
        break;
      case ValueType::kBool:
        ReadColumn<std::uint64_t>(reader, count, [&](std::size_t i, std::uint64_t value) {
          store(i, value == 0 ? 0 : 1);
        });
        break;
    }
  }
}

absl::Status Decoder::Scratch::ReadExposures(Reader* reader, const Limits& limits, Batch* batch) {
  ExposureColumns& out = batch->exposures;
  const std::uint64_t announced = reader->Varint();
  if (announced > limits.records) return Exceeds("records", announced, limits.records);
  const auto count = static_cast<std::size_t>(announced);
  record_flaw.assign(count, 0);
  for (auto* column : {&out.subject, &out.experiment, &out.variant, &out.iteration, &out.phase}) {
    column->resize(count);
  }
  out.reason.resize(count);
  out.catalog_version.resize(count);
  out.time_ms.resize(count);
  out.time_kind.resize(count);
  out.attributes.first.assign(1, 0);
  if (count == 0) {
    out.attributes.name.clear();
    out.attributes.type.clear();
    out.attributes.bits.clear();
    return reader->ok() ? absl::OkStatus() : Damaged("exposures");
  }
  if (absl::Status status = ReadShapes(reader, count, kExposureShapeWords, 2, limits);
      !status.ok()) {
    return status;
  }
  for (std::size_t s = 0; s < shapes.flaw.size(); ++s) {
    for (const std::size_t w : {std::size_t{2}, std::size_t{3}}) {
      shapes.fixed[w][s] = std::min<std::uint64_t>(shapes.fixed[w][s], UINT32_MAX);
    }
    shapes.fixed[4][s] = std::min<std::uint64_t>(shapes.fixed[4][s], UINT8_MAX);
  }
  if (absl::Status status = ReadRecords(reader, count, 0, *batch, limits, &out.subject,
                                        &out.time_ms, &out.time_kind, &out.attributes);
      !status.ok()) {
    return status;
  }
  for (std::size_t s = 0; s < shapes.flaw.size(); ++s)
    ReadProperties(reader, 0, s, &out.attributes);
  if (!reader->ok()) return Damaged("exposures");
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t s = shape_of_record[i];
    out.experiment[i] = static_cast<std::uint32_t>(shapes.fixed[0][s]);
    out.variant[i] = static_cast<std::uint32_t>(shapes.fixed[1][s]);
    out.iteration[i] = static_cast<std::uint32_t>(shapes.fixed[2][s]);
    out.phase[i] = static_cast<std::uint32_t>(shapes.fixed[3][s]);
    out.reason[i] = static_cast<std::uint8_t>(shapes.fixed[4][s]);
    out.catalog_version[i] = shapes.fixed[5][s];
  }
  return absl::OkStatus();
}

absl::Status Decoder::Scratch::ReadEvents(Reader* reader, const Limits& limits, Batch* batch) {
  EventColumns& out = batch->events;
  const std::size_t base = batch->exposures.size();
  const std::uint64_t announced = reader->Varint();
  if (announced > limits.records - base)
    return Exceeds("records", announced + base, limits.records);
  const auto count = static_cast<std::size_t>(announced);
  record_flaw.resize(base + count, 0);
  out.subject.resize(count);
  out.name.resize(count);
  out.value.resize(count);
  out.time_ms.resize(count);
  out.time_kind.resize(count);
  out.event_id.assign(count, 0);
  out.ref_id.assign(count, 0);
  out.properties.first.assign(1, 0);
  if (count == 0) {
    out.properties.name.clear();
    out.properties.type.clear();
    out.properties.bits.clear();
    return reader->ok() ? absl::OkStatus() : Damaged("events");
  }
  if (absl::Status status = ReadShapes(reader, count, kEventShapeWords, 1, limits); !status.ok()) {
    return status;
  }
  if (absl::Status status = ReadRecords(reader, count, base, *batch, limits, &out.subject,
                                        &out.time_ms, &out.time_kind, &out.properties);
      !status.ok()) {
    return status;
  }
  for (std::size_t s = 0; s < shapes.flaw.size(); ++s) {
    const std::uint32_t* records = order.data() + order_first[s];
    ReadDoubles(reader, order_first[s + 1] - order_first[s], [&](std::size_t i, double value) {
      if (!std::isfinite(value)) Mark(base + records[i], FlawOf(ProblemKind::kValueNotFinite));
      out.value[records[i]] = value;
    });
    ReadProperties(reader, base, s, &out.properties);
  }
  for (std::vector<std::uint64_t>* ids : {&out.event_id, &out.ref_id}) {
    const std::uint64_t with_id = reader->Varint();
    if (with_id > count) return Damaged("ids");
    const auto size = static_cast<std::size_t>(with_id);
    bool out_of_range = false;
    order.clear();  // From here on: the records that have an id.
    ReadColumn<std::uint32_t>(reader, size, [&](std::size_t, std::uint32_t record) {
      out_of_range = out_of_range || record >= count;
      order.push_back(record);
    });
    if (!reader->ok() || out_of_range) return Damaged("ids");
    for (const std::uint32_t record : order) (*ids)[record] = reader->Fixed64();
  }
  if (!reader->ok()) return Damaged("events");
  for (std::size_t i = 0; i < count; ++i) {
    out.name[i] = static_cast<std::uint32_t>(shapes.fixed[0][shape_of_record[i]]);
  }
  return absl::OkStatus();
}

absl::Status Decoder::Scratch::ReadCounters(Reader* reader, const Limits& limits,
                                            Batch* batch) const {
  batch->decisions.clear();
  batch->dropped_exposures.clear();
  batch->dropped_events.clear();
  bool sound = true;
  std::uint64_t announced = 0;  // Rows, up to the table that passes the limit.
  std::uint64_t name_bytes = 0;
  const auto name = [&](std::uint64_t index) {
    sound = sound && StringFlaw(index) == 0;
    if (sound) name_bytes += batch->strings[static_cast<std::size_t>(index)].size();
    return static_cast<std::uint32_t>(index);
  };
  const auto rows = [&](auto* table) {
    if (announced > limits.counter_rows) return;
    const std::uint64_t count = std::min<std::uint64_t>(reader->Varint(), UINT32_MAX);
    announced += count;
    if (announced <= limits.counter_rows) table->resize(static_cast<std::size_t>(count));
  };
  const auto column = [&](auto* table, auto set) {
    ReadColumn<std::uint64_t>(reader, table->size(),
                              [&](std::size_t i, std::uint64_t value) { set((*table)[i], value); });
  };
  const auto reason = [](std::uint64_t value) {
    return static_cast<std::uint8_t>(std::min<std::uint64_t>(value, UINT8_MAX));
  };
  rows(&batch->decisions);
  column(&batch->decisions, [&](auto& row, std::uint64_t v) { row.experiment = name(v); });
  column(&batch->decisions, [&](auto& row, std::uint64_t v) { row.variant = name(v); });
  column(&batch->decisions, [&](auto& row, std::uint64_t v) { row.evaluated = v; });
  column(&batch->decisions, [&](auto& row, std::uint64_t v) { row.exposed = v; });
  column(&batch->decisions, [&](auto& row, std::uint64_t v) { row.queued = v; });
  rows(&batch->dropped_exposures);
  column(&batch->dropped_exposures, [&](auto& row, std::uint64_t v) { row.experiment = name(v); });
  column(&batch->dropped_exposures, [&](auto& row, std::uint64_t v) { row.variant = name(v); });
  column(&batch->dropped_exposures, [&](auto& row, std::uint64_t v) { row.reason = reason(v); });
  column(&batch->dropped_exposures, [&](auto& row, std::uint64_t v) { row.count = v; });
  rows(&batch->dropped_events);
  column(&batch->dropped_events, [&](auto& row, std::uint64_t v) { row.name = name(v); });
  column(&batch->dropped_events, [&](auto& row, std::uint64_t v) { row.reason = reason(v); });
  column(&batch->dropped_events, [&](auto& row, std::uint64_t v) { row.count = v; });
  if (announced > limits.counter_rows)
    return Exceeds("counter_rows", announced, limits.counter_rows);
  if (!sound || !reader->ok() || reader->remaining() != 0) return Damaged("counters");
  if (name_bytes > limits.counter_name_bytes)
    return Exceeds("counter_name_bytes", name_bytes, limits.counter_name_bytes);
  return absl::OkStatus();
}

absl::Status Decoder::Decode(std::string_view bytes, const Limits& limits, Batch* batch) {
  Scratch& scratch = *scratch_;
  if (bytes.size() > limits.compressed_bytes) {
    return Exceeds("compressed_bytes", bytes.size(), limits.compressed_bytes);
  }
  if (absl::Status s =
          scratch.decompressor.Decompress(bytes, limits.decompressed_bytes, &batch->buffer);
      !s.ok()) {
    return s;
  }
  flatbuffers::Verifier verifier(batch->buffer.data(), batch->buffer.size());
  if (!schema::VerifyBatchBuffer(verifier)) {
    return absl::InvalidArgumentError("batch: not a batch table");
  }
  const schema::Batch& table = *schema::GetBatch(batch->buffer.data());
  if (absl::Status s = scratch.ReadHeader(table, batch); !s.ok()) return s;
  if (table.columns() == nullptr) return Damaged("columns");
  Reader reader(table.columns()->data(), table.columns()->size());
  if (absl::Status s = scratch.ReadStrings(&reader, table.format_version(), limits, batch); !s.ok())
    return s;
  if (absl::Status s = scratch.ReadSubjects(&reader, limits, batch); !s.ok()) return s;
  if (absl::Status s = scratch.ReadExposures(&reader, limits, batch); !s.ok()) return s;
  if (absl::Status s = scratch.ReadEvents(&reader, limits, batch); !s.ok()) return s;
  if (absl::Status s = scratch.ReadCounters(&reader, limits, batch); !s.ok()) return s;
  batch->problems.clear();
  for (std::size_t i = 0; i < scratch.record_flaw.size(); ++i) {
    if (scratch.record_flaw[i] == 0) continue;
    batch->problems.push_back(
        {static_cast<std::uint32_t>(i), static_cast<ProblemKind>(scratch.record_flaw[i] - 1)});
  }
  return absl::OkStatus();
}

}  // namespace upswing::wire
