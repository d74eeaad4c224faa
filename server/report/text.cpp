#include <algorithm>
#include <cmath>
#include <optional>
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

// Everything fits a terminal of 80 columns.
constexpr std::size_t kLineWidth = 80;
constexpr std::size_t kNameWidth = 16;
constexpr std::size_t kUnitsWidth = 10;
constexpr std::size_t kMeanWidth = 11;
constexpr std::size_t kLiftWidth = 11;
constexpr std::size_t kIntervalWidth = 20;
constexpr std::size_t kPValueWidth = 8;
constexpr std::size_t kBarWidth = 31;

// What is too wide is cut.
std::string Cut(std::string_view text, std::size_t width) {
  return Width(text) > width ? Fit(text, width) : std::string(text);
}

// `text` in lines of at most 80 columns: the first goes on after `first`, which takes `indent`
// columns, the others begin with that many blanks. A number stays with its "%".
std::string Wrap(const std::string& first, std::size_t indent, std::string_view text) {
  std::string wrapped = first;
  std::size_t used = indent;
  for (bool begin = true; !text.empty(); begin = false) {
    std::size_t end = text.find(' ');
    while (end != std::string_view::npos && end + 1 < text.size() && text[end + 1] == '%')
      end = text.find(' ', end + 1);
    const std::string word = Cut(text.substr(0, end), kLineWidth - indent);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t width = Width(word);
    if (!begin && used + 1 + width > kLineWidth) {
      absl::StrAppend(&wrapped, "\n", std::string(indent, ' '));
      used = indent;
    } else if (!begin) {
      wrapped += ' ';
      ++used;
    }
    wrapped += word;
    used += width;
  }
  return wrapped + "\n";
}

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

// "  │  ├──●──┤ " or "├─┼──●──┤": zero line, interval, estimate.
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
  if (low < cell(0) && cell(0) < high) cells[cell(0)] = "┼";
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
  const std::string painted = good  ? terminal.Good(action)
                              : bad ? terminal.Bad(action)
                                    : terminal.Bold(action);
  return Wrap(absl::StrCat("  ", painted, "  "), action.size() + 4,
              Printable(report.decision.reason));
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
    const bool blocks = check.severity == "block";
    *text +=
        Wrap(absl::StrCat("    ", blocks ? terminal.Bad("blocks") : terminal.Bold("warns "), "  "),
             12, absl::StrCat(check.name, ": ", Printable(check.detail)));
  }
}

std::string RoleOf(const Report& report, absl::string_view metric) {
  for (const Comparison& comparison : report.comparisons) {
    if (comparison.metric == metric) return comparison.role;
  }
  return "";
}

std::string RoleTitle(absl::string_view role) {
  return std::string(role.empty() ? "not in the plan" : role);
}

// The names of the columns, under which the metrics of a role stand.
void AppendHead(const Report& report, absl::string_view role, const Terminal& terminal,
                std::string* text) {
  absl::StrAppend(
      text, "\n",
      terminal.Faint(absl::StrCat(
          "  ", Fit(RoleTitle(role), kNameWidth), Fit("units", kUnitsWidth, true),
          Fit("mean", kMeanWidth, true), Fit("lift", kLiftWidth, true), "  ",
          Fit(absl::StrCat(absl::StrFormat("%g", report.confidence * 100), " % interval"),
              kIntervalWidth),
          Fit("p", kPValueWidth, true))),
      "\n");
}

// What stands beside a variant's own numbers: its lift, or the difference where there is no lift.
void AppendLift(const Comparison& comparison, std::string* text) {
  const Interval& lift = comparison.relative;
  const Interval& difference = comparison.absolute;
  std::string estimate = "-";
  std::string range = SayReason(lift.estimate.reason, Language::kEnglish);
  if (lift.estimate.value) {
    estimate = SignedPercent(*lift.estimate.value);
    range = PercentRange(lift);
  } else if (difference.estimate.value && difference.low && difference.high) {
    estimate = Number(*difference.estimate.value);
    range = absl::StrCat(Number(*difference.low), " to ", Number(*difference.high));
  }
  absl::StrAppend(
      text, Fit(estimate, kLiftWidth, true), "  ", Fit(range, kIntervalWidth),
      Fit(comparison.p_value.value ? PValue(*comparison.p_value.value) : "-", kPValueWidth, true),
      "\n");
}

void AppendMetric(const Report& report, absl::string_view metric, const Terminal& terminal,
                  std::string* text) {
  std::vector<const Comparison*> comparisons;
  for (const Comparison& comparison : report.comparisons) {
    if (comparison.metric == metric) comparisons.push_back(&comparison);
  }
  const Scale scale = ScaleOf(comparisons);
  absl::StrAppend(
      text, "  ",
      terminal.Bold(Cut(Printable(std::string_view(metric.data(), metric.size())), kLineWidth - 2)),
      "\n");
  for (const VariantSummary& variant : report.variants) {
    const MetricSummary* summary = Find(variant, metric);
    if (summary == nullptr) continue;
    absl::StrAppend(text, "    ", Fit(Printable(variant.key), kNameWidth - 2),
                    Fit(Count(summary->units), kUnitsWidth, true),
                    Fit(Shown(summary->mean), kMeanWidth, true));
    const auto found = std::find_if(
        comparisons.begin(), comparisons.end(),
        [&](const Comparison* comparison) { return comparison->variant == variant.key; });
    if (found == comparisons.end()) {
      absl::StrAppend(text, "\n");
    } else {
      AppendLift(**found, text);
    }
    const std::string open =
        summary->pending > 0 ? absl::StrCat("+", Count(summary->pending), " open") : "";
    std::string bar;
    std::string corrected;
    if (found != comparisons.end()) {
      bar = Bar((*found)->relative, scale);
      const Figure& adjusted = (*found)->p_value_adjusted;
      if (adjusted.value && adjusted.value != (*found)->p_value.value)
        corrected = absl::StrCat("corrected ", PValue(*adjusted.value));
    }
    if (open.empty() && bar.empty() && corrected.empty()) continue;
    // Under the units what is still open; the bar; under p what correction leaves of it.
    absl::StrAppend(text, terminal.Faint(Fit(open, kNameWidth + kUnitsWidth + 2, true)), "  ",
                    bar.empty() ? std::string(kBarWidth, ' ') : bar, corrected.empty() ? "" : " ",
                    terminal.Faint(corrected), "\n");
  }
  if (!report.health.ok) return;
  for (const Comparison* comparison : comparisons) *text += Wrap("    ", 4, Sentence(*comparison));
}

// How the plan judges its primary metric, where that is not one two-sided look at the end, and what
// more data would bring.
void AppendPlan(const Report& report, std::string* text) {
  const auto add = [text](std::string_view name, const std::string& line) {
    *text += Wrap("  " + std::string(name) + "  ", name.size() + 4, line);
  };
  for (const Comparison& comparison : report.comparisons) {
    if (comparison.role != "primary" || !comparison.judged) continue;
    const Judgement& judged = *comparison.judged;
    const std::string of =
        absl::StrCat(Printable(comparison.metric), " of ", Printable(comparison.variant), ": ");
    if (judged.look) add("Looks", LookSentence(comparison));
    if (judged.margin && judged.p_value_adjusted.value) {
      const std::string margin = judged.margin->absolute
                                     ? absl::StrFormat("%g", *judged.margin->absolute)
                                     : Percent(judged.margin->relative.value_or(0));
      add("Not inferior", absl::StrCat(of, "against a loss of ", margin,
                                       ": p = ", PValue(*judged.p_value_adjusted.value)));
    }
    if (comparison.outlook && comparison.outlook->power_now.value)
      add("Power", OutlookSentence(comparison, report.plan));
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
    absl::StrAppend(text, "  ", Fit(family.name, kNameWidth), Fit(Count(family.questions), 5, true),
                    " asked, correction ", family.correction, ", ", Count(family.discoveries),
                    " significant (", Count(family.discoveries_anytime), " at any look)\n");
  }
}

// What is worth a second look beside the averages.
void AppendFindings(const Report& report, std::string* text) {
  if (!report.health.ok) return;
  for (const Comparison& comparison : report.comparisons) {
    if (!comparison.shrunken.value || !comparison.relative.estimate.value ||
        !(comparison.p_value_adjusted.value.value_or(1) <= report.account.alpha) ||
        SignedPercent(*comparison.shrunken.value) ==
            SignedPercent(*comparison.relative.estimate.value))
      continue;
    *text += Wrap(
        "  ", 2,
        absl::StrCat(Printable(comparison.metric), " of ", Printable(comparison.variant),
                     ": without the winner's curse ", SignedPercent(*comparison.shrunken.value),
                     " instead of ", SignedPercent(*comparison.relative.estimate.value)));
  }
  for (const Heterogeneity& group : report.heterogeneity) {
    if (!(group.p_value_adjusted.value.value_or(1) <= report.account.alpha)) continue;
    *text += Wrap("  ", 2,
                  absl::StrCat("The effect on ", Printable(group.metric), " of ",
                               Printable(group.variant), " differs by ", Printable(group.attribute),
                               " (exploratory, p = ", PValue(*group.p_value_adjusted.value), ")"));
  }
}

}  // namespace

std::string RenderText(const Report& report, const TextOptions& options) {
  const Terminal terminal(options.colour);
  std::string text =
      absl::StrCat(terminal.Bold(Cut(Printable(report.experiment), kLineWidth / 2 - 4)),
                   "   iteration ", report.iteration, "   as of ", report.as_of, "\n");
  if (!report.hypothesis.empty())
    text += terminal.Faint(Wrap("  ", 2, Printable(report.hypothesis)));
  absl::StrAppend(&text, "\n", VerdictLine(report, terminal));
  AppendHealth(report, terminal, &text);

  std::int64_t units = 0;
  for (const VariantSummary& variant : report.variants) units += variant.units;
  std::string counts = absl::StrCat(Count(units), " units, ", Count(report.records), " records");
  if (report.units_in_several_variants > 0)
    absl::StrAppend(&counts, "; left out: ", Count(report.units_in_several_variants),
                    " units in several variants");
  if (report.units_forced > 0)
    absl::StrAppend(&counts, "; forced: ", Count(report.units_forced), " units");
  if (report.events_without_unit > 0)
    absl::StrAppend(&counts, "; events without unit: ", Count(report.events_without_unit));
  text += Wrap("  ", 2, counts);
  if (report.health.ok) AppendPlan(report, &text);

  if (!report.variants.empty()) {
    std::optional<std::string> role;
    for (const MetricSummary& metric : report.variants.front().metrics) {
      const std::string own = RoleOf(report, metric.metric);
      if (role != own) AppendHead(report, *(role = own), terminal, &text);
      AppendMetric(report, metric.metric, terminal, &text);
    }
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
