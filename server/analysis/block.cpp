#include "server/analysis/block.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "absl/strings/str_cat.h"
#include "sdk/base/hash.hpp"

namespace upswing::analysis {
namespace {

using metrics::Condition;
using store::ChunkReader;
using store::ColumnId;
using store::PropertyType;

// Wide enough to hold every int64 and every double (checked for the platforms servers run on).
long double AsExact(PropertyType type, std::uint64_t bits) {
  static_assert(std::numeric_limits<long double>::digits >= 64);
  if (type == PropertyType::kInt64) return static_cast<std::int64_t>(bits);
  return std::bit_cast<double>(bits);
}

bool Equals(const metrics::Literal& literal, PropertyType type, std::uint64_t bits,
            const std::vector<std::string_view>& strings) {
  switch (type) {
    case PropertyType::kString:
      return std::holds_alternative<std::string>(literal) && bits < strings.size() &&
             std::get<std::string>(literal) == strings[bits];
    case PropertyType::kBool:
      return std::holds_alternative<bool>(literal) && std::get<bool>(literal) == (bits != 0);
    default:
      return std::holds_alternative<double>(literal) &&
             AsExact(type, bits) == static_cast<long double>(std::get<double>(literal));
  }
}

bool Holds(const Condition& condition, PropertyType type, std::uint64_t bits,
           const std::vector<std::string_view>& strings) {
  const auto in = [&] {
    return std::any_of(condition.values.begin(), condition.values.end(),
                       [&](const auto& literal) { return Equals(literal, type, bits, strings); });
  };
  switch (condition.op) {
    case Condition::Operator::kIn:
      return in();
    case Condition::Operator::kNotIn:
      return !in();
    case Condition::Operator::kSet:
      return std::get<bool>(condition.values[0]);
    default:
      break;
  }
  if ((type != PropertyType::kInt64 && type != PropertyType::kDouble) ||
      !std::holds_alternative<double>(condition.values[0]))
    return false;
  const long double value = AsExact(type, bits);
  const long double bound = std::get<double>(condition.values[0]);
  switch (condition.op) {
    case Condition::Operator::kLess:
      return value < bound;
    case Condition::Operator::kLessEqual:
      return value <= bound;
    case Condition::Operator::kGreater:
      return value > bound;
    default:
      return value >= bound;
  }
}

bool HoldsWithout(const Condition& condition) {
  return condition.op == Condition::Operator::kNotIn ||
         (condition.op == Condition::Operator::kSet && !std::get<bool>(condition.values[0]));
}

// Key of the unit of one type that stands beside each record.
absl::Status LoadCompanions(const ChunkReader& chunk, const std::string& type,
                            const std::vector<std::string_view>& strings,
                            std::vector<std::uint64_t>* keys) {
  keys->clear();
  if (type.empty()) return absl::OkStatus();
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> types;
  std::vector<std::uint64_t> table;
  std::vector<std::uint32_t> rows;
  absl::Status status = chunk.ReadCompanions(&first, &types, &table);
  if (status.ok()) status = chunk.Read(ColumnId::kCompanion, &rows);
  if (!status.ok()) return status;
  std::vector<std::uint64_t> of_set(first.size() - 1, 0);
  for (std::size_t s = 0; s < of_set.size(); ++s)
    for (std::uint32_t p = first[s]; p < first[s + 1]; ++p)
      if (types[p] < strings.size() && strings[types[p]] == type) of_set[s] = table[p];
  keys->resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] >= of_set.size()) return absl::DataLossError("companion out of range");
    (*keys)[i] = of_set[rows[i]];
  }
  return absl::OkStatus();
}

}  // namespace

std::string SegmentText(PropertyType type, std::uint64_t bits) {
  switch (type) {
    case PropertyType::kInt64:
      return absl::StrCat(static_cast<std::int64_t>(bits));
    case PropertyType::kDouble:
      return absl::StrCat(std::bit_cast<double>(bits));
    case PropertyType::kBool:
      return bits != 0 ? "true" : "false";
    default:
      return std::string();
  }
}

absl::Status EventBlock::Load(const BlockContext& context, const Stream& stream,
                              std::string bytes) {
  bytes_ = std::move(bytes);
  has_order_ = false;
  unit.clear();
  const absl::StatusOr<ChunkReader> chunk = ChunkReader::Open(bytes_);
  if (!chunk.ok()) return chunk.status();
  absl::Status status = chunk->Read(ColumnId::kTime, &time);
  values.resize(stream.values.size());
  pass.resize(stream.filters.size());
  identity.resize(stream.identities.size());
  event_id.clear();
  ref_id.clear();
  if (status.ok()) status = chunk->ReadValues(&values[0]);
  if (status.ok() && chunk->Has(ColumnId::kEventId))
    status = chunk->Read(ColumnId::kEventId, &event_id);
  if (status.ok() && chunk->Has(ColumnId::kRefId)) status = chunk->Read(ColumnId::kRefId, &ref_id);
  if (!status.ok()) return status;

  std::vector<std::string_view> strings;
  std::string buffer;
  const bool properties =
      values.size() > 1 || !pass.empty() || !identity.empty() || !context.companion_type.empty();
  if (properties) {
    if (status = chunk->ReadStrings(&strings, &buffer); !status.ok()) return status;
    if (status = LoadCompanions(*chunk, context.companion_type, strings, &companion); !status.ok())
      return status;
  }
  const std::size_t rows = chunk->rows();
  for (std::size_t v = 1; v < values.size(); ++v)
    values[v].assign(rows, std::numeric_limits<double>::quiet_NaN());
  for (auto& column : pass) column.assign(rows, 1);
  for (auto& column : identity) column.assign(rows, 0);
  if (properties) {
    struct Decoded {
      std::string_view name;
      PropertyType type;
      std::vector<std::uint32_t> rows;
      std::vector<std::uint64_t> bits;
    };
    std::vector<Decoded> decoded;
    for (const ChunkReader::Property& property : chunk->Properties()) {
      bool wanted = false;
      for (const std::string& name : stream.values) wanted |= name == property.name;
      for (const std::string& name : stream.identities) wanted |= name == property.name;
      for (const auto& filter : stream.filters)
        for (const Condition& condition : filter) wanted |= condition.property == property.name;
      if (!wanted) continue;
      Decoded& d = decoded.emplace_back(Decoded{property.name, property.type, {}, {}});
      if (status = chunk->ReadProperty(property, &d.rows, &d.bits); !status.ok()) return status;
    }
    for (const Decoded& d : decoded) {
      for (std::size_t v = 1; v < values.size(); ++v)
        if (stream.values[v] == d.name)
          for (std::size_t i = 0; i < d.rows.size(); ++i)
            values[v][d.rows[i]] = store::ValueAsNumber(d.type, d.bits[i]);
      for (std::size_t v = 0; v < identity.size(); ++v) {
        if (stream.identities[v] != d.name) continue;
        for (std::size_t i = 0; i < d.rows.size(); ++i) {
          const std::uint64_t id =
              d.type == PropertyType::kString && d.bits[i] < strings.size()
                  ? base::Hash64(strings[d.bits[i]])
                  : base::Mix(d.bits[i] + (static_cast<std::uint64_t>(d.type) << 61) + 1);
          identity[v][d.rows[i]] = id == 0 ? 1 : id;
        }
      }
    }
    std::vector<std::uint8_t> holds;
    for (std::size_t f = 0; f < pass.size(); ++f) {
      for (const Condition& condition : stream.filters[f]) {
        holds.assign(rows, HoldsWithout(condition) ? 1 : 0);
        for (const Decoded& d : decoded) {
          if (d.name != condition.property) continue;
          for (std::size_t i = 0; i < d.rows.size(); ++i)
            holds[d.rows[i]] = Holds(condition, d.type, d.bits[i], strings) ? 1 : 0;
        }
        for (std::size_t i = 0; i < rows; ++i) pass[f][i] &= holds[i];
      }
    }
  }
  // Last, so that a block that failed has no rows.
  return chunk->Read(ColumnId::kUnit, &unit);
}

const std::vector<std::uint32_t>& EventBlock::Order() {
  if (!has_order_) {
    const absl::StatusOr<ChunkReader> chunk = ChunkReader::Open(bytes_);
    // The head was sound when the block was loaded; a damaged column breaks no tie.
    if (!chunk.ok() || !chunk->Read(ColumnId::kOrder, &order_).ok()) order_.assign(rows(), 0);
    has_order_ = true;
  }
  return order_;
}

absl::Status ExposureBlock::Load(const BlockContext& context, const Stream&, std::string bytes) {
  unit.clear();
  const absl::StatusOr<ChunkReader> chunk = ChunkReader::Open(bytes);
  if (!chunk.ok()) return chunk.status();
  std::string buffer;
  std::vector<std::string_view> views;
  absl::Status status = chunk->ReadStrings(&views, &buffer);
  if (status.ok()) status = chunk->Read(ColumnId::kTime, &time);
  if (status.ok()) status = chunk->Read(ColumnId::kOrder, &order);
  if (status.ok()) status = chunk->Read(ColumnId::kVariant, &variant_text);
  if (status.ok()) status = chunk->Read(ColumnId::kIteration, &iteration);
  if (status.ok()) status = chunk->Read(ColumnId::kPhase, &phase);
  if (status.ok()) status = chunk->Read(ColumnId::kReason, &reason);
  if (status.ok()) status = LoadCompanions(*chunk, context.companion_type, views, &companion);
  if (!status.ok()) return status;

  const ExperimentSpec& spec = *context.plan->spec;
  strings.assign(views.begin(), views.end());
  std::vector<std::int32_t> number(views.size(), -1);
  for (std::size_t s = 0; s < views.size(); ++s)
    for (std::size_t v = 0; v < spec.variants.size(); ++v)
      if (spec.variants[v].key == views[s]) number[s] = static_cast<std::int32_t>(v);
  variant.resize(chunk->rows());
  for (std::size_t i = 0; i < variant.size(); ++i) {
    if (variant_text[i] >= number.size()) return absl::DataLossError("variant out of range");
    variant[i] = number[variant_text[i]];
  }

  attributes.resize(spec.report_by.size());
  for (auto& column : attributes) column.assign(chunk->rows(), 0);
  std::vector<std::uint32_t> rows;
  std::vector<std::uint64_t> bits;
  for (const ChunkReader::Property& property : chunk->Properties()) {
    const auto found = std::find(spec.report_by.begin(), spec.report_by.end(), property.name);
    if (found == spec.report_by.end()) continue;
    auto& column = attributes[static_cast<std::size_t>(found - spec.report_by.begin())];
    if (status = chunk->ReadProperty(property, &rows, &bits); !status.ok()) return status;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (property.type == PropertyType::kString) {
        if (bits[i] >= strings.size()) return absl::DataLossError("attribute out of range");
        column[rows[i]] = static_cast<std::uint32_t>(bits[i]);
        continue;
      }
      std::string text = SegmentText(property.type, bits[i]);
      const auto at = std::find(strings.begin(), strings.end(), text);
      column[rows[i]] = static_cast<std::uint32_t>(at - strings.begin());
      if (at == strings.end()) strings.push_back(std::move(text));
    }
  }
  return chunk->Read(ColumnId::kUnit, &unit);
}

}  // namespace upswing::analysis
