#pragma once

#include <cstddef>
#include <cstdint>

/// Numbers that encoder and decoder share and that must never change.
namespace upswing::wire {

inline constexpr std::uint16_t kFormatVersion = 1;

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
