#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "server/report/render.hpp"
#include "server/report/words.hpp"

namespace upswing::report {
namespace {

constexpr std::size_t kNameWidth = 18;
constexpr std::size_t kBarWidth = 25;

class Terminal {
 public:
  explicit Terminal(bool colour) : colour_(colour) {}
  std::string Good(absl::string_view text) const { return Paint("32", text); }
  std::string Bad(absl::string_view text) const { return Paint("31", text); }
  std::string Bold(absl::string_view text) const { return Paint("1", text); }
  std::string Faint(absl::string_view text) const { return Paint("2", text); }

 private:
  std::string Paint(absl::string_view code, absl::string_view text) const {
    return colour_ ? absl::StrCat("\x1b[", code, "m", text, "\x1b[0m") : std::string(text);
  }
  bool colour_;
};

std::string Shown(const Figure& figure) { return figure.value ? Number(*figure.value) : "-"; }

// The range of lifts that a metric's bars cover: every finite interval end and 0.
struct Scale {
  double low = 0;
  double high = 0;
};

Scale ScaleOf(const std::vector<const Comparison*>& comparisons) {
  Scale scale;
  for (const Comparison* comparison : comparisons) {
    for (const auto& end : {comparison->relative.low, comparison->relative.high,
                            comparison->relative.estimate.value}) {
      if (!end) continue;
      scale.low = std::min(scale.low, *end);
      scale.high = std::max(scale.high, *end);
    }
  }
  return scale;
}

// "  │  ├──●──┤ ": zero line, interval, estimate.
std::string Bar(const Interval& interval, const Scale& scale) {
  const double span = scale.high - scale.low;
  if (!(span > 0) || !interval.estimate.value || !interval.low || !interval.high) return "";
  const auto cell = [&](double value) {
    return static_cast<std::size_t>(
        std::lround((value - scale.low) / span * static_cast<double>(kBarWidth - 1)));
  };
  std::vector<absl::string_view> cells(kBarWidth, " ");
  cells[cell(0)] = "│";
  const std::size_t low = cell(*interval.low);
  const std::size_t high = cell(*interval.high);
  for (std::size_t i = low; i <= high; ++i) cells[i] = "─";
  if (low < high) {
    cells[low] = "├";
    cells[high] = "┤";
  }
  cells[cell(*interval.estimate.value)] = "●";
  std::string bar;
  for (const absl::string_view piece : cells) absl::StrAppend(&bar, piece);
  return bar;
}

const MetricSummary* Find(const VariantSummary& variant, absl::string_view metric) {
  const auto it =
      std::find_if(variant.metrics.begin(), variant.metrics.end(),
                   [metric](const MetricSummary& summary) { return summary.metric == metric; });
  return it == variant.metrics.end() ? nullptr : &*it;
}

std::string VerdictLine(const Report& report, const Terminal& terminal) {
  const std::string action =
      absl::AsciiStrToUpper(absl::StrReplaceAll(report.decision.action, {{"_", " "}}));
  const bool good = report.decision.action == "ship";
  const bool bad =
      report.decision.action == "blocked_unhealthy" || report.decision.action == "stop_harm";
  return absl::StrCat("  ",
                      good  ? terminal.Good(action)
                      : bad ? terminal.Bad(action)
                            : terminal.Bold(action),
                      "  ", Printable(report.decision.reason), "\n");
}

void AppendHealth(const Report& report, const Terminal& terminal, std::string* text) {
  const std::string srm =
      report.health.srm_p_value.value
          ? absl::StrCat("sample ratio p = ", PValue(*report.health.srm_p_value.value))
          : absl::StrCat("sample ratio: ", report.health.srm_p_value.reason);
  absl::StrAppend(text, "  Health ",
                  report.health.ok ? terminal.Good("OK") : terminal.Bad("NOT TRUSTWORTHY"), "  ",
                  srm, "\n");
  for (const HealthCheck& check : report.health.checks) {
    if (check.ok) continue;
    absl::StrAppend(text, "    ",
                    check.severity == "block" ? terminal.Bad("blocks") : terminal.Bold("warns"),
                    "  ", check.name, ": ", Printable(check.detail), "\n");
  }
}

void AppendMetric(const Report& report, absl::string_view metric, const Terminal& terminal,
                  std::string* text) {
  std::vector<const Comparison*> comparisons;
  for (const Comparison& comparison : report.comparisons) {
    if (comparison.metric == metric) comparisons.push_back(&comparison);
  }
  const Scale scale = ScaleOf(comparisons);
  const std::string role = comparisons.empty() || comparisons[0]->role.empty()
                               ? ""
                               : absl::StrCat("  ", comparisons[0]->role);
  absl::StrAppend(text, "\n  ",
                  terminal.Bold(Printable(std::string_view(metric.data(), metric.size()))),
                  terminal.Faint(role), "\n");
  absl::StrAppend(
      text,
      terminal.Faint(absl::StrCat(
          "  ", Fit("variant", kNameWidth), Fit("units", 12, true), Fit("mean", 12, true),
          Fit("lift", 11, true), "   ",
          Fit(absl::StrCat(absl::StrFormat("%g", report.confidence * 100), " % interval"), 23),
          Fit("p", 9, true), Fit("corrected", 11, true))),
      "\n");
  for (const VariantSummary& variant : report.variants) {
    const MetricSummary* summary = Find(variant, metric);
    if (summary == nullptr) continue;
    absl::StrAppend(text, "  ", Fit(Printable(variant.key), kNameWidth),
                    Fit(Count(summary->units), 12, true), Fit(Shown(summary->mean), 12, true));
    for (const Comparison* comparison : comparisons) {
      if (comparison->variant != variant.key) continue;
      const Interval& lift = comparison->relative;
      absl::StrAppend(
          text, Fit(lift.estimate.value ? SignedPercent(*lift.estimate.value) : "-", 11, true),
          "   ", Fit(lift.estimate.value ? PercentRange(lift) : lift.estimate.reason, 23),
          Fit(comparison->p_value.value ? PValue(*comparison->p_value.value) : "-", 9, true),
          Fit(comparison->p_value_adjusted.value ? PValue(*comparison->p_value_adjusted.value)
                                                 : "-",
              11, true),
          "  ", Bar(lift, scale));
    }
    absl::StrAppend(text, "\n");
    if (summary->pending > 0) {
      absl::StrAppend(text,
                      terminal.Faint(absl::StrCat(
                          "  ", std::string(kNameWidth, ' '),
                          Fit(absl::StrCat("+", Count(summary->pending), " open"), 12, true))),
                      "\n");
    }
  }
  if (!report.health.ok) return;
  for (const Comparison* comparison : comparisons)
    absl::StrAppend(text, "  ", Sentence(*comparison), "\n");
}

// How the plan judges its primary metric, where that is not one two-sided look at the end, and what
// more data would bring.
void AppendPlan(const Report& report, std::string* text) {
  for (const Comparison& comparison : report.comparisons) {
    if (comparison.role != "primary" || !comparison.judged) continue;
    const Judgement& judged = *comparison.judged;
    const std::string of =
        absl::StrCat(Printable(comparison.metric), " of ", Printable(comparison.variant), ": ");
    if (judged.look) {
      absl::StrAppend(text, "  Looks  ", of, judged.look->number, " of ", judged.look->of);
      if (judged.look->number > 0) absl::StrAppend(text, ", day ", judged.look->day);
      if (judged.p_value.value) {
        absl::StrAppend(text, absl::StrFormat(", z = %.3f against a bound of %.3f", judged.look->z,
                                              judged.look->z_bound));
      }
      if (judged.look->next_day > 0)
        absl::StrAppend(text, "; the next at the end of day ", judged.look->next_day);
      absl::StrAppend(text, "\n");
    }
    if (judged.margin && judged.p_value_adjusted.value) {
      const std::string margin = judged.margin->absolute
                                     ? Number(*judged.margin->absolute)
                                     : Percent(judged.margin->relative.value_or(0));
      absl::StrAppend(text, "  Not inferior  ", of, "against a loss of ", margin,
                      ": p = ", PValue(*judged.p_value_adjusted.value), "\n");
    }
    if (!comparison.outlook || !comparison.outlook->power_now.value) continue;
    absl::StrAppend(text, "  Power  ", of, "the planned effect is found with ",
                    Percent(*comparison.outlook->power_now.value), " now");
    if (comparison.outlook->conditional_power.value) {
      absl::StrAppend(text, ", by the end with ",
                      Percent(*comparison.outlook->conditional_power.value), " given these data");
    }
    if (comparison.outlook->units_needed.value) {
      absl::StrAppend(text, "; ",
                      Count(static_cast<std::int64_t>(*comparison.outlook->units_needed.value)),
                      " units give ", Percent(report.plan.power));
    }
    absl::StrAppend(text, "\n");
  }
}

// How many questions were asked, and what became of them.
void AppendAccount(const Report& report, const Terminal& terminal, std::string* text) {
  if (report.account.families.empty()) return;
  absl::StrAppend(text, "\n  ", terminal.Bold("questions"), "  ",
                  report.account.looks == "anytime"            ? "any number of looks"
                  : report.account.looks == "group_sequential" ? "planned looks, group sequential"
                                                               : "one look, at the planned end",
                  "\n");
  for (const Family& family : report.account.families) {
    absl::StrAppend(text, "  ", Fit(family.name, kNameWidth),
                    Fit(Count(family.questions), 12, true), " asked, correction ",
                    family.correction, ", ", Count(family.discoveries), " significant (",
                    Count(family.discoveries_anytime), " at any look)\n");
  }
}

// What is worth a second look beside the averages.
void AppendFindings(const Report& report, std::string* text) {
  if (!report.health.ok) return;
  for (const Comparison& comparison : report.comparisons) {
    if (!comparison.shrunken.value || !comparison.relative.estimate.value ||
        !(comparison.p_value_adjusted.value.value_or(1) <= report.account.alpha))
      continue;
    absl::StrAppend(text, "  ", Printable(comparison.metric), " of ", Printable(comparison.variant),
                    ": without the winner's curse ", SignedPercent(*comparison.shrunken.value),
                    " instead of ", SignedPercent(*comparison.relative.estimate.value), "\n");
  }
  for (const Heterogeneity& group : report.heterogeneity) {
    if (!(group.p_value_adjusted.value.value_or(1) <= report.account.alpha)) continue;
    absl::StrAppend(text, "  The effect on ", Printable(group.metric), " of ",
                    Printable(group.variant), " differs by ", Printable(group.attribute),
                    " (exploratory, p = ", PValue(*group.p_value_adjusted.value), ")\n");
  }
}

}  // namespace

std::string RenderText(const Report& report, const TextOptions& options) {
  const Terminal terminal(options.colour);
  std::string text = absl::StrCat(terminal.Bold(Printable(report.experiment)), "   iteration ",
                                  report.iteration, "   as of ", report.as_of, "\n");
  if (!report.hypothesis.empty())
    absl::StrAppend(&text, "  ", terminal.Faint(Printable(report.hypothesis)), "\n");
  absl::StrAppend(&text, "\n", VerdictLine(report, terminal));
  AppendHealth(report, terminal, &text);

  std::int64_t units = 0;
  for (const VariantSummary& variant : report.variants) units += variant.units;
  absl::StrAppend(&text, "  ", Count(units), " units, ", Count(report.records), " records");
  if (report.units_in_several_variants > 0)
    absl::StrAppend(&text, "; left out: ", Count(report.units_in_several_variants),
                    " units in several variants");
  if (report.units_forced > 0)
    absl::StrAppend(&text, "; forced: ", Count(report.units_forced), " units");
  if (report.events_without_unit > 0)
    absl::StrAppend(&text, "; events without unit: ", Count(report.events_without_unit));
  absl::StrAppend(&text, "\n");
  AppendPlan(report, &text);

  if (!report.variants.empty()) {
    for (const MetricSummary& metric : report.variants.front().metrics)
      AppendMetric(report, metric.metric, terminal, &text);
  }
  AppendAccount(report, terminal, &text);
  AppendFindings(report, &text);
  // Rows without a lift end in blanks.
  std::string trimmed;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    absl::StrAppend(
        &trimmed,
        absl::StripTrailingAsciiWhitespace(absl::string_view(text).substr(begin, end - begin)),
        "\n");
    begin = end + 1;
  }
  return trimmed;
}

}  // namespace upswing::report
