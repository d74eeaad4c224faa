#pragma once

#include <cstddef>
#include <cstdint>

/// The bytes of `columns` in batch.fbs, and the numbers that encoder and decoder share. Frozen for
/// format versions 1 and 2, which differ in the forms of strings only; version 2 is written, both
/// are read.
///
/// - strings: count, column of codes (string_form.hpp), stored bytes of all strings. Index 0 is the
///   empty string and is not stored, so the first stored string is index 1.
/// - subjects: rows, column of pairs per row, column of unit types, column of unit ids (indexes of
///   strings).
/// - exposures: count; if not 0: shapes, column of shapes, column of subjects, times, values.
/// - events: the same, then the sparse ids: event ids, reference ids.
/// - counters: three tables, each: rows, then its columns in the order of record.hpp.
///
/// Of these,
///
/// - shapes: count, kExposureShapeWords or kEventShapeWords columns, column of properties per
/// shape,
///   column of all property names, column of all property types.
/// - times: mode byte, in kMixed one kind byte per record, signed column of differences to the
///   batch's boot_ms or wall_ms.
/// - values, for each shape: of events, the column of its records' values; then a column per
///   property.
/// - sparse ids: count, column of record numbers, 8 bytes each.
///
/// "Column" is defined in column.hpp; counts are varints. `tests/unit/sdk/wire/format_test.cpp`
/// works an example byte by byte.
namespace upswing::wire {

inline constexpr std::uint16_t kFormatVersion = 2;

/// Columns of an exposure's shape before its attributes: experiment, variant, iteration, phase,
/// reason, catalog version.
inline constexpr std::size_t kExposureShapeWords = 6;
/// Columns of an event's shape before its properties: name.
inline constexpr std::size_t kEventShapeWords = 1;

/// How the time kinds of a lane are written.
enum class TimeMode : std::uint8_t {
  kBoot = 0,   ///< All kBoot.
  kWall = 1,   ///< All kWall.
  kMixed = 2,  ///< One byte per record follows.
};

/// Longest list of units of one subject.
inline constexpr std::uint32_t kMaxUnitsPerSubject = 16;

/// Longest list of ancestors: a batch of `Limits::records` halved down to one record.
inline constexpr std::size_t kMaxAncestors = 64;

}  // namespace upswing::wire
