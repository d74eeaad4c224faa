#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/report/render.hpp"
#include "server/report/words.hpp"

namespace upswing::report {
namespace {

// Quotes where RFC 4180 asks for it. A leading =, +, - or @ would be a formula to a spreadsheet, so
// text that begins so gets an apostrophe in front.
std::string Field(const std::string& text) {
  const bool formula = !text.empty() && std::string("=+-@\t\r").find(text[0]) != std::string::npos;
  const std::string safe = formula ? "'" + text : text;
  if (safe.find_first_of(",\"\r\n") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

const Comparison* Find(const std::vector<Comparison>& comparisons, const std::string& variant,
                       const std::string& metric) {
  for (const Comparison& comparison : comparisons) {
    if (comparison.variant == variant && comparison.metric == metric) return &comparison;
  }
  return nullptr;
}

void AppendRows(const std::string& scope, const std::string& name,
                const std::vector<VariantSummary>& variants,
                const std::vector<Comparison>& comparisons, std::string* csv) {
  for (const VariantSummary& variant : variants) {
    for (const MetricSummary& metric : variant.metrics) {
      absl::StrAppend(csv, scope, ",", Field(name), ",", Field(variant.key), ",",
                      Field(metric.metric), ",", metric.units, ",", metric.pending, ",",
                      ExactNumber(metric.sum.value), ",");
      absl::StrAppend(csv, ExactNumber(metric.mean.value), ",", ExactNumber(metric.variance.value));
      const Comparison* c = Find(comparisons, variant.key, metric.metric);
      const Comparison none;
      const Comparison& shown = c != nullptr ? *c : none;
      const bool looked =
          shown.judged && shown.judged->look && shown.judged->p_value.value.has_value();
      for (const std::optional<double>& value :
           {shown.absolute.estimate.value,
            shown.absolute.low,
            shown.absolute.high,
            shown.relative.estimate.value,
            shown.relative.low,
            shown.relative.high,
            shown.p_value.value,
            shown.p_value_adjusted.value,
            shown.anytime.interval.low,
            shown.anytime.interval.high,
            shown.anytime.p_value.value,
            shown.cuped ? shown.cuped->absolute.estimate.value : std::nullopt,
            shown.cuped ? shown.cuped->absolute.low : std::nullopt,
            shown.cuped ? shown.cuped->absolute.high : std::nullopt,
            shown.bayesian.chance_to_win.value,
            shown.bayesian.expected_loss.value,
            shown.relative_adjusted.low,
            shown.relative_adjusted.high,
            shown.anytime.p_value_adjusted.value,
            shown.shrunken.value,
            shown.judged ? shown.judged->absolute.estimate.value : std::nullopt,
            shown.judged ? shown.judged->absolute.low : std::nullopt,
            shown.judged ? shown.judged->absolute.high : std::nullopt,
            shown.judged ? shown.judged->relative.low : std::nullopt,
            shown.judged ? shown.judged->relative.high : std::nullopt,
            shown.judged ? shown.judged->p_value.value : std::nullopt,
            shown.judged ? shown.judged->p_value_adjusted.value : std::nullopt,
            looked ? std::optional(shown.judged->look->z) : std::nullopt,
            looked ? std::optional(shown.judged->look->z_bound) : std::nullopt,
            looked ? std::optional(shown.judged->look->alpha_spent) : std::nullopt,
            shown.outlook ? shown.outlook->power_now.value : std::nullopt,
            shown.outlook ? shown.outlook->units_needed.value : std::nullopt,
            shown.outlook ? shown.outlook->conditional_power.value : std::nullopt}) {
        absl::StrAppend(csv, ",", ExactNumber(value));
      }
      absl::StrAppend(csv, "\n");
    }
  }
}

}  // namespace

std::string RenderCsv(const Report& report) {
  std::string csv =
      "scope,name,variant,metric,units,pending,sum,mean,variance,absolute,absolute_low,absolute_"
      "high,"
      "relative,relative_low,relative_high,p_value,p_value_adjusted,anytime_low,anytime_high,"
      "anytime_p_value,"
      "cuped_absolute,cuped_absolute_low,cuped_absolute_high,chance_to_win,expected_loss,"
      "relative_adjusted_low,relative_adjusted_high,anytime_p_value_adjusted,shrunken,"
      "judged_absolute,judged_absolute_low,judged_absolute_high,judged_relative_low,"
      "judged_relative_high,judged_p_value,judged_p_value_adjusted,look_z,look_bound,"
      "look_alpha_spent,power_now,units_needed,conditional_power\n";
  AppendRows("all", "", report.variants, report.comparisons, &csv);
  for (const Segment& segment : report.segments) {
    AppendRows("segment", segment.attribute + "=" + segment.value, segment.variants,
               segment.comparisons, &csv);
  }
  for (const Day& day : report.days) {
    AppendRows(day.cumulative ? "until_day" : "day", day.date, day.variants, day.comparisons, &csv);
  }
  return csv;
}

}  // namespace upswing::report
