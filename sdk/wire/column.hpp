#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "absl/types/span.h"
#include "sdk/wire/varint.hpp"

namespace upswing::wire {

/// A column of n integers. The number of rows is known from elsewhere.
///
///     n = 0: nothing
///     n = 1: plain value
///     n > 1: one mode byte, then
///       0 constant   plain value, which is that of every row
///       1 plain      n plain values
///       2 delta      n zigzag differences to the row before (the first to 0)
///       3 ascending  zigzag difference of the first row to 0, then n - 1 unsigned differences
///
/// A plain value is a varint: of the number for unsigned columns, of its zigzag for signed ones.
/// Differences are taken modulo 2^64. The writer takes the mode with the fewest significant bits,
/// which is what survives compression; readers accept any.
enum class ColumnMode : std::uint8_t { kConstant = 0, kPlain = 1, kDelta = 2, kAscending = 3 };

enum class ColumnSign { kUnsigned, kSigned };

void WriteColumn(absl::Span<const std::uint64_t> values, ColumnSign sign,
                 std::vector<std::uint8_t>* out);

/// A column of doubles: n = 0 nothing; n = 1 one value; else a mode byte (0 constant, 1 plain) and
/// values. A value is a varint of zigzag(m) * 4 + kind, which means m, m / 100 or m / 1000 for
/// kinds 0 to 2 (where that gives the very same bits), or, for kind 3 with m = 0, the 8 bytes that
/// follow, least significant first.
void WriteDoubles(absl::Span<const double> values, std::vector<std::uint8_t>* out);

/// Reads `count` rows and calls `store(row, value)` for each. A value that T cannot hold becomes
/// T's largest, so that the caller's range check finds it.
template <typename T, typename Store>
void ReadColumn(Reader* reader, std::size_t count, Store store) {
  const auto narrow = [](std::uint64_t value) {
    if constexpr (sizeof(T) < sizeof(value)) {
      if (value > std::numeric_limits<T>::max()) return std::numeric_limits<T>::max();
    }
    return static_cast<T>(value);
  };
  const auto plain = [reader] {
    const std::uint64_t value = reader->Varint();
    return std::is_signed_v<T> ? static_cast<std::uint64_t>(UnZigZag(value)) : value;
  };
  if (count == 0) return;
  const std::uint8_t* mode = nullptr;
  if (count > 1 && (mode = reader->Bytes(1)) == nullptr) return;
  switch (count == 1 ? ColumnMode::kConstant : static_cast<ColumnMode>(*mode)) {
    case ColumnMode::kConstant: {
      const T value = narrow(plain());
      for (std::size_t row = 0; row < count && reader->ok(); ++row) store(row, value);
      return;
    }
    case ColumnMode::kPlain:
      for (std::size_t row = 0; row < count && reader->ok(); ++row) store(row, narrow(plain()));
      return;
    case ColumnMode::kDelta: {
      std::uint64_t value = 0;
      for (std::size_t row = 0; row < count && reader->ok(); ++row) {
        value += static_cast<std::uint64_t>(UnZigZag(reader->Varint()));
        store(row, narrow(value));
      }
      return;
    }
    case ColumnMode::kAscending: {
      std::uint64_t value = static_cast<std::uint64_t>(UnZigZag(reader->Varint()));
      store(0, narrow(value));
      for (std::size_t row = 1; row < count && reader->ok(); ++row) {
        value += reader->Varint();
        store(row, narrow(value));
      }
      return;
    }
  }
  reader->Fail();
}

double ReadDouble(Reader* reader);

template <typename Store>
void ReadDoubles(Reader* reader, std::size_t count, Store store) {
  if (count == 0) return;
  const std::uint8_t* mode = nullptr;
  if (count > 1 && (mode = reader->Bytes(1)) == nullptr) return;
  if (count == 1 || *mode == static_cast<std::uint8_t>(ColumnMode::kConstant)) {
    const double value = ReadDouble(reader);
    for (std::size_t row = 0; row < count && reader->ok(); ++row) store(row, value);
  } else if (*mode == static_cast<std::uint8_t>(ColumnMode::kPlain)) {
    for (std::size_t row = 0; row < count && reader->ok(); ++row) store(row, ReadDouble(reader));
  } else {
    reader->Fail();
  }
}

}  // namespace upswing::wire
