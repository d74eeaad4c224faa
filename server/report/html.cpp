#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/report/html_charts.hpp"
#include "server/report/html_checks.hpp"
#include "server/report/html_style.hpp"
#include "server/report/render.hpp"
#include "server/report/words.hpp"

namespace upswing::report {
namespace {

// Charts of lift over time; the tables have the other metrics.
constexpr std::size_t kMostCharts = 12;

class Page {
 public:
  Page(const Report& report, Language language)
      : report_(report), language_(language), trusted_(report.health.ok) {
    for (std::size_t v = 0; v < report.variants.size(); ++v)
      colour_[report.variants[v].key] = absl::StrCat("var(--v", v == 0 ? 0 : 1 + (v - 1) % 6, ")");
  }

  std::string Render() {
    absl::StrAppend(&html_, "<!DOCTYPE html>\n<html lang=\"",
                    language_ == Language::kChinese ? "zh-CN" : "en",
                    "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                    "content=\"width=device-width,initial-scale=1\"><title>",
                    Html(report_.experiment), " - ", T(Word::kReport), "</title><style>",
                    kHtmlStyle, "</style></head><body><main>\n");
    Header();
    Verdict();
    Health();
    Forest();
    Add(JudgedTable(report_, language_));
    OverTime();
    Funnels();
    Segments();
    Variants();
    Numbers();
    Account();
    Footer();
    html_ += "</main></body></html>\n";
    return std::move(html_);
  }

 private:
  std::string T(Word word) const { return Html(Say(word, language_)); }
  void Add(const std::string& html) { html_ += html; }
  const std::string& ColourOf(const std::string& variant) const {
    static const std::string kNone = "var(--v0)";
    const auto found = colour_.find(variant);
    return found == colour_.end() ? kNone : found->second;
  }
  std::string Reason(const Figure& figure) const { return SayReason(figure.reason, language_); }

  std::string RoleName(const std::string& role) const {
    return role == "primary"     ? T(Word::kPrimary)
           : role == "secondary" ? T(Word::kSecondary)
           : role == "guardrail" ? T(Word::kGuardrail)
                                 : T(Word::kOther);
  }

  std::string PercentOr(std::string_view kind, const Figure& figure) const {
    return figure.value ? Data(kind, figure.value, SignedPercent(*figure.value))
                        : absl::StrCat("<span class=\"soft\">", Html(Reason(figure)), "</span>");
  }
  std::string PValueOr(std::string_view kind, const Figure& figure) const {
    return figure.value ? Data(kind, figure.value, PValue(*figure.value))
                        : absl::StrCat("<span class=\"soft\">", Html(Reason(figure)), "</span>");
  }
  std::string RangeOf(const std::string& kind, const Interval& interval) const {
    if (!interval.low && !interval.high) return "";
    const auto end = [&](const char* which, const std::optional<double>& value) {
      return value ? Data(kind + which, value, SignedPercent(*value)) : std::string("&infin;");
    };
    return absl::StrCat(end("_low", interval.low),
                        language_ == Language::kChinese ? " 至 " : " to ",
                        end("_high", interval.high));
  }

  // Whether the corrected interval leaves 0 out, and on which side: 1 good, -1 bad, 0 open.
  static int Direction(const Comparison& comparison, double alpha) {
    if (!comparison.p_value_adjusted.value || *comparison.p_value_adjusted.value > alpha ||
        !comparison.relative.estimate.value || comparison.good == "neither")
      return 0;
    const bool up = *comparison.relative.estimate.value > 0;
    return up == (comparison.good == "up") ? 1 : -1;
  }

  // "+2.1 %", coloured where the corrected result is clear and the data can be trusted.
  std::string Lift(const Comparison& comparison, bool highlight) const {
    const int direction = highlight && trusted_ ? Direction(comparison, report_.account.alpha) : 0;
    const char* mark = direction > 0 ? "&#9650; " : direction < 0 ? "&#9660; " : "";
    return absl::StrCat("<span class=\"lift",
                        direction > 0   ? " good"
                        : direction < 0 ? " bad"
                                        : "",
                        "\">", direction == 0 ? "" : mark,
                        PercentOr("relative", comparison.relative.estimate), "</span>");
  }

  void Header() {
    std::int64_t units = 0;
    for (const VariantSummary& variant : report_.variants) units += variant.units;
    Add(absl::StrCat("<header><h1>", Name(report_.experiment), "</h1>"));
    if (!report_.hypothesis.empty())
      Add(absl::StrCat("<p class=\"soft\">", Name(report_.hypothesis), "</p>"));
    const auto fact = [&](const std::string& what, const std::string& value) {
      Add(absl::StrCat("<span>", what, " <b>", value, "</b></span>"));
    };
    Add("<div class=\"meta\">");
    fact(T(Word::kAsOf), Html(report_.as_of));
    fact(T(Word::kIteration), absl::StrCat(report_.iteration));
    fact(T(Word::kUnits), Count(units));
    fact(T(Word::kRecords), Count(report_.records));
    if (!report_.dates.empty())
      fact("", absl::StrCat(Html(report_.dates.front()), " - ", Html(report_.dates.back())));
    if (report_.units_in_several_variants > 0)
      fact(T(Word::kLeftOut), Count(report_.units_in_several_variants));
    if (report_.units_forced > 0) fact(T(Word::kForced), Count(report_.units_forced));
    if (report_.units_erased > 0) fact(T(Word::kErased), Count(report_.units_erased));
    if (report_.events_without_unit > 0)
      fact(T(Word::kWithoutUnit), Count(report_.events_without_unit));
    Add("</div></header>\n");
  }

  void Verdict() {
    const std::string& action = report_.decision.action;
    const bool bad = action == "blocked_unhealthy" || action == "stop_harm";
    Add(absl::StrCat("<section class=\"verdict",
                     action == "ship" ? " good"
                     : bad            ? " bad"
                                      : "",
                     "\"><div class=\"row\"><span class=\"what\">",
                     Html(SayAction(action, language_)), "</span>"));
    if (!report_.decision.variant.empty())
      Add(absl::StrCat("<span class=\"badge wait\">", Name(report_.decision.variant), "</span>"));
    Add(absl::StrCat("</div><p>", Html(ReasonOf(report_.decision, language_)), "</p>"));
    if (!trusted_) {
      Add(absl::StrCat("<p class=\"soft\">", T(Word::kNotTrustworthyNote), "</p></section>\n"));
      return;
    }
    std::string list;
    for (const Comparison& comparison : report_.comparisons) {
      if (comparison.role == "primary")
        absl::StrAppend(&list, "<li>", Html(Sentence(comparison, language_)), "</li>");
    }
    if (!list.empty()) Add(absl::StrCat("<ul>", list, "</ul>"));
    if (report_.decisions.size() > 1) {
      Add("<div class=\"row\">");
      for (const Decision& decision : report_.decisions) {
        Add(absl::StrCat("<span class=\"soft\">", Name(decision.variant), ": ",
                         Html(SayAction(decision.action, language_)), "</span>"));
      }
      Add("</div>");
    }
    Add("</section>\n");
  }

  void Health() {
    Add(absl::StrCat("<section><div class=\"row\"><h2>", T(Word::kHealth),
                     "</h2><span class=\"badge ", trusted_ ? "good" : "bad", "\">",
                     T(trusted_ ? Word::kTrustworthy : Word::kNotTrustworthy), "</span>"));
    if (report_.health.srm_p_value.value) {
      Add(absl::StrCat("<span class=\"soft\">", Html(SayCheck("srm", language_)), " p = ",
                       Data("srm_p_value", report_.health.srm_p_value.value,
                            PValue(*report_.health.srm_p_value.value)),
                       "</span>"));
    }
    Add("</div>");
    std::string failed, passed;
    for (const HealthCheck& check : report_.health.checks) {
      const bool blocks = check.severity == "block";
      absl::StrAppend(
          check.ok ? &passed : &failed, "<tr><td><span class=\"badge ",
          check.ok ? "good"
          : blocks ? "bad"
                   : "warn",
          "\">", check.ok ? T(Word::kOk) : T(blocks ? Word::kBlocks : Word::kWarns),
          "</span></td><td>", Html(SayCheck(check.name, language_)), "</td><td class=\"n\">",
          check.p_value.value ? PValue(*check.p_value.value) : "", "</td><td class=\"finding\">",
          Name(SayFinding(check.detail, language_)), "</td></tr>");
    }
    const std::string head = absl::StrCat("<div class=\"scroll\"><table><thead><tr><th></th><th>",
                                          T(Word::kCheck), "</th><th class=\"n\">p</th><th>",
                                          T(Word::kDetail), "</th></tr></thead><tbody>");
    if (!failed.empty()) Add(head + failed + "</tbody></table></div>");
    const bool split_is_off = std::any_of(
        report_.health.checks.begin(), report_.health.checks.end(),
        [](const HealthCheck& check) { return !check.ok && check.name.starts_with("srm"); });
    if (!report_.health.srm_causes.empty() && split_is_off) {
      Add(absl::StrCat("<h3>", T(Word::kCauses), "</h3><div class=\"scroll\"><table><tbody>"));
      for (const SampleRatioCause& cause : report_.health.srm_causes) {
        Add(absl::StrCat("<tr><td>", Name(cause.dimension), " = ", Name(cause.value),
                         "</td><td class=\"n\">", SignedPercent(cause.share_gap),
                         "</td><td class=\"n\">", Count(cause.units), " ", T(Word::kUnits),
                         "</td><td class=\"n\">p = ",
                         cause.p_value.value ? PValue(*cause.p_value.value) : "", "</td></tr>"));
      }
      Add("</tbody></table></div>");
    }
    if (!passed.empty()) {
      Add(absl::StrCat("<details><summary>", T(Word::kOk), ": ",
                       std::count_if(report_.health.checks.begin(), report_.health.checks.end(),
                                     [](const HealthCheck& check) { return check.ok; }),
                       "</summary>", head, passed, "</tbody></table></div></details>"));
    }
    Add(StagesTable(report_.health, language_));
    Add(UnitChecksTables(report_.health, language_));
    Add("</section>\n");
  }

  void Legend() {
    Add("<div class=\"legend\">");
    for (const VariantSummary& variant : report_.variants) {
      if (variant.key == report_.control) continue;
      Add(absl::StrCat("<span><i style=\"background:", ColourOf(variant.key), "\"></i>",
                       Name(variant.key), "</span>"));
    }
    Add("</div>");
  }

  ForestRow RowOf(const Comparison& comparison, const std::string& name,
                  const std::string& note) const {
    ForestRow row;
    row.name = name;
    row.note = note;
    row.said = Lift(comparison, true);
    row.said_note = absl::StrCat(RangeOf("relative", comparison.relative), " &middot; p ",
                                 PValueOr("p_value_adjusted", comparison.p_value_adjusted));
    row.fixed = comparison.relative;
    row.anytime = comparison.anytime.relative;
    row.colour = trusted_ ? ColourOf(comparison.variant) : "var(--v0)";
    return row;
  }

  // Comparisons of the plan first, in its order; then the others.
  std::vector<const Comparison*> InOrder(const std::vector<Comparison>& comparisons) const {
    std::vector<const Comparison*> ordered;
    for (const char* role : {"primary", "guardrail", "secondary", ""}) {
      for (const Comparison& comparison : comparisons)
        if (comparison.role == role) ordered.push_back(&comparison);
    }
    return ordered;
  }

  bool IsFunnelStep(const std::string& metric) const {
    for (const MetricInfo& info : report_.metrics)
      if (info.key == metric) return info.funnel_step.has_value();
    return false;
  }

  void Forest() {
    std::vector<ForestRow> rows;
    for (const Comparison* comparison : InOrder(report_.comparisons)) {
      if (IsFunnelStep(comparison->metric)) continue;
      rows.push_back(
          RowOf(*comparison, absl::StrCat("<h3>", Name(comparison->metric), "</h3>"),
                absl::StrCat(Name(comparison->variant), " &middot; ", RoleName(comparison->role))));
    }
    if (rows.empty()) return;
    Add(absl::StrCat("<section class=\"long\"><h2>", T(Word::kForestTitle),
                     "</h2><p class=\"note\">", T(Word::kForestNote), "</p>"));
    Legend();
    Add(ForestPlot(rows, language_) + "</section>\n");
  }

  void OverTime() {
    if (report_.dates.size() < 2) return;
    std::map<std::string, std::map<std::string, LiftLine>> lines;  // metric, variant
    for (const Day& day : report_.days) {
      if (!day.cumulative) continue;
      const auto at = static_cast<std::size_t>(
          std::find(report_.dates.begin(), report_.dates.end(), day.date) - report_.dates.begin());
      if (at >= report_.dates.size()) continue;
      for (const Comparison& comparison : day.comparisons) {
        LiftLine& line = lines[comparison.metric][comparison.variant];
        line.colour = trusted_ ? ColourOf(comparison.variant) : "var(--v0)";
        line.estimate.resize(report_.dates.size());
        line.low.resize(report_.dates.size());
        line.high.resize(report_.dates.size());
        const bool closed = comparison.anytime.relative.estimate.value.has_value();
        const Interval& band = closed ? comparison.anytime.relative : comparison.relative;
        line.estimate[at] = comparison.relative.estimate.value;
        line.low[at] = band.low;
        line.high[at] = band.high;
      }
    }
    // A metric whose windows close after the last day has no day to show.
    std::erase_if(lines, [](const auto& metric) {
      return std::all_of(metric.second.begin(), metric.second.end(), [](const auto& variant) {
        const auto& days = variant.second.estimate;
        return std::none_of(days.begin(), days.end(),
                            [](const auto& day) { return day.has_value(); });
      });
    });
    if (lines.empty()) return;
    Add(absl::StrCat("<section class=\"long\"><h2>", T(Word::kOverTime), "</h2><p class=\"note\">",
                     T(Word::kOverTimeNote), "</p>"));
    Legend();
    Add("<div class=\"charts\">");
    std::set<std::string> drawn;
    for (const Comparison* comparison : InOrder(report_.comparisons)) {
      if (IsFunnelStep(comparison->metric) || lines.count(comparison->metric) == 0 ||
          drawn.size() >= kMostCharts || !drawn.insert(comparison->metric).second)
        continue;
      std::vector<LiftLine> chart;
      for (const auto& [variant, line] : lines[comparison->metric]) chart.push_back(line);
      Add(absl::StrCat("<div><h3>", Name(comparison->metric), "</h3>",
                       LiftOverTime(report_.dates, chart), "</div>"));
    }
    Add("</div></section>\n");
  }

  void Funnels() {
    std::vector<std::string> keys;
    for (const MetricInfo& info : report_.metrics)
      if (info.funnel_step && (keys.empty() || keys.back() != info.metric))
        keys.push_back(info.metric);
    for (const std::string& key : keys) {
      Add(absl::StrCat("<section class=\"long\"><h2>", T(Word::kFunnel), ": ", Name(key),
                       "</h2><p class=\"note\">", T(Word::kFunnelNote),
                       "</p><div class=\"steps\">"));
      std::string parts_at;  // the first step that differs after correction
      for (const MetricInfo& info : report_.metrics) {
        if (info.metric != key) continue;
        for (const Comparison& comparison : report_.comparisons) {
          if (parts_at.empty() && trusted_ && comparison.metric == info.key &&
              comparison.p_value_adjusted.value &&
              *comparison.p_value_adjusted.value <= report_.account.alpha)
            parts_at = info.key;
        }
        Add(absl::StrCat("<div class=\"step\"><div class=\"row\"><h3>", Name(info.key), "</h3>",
                         parts_at == info.key ? absl::StrCat("<span class=\"badge warn\">",
                                                             T(Word::kPartsHere), "</span>")
                                              : "",
                         "</div>"));
        for (const VariantSummary& variant : report_.variants) FunnelBar(variant, info.key);
        Add("</div>");
      }
      Add("</div></section>\n");
    }
  }

  void FunnelBar(const VariantSummary& variant, const std::string& metric) {
    for (const MetricSummary& summary : variant.metrics) {
      if (summary.metric != metric) continue;
      const double share = std::clamp(summary.mean.value.value_or(0), 0.0, 1.0);
      std::string lift;
      for (const Comparison& comparison : report_.comparisons) {
        if (comparison.metric == metric && comparison.variant == variant.key)
          lift = absl::StrCat(" &middot; ", Lift(comparison, true), " (",
                              RangeOf("relative", comparison.relative), ")");
      }
      Add(absl::StrCat(
          "<div class=\"bar\"><span>", Name(variant.key),
          "</span><span class=\"track\"><i style=\"width:", absl::StrFormat("%.2f", 100 * share),
          "%;background:", ColourOf(variant.key), "\"></i></span><span class=\"said\">",
          summary.mean.value ? Data("mean", summary.mean.value, Percent(*summary.mean.value))
                             : Html(Reason(summary.mean)),
          lift, "</span></div>"));
    }
  }

  void Segments() {
    if (report_.segments.empty()) return;
    // The metric that the plan is about, or the first.
    std::string metric = report_.plan.primary;
    if (metric.empty() && !report_.metrics.empty()) metric = report_.metrics.front().key;
    std::vector<ForestRow> rows;
    for (const Segment& segment : report_.segments) {
      std::int64_t units = 0;
      for (const VariantSummary& variant : segment.variants) units += variant.units;
      for (const Comparison& comparison : segment.comparisons) {
        if (comparison.metric != metric) continue;
        rows.push_back(RowOf(
            comparison,
            absl::StrCat("<h3>", Name(segment.attribute), " = ", Name(segment.value), "</h3>"),
            absl::StrCat(Name(comparison.variant), " &middot; ", Count(units), " ",
                         T(Word::kUnits))));
      }
    }
    if (rows.empty()) return;
    Add(absl::StrCat("<section class=\"long\"><div class=\"row\"><h2>", T(Word::kSegments), ": ",
                     Name(metric), "</h2><span class=\"badge wait\">", T(Word::kExploratory),
                     "</span></div><p class=\"note\">", T(Word::kSegmentsNote), "</p>"));
    Legend();
    Add(ForestPlot(rows, language_));
    for (const Heterogeneity& group : report_.heterogeneity) {
      if (group.metric != metric || !group.p_value_adjusted.value) continue;
      Add(absl::StrCat("<p class=\"soft\">", T(Word::kDiffers), " (", Name(group.attribute), ", ",
                       Name(group.variant), "): p = ",
                       Data("heterogeneity", group.p_value_adjusted.value,
                            PValue(*group.p_value_adjusted.value)),
                       "</p>"));
    }
    Add("</section>\n");
  }

  void Variants() {
    double all = 0;
    for (const VariantSummary& variant : report_.variants)
      all += static_cast<double>(variant.units);
    Add(absl::StrCat("<section><h2>", T(Word::kVariants),
                     "</h2><div class=\"scroll\"><table><thead><tr><th>", T(Word::kVariant),
                     "</th><th class=\"n\">", T(Word::kUnits), "</th><th class=\"n\">",
                     T(Word::kShare), "</th><th class=\"n\">", T(Word::kPlanned), "</th><th>",
                     T(Word::kNewUnits), "</th></tr></thead><tbody>"));
    for (const VariantSummary& variant : report_.variants) {
      Add(absl::StrCat("<tr><td>", Name(variant.key),
                       variant.key == report_.control
                           ? absl::StrCat(" <span class=\"soft\">(", T(Word::kControl), ")</span>")
                           : "",
                       "</td><td class=\"n\">", Count(variant.units), "</td><td class=\"n\">",
                       all > 0 ? Percent(static_cast<double>(variant.units) / all) : "",
                       "</td><td class=\"n\">",
                       variant.planned_share > 0 ? Percent(variant.planned_share) : "", "</td><td>",
                       Spark(variant.units_by_day, ColourOf(variant.key)), "</td></tr>"));
    }
    Add("</tbody></table></div></section>\n");
  }

  const Comparison* Find(const std::string& metric, const std::string& variant) const {
    for (const Comparison& comparison : report_.comparisons)
      if (comparison.metric == metric && comparison.variant == variant) return &comparison;
    return nullptr;
  }

  void Numbers() {
    const std::string level = absl::StrFormat("%g %% ", 100 * report_.confidence);
    Add(absl::StrCat(
        "<section class=\"long\"><h2>", T(Word::kNumbers),
        "</h2><div class=\"scroll\"><table><thead><tr><th>", T(Word::kMetric), "</th><th>",
        T(Word::kVariant), "</th><th class=\"n\">", T(Word::kUnits), "</th><th class=\"n\">",
        T(Word::kMean), "</th><th class=\"n\">", T(Word::kLift), "</th><th class=\"n\">", level,
        T(Word::kInterval), "</th><th class=\"n\">", T(Word::kAnytime), "</th><th class=\"n\">",
        T(Word::kPValue), "</th><th class=\"n\">", T(Word::kAdjusted),
        "</th><th class=\"n\">CUPED</th><th class=\"n\">", T(Word::kChanceToWin),
        "</th><th class=\"n\">", T(Word::kShrunken), "</th><th class=\"n\">", T(Word::kDetectable),
        "</th><th>", T(Word::kMethod), "</th></tr></thead><tbody>"));
    for (const MetricInfo& info : report_.metrics) {
      for (const VariantSummary& variant : report_.variants) {
        for (const MetricSummary& summary : variant.metrics) {
          if (summary.metric != info.key) continue;
          const std::string pending =
              summary.pending > 0
                  ? absl::StrCat("<br><span class=\"soft\">+ ", Count(summary.pending), " ",
                                 T(Word::kPending), "</span>")
                  : "";
          Add(absl::StrCat(
              "<tr class=\"numbers\"><td>", Name(info.key), "</td><td>", Name(variant.key),
              "</td><td class=\"n\">", Count(summary.units), pending, "</td><td class=\"n\">",
              summary.mean.value ? Data("mean", summary.mean.value, Number(*summary.mean.value))
                                 : Html(Reason(summary.mean)),
              "</td>"));
          NumbersOf(Find(info.key, variant.key));
          Add("</tr>");
        }
      }
    }
    Add("</tbody></table></div></section>\n");
  }

  void NumbersOf(const Comparison* found) {
    if (found == nullptr) {
      Add("<td colspan=\"10\"></td>");
      return;
    }
    const Comparison& c = *found;
    const auto cell = [&](const std::string& content) {
      Add(absl::StrCat("<td class=\"n\">", content, "</td>"));
    };
    cell(Lift(c, true));
    cell(RangeOf("relative", c.relative));
    cell(c.anytime.relative.estimate.value ? RangeOf("anytime", c.anytime.relative)
                                           : Html(Reason(c.anytime.relative.estimate)));
    cell(PValueOr("p_value", c.p_value));
    cell(PValueOr("p_value_adjusted", c.p_value_adjusted));
    cell(!c.cuped ? ""
                  : absl::StrCat(PercentOr("cuped", c.cuped->relative.estimate), "<br>",
                                 RangeOf("cuped", c.cuped->relative)));
    cell(c.bayesian.chance_to_win.value ? Data("chance_to_win", c.bayesian.chance_to_win.value,
                                               Percent(*c.bayesian.chance_to_win.value))
                                        : Html(Reason(c.bayesian.chance_to_win)));
    cell(PercentOr("shrunken", c.shrunken));
    cell(c.detectable.value ? Data("detectable", c.detectable.value, Percent(*c.detectable.value))
                            : Html(Reason(c.detectable)));
    Add(absl::StrCat("<td>", Html(c.method), c.relative.method.empty() ? "" : " / ",
                     Html(c.relative.method), "</td>"));
  }

  void Account() {
    if (report_.account.families.empty()) return;
    Add(absl::StrCat(
        "<section><h2>", T(Word::kAccount), "</h2><p class=\"note\">", T(Word::kAccountNote), " ",
        T(report_.account.looks == "anytime"            ? Word::kLooksAnytime
          : report_.account.looks == "group_sequential" ? Word::kLooksPlanned
                                                        : Word::kLooksFixed),
        "</p><div class=\"scroll\"><table><thead><tr><th></th><th class=\"n\">",
        T(Word::kQuestions), "</th><th>", T(Word::kCorrection), "</th><th class=\"n\">",
        T(Word::kDiscoveries), " (", T(Word::kFixed), ")</th><th class=\"n\">",
        T(Word::kDiscoveries), " (", T(Word::kAnytime), ", e-BH)</th></tr></thead><tbody>"));
    for (const Family& family : report_.account.families) {
      const Word name = family.name == "primary"      ? Word::kPrimary
                        : family.name == "guardrails" ? Word::kGuardrails
                        : family.name == "segments"   ? Word::kSegments
                                                      : Word::kSecondary;
      Add(absl::StrCat("<tr><td>", T(name), "</td><td class=\"n\">", family.questions, "</td><td>",
                       Html(family.correction), "</td><td class=\"n\">", family.discoveries,
                       "</td><td class=\"n\">", family.discoveries_anytime, "</td></tr>"));
    }
    Add("</tbody></table></div></section>\n");
  }

  void Footer() {
    Add(absl::StrCat("<footer>Upswing &middot; ", Html(report_.experiment), " &middot; ",
                     T(Word::kIteration), " ", report_.iteration, " &middot; ", T(Word::kAsOf), " ",
                     Html(report_.as_of), "</footer>\n"));
  }

  const Report& report_;
  Language language_;
  bool trusted_;
  std::map<std::string, std::string> colour_;
  std::string html_;
};

}  // namespace

std::string RenderHtml(const Report& report, Language language) {
  return Page(report, language).Render();
}

}  // namespace upswing::report
