#include "server/store/clickhouse/rows.hpp"

#include <algorithm>

#include "server/store/bytes.hpp"

namespace upswing::store {
namespace {

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
constexpr std::int64_t kLastDay = 49'709;  // what a Date of every server holds
constexpr std::size_t kLongestRow = 16 << 20;

void PutProperties(const StringPool& strings, const Properties& properties, std::size_t row,
                   std::string* out) {
  const std::uint32_t first = properties.first[row];
  const std::uint32_t last = properties.first[row + 1];
  const auto column = [&](auto&& put) {
    PutVarint(last - first, out);
    for (std::uint32_t i = first; i < last; ++i) put(i);
  };
  const auto is_text = [&](std::uint32_t i) { return properties.type[i] == PropertyType::kString; };
  column([&](std::uint32_t i) { PutSized(strings[properties.name[i]], out); });
  column([&](std::uint32_t i) { PutFixed(static_cast<std::uint8_t>(properties.type[i]), out); });
  column([&](std::uint32_t i) {
    PutSized(
        is_text(i) ? strings[static_cast<std::uint32_t>(properties.bits[i])] : std::string_view(),
        out);
  });
  column([&](std::uint32_t i) { PutFixed(is_text(i) ? 0 : properties.bits[i], out); });
  column([&](std::uint32_t i) {
    PutFixed(ValueAsNumber(properties.type[i], properties.bits[i]), out);
  });
}

}  // namespace

std::string_view WrittenColumns() {
  return "day, unit_type, lane, name, unit, time_ms, position, value, event_id, ref_id, variant, "
         "iteration, phase, reason, catalog_version, copy, companion.type, companion.key, "
         "property.name, property.type, property.text, property.bits, property.number, attempt, "
         "batch";
}

namespace {

// One row: a record as one of its units sees it.
struct RowPlace {
  Lane lane = Lane::kEvents;
  std::size_t row = 0;  // of the lane
  std::string_view name;
  std::string_view unit_type;
  std::uint64_t unit = 0;
  std::uint32_t first = 0, last = 0;  // companions among the subjects' units,
  std::uint32_t without = ~0u;        // but this one
  std::uint8_t copy = 0;
  std::uint64_t attempt = 0;
  std::uint32_t batch = 0;
};

void AppendRow(const Records& records, const RowPlace& at, std::string* body) {
  const StringPool& strings = records.strings;
  const Records::Subjects& subjects = records.subjects;
  const Records::Events& e = records.events;
  const Records::Exposures& x = records.exposures;
  const bool event = at.lane == Lane::kEvents;
  const std::size_t row = at.row;
  const std::int64_t time = event ? e.time_ms[row] : x.time_ms[row];
  PutFixed(static_cast<std::uint16_t>(
               std::clamp(time >= 0 ? time / kDayMs : std::int64_t{0}, std::int64_t{0}, kLastDay)),
           body);
  PutSized(at.unit_type, body);
  PutFixed(static_cast<std::uint8_t>(at.lane), body);
  PutSized(at.name, body);
  PutFixed(at.unit, body);
  PutFixed(time, body);
  PutFixed(event ? e.order[row] : x.order[row], body);
  PutFixed(event ? e.value[row] : 0.0, body);
  PutFixed(event ? e.event_id[row] : std::uint64_t{0}, body);
  PutFixed(event ? e.ref_id[row] : std::uint64_t{0}, body);
  PutSized(event ? std::string_view() : strings[x.variant[row]], body);
  PutFixed(event ? 0u : x.iteration[row], body);
  PutFixed(event ? 0u : x.phase[row], body);
  PutFixed(event ? std::uint8_t{0} : x.reason[row], body);
  PutFixed(event ? std::uint64_t{0} : x.catalog_version[row], body);
  PutFixed(at.copy, body);
  const bool one_less = at.without >= at.first && at.without < at.last;
  const std::uint32_t companions = at.last - at.first - (one_less ? 1 : 0);
  PutVarint(companions, body);
  for (std::uint32_t other = at.first; other < at.last; ++other)
    if (other != at.without) PutSized(strings[subjects.unit_type[other]], body);
  PutVarint(companions, body);
  for (std::uint32_t other = at.first; other < at.last; ++other)
    if (other != at.without) PutFixed(subjects.key[other], body);
  PutProperties(strings, event ? e.properties : x.attributes, row, body);
  PutFixed(at.attempt, body);
  PutFixed(at.batch, body);
}

}  // namespace

std::size_t AppendRows(const Records& records, std::uint64_t attempt, std::uint32_t batch,
                       const std::function<bool(std::uint32_t, std::int64_t)>& left_out,
                       std::string* body) {
  const StringPool& strings = records.strings;
  const Records::Subjects& subjects = records.subjects;
  std::size_t written = 0;
  RowPlace at;
  at.attempt = attempt;
  at.batch = batch;
  const auto append = [&](std::uint32_t subject, std::int64_t time) {
    if (left_out && left_out(subject, time)) return;
    ++written;
    at.first = subjects.first[subject];
    at.last = subjects.first[subject + 1];
    for (std::uint32_t unit = at.first; unit < at.last; ++unit) {
      at.unit_type = strings[subjects.unit_type[unit]];
      at.unit = subjects.key[unit];
      at.without = unit;
      at.copy = static_cast<std::uint8_t>(std::min(unit - at.first, 255u));
      AppendRow(records, at, body);
    }
  };
  at.lane = Lane::kExposures;
  const Records::Exposures& x = records.exposures;
  for (at.row = 0; at.row < x.size(); ++at.row) {
    at.name = strings[x.experiment[at.row]];
    append(x.subject[at.row], x.time_ms[at.row]);
  }
  at.lane = Lane::kEvents;
  const Records::Events& e = records.events;
  for (at.row = 0; at.row < e.size(); ++at.row) {
    at.name = strings[e.name[at.row]];
    append(e.subject[at.row], e.time_ms[at.row]);
  }
  return written;
}

ChunkRows AppendChunkRows(const Records& records, Lane lane, std::string_view name,
                          std::string_view unit_type, const std::vector<std::uint32_t>& units,
                          const std::vector<std::uint64_t>& keys, std::uint64_t attempt,
                          std::uint32_t batch, std::string* body) {
  const Records::Subjects& subjects = records.subjects;
  RowPlace at;
  at.lane = lane;
  at.name = name;
  at.unit_type = unit_type;
  at.attempt = attempt;
  at.batch = batch;
  ChunkRows written;
  for (at.row = 0; at.row < units.size(); ++at.row) {
    at.unit = keys[units[at.row]];
    if (at.unit == 0) continue;  // erased
    const std::uint32_t subject =
        lane == Lane::kEvents ? records.events.subject[at.row] : records.exposures.subject[at.row];
    at.first = subjects.first[subject];
    at.last = subjects.first[subject + 1];
    // Of a record's copies one has the number 0: that of the first unit type by name.
    at.copy = 0;
    for (std::uint32_t other = at.first; other < at.last; ++other)
      at.copy = static_cast<std::uint8_t>(
          at.copy + (records.strings[subjects.unit_type[other]] < unit_type ? 1 : 0));
    AppendRow(records, at, body);
    ++written.rows;
    if (at.copy == 0) ++written.records;
  }
  return written;
}

std::string_view ReadColumns() {
  return "unit, time_ms, position, value, event_id, ref_id, variant, iteration, phase, reason, "
         "catalog_version, companion.type, companion.key, property.name, property.type, "
         "property.text, property.bits";
}

bool RowReader::Add(std::string_view piece, Lane lane, std::string_view unit_type,
                    std::string_view name, Records* records, std::vector<std::uint64_t>* keys) {
  if (!rest_.empty()) {
    rest_.append(piece);
    piece = rest_;
  }
  const std::uint32_t type_id = records->strings.Intern(unit_type);
  const std::uint32_t name_id = records->strings.Intern(name);
  struct Property {
    std::string_view name, text;
    std::uint8_t type = 0;
    std::uint64_t bits = 0;
  };
  std::vector<std::pair<std::string_view, std::uint64_t>> companions;
  std::vector<Property> properties;
  std::size_t taken = 0;
  while (taken < piece.size()) {
    ByteReader in(piece.substr(taken));
    const auto unit = in.Fixed<std::uint64_t>();
    const auto time = in.Fixed<std::int64_t>();
    const auto order = in.Fixed<std::uint32_t>();
    const auto value = in.Fixed<double>();
    const auto event_id = in.Fixed<std::uint64_t>();
    const auto ref_id = in.Fixed<std::uint64_t>();
    const std::string_view variant = in.Sized();
    const auto iteration = in.Fixed<std::uint32_t>();
    const auto phase = in.Fixed<std::uint32_t>();
    const auto reason = in.Fixed<std::uint8_t>();
    const auto catalog = in.Fixed<std::uint64_t>();
    const auto size_of = [&](auto* list) {
      const std::uint64_t size = in.Varint();
      if (size > piece.size()) return false;
      list->resize(size);
      return true;
    };
    // A length read from a cut row may be anything; the row is then read again.
    bool whole = size_of(&companions);
    for (auto& [type, key] : companions) type = in.Sized();
    in.Varint();
    for (auto& [type, key] : companions) key = in.Fixed<std::uint64_t>();
    whole = whole && size_of(&properties);
    for (Property& p : properties) p.name = in.Sized();
    in.Varint();
    for (Property& p : properties) p.type = in.Fixed<std::uint8_t>();
    in.Varint();
    for (Property& p : properties) p.text = in.Sized();
    in.Varint();
    for (Property& p : properties) p.bits = in.Fixed<std::uint64_t>();
    if (!in.ok() || !whole) {
      if (piece.size() - taken > kLongestRow) return false;
      break;
    }
    taken = piece.size() - in.Rest().size();

    keys->push_back(unit);
    Records::Subjects& subjects = records->subjects;
    const auto subject = static_cast<std::uint32_t>(subjects.size());
    subjects.unit_type.push_back(type_id);
    subjects.key.push_back(unit);
    for (const auto& [type, key] : companions) {
      subjects.unit_type.push_back(records->strings.Intern(type));
      subjects.key.push_back(key);
    }
    subjects.first.push_back(static_cast<std::uint32_t>(subjects.key.size()));
    Properties* into;
    if (lane == Lane::kEvents) {
      Records::Events& e = records->events;
      e.subject.push_back(subject);
      e.name.push_back(name_id);
      e.order.push_back(order);
      e.value.push_back(value);
      e.time_ms.push_back(time);
      e.event_id.push_back(event_id);
      e.ref_id.push_back(ref_id);
      into = &e.properties;
    } else {
      Records::Exposures& x = records->exposures;
      x.subject.push_back(subject);
      x.experiment.push_back(name_id);
      x.variant.push_back(records->strings.Intern(variant));
      x.iteration.push_back(iteration);
      x.phase.push_back(phase);
      x.order.push_back(order);
      x.reason.push_back(reason);
      x.catalog_version.push_back(catalog);
      x.time_ms.push_back(time);
      into = &x.attributes;
    }
    for (const Property& p : properties) {
      if (p.type > 3) return false;
      into->name.push_back(records->strings.Intern(p.name));
      into->type.push_back(static_cast<PropertyType>(p.type));
      into->bits.push_back(p.type == 0 ? records->strings.Intern(p.text) : p.bits);
    }
    into->first.push_back(static_cast<std::uint32_t>(into->name.size()));
  }
  std::string rest(piece.substr(taken));
  rest_ = std::move(rest);
  return true;
}

}  // namespace upswing::store
