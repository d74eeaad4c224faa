#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/report/result.hpp"
#include "server/report/words.hpp"

// Pieces of the HTML report. All text that comes from outside goes through `Html`.
namespace upswing::report {

/// Text that stays text inside an element or a quoted attribute; control characters replaced.
std::string Html(std::string_view text);

/// `Html` as an isolated run, so that a right-to-left name turns nothing around it.
std::string Name(std::string_view text);

/// A number in words with its exact value: <data value="0.0214">+2.1 %</data>. `kind` says what it
/// is ("relative", "p_value", ...), for programs that read the page.
std::string Data(std::string_view kind, const std::optional<double>& value,
                 const std::string& shown);

/// What one row of a forest plot shows.
struct ForestRow {
  std::string name;  ///< HTML.
  std::string note;  ///< HTML, smaller.
  std::string said;  ///< HTML, to the right.
  std::string said_note;
  Interval fixed;
  Interval anytime;
  std::string colour;  ///< CSS value.
};

/// Intervals under each other on one axis of lifts, with the zero line.
std::string ForestPlot(const std::vector<ForestRow>& rows, Language language);

/// One line per variant of the lift over the dates with the band that is valid at any look.
struct LiftLine {
  std::string colour;
  std::vector<std::optional<double>> estimate, low, high;  ///< One for each date.
};
std::string LiftOverTime(const std::vector<std::string>& dates, const std::vector<LiftLine>& lines);

/// Small bars, e.g. new units per day.
std::string Spark(const std::vector<std::int64_t>& values, const std::string& colour);

}  // namespace upswing::report
