#include "server/report/html_checks.hpp"

#include <initializer_list>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/report/html_charts.hpp"

namespace upswing::report {
namespace {

std::string T(Word word, Language language) { return Html(Say(word, language)); }

// A column of a table: its heading, and whether it holds numbers.
struct Head {
  std::string text;
  bool number = true;
};

class Table {
 public:
  explicit Table(std::initializer_list<Head> heads) : heads_(heads) {
    html_ = "<div class=\"scroll\"><table><thead><tr>";
    for (const Head& head : heads_)
      absl::StrAppend(&html_, head.number ? "<th class=\"n\">" : "<th>", head.text, "</th>");
    html_ += "</tr></thead><tbody>";
  }
  void Row(std::initializer_list<std::string> cells) {
    html_ += "<tr>";
    std::size_t at = 0;
    for (const std::string& cell : cells)
      absl::StrAppend(&html_, heads_[at++].number ? "<td class=\"n\">" : "<td>", cell, "</td>");
    html_ += "</tr>";
    empty_ = false;
  }
  bool empty() const { return empty_; }
  std::string End() const { return html_ + "</tbody></table></div>"; }

 private:
  std::vector<Head> heads_;
  std::string html_;
  bool empty_ = true;
};

std::string Soft(const std::string& html) {
  return absl::StrCat("<span class=\"soft\">", html, "</span>");
}

std::string Exact(std::string_view kind, double value) { return Data(kind, value, Number(value)); }
std::string P(std::string_view kind, double value) { return Data(kind, value, PValue(value)); }

// "+2.1 %" and its interval, or the absolute ones where there is no lift.
std::string JudgedEffect(const Judgement& judged, Language language) {
  const bool lift = judged.relative.estimate.value.has_value();
  const Interval& interval = lift ? judged.relative : judged.absolute;
  if (!interval.estimate.value) return Soft(Html(SayReason(interval.estimate.reason, language)));
  const std::string kind = lift ? "judged_relative" : "judged_absolute";
  const auto shown = [&](double value) { return lift ? SignedPercent(value) : Number(value); };
  const auto end = [&](const char* which, const std::optional<double>& value) {
    return value ? Data(kind + which, value, shown(*value)) : std::string("&infin;");
  };
  return absl::StrCat(Data(kind, interval.estimate.value, shown(*interval.estimate.value)), "<br>",
                      end("_low", interval.low), language == Language::kChinese ? " 至 " : " to ",
                      end("_high", interval.high));
}

std::string TestOf(const Judgement& judged, Language language) {
  const Word side = judged.alternative == "greater" ? Word::kOneSidedUp
                    : judged.alternative == "less"  ? Word::kOneSidedDown
                                                    : Word::kTwoSided;
  const Word looks = judged.looks == "anytime"            ? Word::kAnytime
                     : judged.looks == "group_sequential" ? Word::kPlannedLooks
                                                          : Word::kFixed;
  std::string more;
  if (judged.margin) {
    absl::StrAppend(&more, ", ", T(Word::kMargin, language), " ",
                    Html(judged.margin->absolute ? absl::StrFormat("%g", *judged.margin->absolute)
                                                 : Percent(judged.margin->relative.value_or(0))));
  }
  if (judged.cuped) more += ", CUPED";
  return absl::StrCat(T(side, language), more, "<br>", Soft(T(looks, language)));
}

std::string FigureOr(std::string_view kind, const Figure& figure, Language language,
                     std::string (*shown)(double)) {
  return figure.value ? Data(kind, figure.value, shown(*figure.value))
                      : Soft(Html(SayReason(figure.reason, language)));
}

}  // namespace

std::string JudgedTable(const Report& report, Language language) {
  Table table({{T(Word::kMetric, language), false},
               {T(Word::kVariant, language), false},
               {T(Word::kTest, language), false},
               {absl::StrCat(T(Word::kLift, language), ", ", T(Word::kInterval, language))},
               {T(Word::kPValue, language)},
               {T(Word::kAdjusted, language)},
               {T(Word::kLook, language)},
               {T(Word::kZAgainstBound, language)},
               {T(Word::kAlphaSpent, language)},
               {T(Word::kNextLook, language)}});
  std::string sentences;
  std::vector<const Comparison*> in_order;
  for (const char* role : {"primary", "guardrail", "secondary"}) {
    for (const Comparison& comparison : report.comparisons)
      if (comparison.role == role && comparison.judged) in_order.push_back(&comparison);
  }
  for (const Comparison* of : in_order) {
    const Comparison& comparison = *of;
    const Judgement& judged = *comparison.judged;
    std::string number, z, spent, next;
    if (judged.look) {
      const Judgement::Look& look = *judged.look;
      number = absl::StrCat(look.number, " / ", look.of);
      if (look.number > 0) absl::StrAppend(&number, "<br>", Soft(Html(look.date)));
      if (look.next_day > 0) next = absl::StrCat(look.next_day);
      if (judged.p_value.value) {
        z = absl::StrCat(Data("look_z", look.z, absl::StrFormat("%.3f", look.z)), ", ",
                         Data("look_bound", look.z_bound, absl::StrFormat("%.3f", look.z_bound)));
        spent = Data("look_alpha_spent", look.alpha_spent, Percent(look.alpha_spent));
      }
      if (report.health.ok && comparison.role == "primary")
        absl::StrAppend(&sentences, "<li>", Html(LookSentence(comparison, language)), "</li>");
    }
    table.Row({Name(comparison.metric), Name(comparison.variant), TestOf(judged, language),
               JudgedEffect(judged, language),
               FigureOr("judged_p_value", judged.p_value, language, PValue),
               FigureOr("judged_p_value_adjusted", judged.p_value_adjusted, language, PValue),
               number, z, spent, next});
  }
  if (table.empty()) return "";
  if (!sentences.empty()) sentences = absl::StrCat("<ul>", sentences, "</ul>");
  return absl::StrCat("<section class=\"long\"><h2>", T(Word::kJudgedTitle, language),
                      "</h2><p class=\"note\">", T(Word::kJudgedNote, language), "</p>", sentences,
                      table.End(), OutlookTable(report, language), "</section>\n");
}

std::string OutlookTable(const Report& report, Language language) {
  Table table({{T(Word::kMetric, language), false},
               {T(Word::kVariant, language), false},
               {T(Word::kPlannedEffect, language)},
               {T(Word::kPowerNow, language)},
               {T(Word::kUnitsNeeded, language)},
               {T(Word::kInformation, language)},
               {T(Word::kConditionalPower, language)}});
  std::string sentences;
  for (const Comparison& comparison : report.comparisons) {
    if (!comparison.outlook || !comparison.outlook->power_now.value) continue;
    const Outlook& outlook = *comparison.outlook;
    const auto units = [](double value) { return Count(static_cast<std::int64_t>(value)); };
    table.Row({Name(comparison.metric), Name(comparison.variant),
               Exact("planned_effect", outlook.effect),
               FigureOr("power_now", outlook.power_now, language, Percent),
               FigureOr("units_needed", outlook.units_needed, language, units),
               FigureOr("information", outlook.information, language, Percent),
               FigureOr("conditional_power", outlook.conditional_power, language, Percent)});
    if (report.health.ok)
      absl::StrAppend(&sentences, "<li>", Html(OutlookSentence(comparison, report.plan, language)),
                      "</li>");
  }
  if (table.empty()) return "";
  if (!sentences.empty()) sentences = absl::StrCat("<ul>", sentences, "</ul>");
  return absl::StrCat("<h3 class=\"after\">", T(Word::kOutlookTitle, language), "</h3>", sentences,
                      table.End());
}

std::string StagesTable(const Health& health, Language language) {
  if (health.stages.empty()) return "";
  Table table({{T(Word::kVariant, language), false},
               {T(Word::kEvaluated, language)},
               {T(Word::kExposed, language)},
               {T(Word::kQueued, language)},
               {T(Word::kDropped, language)},
               {T(Word::kArrived, language)}});
  for (const Stage& stage : health.stages) {
    const auto count = [](std::string_view kind, std::int64_t value) {
      return Data(kind, static_cast<double>(value), Count(value));
    };
    table.Row({Name(stage.variant), count("evaluated", stage.evaluated),
               count("exposed", stage.exposed), count("queued", stage.queued),
               count("dropped", stage.dropped), count("arrived", stage.units)});
  }
  return absl::StrCat("<details><summary>", T(Word::kStages, language),
                      "</summary><p class=\"note\">", T(Word::kStagesNote, language), "</p>",
                      table.End(), "</details>");
}

std::string UnitChecksTables(const Health& health, Language language) {
  if (!health.unit_checks) return "";
  const UnitChecks& checks = *health.unit_checks;
  std::string html = absl::StrCat(
      "<details><summary>", T(Word::kUnitChecks, language), ": ", Count(checks.units), " ",
      T(Word::kUnits, language),
      checks.as_of.empty() ? ""
                           : absl::StrCat(", ", T(Word::kAsOf, language), " ", Html(checks.as_of)),
      "</summary>");
  const auto add = [&](Word title, Word note, const Table& table) {
    if (table.empty()) return;
    absl::StrAppend(&html, "<h3 class=\"after\">", T(title, language), "</h3><p class=\"note\">",
                    T(note, language), "</p>", table.End());
  };
  const Head metric{T(Word::kMetric, language), false};
  const Head variant{T(Word::kVariant, language), false};
  const Head p{T(Word::kPValue, language)};

  Table controls({metric,
                  {T(Word::kUnits, language)},
                  {T(Word::kSplits, language)},
                  {T(Word::kBeyond, language)},
                  {T(Word::kVarianceRatio, language)},
                  p});
  for (const UnitChecks::NegativeControl& control : checks.negative_controls) {
    controls.Row({Name(control.metric), Count(control.units), absl::StrCat(control.splits),
                  Data("control_beyond", control.beyond_1_96, absl::StrCat(control.beyond_1_96)),
                  absl::StrCat(Exact("control_ratio", control.variance_ratio),
                               control.flagged ? absl::StrCat(" <span class=\"badge warn\">",
                                                              T(Word::kWarns, language), "</span>")
                                               : ""),
                  FigureOr("control_p", control.p_value, language, PValue)});
  }
  add(Word::kControls, Word::kControlsNote, controls);

  Table outliers(
      {metric, variant, {T(Word::kWithAll, language)}, p, {T(Word::kWithoutLargest, language)}, p});
  for (const UnitChecks::Outlier& outlier : checks.outliers) {
    outliers.Row({Name(outlier.metric), Name(outlier.variant),
                  Exact("outlier_with", outlier.with_all), PValue(outlier.p_with_all),
                  Exact("outlier_without", outlier.without_largest),
                  PValue(outlier.p_without_largest)});
  }
  add(Word::kOutliers, Word::kOutliersNote, outliers);

  Table ages({metric,
              variant,
              {T(Word::kUnits, language)},
              {T(Word::kAges, language), false},
              {T(Word::kSlopePerDay, language)},
              p});
  for (const UnitChecks::Age& age : checks.ages) {
    std::string effects;
    const auto effect_text = [&](const char* kind, double value) {
      return Data(kind, value, EffectText(value, age.of_lifts));
    };
    for (const UnitChecks::Age::Effect& effect : age.effects)
      absl::StrAppend(
          &effects, effects.empty() ? "" : ", ", effect.day + 1, ": ",
          effect_text("age_effect", effect.estimate), " &plusmn; ",
          Html(age.of_lifts ? Percent(effect.standard_error) : Number(effect.standard_error)));
    ages.Row({Name(age.metric), Name(age.variant), Count(age.units), effects,
              effect_text("age_slope", age.slope), P("age_p", age.p_value)});
  }
  add(Word::kAges, Word::kAgesNote, ages);

  Table interactions({{T(Word::kOtherExperiment, language), false},
                      metric,
                      variant,
                      {T(Word::kUnits, language)},
                      {T(Word::kEffectDiffers, language)},
                      p,
                      {T(Word::kAdjusted, language)},
                      {T(Word::kAssignmentP, language)}});
  for (const UnitChecks::Interaction& one : checks.interactions) {
    interactions.Row({absl::StrCat(Name(one.experiment), " ", Soft(Name(one.other_variant))),
                      Name(one.metric), Name(one.variant), Count(one.units),
                      absl::StrCat(Exact("interaction", one.estimate), " &plusmn; ",
                                   Html(Number(one.standard_error))),
                      P("interaction_p", one.p_value),
                      P("interaction_p_adjusted", one.p_value_adjusted),
                      PValue(one.assignment_p_value)});
  }
  add(Word::kInteractions, Word::kInteractionsNote, interactions);
  return html + "</details>";
}

}  // namespace upswing::report
