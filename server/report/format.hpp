#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/report/result.hpp"
#include "server/report/words.hpp"

namespace upswing::report {

/// What a report can be written as; see server/report/render.hpp.
enum class Format : std::uint8_t { kText, kJson, kMarkdown, kCsv, kHtml };

/// "text", "json", "markdown", "csv" or "html".
std::optional<Format> ParseFormat(std::string_view name);

/// As HTTP names it.
std::string_view ContentType(Format format);

/// What only some formats heed.
struct RenderOptions {
  bool colour = false;                     ///< Of text: ANSI colours.
  Language language = Language::kEnglish;  ///< Of HTML.
};

std::string Render(const Report& report, Format format, const RenderOptions& options = {});

/// The moment until which a report looks, from RFC 3339 such as 2026-11-22T00:00:00Z. Unit of the
/// result: milliseconds since 1970.
std::optional<std::int64_t> ParseAsOf(std::string_view rfc3339);

}  // namespace upswing::report
