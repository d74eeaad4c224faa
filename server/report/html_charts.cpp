#include "server/report/html_charts.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/report/figures.hpp"

namespace upswing::report {
namespace {

std::string Short(double value) { return absl::StrFormat("%.2f", value); }

// Round numbers in [low, high], about `count` of them.
std::vector<double> Ticks(double low, double high, int count) {
  std::vector<double> ticks;
  const double span = high - low;
  if (!(span > 0) || !std::isfinite(span)) return ticks;
  const double power = std::pow(10, std::floor(std::log10(span / count)));
  double step = power;
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    step = power * factor;
    if (span / step <= count) break;
  }
  for (double at = std::ceil(low / step) * step; at <= high + 1e-9 * span; at += step)
    ticks.push_back(std::fabs(at) < 1e-9 * span ? 0 : at);
  return ticks;
}

std::string TickLabel(double value) {
  if (value == 0) return "0";
  return absl::StrFormat("%+.*f %%", std::fabs(value) < 0.0095 ? 1 : 0, 100 * value);
}

struct Range {
  double low = 0;
  double high = 0;
  void Cover(const std::optional<double>& value) {
    if (!value || !std::isfinite(*value)) return;
    low = std::min(low, *value);
    high = std::max(high, *value);
  }
  void Widen(double share) {
    const double margin = (high > low ? high - low : 0.02) * share;
    low -= margin;
    high += margin;
  }
};

// A range that shows most intervals whole: one that is many times as wide as the others is cut.
Range RangeOf(const std::vector<ForestRow>& rows) {
  std::vector<double> reach;
  for (const ForestRow& row : rows) {
    if (row.fixed.low && row.fixed.high)
      reach.push_back(std::max(std::fabs(*row.fixed.low), std::fabs(*row.fixed.high)));
  }
  double limit = 1e300;
  if (!reach.empty()) {
    std::nth_element(reach.begin(), reach.begin() + static_cast<std::ptrdiff_t>(reach.size() / 2),
                     reach.end());
    limit = 4 * reach[reach.size() / 2];
  }
  Range range;
  for (const ForestRow& row : rows) {
    for (const auto& end : {row.fixed.low, row.fixed.high, row.fixed.estimate.value})
      if (end) range.Cover(std::clamp(*end, -limit, limit));
    for (const auto& end : {row.anytime.low, row.anytime.high})
      if (end) range.Cover(std::clamp(*end, -limit, limit));
  }
  range.Widen(0.05);
  return range;
}

}  // namespace

std::string Html(std::string_view text) {
  std::string escaped;
  for (const char c : Printable(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Name(std::string_view text) { return absl::StrCat("<bdi>", Html(text), "</bdi>"); }

std::string Data(std::string_view kind, const std::optional<double>& value,
                 const std::string& shown) {
  if (!value) return Html(shown);
  return absl::StrCat("<data class=\"", std::string(kind), "\" value=\"", ExactNumber(*value),
                      "\">", Html(shown), "</data>");
}

std::string ForestPlot(const std::vector<ForestRow>& rows, Language language) {
  const Range range = RangeOf(rows);
  const auto x = [&](double value) {
    return absl::StrCat(
        Short(100 * std::clamp((value - range.low) / (range.high - range.low), 0.0, 1.0)), "%");
  };
  const std::vector<double> ticks = Ticks(range.low, range.high, 8);
  std::string grid;
  std::string axis;
  for (const double tick : ticks) {
    absl::StrAppend(&grid, "<line x1=\"", x(tick), "\" x2=\"", x(tick),
                    "\" y1=\"0\" y2=\"100%\" stroke=\"var(--", tick == 0 ? "faint" : "grid",
                    ")\" stroke-width=\"1\"/>");
    absl::StrAppend(&axis, "<text x=\"", x(tick), "\" y=\"13\" text-anchor=\"middle\">",
                    TickLabel(tick), "</text>");
  }
  const auto say = [&](Word word) { return Html(Say(word, language)); };
  std::string html = absl::StrCat(
      "<div class=\"forest\"><div class=\"head h\">", say(Word::kMetric), "</div>",
      "<div class=\"head axis\"><svg aria-hidden=\"true\">", axis,
      "</svg></div><div class=\"head h\" style=\"text-align:right\">", say(Word::kLift), "</div>");
  for (const ForestRow& row : rows) {
    std::string plot = grid;
    const auto line = [&](const Interval& interval, const char* width, const char* opacity) {
      if (!interval.estimate.value || (!interval.low && !interval.high)) return;
      const double low = interval.low.value_or(-INFINITY);
      const double high = interval.high.value_or(INFINITY);
      absl::StrAppend(&plot, "<line x1=\"", x(low), "\" x2=\"", x(high),
                      "\" y1=\"50%\" y2=\"50%\" stroke=\"", row.colour, "\" stroke-width=\"", width,
                      "\" stroke-opacity=\"", opacity, "\" stroke-linecap=\"round\"/>");
      // An end that lies outside the picture.
      if (low < range.low)
        absl::StrAppend(&plot, "<text x=\"0\" y=\"50%\" dy=\"-6\">&#8249;</text>");
      if (high > range.high)
        absl::StrAppend(&plot,
                        "<text x=\"100%\" y=\"50%\" dy=\"-6\" text-anchor=\"end\">&#8250;</text>");
    };
    line(row.anytime, "2", "0.55");
    line(row.fixed, "8", "0.35");
    if (row.fixed.estimate.value) {
      absl::StrAppend(&plot, "<circle cx=\"", x(*row.fixed.estimate.value),
                      "\" cy=\"50%\" r=\"5\" fill=\"", row.colour,
                      "\" stroke=\"var(--card)\" stroke-width=\"1.5\"/>");
    }
    absl::StrAppend(&html, "<div class=\"name\">", row.name, "<small>", row.note,
                    "</small></div><div class=\"plot\"><svg aria-hidden=\"true\">", plot,
                    "</svg></div><div class=\"said\">", row.said, "<small>", row.said_note,
                    "</small></div>");
  }
  return html + "</div>";
}

std::string LiftOverTime(const std::vector<std::string>& dates,
                         const std::vector<LiftLine>& lines) {
  constexpr double kLeft = 46, kTop = 8, kWidth = 308, kHeight = 132;
  const std::size_t days = dates.size();
  // Early intervals are wide: the picture covers the later half of the bands and all estimates.
  Range range;
  for (const LiftLine& line : lines) {
    for (std::size_t d = 0; d < days; ++d) {
      if (2 * d >= days || days < 4) {
        range.Cover(line.low[d]);
        range.Cover(line.high[d]);
      }
      if (4 * d >= days) range.Cover(line.estimate[d]);
    }
  }
  range.Widen(0.08);
  const auto x = [&](std::size_t d) {
    return Short(days < 2 ? kWidth / 2
                          : kWidth * static_cast<double>(d) / static_cast<double>(days - 1));
  };
  const auto y = [&](double value) {
    // Far outside is as good as at the edge, and keeps numbers short.
    const double share = std::clamp((range.high - value) / (range.high - range.low), -3.0, 4.0);
    return Short(kHeight * share);
  };
  std::string svg = absl::StrFormat("<svg viewBox=\"0 0 %g %g\" role=\"img\">", kLeft + kWidth + 6,
                                    kTop + kHeight + 22);
  for (const double tick : Ticks(range.low, range.high, 4)) {
    const double at = kTop + kHeight * (range.high - tick) / (range.high - range.low);
    absl::StrAppendFormat(&svg,
                          "<line x1=\"%g\" x2=\"%g\" y1=\"%.2f\" y2=\"%.2f\" stroke=\"var(--%s)\"/>"
                          "<text x=\"%g\" y=\"%.2f\" text-anchor=\"end\">%s</text>",
                          kLeft, kLeft + kWidth, at, at, tick == 0 ? "faint" : "grid", kLeft - 6,
                          at + 4, TickLabel(tick));
  }
  absl::StrAppendFormat(&svg, "<svg x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\">", kLeft, kTop,
                        kWidth, kHeight);
  for (const LiftLine& line : lines) {
    std::string upper, lower, path;
    for (std::size_t d = 0; d < days; ++d) {
      if (line.low[d] && line.high[d]) {
        absl::StrAppend(&upper, x(d), ",", y(*line.high[d]), " ");
        lower = absl::StrCat(x(d), ",", y(*line.low[d]), " ", lower);
      }
      if (line.estimate[d])
        absl::StrAppend(&path, path.empty() ? "M" : "L", x(d), " ", y(*line.estimate[d]));
    }
    if (!upper.empty()) {
      absl::StrAppend(&svg, "<polygon points=\"", upper, lower, "\" fill=\"", line.colour,
                      "\" fill-opacity=\"0.13\"/>");
    }
    if (!path.empty()) {
      absl::StrAppend(&svg, "<path d=\"", path, "\" fill=\"none\" stroke=\"", line.colour,
                      "\" stroke-width=\"2\" stroke-linejoin=\"round\"/>");
    }
  }
  svg += "</svg>";
  if (days > 0) {
    absl::StrAppendFormat(&svg, "<text x=\"%g\" y=\"%g\">%s</text>", kLeft, kTop + kHeight + 16,
                          Html(dates.front()));
  }
  if (days > 1) {
    absl::StrAppendFormat(&svg, "<text x=\"%g\" y=\"%g\" text-anchor=\"end\">%s</text>",
                          kLeft + kWidth, kTop + kHeight + 16, Html(dates.back()));
  }
  return svg + "</svg>";
}

std::string Spark(const std::vector<std::int64_t>& values, const std::string& colour) {
  if (values.empty()) return "";
  const std::int64_t most =
      std::max<std::int64_t>(1, *std::max_element(values.begin(), values.end()));
  const double step = 120.0 / static_cast<double>(values.size());
  std::string svg = "<svg class=\"spark\" viewBox=\"0 0 120 26\" aria-hidden=\"true\">";
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double height = 26.0 * static_cast<double>(values[i]) / static_cast<double>(most);
    absl::StrAppendFormat(
        &svg, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>",
        step * static_cast<double>(i), 26 - height, std::max(0.5, step * 0.75), height, colour);
  }
  return svg + "</svg>";
}

}  // namespace upswing::report
