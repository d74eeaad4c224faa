#include "server/analysis/sql/question.hpp"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace upswing::analysis {

using absl::StrCat;

std::string Question::Capped(std::size_t m, std::size_t i, const std::string& value) const {
  if (i != 0 && i != Components(m)) return value;
  const double cap = i == 0 ? options.pooled->cap[m] : options.pooled->covariate_cap[m];
  return std::isinf(cap) ? value : StrCat("least(", value, ", ", SqlReal(cap), ")");
}

// Days of 24 hours in a row are counted, other days stand alone.
std::string Question::DayOf(const std::string& time) const {
  const Calendar& calendar = *options.calendar;
  struct Stretch {
    int first, days;
  };
  std::vector<Stretch> stretches;
  bool even_before = false;
  for (int day = 0; day < calendar.days(); ++day) {
    const bool even = calendar.Start(day + 1) - calendar.Start(day) == Calendar::kDayMs;
    if (even && even_before) {
      ++stretches.back().days;
    } else {
      stretches.push_back({day, 1});
    }
    even_before = even;
  }
  std::string text;
  for (std::size_t s = 0; s < stretches.size(); ++s) {
    const std::int64_t start = calendar.Start(stretches[s].first);
    const std::string place = StrCat(
        "toInt32(", stretches[s].first, " + greatest(toInt64(0), least(intDiv(", time, " - ",
        SqlWide(start), ", ", Calendar::kDayMs, "), toInt64(", stretches[s].days - 1, "))))");
    if (s + 1 == stretches.size()) {
      absl::StrAppend(&text, place);
    } else {
      absl::StrAppend(&text, time, " < ", SqlWide(calendar.Start(stretches[s + 1].first)), ", ",
                      place, ", ");
    }
  }
  return stretches.size() == 1 ? text : StrCat("multiIf(", text, ")");
}

std::string Question::StartAfter(int days) const {
  const Calendar& calendar = *options.calendar;
  Texts starts;
  for (int day = 0; day < calendar.days(); ++day)
    starts.push_back(StrCat(calendar.StartOfDayAfter(calendar.Start(day), days)));
  return StrCat("toInt64([", absl::StrJoin(starts, ", "), "][d0 + 1])");
}

Texts Question::Looks() const {
  const Calendar& calendar = *options.calendar;
  Texts looks;
  if (spec.mature_only)
    for (const int day : spec.looks)
      looks.push_back(StrCat(calendar.StartOfDayAfter(calendar.Start(0), day)));
  return looks;
}

std::string Question::LookOf(std::size_t m) const {
  return StrCat("arrayCount(e -> e <= closes", m, " + ", spec.lateness_ms, ", [",
                absl::StrJoin(Looks(), ", "), "])");
}

}  // namespace upswing::analysis
