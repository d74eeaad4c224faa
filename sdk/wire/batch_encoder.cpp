#include "sdk/wire/batch_encoder.hpp"

#include <cstring>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sdk/schema/batch_generated.h"
#include "sdk/wire/column.hpp"
#include "sdk/wire/compress.hpp"
#include "sdk/wire/format.hpp"
#include "sdk/wire/string_form.hpp"

namespace upswing::wire {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Integers = std::vector<std::uint64_t>;

/// Numbers equal byte strings in order of appearance. Keeps its own copy of them.
class Interner {
 public:
  std::uint32_t Intern(std::string_view text) {
    const auto found = index_.find(text);
    if (found != index_.end()) return found->second;
    const std::string_view copy = Copy(text);
    const auto index = static_cast<std::uint32_t>(items_.size());
    items_.push_back(copy);
    index_.emplace(copy, index);
    return index;
  }
  const std::vector<std::string_view>& items() const { return items_; }
  std::size_t bytes() const { return bytes_; }

  void Clear() {
    index_.clear();
    items_.clear();
    bytes_ = 0;
    block_ = 0;
    used_ = 0;
    large_.clear();
  }

 private:
  static constexpr std::size_t kBlockBytes = 16 * 1024;

  std::string_view Copy(std::string_view text) {
    bytes_ += text.size();
    if (text.size() > kBlockBytes / 4) return large_.emplace_back(text);
    if (block_ < blocks_.size() && used_ + text.size() > kBlockBytes) {
      ++block_;
      used_ = 0;
    }
    if (block_ == blocks_.size()) blocks_.push_back(std::make_unique<char[]>(kBlockBytes));
    char* place = blocks_[block_].get() + used_;
    if (!text.empty()) std::memcpy(place, text.data(), text.size());
    used_ += text.size();
    return {place, text.size()};
  }

  absl::flat_hash_map<std::string_view, std::uint32_t> index_;
  std::vector<std::string_view> items_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::deque<std::string> large_;
  std::size_t block_ = 0;
  std::size_t used_ = 0;
  std::size_t bytes_ = 0;
};

void AppendWord(std::uint64_t word, std::string* key) {
  char bytes[sizeof word];
  std::memcpy(bytes, &word, sizeof word);
  key->append(bytes, sizeof word);
}

std::uint64_t Word(std::string_view key, std::size_t index) {
  std::uint64_t word;
  std::memcpy(&word, key.data() + index * sizeof word, sizeof word);
  return word;
}

/// Records of one lane. A *shape* is what records of a kind have in common; its key is a row of
/// words: `kFixed` of the lane, then (property name, type) pairs.
struct Lane {
  explicit Lane(std::size_t fixed_words) : fixed(fixed_words) {}

  const std::size_t fixed;
  Interner shapes;
  Integers shape;
  Integers subject;
  Integers time;
  std::vector<TimeKind> time_kind;
  std::vector<double> value;
  /// Property i of record r is `properties[first[r] + i]`; strings are string indexes.
  Integers first;
  Integers properties;

  std::size_t size() const { return shape.size(); }
  void Clear() {
    shapes.Clear();
    shape.clear();
    subject.clear();
    time.clear();
    time_kind.clear();
    value.clear();
    first.clear();
    properties.clear();
  }
};

struct SparseId {
  std::uint64_t record;
  std::uint64_t id;
};

}  // namespace

struct Encoder::State {
  Interner strings;
  Interner subjects;
  Lane exposures{kExposureShapeWords};
  Lane events{kEventShapeWords};
  std::vector<SparseId> event_ids;
  std::vector<SparseId> ref_ids;
  std::vector<DecisionCounter> decisions;
  std::vector<DroppedExposures> dropped_exposures;
  std::vector<DroppedEvents> dropped_events;

  std::string key;
  Bytes section;
  Integers column;
  std::vector<double> doubles;
  std::vector<std::vector<std::uint32_t>> records_of_shape;
  flatbuffers::FlatBufferBuilder builder{4096};
  std::vector<StringForm> forms;
  Compressor compressor;

  /// 0 is the empty string and is not in the dictionary.
  std::uint32_t String(std::string_view text) {
    return text.empty() ? 0 : strings.Intern(text) + 1;
  }

  void AddProperties(absl::Span<const Property> list, Lane* lane) {
    lane->first.push_back(lane->properties.size());
    for (const Property& property : list) {
      AppendWord(String(property.name), &key);
      AppendWord(static_cast<std::uint64_t>(property.type), &key);
      lane->properties.push_back(property.type == ValueType::kString ? String(property.text)
                                                                     : property.bits);
    }
  }

  void AddCommon(std::uint32_t subject, RecordTime time, Lane* lane) {
    lane->shape.push_back(lane->shapes.Intern(key));
    lane->subject.push_back(subject);
    lane->time.push_back(static_cast<std::uint64_t>(time.millis));
    lane->time_kind.push_back(time.kind);
  }

  /// Writes one column: `get(row)` for rows [0, count).
  template <typename Get>
  void Column(std::size_t count, ColumnSign sign, Get get) {
    column.clear();
    for (std::size_t row = 0; row < count; ++row) column.push_back(get(row));
    WriteColumn(column, sign, &section);
  }
  template <typename Get>
  void Unsigned(std::size_t count, Get get) {
    Column(count, ColumnSign::kUnsigned, get);
  }

  void WriteStrings() {
    const auto& items = strings.items();
    WriteVarint(items.size(), &section);
    forms.clear();
    for (const std::string_view text : items) forms.push_back(FormOf(text));
    Unsigned(items.size(), [&](std::size_t i) { return CodeOf(forms[i]); });
    for (std::size_t i = 0; i < items.size(); ++i) WriteForm(items[i], forms[i], &section);
  }

  void WriteSubjects() {
    const auto& rows = subjects.items();
    WriteVarint(rows.size(), &section);
    Unsigned(rows.size(),
             [&](std::size_t i) { return rows[i].size() / (2 * sizeof(std::uint64_t)); });
    for (const std::size_t part : {std::size_t{0}, std::size_t{1}}) {
      column.clear();
      for (const std::string_view row : rows) {
        for (std::size_t w = part; w < row.size() / sizeof(std::uint64_t); w += 2) {
          column.push_back(Word(row, w));
        }
      }
      WriteColumn(column, ColumnSign::kUnsigned, &section);
    }
  }

  void WriteShapes(const Lane& lane) {
    const auto& shapes = lane.shapes.items();
    WriteVarint(shapes.size(), &section);
    for (std::size_t w = 0; w < lane.fixed; ++w) {
      Unsigned(shapes.size(), [&](std::size_t i) { return Word(shapes[i], w); });
    }
    const auto words = [&](std::size_t i) { return shapes[i].size() / sizeof(std::uint64_t); };
    Unsigned(shapes.size(), [&](std::size_t i) { return (words(i) - lane.fixed) / 2; });
    for (const std::size_t part : {std::size_t{0}, std::size_t{1}}) {
      column.clear();
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        for (std::size_t w = lane.fixed + part; w < words(i); w += 2) {
          column.push_back(Word(shapes[i], w));
        }
      }
      WriteColumn(column, ColumnSign::kUnsigned, &section);
    }
  }

  void WriteTimes(const Lane& lane, const BatchHeader& header) {
    bool any_boot = false;
    bool any_wall = false;
    for (const TimeKind kind : lane.time_kind) {
      any_boot = any_boot || kind == TimeKind::kBoot;
      any_wall = any_wall || kind == TimeKind::kWall;
    }
    const TimeMode mode =
        any_boot && any_wall ? TimeMode::kMixed : (any_wall ? TimeMode::kWall : TimeMode::kBoot);
    section.push_back(static_cast<std::uint8_t>(mode));
    if (mode == TimeMode::kMixed) {
      for (const TimeKind kind : lane.time_kind) section.push_back(static_cast<std::uint8_t>(kind));
    }
    Column(lane.size(), ColumnSign::kSigned, [&](std::size_t i) {
      const std::int64_t base =
          lane.time_kind[i] == TimeKind::kBoot ? header.boot_ms : header.wall_ms;
      return lane.time[i] - static_cast<std::uint64_t>(base);
    });
  }

  void WriteLane(const Lane& lane, const BatchHeader& header, bool has_values) {
    const std::size_t count = lane.size();
    WriteVarint(count, &section);
    if (count == 0) return;
    WriteShapes(lane);
    Unsigned(count, [&](std::size_t i) { return lane.shape[i]; });
    Unsigned(count, [&](std::size_t i) { return lane.subject[i]; });
    WriteTimes(lane, header);

    const auto& shapes = lane.shapes.items();
    if (records_of_shape.size() < shapes.size()) records_of_shape.resize(shapes.size());
    for (std::size_t s = 0; s < shapes.size(); ++s) records_of_shape[s].clear();
    for (std::size_t i = 0; i < count; ++i) {
      records_of_shape[static_cast<std::size_t>(lane.shape[i])].push_back(
          static_cast<std::uint32_t>(i));
    }
    for (std::size_t s = 0; s < shapes.size(); ++s) {
      const std::vector<std::uint32_t>& records = records_of_shape[s];
      if (has_values) {
        doubles.clear();
        for (const std::uint32_t record : records) doubles.push_back(lane.value[record]);
        WriteDoubles(doubles, &section);
      }
      const std::size_t slots = (shapes[s].size() / sizeof(std::uint64_t) - lane.fixed) / 2;
      for (std::size_t slot = 0; slot < slots; ++slot) {
        const auto bits = [&](std::size_t i) {
          return lane.properties[static_cast<std::size_t>(lane.first[records[i]]) + slot];
        };
        const auto type = static_cast<ValueType>(Word(shapes[s], lane.fixed + 2 * slot + 1));
        if (type == ValueType::kDouble) {
          doubles.clear();
          for (std::size_t i = 0; i < records.size(); ++i) {
            doubles.push_back(std::bit_cast<double>(bits(i)));
          }
          WriteDoubles(doubles, &section);
        } else {
          Column(records.size(),
                 type == ValueType::kInt64 ? ColumnSign::kSigned : ColumnSign::kUnsigned, bits);
        }
      }
    }
  }

  void WriteSparse(const std::vector<SparseId>& ids) {
    WriteVarint(ids.size(), &section);
    Unsigned(ids.size(), [&](std::size_t i) { return ids[i].record; });
    for (const SparseId& id : ids) WriteFixed64(id.id, &section);
  }

  void WriteCounters() {
    WriteVarint(decisions.size(), &section);
    Unsigned(decisions.size(), [&](std::size_t i) { return decisions[i].experiment; });
    Unsigned(decisions.size(), [&](std::size_t i) { return decisions[i].variant; });
    Unsigned(decisions.size(), [&](std::size_t i) { return decisions[i].evaluated; });
    Unsigned(decisions.size(), [&](std::size_t i) { return decisions[i].exposed; });
    Unsigned(decisions.size(), [&](std::size_t i) { return decisions[i].queued; });
    WriteVarint(dropped_exposures.size(), &section);
    Unsigned(dropped_exposures.size(),
             [&](std::size_t i) { return dropped_exposures[i].experiment; });
    Unsigned(dropped_exposures.size(), [&](std::size_t i) { return dropped_exposures[i].variant; });
    Unsigned(dropped_exposures.size(), [&](std::size_t i) { return dropped_exposures[i].reason; });
    Unsigned(dropped_exposures.size(), [&](std::size_t i) { return dropped_exposures[i].count; });
    WriteVarint(dropped_events.size(), &section);
    Unsigned(dropped_events.size(), [&](std::size_t i) { return dropped_events[i].name; });
    Unsigned(dropped_events.size(), [&](std::size_t i) { return dropped_events[i].reason; });
    Unsigned(dropped_events.size(), [&](std::size_t i) { return dropped_events[i].count; });
  }
};

Encoder::Encoder() : state_(std::make_unique<State>()) {}
Encoder::~Encoder() = default;

void Encoder::Clear() {
  state_->strings.Clear();
  state_->subjects.Clear();
  state_->exposures.Clear();
  state_->events.Clear();
  state_->event_ids.clear();
  state_->ref_ids.clear();
  state_->decisions.clear();
  state_->dropped_exposures.clear();
  state_->dropped_events.clear();
}

std::uint32_t Encoder::Subject(absl::Span<const UnitRef> units) {
  state_->key.clear();
  for (const UnitRef& unit : units) {
    AppendWord(state_->String(unit.type), &state_->key);
    AppendWord(state_->String(unit.id), &state_->key);
  }
  return state_->subjects.Intern(state_->key);
}

void Encoder::AddExposure(const ExposureRecord& record) {
  State& state = *state_;
  state.key.clear();
  AppendWord(state.String(record.experiment), &state.key);
  AppendWord(state.String(record.variant), &state.key);
  AppendWord(record.iteration, &state.key);
  AppendWord(record.phase, &state.key);
  AppendWord(record.reason, &state.key);
  AppendWord(record.catalog_version, &state.key);
  state.AddProperties(record.attributes, &state.exposures);
  state.AddCommon(record.subject, record.time, &state.exposures);
}

void Encoder::AddEvent(const EventRecord& record) {
  State& state = *state_;
  const std::uint64_t number = state.events.size();
  state.key.clear();
  AppendWord(state.String(record.name), &state.key);
  state.AddProperties(record.properties, &state.events);
  state.AddCommon(record.subject, record.time, &state.events);
  state.events.value.push_back(record.value);
  if (record.event_id != 0) state.event_ids.push_back({number, record.event_id});
  if (record.ref_id != 0) state.ref_ids.push_back({number, record.ref_id});
}

void Encoder::AddDecisions(std::string_view experiment, std::string_view variant,
                           std::uint64_t evaluated, std::uint64_t exposed, std::uint64_t queued) {
  state_->decisions.push_back(
      {state_->String(experiment), state_->String(variant), evaluated, exposed, queued});
}

void Encoder::AddDroppedExposures(std::string_view experiment, std::string_view variant,
                                  std::uint8_t reason, std::uint64_t count) {
  state_->dropped_exposures.push_back(
      {state_->String(experiment), state_->String(variant), reason, count});
}

void Encoder::AddDroppedEvents(std::string_view name, std::uint8_t reason, std::uint64_t count) {
  state_->dropped_events.push_back({state_->String(name), reason, count});
}

std::size_t Encoder::exposures() const { return state_->exposures.size(); }
std::size_t Encoder::events() const { return state_->events.size(); }

std::size_t Encoder::raw_bytes() const {
  const State& state = *state_;
  // A record costs at most shape 5, subject 5, time 10, value 9, event and reference id 13 each; a
  // property 10; a string its length and 3; a pair of a subject 10; a word of a shape 10; a counter
  // row 50.
  return 512 + 56 * records() +
         10 * (state.exposures.properties.size() + state.events.properties.size()) +
         state.strings.bytes() + 3 * state.strings.items().size() + 2 * state.subjects.bytes() +
         2 * (state.exposures.shapes.bytes() + state.events.shapes.bytes()) +
         50 * (state.decisions.size() + state.dropped_exposures.size() +
               state.dropped_events.size());
}

std::string Encoder::Finish(const BatchHeader& header, Compression compression) {
  State& state = *state_;
  flatbuffers::FlatBufferBuilder& builder = state.builder;
  builder.Clear();
  state.section.clear();
  state.WriteStrings();
  const std::size_t strings_end = state.section.size();
  state.WriteSubjects();
  state.WriteLane(state.exposures, header, false);
  state.WriteLane(state.events, header, true);
  if (state.events.size() > 0) {
    state.WriteSparse(state.event_ids);
    state.WriteSparse(state.ref_ids);
  }
  state.WriteCounters();
  const auto columns = builder.CreateVector(state.section);
  const auto name = builder.CreateString(header.sdk_name);
  const auto version = builder.CreateString(header.sdk_version);
  flatbuffers::Offset<flatbuffers::Vector<std::uint64_t>> ancestors;
  if (!header.ancestors.empty()) ancestors = builder.CreateVector(header.ancestors);

  schema::BatchBuilder batch(builder);
  batch.add_format_version(kFormatVersion);
  batch.add_epoch_hi(header.id.epoch_hi);
  batch.add_epoch_lo(header.id.epoch_lo);
  batch.add_sequence(header.id.sequence);
  if (!header.ancestors.empty()) batch.add_ancestors(ancestors);
  batch.add_sdk_name(name);
  batch.add_sdk_version(version);
  batch.add_catalog_version(header.catalog_version);
  batch.add_boot_id(header.boot_id);
  batch.add_wall_ms(header.wall_ms);
  batch.add_boot_ms(header.boot_ms);
  batch.add_columns(columns);
  builder.Finish(batch.Finish(), schema::BatchIdentifier());

  // The vector of columns is the last thing in the buffer, but for padding behind it.
  const auto* table = schema::GetBatch(builder.GetBufferPointer());
  const auto columns_start =
      static_cast<std::size_t>(table->columns()->data() - builder.GetBufferPointer());
  return state.compressor.Compress({builder.GetBufferPointer(), builder.GetSize()},
                                   columns_start + strings_end, compression.level);
}

}  // namespace upswing::wire
