#pragma once

#include <string>

#include "server/report/result.hpp"
#include "server/report/words.hpp"

namespace upswing::report {

/// The contract for programs: field names never change, an undefined number is null beside a
/// `reason`. Ends with a line break.
std::string RenderJson(const Report& report);

struct TextOptions {
  bool colour = false;  ///< ANSI colours; on for a terminal without NO_COLOR.
};

/// For a terminal of at least 100 columns: verdict, health, one table per metric with interval
/// bars.
std::string RenderText(const Report& report, const TextOptions& options = {});

/// One row per (scope, variant, metric), RFC 4180 with LF line ends; numbers with all their digits.
std::string RenderCsv(const Report& report);

/// One file that can be mailed, printed and opened offline: SVG charts, style for light and dark by
/// the reader's setting, no script, nothing fetched. Exact values stand in <data value="...">.
std::string RenderHtml(const Report& report, Language language = Language::kEnglish);

/// For a wiki or a code review.
std::string RenderMarkdown(const Report& report);

}  // namespace upswing::report
