#include "server/report/format.hpp"

#include "absl/time/time.h"
#include "server/report/render.hpp"

namespace upswing::report {
namespace {

struct Named {
  Format format;
  std::string_view name;
  std::string_view content_type;
};

constexpr Named kFormats[] = {{Format::kText, "text", "text/plain; charset=utf-8"},
                              {Format::kJson, "json", "application/json"},
                              {Format::kMarkdown, "markdown", "text/markdown; charset=utf-8"},
                              {Format::kCsv, "csv", "text/csv; charset=utf-8"},
                              {Format::kHtml, "html", "text/html; charset=utf-8"}};

}  // namespace

std::optional<Format> ParseFormat(std::string_view name) {
  for (const Named& each : kFormats) {
    if (each.name == name) return each.format;
  }
  return std::nullopt;
}

std::string_view ContentType(Format format) {
  for (const Named& each : kFormats) {
    if (each.format == format) return each.content_type;
  }
  return {};
}

std::string Render(const Report& report, Format format, const RenderOptions& options) {
  switch (format) {
    case Format::kText:
      return RenderText(report, {.colour = options.colour});
    case Format::kJson:
      return RenderJson(report);
    case Format::kMarkdown:
      return RenderMarkdown(report);
    case Format::kCsv:
      return RenderCsv(report);
    case Format::kHtml:
      return RenderHtml(report, options.language);
  }
  return {};
}

std::optional<std::int64_t> ParseAsOf(std::string_view rfc3339) {
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, {rfc3339.data(), rfc3339.size()}, &time, nullptr))
    return std::nullopt;
  return absl::ToUnixMillis(time);
}

}  // namespace upswing::report
