#include "server/analysis/calendar.hpp"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace upswing::analysis {
namespace {

constexpr int kMostDays = 1000;

std::int64_t Midnight(absl::CivilDay day, absl::TimeZone zone) {
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(day));
  const absl::Time start = info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
  return absl::ToUnixMillis(start);
}

}  // namespace

absl::StatusOr<Calendar> Calendar::Create(const std::string& timezone, std::int64_t first_ms,
                                          std::int64_t last_ms) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(timezone, &zone))
    return absl::InvalidArgumentError(
        absl::StrCat("timezone: unknown zone '", timezone, "'; give an IANA name"));
  Calendar calendar;
  calendar.timezone_ = timezone;
  const absl::CivilDay last = absl::ToCivilDay(absl::FromUnixMillis(last_ms), zone);
  absl::CivilDay first = absl::ToCivilDay(absl::FromUnixMillis(std::min(first_ms, last_ms)), zone);
  first = std::max(first, last - (kMostDays - 1));
  for (absl::CivilDay day = first; day <= last; ++day) {
    calendar.starts_.push_back(Midnight(day, zone));
    calendar.dates_.push_back(absl::FormatCivilTime(day));
  }
  calendar.starts_.push_back(Midnight(last + 1, zone));
  return calendar;
}

bool Calendar::Continues(const Calendar& other) const {
  return timezone_ == other.timezone_ && starts_.size() >= other.starts_.size() &&
         std::equal(other.starts_.begin(), other.starts_.end(), starts_.begin());
}

std::string Calendar::Date(int day) const { return dates_[static_cast<std::size_t>(day)]; }

std::int64_t Calendar::StartOfDayAfter(std::int64_t time_ms, int after) const {
  if (time_ms >= starts_.front() && time_ms < starts_.back()) {
    const int day = Day(time_ms) + after;
    if (day >= 0 && day <= days()) return Start(day);
  }
  absl::TimeZone zone;
  absl::LoadTimeZone(timezone_, &zone);  // known to exist; cached by the library
  const absl::CivilDay day = absl::ToCivilDay(absl::FromUnixMillis(time_ms), zone);
  return Midnight(day + after, zone);
}

}  // namespace upswing::analysis
