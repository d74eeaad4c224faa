#include "sdk/wire/column.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace upswing::wire {
namespace {

constexpr double kScales[] = {1.0, 100.0, 1000.0};
constexpr std::uint64_t kRawDouble = 3;

void WriteMode(ColumnMode mode, std::vector<std::uint8_t>* out) {
  out->push_back(static_cast<std::uint8_t>(mode));
}

void WriteDouble(double value, std::vector<std::uint8_t>* out) {
  for (std::uint64_t kind = 0; kind < std::size(kScales); ++kind) {
    const double scaled = std::nearbyint(value * kScales[kind]);
    // 2^53: beyond it not every integer is a double. NaN fails the comparison too.
    if (!(std::fabs(scaled) <= 9007199254740992.0)) break;
    const auto mantissa = static_cast<std::int64_t>(scaled);
    if (std::bit_cast<std::uint64_t>(static_cast<double>(mantissa) / kScales[kind]) ==
        std::bit_cast<std::uint64_t>(value)) {
      WriteVarint(ZigZag(mantissa) * 4 + kind, out);
      return;
    }
  }
  WriteVarint(kRawDouble, out);
  WriteFixed64(std::bit_cast<std::uint64_t>(value), out);
}

}  // namespace

void WriteColumn(absl::Span<const std::uint64_t> values, ColumnSign sign,
                 std::vector<std::uint8_t>* out) {
  const auto plain = [sign](std::uint64_t value) {
    return sign == ColumnSign::kSigned ? ZigZag(static_cast<std::int64_t>(value)) : value;
  };
  if (values.empty()) return;
  if (values.size() == 1) return WriteVarint(plain(values[0]), out);

  bool constant = true;
  bool ascending = true;
  std::size_t plain_bits = 0;
  std::size_t delta_bits = 0;
  std::size_t ascending_bits = 0;
  std::uint64_t before = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    const std::uint64_t value = values[row];
    const std::uint64_t difference = value - before;
    const auto signed_difference = static_cast<std::int64_t>(difference);
    const bool first = row == 0;
    constant = constant && (first || difference == 0);
    ascending = ascending && (first || signed_difference >= 0);
    plain_bits += static_cast<std::size_t>(std::bit_width(plain(value)));
    const auto delta_width = static_cast<std::size_t>(std::bit_width(ZigZag(signed_difference)));
    delta_bits += delta_width;
    ascending_bits += first ? delta_width : static_cast<std::size_t>(std::bit_width(difference));
    before = value;
  }
  if (constant) {
    WriteMode(ColumnMode::kConstant, out);
    return WriteVarint(plain(values[0]), out);
  }
  ColumnMode mode = ColumnMode::kPlain;
  if (delta_bits < plain_bits) mode = ColumnMode::kDelta;
  if (ascending && ascending_bits < std::min(plain_bits, delta_bits)) mode = ColumnMode::kAscending;
  WriteMode(mode, out);
  before = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    const std::uint64_t value = values[row];
    const std::uint64_t difference = value - before;
    if (mode == ColumnMode::kPlain) {
      WriteVarint(plain(value), out);
    } else if (mode == ColumnMode::kDelta || row == 0) {
      WriteVarint(ZigZag(static_cast<std::int64_t>(difference)), out);
    } else {
      WriteVarint(difference, out);
    }
    before = value;
  }
}

void WriteDoubles(absl::Span<const double> values, std::vector<std::uint8_t>* out) {
  if (values.empty()) return;
  const bool constant = std::all_of(values.begin(), values.end(), [&](double value) {
    return std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(values[0]);
  });
  if (values.size() > 1) WriteMode(constant ? ColumnMode::kConstant : ColumnMode::kPlain, out);
  for (const double value : values.first(constant ? 1 : values.size())) WriteDouble(value, out);
}

double ReadDouble(Reader* reader) {
  const std::uint64_t code = reader->Varint();
  const std::uint64_t kind = code & 3;
  if (kind == kRawDouble) return std::bit_cast<double>(reader->Fixed64());
  return static_cast<double>(UnZigZag(code >> 2)) / kScales[kind];
}

}  // namespace upswing::wire
