#include "server/store/chunk.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "server/store/bytes.hpp"
#include "server/store/column.hpp"

namespace upswing::store {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint64_t kMaxRows = 1 << 24;
constexpr std::size_t kMaxStrings = std::size_t{256} << 20;

std::uint32_t Checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

// Gathers the head while payloads pile up behind it.
class ChunkWriter {
 public:
  void Add(ColumnId id, std::string_view payload) { AddEntry(id, "", payload); }
  void AddProperty(std::string_view name, PropertyType type, std::string_view payload) {
    std::string label;
    PutSized(name, &label);
    label.push_back(static_cast<char>(type));
    AddEntry(ColumnId::kProperty, label, payload);
  }
  std::string Finish(std::size_t rows) const {
    std::string chunk(1, static_cast<char>(kVersion));
    PutVarint(rows, &chunk);
    PutVarint(columns_, &chunk);
    chunk.append(head_);
    PutFixed(Checksum(chunk), &chunk);
    chunk.append(payloads_);
    return chunk;
  }

 private:
  void AddEntry(ColumnId id, std::string_view label, std::string_view payload) {
    ++columns_;
    head_.push_back(static_cast<char>(id));
    head_.append(label);
    PutVarint(payload.size(), &head_);
    PutFixed(Checksum(payload), &head_);
    payloads_.append(payload);
  }

  std::size_t columns_ = 0;
  std::string head_;
  std::string payloads_;
};

// Numbers strings in order of first use.
class LocalStrings {
 public:
  explicit LocalStrings(const StringPool& pool) : pool_(pool), numbers_(Scratch()) {
    if (numbers_.size() < pool.size()) numbers_.resize(pool.size());
  }
  ~LocalStrings() {
    for (const std::uint32_t id : used_) numbers_[id] = 0;
  }
  LocalStrings(const LocalStrings&) = delete;
  LocalStrings& operator=(const LocalStrings&) = delete;
  std::uint32_t Number(std::uint32_t id) {
    if (id == 0) return 0;
    if (numbers_[id] == 0) {
      used_.push_back(id);
      numbers_[id] = static_cast<std::uint32_t>(used_.size());
    }
    return numbers_[id];
  }
  std::string Encode() const {
    std::string plain;
    PutVarint(used_.size(), &plain);
    for (const std::uint32_t id : used_) PutVarint(pool_[id].size(), &plain);
    for (const std::uint32_t id : used_) plain.append(pool_[id]);
    std::string packed;
    Compress(plain, 1, &packed);
    return packed;
  }
  bool empty() const { return used_.empty(); }

 private:
  // All zero between uses: a pool may hold far more strings than one chunk uses.
  static std::vector<std::uint32_t>& Scratch() {
    thread_local std::vector<std::uint32_t> numbers;
    return numbers;
  }

  const StringPool& pool_;
  std::vector<std::uint32_t>& numbers_;
  std::vector<std::uint32_t> used_;
};

// Rows of a unit lie anywhere in the records of a round, which no cache holds: what the rows to
// come will ask for is fetched so many rows ahead.
constexpr std::size_t kAhead = 16;

template <typename T>
void Fetch(const std::vector<T>& column, std::size_t at) {
  __builtin_prefetch(column.data() + at);
}

template <typename To, typename From>
std::vector<To> Gather(const std::vector<From>& column, const std::vector<ChunkRow>& rows) {
  std::vector<To> gathered(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) gathered[i] = static_cast<To>(column[rows[i].row]);
  return gathered;
}

template <typename T>
std::string Encoded(const std::vector<T>& values) {
  std::string bytes;
  EncodeColumn(absl::MakeConstSpan(values), Squeeze::kCompress, &bytes);
  return bytes;
}

void AddUnlessZero(ColumnId id, const std::vector<std::uint64_t>& values, ChunkWriter* writer) {
  if (std::any_of(values.begin(), values.end(), [](std::uint64_t v) { return v != 0; }))
    writer->Add(id, Encoded(values));
}

void AddProperties(const Properties& properties, const std::vector<ChunkRow>& rows,
                   const StringPool& pool, LocalStrings* strings, ChunkWriter* writer) {
  if (properties.name.empty()) return;
  struct Builder {
    std::uint32_t name;
    PropertyType type;
    std::vector<std::uint32_t> rows;
    std::vector<std::uint64_t> bits;
  };
  std::vector<Builder> builders;
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    if (i + 2 * kAhead < rows.size()) Fetch(properties.first, rows[i + 2 * kAhead].row);
    if (i + kAhead < rows.size()) {
      const std::uint32_t first = properties.first[rows[i + kAhead].row];
      Fetch(properties.name, first);
      Fetch(properties.type, first);
      Fetch(properties.bits, first);
    }
    const std::uint32_t row = rows[i].row;
    for (std::uint32_t p = properties.first[row]; p < properties.first[row + 1]; ++p) {
      const auto same = [&](const Builder& b) {
        return b.name == properties.name[p] && b.type == properties.type[p];
      };
      auto builder = std::find_if(builders.begin(), builders.end(), same);
      if (builder == builders.end())
        builder = builders.insert(builders.end(), {properties.name[p], properties.type[p], {}, {}});
      // A name that a record has twice counts once: the first.
      if (!builder->rows.empty() && builder->rows.back() == i) continue;
      builder->rows.push_back(i);
      builder->bits.push_back(properties.type[p] == PropertyType::kString
                                  ? strings->Number(static_cast<std::uint32_t>(properties.bits[p]))
                                  : properties.bits[p]);
    }
  }
  for (const Builder& builder : builders) {
    std::string payload;
    PutVarint(builder.rows.size(), &payload);
    if (builder.rows.size() < rows.size()) {
      const std::string present = Encoded(builder.rows);
      PutSized(present, &payload);
    }
    payload.append(Encoded(builder.bits));
    writer->AddProperty(pool[builder.name], builder.type, payload);
  }
}

using UnitSet = absl::InlinedVector<std::pair<std::uint32_t, std::uint64_t>, 2>;

void AddCompanions(const Records::Subjects& subjects, const std::vector<std::uint32_t>& subject,
                   std::uint32_t unit_type, const std::vector<ChunkRow>& rows,
                   LocalStrings* strings, ChunkWriter* writer) {
  const bool alone = std::all_of(rows.begin(), rows.end(), [&](const ChunkRow& row) {
    const std::uint32_t s = subject[row.row];
    const std::uint32_t first = subjects.first[s];
    const std::uint32_t units = subjects.first[s + 1] - first;
    return units == 0 || (units == 1 && subjects.unit_type[first] == unit_type);
  });
  if (alone) return;
  std::vector<std::uint32_t> numbers(rows.size());
  std::vector<std::uint32_t> first = {0};
  std::vector<std::uint32_t> types;
  std::vector<std::uint64_t> keys;
  absl::flat_hash_map<UnitSet, std::uint32_t> seen;
  std::uint32_t last_subject = 0xffffffff;
  std::uint32_t last_number = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::uint32_t s = subject[rows[i].row];
    if (s != last_subject) {
      UnitSet set;
      for (std::uint32_t p = subjects.first[s]; p < subjects.first[s + 1]; ++p)
        if (subjects.unit_type[p] != unit_type)
          set.emplace_back(subjects.unit_type[p], subjects.key[p]);
      const auto [entry, added] =
          seen.try_emplace(set, static_cast<std::uint32_t>(first.size() - 1));
      if (added) {
        for (const auto& [type, key] : set) {
          types.push_back(strings->Number(type));
          keys.push_back(key);
        }
        first.push_back(static_cast<std::uint32_t>(keys.size()));
      }
      last_subject = s;
      last_number = entry->second;
    }
    numbers[i] = last_number;
  }
  if (keys.empty()) return;
  writer->Add(ColumnId::kCompanion, Encoded(numbers));
  std::string table;
  PutVarint(first.size() - 1, &table);
  PutVarint(keys.size(), &table);
  for (const std::string& column : {Encoded(first), Encoded(types), Encoded(keys)})
    PutSized(column, &table);
  writer->Add(ColumnId::kCompanions, table);
}

// By radix, least digit first: half the time of a comparison sort, and rows of a unit stay as they
// came, which mostly is in order of time.
void SortByUnit(std::vector<ChunkRow>* rows) {
  const auto by_unit = [](const ChunkRow& a, const ChunkRow& b) { return a.unit < b.unit; };
  constexpr std::size_t kFew = 64;
  if (rows->size() <= kFew) {
    std::stable_sort(rows->begin(), rows->end(), by_unit);
    return;
  }
  const auto [least, most] = std::minmax_element(rows->begin(), rows->end(), by_unit);
  const std::uint32_t base = least->unit;
  const std::uint32_t span = most->unit - base;
  constexpr int kDigit = 9;
  std::vector<ChunkRow> other(rows->size());
  for (int shift = 0; shift < 32 && (span >> shift) != 0; shift += kDigit) {
    std::uint32_t begin[(1 << kDigit) + 1] = {};
    const auto digit = [&](const ChunkRow& row) {
      return ((row.unit - base) >> shift) & ((1u << kDigit) - 1);
    };
    for (const ChunkRow& row : *rows) ++begin[digit(row) + 1];
    for (int d = 0; d < 1 << kDigit; ++d) begin[d + 1] += begin[d];
    for (const ChunkRow& row : *rows) other[begin[digit(row)]++] = row;
    rows->swap(other);
  }
}

// Rows of a unit by time, then as `less` says of equal times.
template <typename Less>
void SortWithinUnits(std::vector<ChunkRow>* rows, const std::vector<std::int64_t>& time,
                     const Less& less) {
  const auto before = [&](const ChunkRow& a, const ChunkRow& b) {
    return time[a.row] != time[b.row] ? time[a.row] < time[b.row] : less(a.row, b.row);
  };
  for (auto begin = rows->begin(); begin != rows->end();) {
    auto end = begin + 1;
    bool sorted = true;
    for (; end != rows->end() && end->unit == begin->unit; ++end)
      sorted = sorted && !before(*end, *(end - 1));
    if (!sorted) std::sort(begin, end, before);
    begin = end;
  }
}

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("chunk: ", absl::string_view(what.data(), what.size())));
}

}  // namespace

void SortRows(const Records& records, Lane lane, std::vector<ChunkRow>* rows) {
  SortByUnit(rows);
  if (lane == Lane::kEvents) {
    const Records::Events& e = records.events;
    SortWithinUnits(rows, e.time_ms, [&](std::uint32_t a, std::uint32_t b) {
      if (e.order[a] != e.order[b]) return e.order[a] < e.order[b];
      if (e.event_id[a] != e.event_id[b]) return e.event_id[a] < e.event_id[b];
      if (e.ref_id[a] != e.ref_id[b]) return e.ref_id[a] < e.ref_id[b];
      return std::bit_cast<std::uint64_t>(e.value[a]) < std::bit_cast<std::uint64_t>(e.value[b]);
    });
    return;
  }
  const Records::Exposures& x = records.exposures;
  SortWithinUnits(rows, x.time_ms, [&](std::uint32_t a, std::uint32_t b) {
    if (x.order[a] != x.order[b]) return x.order[a] < x.order[b];
    const std::string_view variant_a = records.strings[x.variant[a]];
    const std::string_view variant_b = records.strings[x.variant[b]];
    if (variant_a != variant_b) return variant_a < variant_b;
    if (x.iteration[a] != x.iteration[b]) return x.iteration[a] < x.iteration[b];
    return x.phase[a] < x.phase[b];
  });
}

std::string EncodeChunk(const Records& records, Lane lane, std::uint32_t unit_type,
                        const std::vector<ChunkRow>& rows) {
  ChunkWriter writer;
  LocalStrings strings(records.strings);
  std::vector<std::uint32_t> units(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) units[i] = rows[i].unit;
  writer.Add(ColumnId::kUnit, Encoded(units));
  // What every analysis reads comes first, what few read last.
  if (lane == Lane::kEvents) {
    const Records::Events& e = records.events;
    writer.Add(ColumnId::kTime, Encoded(Gather<std::uint64_t>(e.time_ms, rows)));
    std::string values;
    EncodeDoubles(Gather<double>(e.value, rows), Squeeze::kCompress, &values);
    writer.Add(ColumnId::kValue, values);
    AddUnlessZero(ColumnId::kEventId, Gather<std::uint64_t>(e.event_id, rows), &writer);
    AddUnlessZero(ColumnId::kRefId, Gather<std::uint64_t>(e.ref_id, rows), &writer);
    AddProperties(e.properties, rows, records.strings, &strings, &writer);
    writer.Add(ColumnId::kOrder, Encoded(Gather<std::uint32_t>(e.order, rows)));
    AddCompanions(records.subjects, e.subject, unit_type, rows, &strings, &writer);
  } else {
    const Records::Exposures& x = records.exposures;
    writer.Add(ColumnId::kTime, Encoded(Gather<std::uint64_t>(x.time_ms, rows)));
    std::vector<std::uint32_t> variants(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      variants[i] = strings.Number(x.variant[rows[i].row]);
    writer.Add(ColumnId::kVariant, Encoded(variants));
    writer.Add(ColumnId::kIteration, Encoded(Gather<std::uint32_t>(x.iteration, rows)));
    writer.Add(ColumnId::kPhase, Encoded(Gather<std::uint32_t>(x.phase, rows)));
    writer.Add(ColumnId::kReason, Encoded(Gather<std::uint32_t>(x.reason, rows)));
    AddProperties(x.attributes, rows, records.strings, &strings, &writer);
    writer.Add(ColumnId::kCatalog, Encoded(Gather<std::uint64_t>(x.catalog_version, rows)));
    writer.Add(ColumnId::kOrder, Encoded(Gather<std::uint32_t>(x.order, rows)));
    AddCompanions(records.subjects, x.subject, unit_type, rows, &strings, &writer);
  }
  if (!strings.empty()) writer.Add(ColumnId::kStrings, strings.Encode());
  return writer.Finish(rows.size());
}

absl::StatusOr<ChunkReader> ChunkReader::Open(std::string_view bytes) {
  ByteReader reader(bytes);
  ChunkReader chunk;
  const auto version = reader.Fixed<std::uint8_t>();
  const std::uint64_t rows = reader.Varint();
  const std::uint64_t columns = reader.Varint();
  if (!reader.ok()) return Damaged("head");
  if (version != kVersion) return absl::UnimplementedError("chunk: another format version");
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t i = 0; i < columns && reader.ok(); ++i) {
    Entry entry{};
    entry.id = static_cast<ColumnId>(reader.Fixed<std::uint8_t>());
    if (entry.id == ColumnId::kProperty) {
      entry.name = reader.Sized();
      entry.type = static_cast<PropertyType>(reader.Fixed<std::uint8_t>() & 3);
    }
    sizes.push_back(reader.Varint());
    entry.checksum = reader.Fixed<std::uint32_t>();
    chunk.entries_.push_back(entry);
  }
  ByteReader rest = reader;
  const auto head = static_cast<std::size_t>(bytes.size() - rest.Rest().size());
  const auto sum = reader.Fixed<std::uint32_t>();
  if (!reader.ok() || rows == 0 || rows > kMaxRows || sum != Checksum(bytes.substr(0, head)))
    return Damaged("head");
  for (std::size_t i = 0; i < sizes.size(); ++i) chunk.entries_[i].payload = reader.Bytes(sizes[i]);
  if (!reader.ok() || !reader.AtEnd()) return Damaged("length");
  chunk.rows_ = static_cast<std::size_t>(rows);
  return chunk;
}

const ChunkReader::Entry* ChunkReader::Find(ColumnId id) const {
  for (const Entry& entry : entries_)
    if (entry.id == id) return &entry;
  return nullptr;
}

absl::Status ChunkReader::Checked(const Entry& entry) const {
  if (Checksum(entry.payload) == entry.checksum) return absl::OkStatus();
  return Damaged(absl::StrCat("checksum of column ", static_cast<int>(entry.id)));
}

template <typename T>
absl::Status ChunkReader::ReadColumn(ColumnId id, std::vector<T>* out) const {
  out->clear();
  const Entry* entry = Find(id);
  if (entry == nullptr) {
    out->resize(rows_);
    return absl::OkStatus();
  }
  if (absl::Status status = Checked(*entry); !status.ok()) return status;
  if (!DecodeColumn(entry->payload, rows_, out))
    return Damaged(absl::StrCat("column ", static_cast<int>(id)));
  return absl::OkStatus();
}

absl::Status ChunkReader::Read(ColumnId id, std::vector<std::uint32_t>* out) const {
  return ReadColumn(id, out);
}
absl::Status ChunkReader::Read(ColumnId id, std::vector<std::int64_t>* out) const {
  return ReadColumn(id, out);
}
absl::Status ChunkReader::Read(ColumnId id, std::vector<std::uint64_t>* out) const {
  return ReadColumn(id, out);
}
absl::Status ChunkReader::Read(ColumnId id, std::vector<std::uint8_t>* out) const {
  return ReadColumn(id, out);
}

absl::Status ChunkReader::ReadValues(std::vector<double>* out) const {
  out->clear();
  const Entry* entry = Find(ColumnId::kValue);
  if (entry == nullptr) return Damaged("no values");
  if (absl::Status status = Checked(*entry); !status.ok()) return status;
  if (!DecodeDoubles(entry->payload, rows_, out)) return Damaged("values");
  return absl::OkStatus();
}

absl::Status ChunkReader::ReadStrings(std::vector<std::string_view>* out,
                                      std::string* buffer) const {
  out->assign(1, std::string_view());
  const Entry* entry = Find(ColumnId::kStrings);
  if (entry == nullptr) return absl::OkStatus();
  if (absl::Status status = Checked(*entry); !status.ok()) return status;
  if (!Decompress(entry->payload, kMaxStrings, buffer)) return Damaged("strings");
  ByteReader reader(*buffer);
  const std::uint64_t count = reader.Varint();
  if (count > buffer->size()) return Damaged("strings");
  std::vector<std::uint64_t> sizes(static_cast<std::size_t>(count));
  for (std::uint64_t& size : sizes) size = reader.Varint();
  for (const std::uint64_t size : sizes) out->push_back(reader.Bytes(size));
  return reader.ok() && reader.AtEnd() ? absl::OkStatus() : Damaged("strings");
}

std::vector<ChunkReader::Property> ChunkReader::Properties() const {
  std::vector<Property> properties;
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].id == ColumnId::kProperty)
      properties.push_back({entries_[i].name, entries_[i].type, i});
  return properties;
}

absl::Status ChunkReader::ReadProperty(const Property& property, std::vector<std::uint32_t>* rows,
                                       std::vector<std::uint64_t>* bits) const {
  rows->clear();
  bits->clear();
  const Entry& entry = entries_[property.entry];
  if (absl::Status status = Checked(entry); !status.ok()) return status;
  ByteReader reader(entry.payload);
  const std::uint64_t present = reader.Varint();
  if (!reader.ok() || present > rows_) return Damaged("property");
  const auto count = static_cast<std::size_t>(present);
  if (count == rows_) {
    rows->resize(count);
    for (std::uint32_t i = 0; i < count; ++i) (*rows)[i] = i;
  } else if (!DecodeColumn(reader.Sized(), count, rows)) {
    return Damaged("property rows");
  }
  for (std::size_t i = 0; i < count; ++i)
    if ((*rows)[i] >= rows_ || (i > 0 && (*rows)[i] <= (*rows)[i - 1]))
      return Damaged("property rows");
  if (!DecodeColumn(reader.Rest(), count, bits)) return Damaged("property values");
  return absl::OkStatus();
}

absl::Status ChunkReader::ReadCompanions(std::vector<std::uint32_t>* first,
                                         std::vector<std::uint32_t>* type,
                                         std::vector<std::uint64_t>* key) const {
  first->clear();
  type->clear();
  key->clear();
  const Entry* entry = Find(ColumnId::kCompanions);
  if (entry == nullptr) {  // every row's companion number reads as 0: an empty set
    first->assign(2, 0);
    return absl::OkStatus();
  }
  if (absl::Status status = Checked(*entry); !status.ok()) return status;
  ByteReader reader(entry->payload);
  const std::uint64_t sets = reader.Varint();
  const std::uint64_t pairs = reader.Varint();
  if (!reader.ok() || sets > rows_ || pairs > 256 * sets ||
      !DecodeColumn(reader.Sized(), static_cast<std::size_t>(sets) + 1, first) ||
      !DecodeColumn(reader.Sized(), static_cast<std::size_t>(pairs), type) ||
      !DecodeColumn(reader.Sized(), static_cast<std::size_t>(pairs), key) || first->front() != 0 ||
      first->back() != pairs || !std::is_sorted(first->begin(), first->end()))
    return Damaged("companions");
  return absl::OkStatus();
}

absl::Status ChunkReader::Verify() const {
  for (const Entry& entry : entries_)
    if (absl::Status status = Checked(entry); !status.ok()) return status;
  return absl::OkStatus();
}

absl::Status AppendChunk(std::string_view bytes, Lane lane, std::string_view name, Records* records,
                         std::vector<std::uint32_t>* units) {
  absl::StatusOr<ChunkReader> chunk = ChunkReader::Open(bytes);
  if (!chunk.ok()) return chunk.status();
  const std::size_t rows = chunk->rows();
  std::vector<std::uint32_t> numbers;
  absl::Status status;
  const auto append = [&](ColumnId id, auto* column) {
    std::remove_pointer_t<decltype(column)> read;
    if (status.ok()) status = chunk->Read(id, &read);
    if (status.ok()) column->insert(column->end(), read.begin(), read.end());
  };
  append(ColumnId::kUnit, units);

  std::string buffer;
  std::vector<std::string_view> local;
  if (status.ok()) status = chunk->ReadStrings(&local, &buffer);
  if (!status.ok()) return status;
  std::vector<std::uint32_t> pool;
  for (const std::string_view text : local) pool.push_back(records->strings.Intern(text));

  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> types;
  std::vector<std::uint64_t> keys;
  std::vector<std::uint32_t> companion;
  if (status.ok()) status = chunk->ReadCompanions(&first, &types, &keys);
  if (status.ok()) status = chunk->Read(ColumnId::kCompanion, &companion);
  if (!status.ok()) return status;
  Records::Subjects& subjects = records->subjects;
  const auto offset = static_cast<std::uint32_t>(subjects.size());
  for (std::size_t i = 1; i < first.size(); ++i)
    subjects.first.push_back(static_cast<std::uint32_t>(subjects.key.size()) + first[i]);
  for (const std::uint32_t type : types) {
    if (type >= pool.size()) return Damaged("companions");
    subjects.unit_type.push_back(pool[type]);
  }
  subjects.key.insert(subjects.key.end(), keys.begin(), keys.end());
  for (std::uint32_t& subject : companion) {
    if (subject + 1 >= first.size()) return Damaged("companion");
    subject += offset;
  }

  const std::uint32_t name_id = records->strings.Intern(name);
  Properties* properties;
  if (lane == Lane::kEvents) {
    Records::Events& e = records->events;
    properties = &e.properties;
    append(ColumnId::kTime, &e.time_ms);
    std::vector<double> values;
    if (status.ok()) status = chunk->ReadValues(&values);
    e.value.insert(e.value.end(), values.begin(), values.end());
    append(ColumnId::kEventId, &e.event_id);
    append(ColumnId::kRefId, &e.ref_id);
    append(ColumnId::kOrder, &e.order);
    e.name.resize(e.name.size() + rows, name_id);
    e.subject.insert(e.subject.end(), companion.begin(), companion.end());
  } else {
    Records::Exposures& x = records->exposures;
    properties = &x.attributes;
    append(ColumnId::kTime, &x.time_ms);
    append(ColumnId::kVariant, &numbers);
    if (!status.ok()) return status;
    for (const std::uint32_t number : numbers) {
      if (number >= pool.size()) return Damaged("variant");
      x.variant.push_back(pool[number]);
    }
    append(ColumnId::kIteration, &x.iteration);
    append(ColumnId::kPhase, &x.phase);
    append(ColumnId::kReason, &x.reason);
    append(ColumnId::kCatalog, &x.catalog_version);
    append(ColumnId::kOrder, &x.order);
    x.experiment.resize(x.experiment.size() + rows, name_id);
    x.subject.insert(x.subject.end(), companion.begin(), companion.end());
  }
  if (!status.ok()) return status;

  struct Decoded {
    std::uint32_t name;
    PropertyType type;
    std::vector<std::uint32_t> rows;
    std::vector<std::uint64_t> bits;
    std::size_t next = 0;
  };
  std::vector<Decoded> decoded;
  for (const ChunkReader::Property& property : chunk->Properties()) {
    Decoded& d = decoded.emplace_back();
    d.name = records->strings.Intern(property.name);
    d.type = property.type;
    if (status = chunk->ReadProperty(property, &d.rows, &d.bits); !status.ok()) return status;
    if (d.type != PropertyType::kString) continue;
    for (std::uint64_t& bits : d.bits) {
      if (bits >= pool.size()) return Damaged("property string");
      bits = pool[bits];
    }
  }
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (Decoded& d : decoded) {
      if (d.next == d.rows.size() || d.rows[d.next] != row) continue;
      properties->name.push_back(d.name);
      properties->type.push_back(d.type);
      properties->bits.push_back(d.bits[d.next++]);
    }
    properties->first.push_back(static_cast<std::uint32_t>(properties->name.size()));
  }
  return absl::OkStatus();
}

}  // namespace upswing::store
