#include "server/metrics/fingerprint.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace upswing::metrics {
namespace {

// Lengths before texts, so that no two lists read alike.
void Put(std::string_view text, std::string* to) {
  absl::StrAppend(to, text.size(), ":", absl::string_view(text.data(), text.size()), ";");
}
void Put(std::int64_t number, std::string* to) { absl::StrAppend(to, number, ";"); }
void Put(double number, std::string* to) {
  absl::StrAppend(to, absl::StrFormat("%.17g", number), ";");
}
template <typename T>
void Put(const std::optional<T>& value, std::string* to) {
  if (value.has_value()) {
    Put(*value, to);
  } else {
    to->append("-;");
  }
}

void Put(const EventSelector& selector, std::string* to) {
  for (const std::string& event : selector.events) Put(event, to);
  to->push_back('|');
  for (const Condition& condition : selector.where) {
    Put(condition.property, to);
    Put(static_cast<std::int64_t>(condition.op), to);
    for (const Literal& literal : condition.values) {
      if (const auto* flag = std::get_if<bool>(&literal)) to->append(*flag ? "true;" : "false;");
      if (const auto* number = std::get_if<double>(&literal)) Put(*number, to);
      if (const auto* text = std::get_if<std::string>(&literal)) Put(*text, to);
    }
    to->push_back('&');
  }
  Put(selector.value, to);
  Put(std::int64_t{selector.sum}, to);
  Put(selector.refers_to, to);
  to->push_back('|');
}

}  // namespace

std::string Fingerprint(const MetricDefinition& metric, const std::vector<MetricDefinition>& all) {
  std::string text;
  Put(static_cast<std::int64_t>(metric.type), &text);
  Put(metric.events, &text);
  Put(metric.denominator, &text);
  Put(metric.from, &text);
  for (const EventSelector& step : metric.steps) Put(step, &text);
  for (const LinearTerm& term : metric.terms) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const auto& other) { return other.key == term.metric; });
    if (found != all.end()) Put(Fingerprint(*found, all), &text);
    Put(term.weight, &text);
  }
  Put(metric.threshold, &text);
  Put(metric.quantile, &text);
  Put(std::int64_t{metric.first_day}, &text);
  Put(std::int64_t{metric.last_day}, &text);
  Put(std::int64_t{metric.elapsed_days}, &text);
  Put(metric.missing, &text);
  Put(metric.window_ms, &text);
  if (metric.covariate.has_value()) {
    Put(metric.covariate->window_ms, &text);
    Put(metric.covariate->selector, &text);
    Put(std::int64_t{metric.covariate->complete_history}, &text);
  }
  if (metric.winsorize.has_value()) {
    Put(metric.winsorize->percentile_nonzero, &text);
    Put(metric.winsorize->value, &text);
  }
  return text;
}

}  // namespace upswing::metrics
