#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace upswing::store {

/// How hard a column is squeezed.
enum class Squeeze : std::uint8_t {
  kPack,      ///< Only packed into the narrowest width; the caller compresses the whole.
  kCompress,  ///< Packed, then zstd where that saves an eighth; but for short columns.
};

/// Appends a column of integers:
///
///     column  = scheme:u8 base:varint payload
///     scheme  = width code (0 1 2 4 8 bytes as 0..4) | 8 if deltas | 16 if zstd
///     payload = one little-endian number of that width per row: value - base, or, for deltas, the
///               difference from the row before (the first row's from `base`)
///
/// Width 0 has no payload: all rows are `base` (deltas: base, base, ...). Deltas are chosen when
/// the values never fall and the widest step needs fewer bytes than the widest value.
void EncodeColumn(absl::Span<const std::uint64_t> values, Squeeze squeeze, std::string* out);
void EncodeColumn(absl::Span<const std::uint32_t> values, Squeeze squeeze, std::string* out);

/// Appends a column of doubles:
///
///     doubles = 255 payload                  the bits as a column of integers
///             | digits:u8 column             each value is m / 10^digits exactly as a double
///                                            division gives it; the column holds zigzag(m)
void EncodeDoubles(absl::Span<const double> values, Squeeze squeeze, std::string* out);

/// Appends `rows` values to `out`. False if the bytes are not such a column or a value does not
/// fit; `out` is unspecified then. `bytes` is the whole column.
bool DecodeColumn(std::string_view bytes, std::size_t rows, std::vector<std::uint64_t>* out);
bool DecodeColumn(std::string_view bytes, std::size_t rows, std::vector<std::int64_t>* out);
bool DecodeColumn(std::string_view bytes, std::size_t rows, std::vector<std::uint32_t>* out);
bool DecodeColumn(std::string_view bytes, std::size_t rows, std::vector<std::uint8_t>* out);
bool DecodeDoubles(std::string_view bytes, std::size_t rows, std::vector<double>* out);

/// zstd at a level for data that is read more often than written. `Decompress` refuses frames that
/// do not say their size or say more than `max_size`.
void Compress(std::string_view bytes, int level, std::string* out);
bool Decompress(std::string_view bytes, std::size_t max_size, std::string* out);

}  // namespace upswing::store
