#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/report/render.hpp"
#include "server/report/words.hpp"

namespace upswing::report {
namespace {

// Text that Markdown takes as text: its punctuation and HTML's are escaped.
std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : Printable(text)) {
    if (std::string_view("\\`*_[]|<>&~").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string Shown(const Figure& figure) {
  return figure.value ? Number(*figure.value) : Escape(figure.reason);
}

}  // namespace

std::string RenderMarkdown(const Report& report) {
  std::string text = absl::StrCat("# ", Escape(report.experiment), "\n\n");
  if (!report.hypothesis.empty()) absl::StrAppend(&text, "> ", Escape(report.hypothesis), "\n\n");
  absl::StrAppend(&text, "Iteration ", report.iteration, ", as of ", report.as_of, ", ",
                  Count(report.records), " records.\n\n");
  absl::StrAppend(&text, "**", Escape(report.decision.action),
                  "**: ", Escape(report.decision.reason), "\n\n");
  absl::StrAppend(&text, report.health.ok ? "Health: OK" : "Health: **not trustworthy**");
  if (report.health.srm_p_value.value)
    absl::StrAppend(&text, " (sample ratio p = ", PValue(*report.health.srm_p_value.value), ")");
  absl::StrAppend(&text, "\n\n");
  for (const HealthCheck& check : report.health.checks) {
    if (!check.ok)
      absl::StrAppend(&text, "- ", check.severity, ": ", Escape(check.name), ": ",
                      Escape(check.detail), "\n");
  }
  // What the plan's looks said and what more data would bring; no verdict where health blocks.
  for (const Comparison& comparison : report.comparisons) {
    if (!report.health.ok || comparison.role != "primary") continue;
    for (const std::string& sentence :
         {LookSentence(comparison), OutlookSentence(comparison, report.plan)})
      if (!sentence.empty()) absl::StrAppend(&text, "- ", Escape(sentence), "\n");
  }
  absl::StrAppend(&text, "\n| metric | variant | units | mean | lift | ",
                  absl::StrFormat("%g", report.confidence * 100),
                  " % interval | p | corrected | any look | chance to win |\n"
                  "|---|---|--:|--:|--:|---|--:|--:|---|--:|\n");
  for (const VariantSummary& variant : report.variants) {
    for (const MetricSummary& metric : variant.metrics) {
      absl::StrAppend(&text, "| ", Escape(metric.metric), " | ", Escape(variant.key), " | ",
                      Count(metric.units), " | ", Shown(metric.mean));
      const Comparison* found = nullptr;
      for (const Comparison& comparison : report.comparisons) {
        if (comparison.metric == metric.metric && comparison.variant == variant.key)
          found = &comparison;
      }
      if (found == nullptr) {
        absl::StrAppend(&text, " | | | | | | |\n");
        continue;
      }
      const Figure& lift = found->relative.estimate;
      const Figure& win = found->bayesian.chance_to_win;
      absl::StrAppend(
          &text, " | ", lift.value ? SignedPercent(*lift.value) : Escape(lift.reason), " | ",
          PercentRange(found->relative), " | ",
          found->p_value.value ? PValue(*found->p_value.value) : Escape(found->p_value.reason),
          " | ",
          found->p_value_adjusted.value ? PValue(*found->p_value_adjusted.value)
                                        : Escape(found->p_value_adjusted.reason),
          " | ",
          found->anytime.relative.estimate.value ? PercentRange(found->anytime.relative)
                                                 : Escape(found->anytime.relative.estimate.reason),
          " | ", win.value ? Percent(*win.value) : Escape(win.reason), " |\n");
    }
  }
  if (!report.account.families.empty()) {
    absl::StrAppend(&text,
                    "\n| questions | asked | correction | significant | at any look |\n"
                    "|---|--:|---|--:|--:|\n");
  }
  for (const Family& family : report.account.families) {
    absl::StrAppend(&text, "| ", family.name, " | ", family.questions, " | ", family.correction,
                    " | ", family.discoveries, " | ", family.discoveries_anytime, " |\n");
  }
  return text;
}

}  // namespace upswing::report
