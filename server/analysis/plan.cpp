#include "server/analysis/plan.hpp"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "server/analysis/calendar.hpp"

namespace upswing::analysis {
namespace {

using metrics::MetricDefinition;
using metrics::MetricType;

template <typename T>
int IndexOf(std::vector<T>* list, const T& item) {
  const auto found = std::find(list->begin(), list->end(), item);
  if (found != list->end()) return static_cast<int>(found - list->begin());
  list->push_back(item);
  return static_cast<int>(list->size()) - 1;
}

int StreamOf(Plan* plan, const std::string& event) {
  for (std::size_t i = 0; i < plan->streams.size(); ++i)
    if (plan->streams[i].event == event) return static_cast<int>(i);
  plan->streams.push_back({event, {""}, {}, {}});
  return static_cast<int>(plan->streams.size()) - 1;
}

CompiledSelector CompileSelector(const metrics::EventSelector& selector, bool distinct,
                                 Plan* plan) {
  CompiledSelector compiled;
  compiled.sum = selector.sum;
  for (const std::string& event : selector.events) {
    CompiledSelector::Part part;
    part.stream = StreamOf(plan, event);
    Stream& stream = plan->streams[static_cast<std::size_t>(part.stream)];
    if (!selector.where.empty()) part.filter = IndexOf(&stream.filters, selector.where);
    if (distinct) {
      part.identity = IndexOf(&stream.identities, selector.value);
    } else {
      part.value = IndexOf(&stream.values, selector.value);
    }
    compiled.parts.push_back(part);
  }
  if (!selector.refers_to.empty()) compiled.refers_to = StreamOf(plan, selector.refers_to);
  return compiled;
}

absl::Status Invalid(const MetricDefinition& metric, const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("metrics.", metric.key, ": ", what));
}

absl::Status Check(const MetricDefinition& metric) {
  const bool made_of_others =
      metric.type == MetricType::kLinear || metric.type == MetricType::kIncrementalRatio;
  const bool funnel = metric.type == MetricType::kFunnel;
  if (!made_of_others && !funnel && metric.events.events.empty())
    return Invalid(metric, "event: none is named");
  if (metric.type == MetricType::kRatio && metric.denominator.events.empty())
    return Invalid(metric, "denominator: no event is named");
  if (metric.type == MetricType::kPair && metric.from.events.empty())
    return Invalid(metric, "from: no event is named");
  if (funnel && metric.steps.size() < 2) return Invalid(metric, "steps: must be at least 2");
  if (metric.type == MetricType::kTimeTo && !metric.window_ms.has_value())
    return Invalid(metric, "window: a time_to metric needs one");
  if (metric.steps.size() > 32) return Invalid(metric, "steps: must be at most 32");
  if (metric.window_ms.has_value() && *metric.window_ms <= 0)
    return Invalid(metric, "window: must be above 0");
  if (metric.covariate.has_value()) {
    if (metric.covariate->window_ms <= 0) return Invalid(metric, "covariate: must be above 0");
    const bool own = metric.covariate->selector.events.empty();
    if (own && (funnel || metric.type == MetricType::kRetention ||
                metric.type == MetricType::kTimeTo || metric.type == MetricType::kQuantile))
      return Invalid(metric, "covariate: this type has no value before the exposure");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<bool> Plan::StreamsOf(const std::vector<bool>& of) const {
  std::vector<bool> read(streams.size(), false);
  const auto add_selector = [&](const CompiledSelector& selector) {
    for (const CompiledSelector::Part& part : selector.parts)
      read[static_cast<std::size_t>(part.stream)] = true;
    if (selector.refers_to >= 0) read[static_cast<std::size_t>(selector.refers_to)] = true;
  };
  const auto add = [&](const auto& self, const CompiledMetric& metric) -> void {
    for (const auto* selector :
         {&metric.events, &metric.denominator, &metric.from, &metric.covariate})
      add_selector(*selector);
    for (const CompiledSelector& step : metric.steps) add_selector(step);
    for (const auto& term : metric.terms) self(self, metrics[static_cast<std::size_t>(term.first)]);
  };
  for (std::size_t m = 0; m < metrics.size(); ++m)
    if (of[m]) add(add, metrics[m]);
  return read;
}

absl::StatusOr<Plan> Plan::Compile(const ExperimentSpec& spec) {
  if (spec.unit_type.empty()) return absl::InvalidArgumentError("unit_type: must not be empty");
  if (spec.variants.empty()) return absl::InvalidArgumentError("variants: must not be empty");
  Plan plan;
  plan.spec = &spec;
  for (const MetricDefinition& metric : spec.metrics) {
    if (absl::Status status = Check(metric); !status.ok()) return status;
    CompiledMetric compiled;
    compiled.definition = &metric;
    compiled.events = CompileSelector(metric.events, metric.type == MetricType::kDistinct, &plan);
    compiled.denominator = CompileSelector(metric.denominator, false, &plan);
    compiled.from = CompileSelector(metric.from, false, &plan);
    for (const auto& step : metric.steps)
      compiled.steps.push_back(CompileSelector(step, false, &plan));
    for (const auto& term : metric.terms) {
      const auto found =
          std::find_if(spec.metrics.begin(), spec.metrics.end(),
                       [&](const MetricDefinition& other) { return other.key == term.metric; });
      const bool nested = found != spec.metrics.end() && found->type == MetricType::kLinear &&
                          metric.type == MetricType::kLinear;
      if (found == spec.metrics.end() || nested || metrics::Components(*found) != 1)
        return Invalid(metric,
                       "terms: a term must be a metric of this list with one value per unit");
      compiled.terms.emplace_back(static_cast<int>(found - spec.metrics.begin()), term.weight);
    }
    compiled.components = metrics::Components(metric);
    if (metric.covariate.has_value()) {
      const bool own = metric.covariate->selector.events.empty();
      if (!own) compiled.covariate = CompileSelector(metric.covariate->selector, false, &plan);
      compiled.covariates = (own ? compiled.components : 1) + 1;
    }
    std::int64_t window = metric.window_ms.value_or(std::numeric_limits<std::int64_t>::max());
    if (metric.type == MetricType::kRetention) window = (metric.last_day + 1) * Calendar::kDayMs;
    plan.longest_window_ms = std::max(plan.longest_window_ms, window);
    plan.metrics.push_back(std::move(compiled));
  }
  if (plan.metrics.empty()) plan.longest_window_ms = std::numeric_limits<std::int64_t>::max();
  return plan;
}

}  // namespace upswing::analysis
