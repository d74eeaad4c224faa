#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace upswing::analysis {

/// The days of a time zone over a range of time: a day is [its midnight, the next one's), so it may
/// have 23 or 25 hours. Where a midnight does not exist the day begins at the first moment after
/// the gap; where it comes twice, at the first.
class Calendar {
 public:
  /// Days from that of `first_ms` to that of `last_ms`, at most 1000: earlier ones are cut off.
  /// kInvalidArgument if the zone is unknown.
  static absl::StatusOr<Calendar> Create(const std::string& timezone, std::int64_t first_ms,
                                         std::int64_t last_ms);

  int days() const { return static_cast<int>(starts_.size()) - 1; }
  /// The day of a time, clamped to [0, days()).
  int Day(std::int64_t time_ms) const {
    int day = static_cast<int>((time_ms - starts_[0]) / kDayMs);
    if (time_ms < starts_[0]) return 0;
    if (day >= days()) day = days() - 1;
    while (day > 0 && time_ms < starts_[static_cast<std::size_t>(day)]) --day;
    while (day + 1 < days() && time_ms >= starts_[static_cast<std::size_t>(day) + 1]) ++day;
    return day;
  }
  /// First millisecond of day `day`, for days in [0, days()].
  std::int64_t Start(int day) const { return starts_[static_cast<std::size_t>(day)]; }
  /// "2026-11-22".
  std::string Date(int day) const;

  /// First millisecond of the local day that lies `days` after the one of `time_ms`, for any time.
  std::int64_t StartOfDayAfter(std::int64_t time_ms, int days) const;

  /// A day of 24 hours.
  static constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

  bool operator==(const Calendar&) const = default;
  /// True if this has the other's days and, perhaps, more after them.
  bool Continues(const Calendar& other) const;

 private:
  std::string timezone_;
  std::vector<std::int64_t> starts_;
  std::vector<std::string> dates_;
};

}  // namespace upswing::analysis
