#include "tests/property/server/oracle.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "server/statistics/exact_sum.hpp"

namespace upswing::testing {
namespace {

using analysis::AnalysisResult;
using analysis::Cell;
using analysis::ExperimentSpec;
using metrics::Condition;
using metrics::EventSelector;
using metrics::MetricDefinition;
using metrics::MetricType;
using statistics::MomentSums;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

std::uint64_t KeyOf(const Units& units, const std::string& type) {
  for (const auto& [t, key] : units)
    if (t == type) return key;
  return 0;
}

absl::CivilDay DayOf(std::int64_t time, absl::TimeZone zone) {
  return absl::ToCivilDay(absl::FromUnixMillis(time), zone);
}

// The first millisecond of a local day.
std::int64_t Begins(absl::CivilDay day, absl::TimeZone zone) {
  return absl::ToUnixMillis(absl::FromCivil(absl::CivilSecond(day), zone));
}

const PropertyValue* PropertyOf(const EventRecord& event, const std::string& name) {
  for (const auto& [n, value] : event.properties)
    if (n == name) return &value;
  return nullptr;
}

std::optional<double> NumberOf(const EventRecord& event, const std::string& property) {
  if (property.empty()) return event.value;
  const PropertyValue* value = PropertyOf(event, property);
  if (value == nullptr || std::holds_alternative<std::string>(*value)) return std::nullopt;
  if (const auto* i = std::get_if<std::int64_t>(value)) return static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(value)) return *d;
  return std::get<bool>(*value) ? 1.0 : 0.0;
}

bool Matches(const EventRecord& event, const Condition& condition) {
  const PropertyValue* value = PropertyOf(event, condition.property);
  if (condition.op == Condition::Operator::kSet)
    return (value != nullptr) == std::get<bool>(condition.values[0]);
  const auto equals = [&](const metrics::Literal& literal) {
    if (value == nullptr) return false;
    if (const auto* text = std::get_if<std::string>(value))
      return std::holds_alternative<std::string>(literal) &&
             std::get<std::string>(literal) == *text;
    if (const auto* flag = std::get_if<bool>(value))
      return std::holds_alternative<bool>(literal) && std::get<bool>(literal) == *flag;
    return std::holds_alternative<double>(literal) &&
           std::get<double>(literal) == *NumberOf(event, condition.property);
  };
  const bool in = std::any_of(condition.values.begin(), condition.values.end(), equals);
  if (condition.op == Condition::Operator::kIn) return in;
  if (condition.op == Condition::Operator::kNotIn) return !in;
  if (value == nullptr || std::holds_alternative<std::string>(*value) ||
      std::holds_alternative<bool>(*value))
    return false;
  const double left = *NumberOf(event, condition.property);
  const double right = std::get<double>(condition.values[0]);
  switch (condition.op) {
    case Condition::Operator::kLess:
      return left < right;
    case Condition::Operator::kLessEqual:
      return left <= right;
    case Condition::Operator::kGreater:
      return left > right;
    default:
      return left >= right;
  }
}

double ExactTotal(const std::vector<double>& values) {
  statistics::ExactSum sum;
  for (const double value : values) sum.Add(value);
  return sum.Round();
}

using Events = std::vector<const EventRecord*>;

// One observation: a unit, or a unit inside a cluster.
struct Observation {
  std::int64_t t0 = 0;
  Events events;  // in canonical order, repeated ids removed
};

struct Value {
  std::vector<double> components;
  std::int64_t events = 0;
  std::vector<double> numbers;  // kQuantile: of the events
};

void CountBelow(double quantile, Value* value) {
  if (value->numbers.empty()) return;
  value->components[1] = 0;
  for (const double number : value->numbers) value->components[1] += number <= quantile ? 1 : 0;
}

class Questions {
 public:
  explicit Questions(const ExperimentSpec& spec) : spec_(spec) {
    absl::LoadTimeZone(spec.timezone, &zone);
  }

  absl::TimeZone zone;

  Events Select(const Observation& unit, const EventSelector& selector, std::int64_t from,
                std::int64_t to) const {
    Events selected;
    // Names in the selector's order, then time: the order in which ties of time are taken.
    for (const std::string& name : selector.events) {
      for (const EventRecord* event : unit.events) {
        if (event->name != name || event->time < from || event->time >= to) continue;
        bool passes = true;
        for (const Condition& condition : selector.where) passes &= Matches(*event, condition);
        if (!selector.refers_to.empty()) {
          bool found = false;
          for (const EventRecord* other : unit.events)
            found |= other->name == selector.refers_to && event->ref_id != 0 &&
                     other->event_id == event->ref_id && other->time >= from && other->time < to;
          passes &= found;
        }
        if (passes) selected.push_back(event);
      }
    }
    return selected;
  }

  std::int64_t Closes(const MetricDefinition& metric, std::int64_t t0) const {
    if (metric.type == MetricType::kRetention) {
      if (metric.elapsed_days) return t0 + (metric.last_day + 1) * kDayMs;
      return Begins(DayOf(t0, zone) + metric.last_day + 1, zone);
    }
    return metric.window_ms.has_value() ? t0 + *metric.window_ms : kNever;
  }

  bool Mature(const MetricDefinition& metric, std::int64_t t0, std::int64_t as_of) const {
    const std::int64_t closes = Closes(metric, t0);
    return !spec_.mature_only || closes == kNever || closes + spec_.lateness_ms <= as_of;
  }

  // Events in [from, to); nullopt = no value.
  std::optional<Value> Of(const MetricDefinition& metric, const Observation& unit,
                          std::int64_t from, std::int64_t to) const {
    Value value;
    if (metric.type == MetricType::kRetention) {
      const std::int64_t begin = metric.elapsed_days
                                     ? unit.t0 + metric.first_day * kDayMs
                                     : Begins(DayOf(unit.t0, zone) + metric.first_day, zone);
      from = std::max(from, begin);
    }
    Events selected = Select(unit, metric.events, from, to);
    const auto numbers = [&](const Events& events, const EventSelector& selector) {
      std::vector<double> found;
      for (const EventRecord* event : events)
        if (const auto number = NumberOf(*event, selector.value)) found.push_back(*number);
      return found;
    };
    const auto in_time = [](const EventRecord* a, const EventRecord* b) {
      return a->time < b->time;
    };
    value.events = static_cast<std::int64_t>(selected.size());
    switch (metric.type) {
      case MetricType::kConversion:
      case MetricType::kRetention:
        value.components = {value.events >= metric.threshold ? 1.0 : 0.0};
        break;
      case MetricType::kCount:
        value.components = {static_cast<double>(value.events)};
        break;
      case MetricType::kSum:
      case MetricType::kMean: {
        const std::vector<double> found = numbers(selected, metric.events);
        value.events = static_cast<std::int64_t>(found.size());
        value.components = {ExactTotal(found)};
        if (metric.type == MetricType::kMean)
          value.components.push_back(static_cast<double>(found.size()));
        break;
      }
      case MetricType::kMax: {
        const std::vector<double> found = numbers(selected, metric.events);
        value.events = static_cast<std::int64_t>(found.size());
        value.components = {found.empty() ? 0 : *std::max_element(found.begin(), found.end())};
        break;
      }
      case MetricType::kLast: {
        std::erase_if(selected,
                      [&](const EventRecord* e) { return !NumberOf(*e, metric.events.value); });
        std::stable_sort(selected.begin(), selected.end(), in_time);
        value.events = static_cast<std::int64_t>(selected.size());
        if (selected.empty() && !metric.missing.has_value()) return std::nullopt;
        value.components = {selected.empty() ? *metric.missing
                                             : *NumberOf(*selected.back(), metric.events.value)};
        break;
      }
      case MetricType::kRatio: {
        const Events below = Select(unit, metric.denominator, from, to);
        const auto side = [&](const Events& events, const EventSelector& selector) {
          return selector.sum ? ExactTotal(numbers(events, selector))
                              : static_cast<double>(events.size());
        };
        value.components = {side(selected, metric.events), side(below, metric.denominator)};
        value.events += static_cast<std::int64_t>(below.size());
        break;
      }
      case MetricType::kFunnel: {
        // Depth-first: does some choice of events, each after the last, reach step k?
        const auto before = [](const EventRecord* a, const EventRecord* b) {
          return a->time < b->time;
        };
        std::vector<std::pair<const EventRecord*, std::size_t>> all;
        value.events = 0;
        for (std::size_t s = 0; s < metric.steps.size(); ++s)
          for (const EventRecord* event : Select(unit, metric.steps[s], from, to))
            all.emplace_back(event, s);
        value.events = static_cast<std::int64_t>(all.size());
        std::stable_sort(all.begin(), all.end(),
                         [&](const auto& a, const auto& b) { return before(a.first, b.first); });
        const std::function<std::size_t(std::size_t, std::size_t, const EventRecord*)> reach =
            [&](std::size_t at, std::size_t step, const EventRecord* last) -> std::size_t {
          std::size_t best = step;
          for (std::size_t i = at; i < all.size(); ++i)
            if (all[i].second == step && all[i].first != last)
              best = std::max(best, reach(i + 1, step + 1, all[i].first));
          return best;
        };
        const std::size_t reached = reach(0, 0, nullptr);
        for (std::size_t s = 0; s < metric.steps.size(); ++s)
          value.components.push_back(s < reached ? 1 : 0);
        break;
      }
      case MetricType::kTimeTo: {
        std::int64_t first = kNever;
        for (const EventRecord* event : selected) first = std::min(first, event->time);
        const std::int64_t ms = first == kNever ? *metric.window_ms : first - unit.t0;
        value.components = {static_cast<double>(ms) / 1000.0};
        break;
      }
      case MetricType::kDistinct: {
        std::set<PropertyValue> seen;
        for (const EventRecord* event : selected)
          if (const PropertyValue* found = PropertyOf(*event, metric.events.value))
            seen.insert(*found);
        value.components = {static_cast<double>(seen.size())};
        break;
      }
      case MetricType::kPair: {
        std::vector<std::pair<const EventRecord*, bool>> all;  // (event, is an answer)
        for (const EventRecord* event : Select(unit, metric.from, from, to))
          all.emplace_back(event, false);
        for (const EventRecord* event : selected) all.emplace_back(event, true);
        std::stable_sort(all.begin(), all.end(),
                         [&](const auto& a, const auto& b) { return in_time(a.first, b.first); });
        Events open;
        std::vector<double> seconds;
        for (const auto& [event, answer] : all) {
          if (!answer) {
            open.push_back(event);
            continue;
          }
          auto asked = open.begin();
          if (event->ref_id != 0)
            asked = std::find_if(open.begin(), open.end(), [e = event](const EventRecord* o) {
              return o->event_id == e->ref_id;
            });
          if (asked == open.end()) continue;
          seconds.push_back(static_cast<double>(event->time - (*asked)->time) / 1000.0);
          open.erase(asked);
        }
        value.components = {ExactTotal(seconds), static_cast<double>(seconds.size())};
        value.events = static_cast<std::int64_t>(all.size());
        break;
      }
      case MetricType::kLinear: {
        double total = 0;
        value.events = 0;
        for (const metrics::LinearTerm& term : metric.terms) {
          for (const MetricDefinition& other : spec_.metrics) {
            if (other.key != term.metric) continue;
            if (const auto part = Of(other, unit, from, std::min(to, Closes(other, unit.t0)))) {
              total += term.weight * part->components[0];
              value.events += part->events;
            }
          }
        }
        value.components = {total};
        break;
      }
      case MetricType::kIncrementalRatio: {
        value.components = {0, 0};
        value.events = 0;
        for (std::size_t i = 0; i < 2; ++i) {
          for (const MetricDefinition& other : spec_.metrics) {
            if (other.key != metric.terms[i].metric) continue;
            if (const auto part = Of(other, unit, from, std::min(to, Closes(other, unit.t0)))) {
              value.components[i] = part->components[0];
              value.events += part->events;
            }
          }
        }
        break;
      }
      case MetricType::kQuantile:
        // The second component, events at or below the arm's quantile, is filled in by the caller.
        value.numbers = numbers(selected, metric.events);
        value.events = static_cast<std::int64_t>(value.numbers.size());
        value.components = {static_cast<double>(value.numbers.size()), 0};
        break;
    }
    return value;
  }

  // Components, then covariates; before any cap.
  std::optional<Value> Whole(const MetricDefinition& metric, const Observation& unit,
                             std::int64_t as_of, std::int64_t history_start) const {
    std::optional<Value> value =
        Of(metric, unit, unit.t0, std::min(Closes(metric, unit.t0), as_of + 1));
    if (!value.has_value() || !metric.covariate.has_value()) return value;
    const metrics::Covariate& covariate = *metric.covariate;
    const std::int64_t from = unit.t0 - covariate.window_ms;
    const bool own = covariate.selector.events.empty();
    std::vector<double> before(own ? value->components.size() : 1, 0.0);
    double missing = 0;
    if (!covariate.complete_history && from < history_start) {
      missing = 1;
    } else if (own) {
      Observation earlier = unit;
      earlier.t0 = from;
      const auto found = Of(metric, earlier, from, unit.t0);
      if (found.has_value())
        before = found->components;
      else
        missing = 1;
    } else {
      std::vector<double> found;
      for (const EventRecord* event : Select(unit, covariate.selector, from, unit.t0))
        if (const auto number = NumberOf(*event, covariate.selector.value))
          found.push_back(*number);
      before = {ExactTotal(found)};
    }
    value->components.insert(value->components.end(), before.begin(), before.end());
    value->components.push_back(missing);
    return value;
  }

 private:
  const ExperimentSpec& spec_;
};

// A unit (or cluster) in the experiment.
struct Enrolled {
  std::size_t variant = 0;
  std::uint32_t phase = 0;
  std::int64_t t0 = 0;
  bool crossed = false;
  std::vector<std::string> attributes;
  std::vector<Observation> observations;
};

void Order(Events* events) {
  std::sort(events->begin(), events->end(), [](const EventRecord* a, const EventRecord* b) {
    return std::tuple(a->name, a->time, a->order, a->event_id, a->ref_id,
                      std::bit_cast<std::uint64_t>(a->value)) <
           std::tuple(b->name, b->time, b->order, b->event_id, b->ref_id,
                      std::bit_cast<std::uint64_t>(b->value));
  });
  std::set<std::pair<std::string, std::uint64_t>> seen;
  std::erase_if(*events, [&](const EventRecord* event) {
    return event->event_id != 0 && !seen.insert({event->name, event->event_id}).second;
  });
}

std::string Text(const PropertyValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return std::to_string(std::get<std::int64_t>(value));  // the streams have no double attributes
}

double InvertedCdf(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (static_cast<double>(i + 1) >= q * static_cast<double>(values.size())) return values[i];
  return values.back();
}

}  // namespace

AnalysisResult Oracle(const RecordList& records, const ExperimentSpec& spec) {
  const Questions ask(spec);
  AnalysisResult result;
  const bool clustered = !spec.observation_unit.empty();

  std::int64_t longest = 0;
  for (const MetricDefinition& metric : spec.metrics)
    longest = std::max(longest, metric.type == MetricType::kRetention
                                    ? (metric.last_day + 1) * kDayMs
                                    : metric.window_ms.value_or(kNever));
  if (spec.metrics.empty()) longest = kNever;

  const auto counts = [&](const ExposureRecord& x) {
    return x.experiment == spec.experiment && x.iteration == spec.iteration &&
           x.time <= spec.as_of_ms && (!spec.end_ms.has_value() || x.time < *spec.end_ms);
  };
  // Since when a fallback id is a unit of its own.
  std::map<std::uint64_t, std::int64_t> fallback_since;
  if (!spec.fallback_unit.empty())
    for (const ExposureRecord& x : records.exposures) {
      const std::uint64_t key = KeyOf(x.units, spec.fallback_unit);
      if (!counts(x) || key == 0 || KeyOf(x.units, spec.unit_type) != 0) continue;
      auto& since = fallback_since.try_emplace(key, kNever).first->second;
      since = std::min(since, x.time);
    }

  // (unit type, key) -> its exposures, in order.
  std::map<std::pair<std::string, std::uint64_t>, std::vector<const ExposureRecord*>> exposed;
  std::map<std::pair<std::string, std::uint64_t>, bool> free;
  for (const ExposureRecord& x : records.exposures) {
    if (!counts(x)) continue;
    std::string type = spec.unit_type;
    if (!spec.fallback_unit.empty()) {
      const auto since = fallback_since.find(KeyOf(x.units, spec.fallback_unit));
      if (since != fallback_since.end() && x.time >= since->second) type = spec.fallback_unit;
    }
    const std::uint64_t key = KeyOf(x.units, type);
    if (key == 0) continue;
    free[{type, key}] |= x.reason != 2;
    if (x.reason == 2) continue;
    const bool named = std::any_of(spec.variants.begin(), spec.variants.end(),
                                   [&](const auto& v) { return v.key == x.variant; });
    if (named)
      exposed[{type, key}].push_back(&x);
    else
      ++result.unknown_variant_records;
  }
  for (const auto& [unit, any_free] : free) result.forced_units += any_free ? 0 : 1;

  std::vector<Enrolled> enrolled;
  std::int64_t history_start = spec.history_start_ms.value_or(kNever);
  if (!spec.history_start_ms.has_value())
    for (const EventRecord& event : records.events)
      history_start = std::min(history_start, event.time);
  for (auto& [unit, list] : exposed) {
    std::sort(list.begin(), list.end(), [](const ExposureRecord* a, const ExposureRecord* b) {
      return std::tie(a->time, a->order, a->variant, a->phase) <
             std::tie(b->time, b->order, b->variant, b->phase);
    });
    Enrolled& e = enrolled.emplace_back();
    const ExposureRecord& first = *list.front();
    for (std::size_t v = 0; v < spec.variants.size(); ++v)
      if (spec.variants[v].key == first.variant) e.variant = v;
    e.phase = first.phase;
    e.t0 = first.time;
    for (const ExposureRecord* x : list)
      e.crossed |=
          x->variant != first.variant && (longest == kNever || x->time < first.time + longest);
    for (const std::string& attribute : spec.report_by) {
      std::string text;
      for (const auto& [name, value] : first.attributes)
        if (name == attribute) text = Text(value);
      e.attributes.push_back(text);
    }
    std::map<std::uint64_t, Observation> observations;
    if (clustered) {
      for (const ExposureRecord* x : list)
        if (const std::uint64_t key = KeyOf(x->units, spec.observation_unit); key != 0)
          observations.try_emplace(key, Observation{x->time, {}});
    } else {
      observations[0].t0 = e.t0;
    }
    for (auto& [key, observation] : observations) {
      for (const EventRecord& event : records.events)
        if (KeyOf(event.units, unit.first) == unit.second &&
            (!clustered || KeyOf(event.units, spec.observation_unit) == key))
          observation.events.push_back(&event);
      Order(&observation.events);
      e.observations.push_back(observation);
    }
  }

  // Days: from the first exposure record of the experiment to the last record or `as_of`.
  std::int64_t first = kNever;
  std::int64_t last = std::numeric_limits<std::int64_t>::min();
  std::set<std::string> names;
  for (const MetricDefinition& metric : spec.metrics) {
    std::vector<EventSelector> selectors = {metric.events, metric.denominator, metric.from};
    selectors.insert(selectors.end(), metric.steps.begin(), metric.steps.end());
    if (metric.covariate.has_value()) selectors.push_back(metric.covariate->selector);
    for (const EventSelector& selector : selectors) {
      names.insert(selector.events.begin(), selector.events.end());
      if (!selector.refers_to.empty()) names.insert(selector.refers_to);
    }
  }
  const auto has_type = [&](const Units& units) {
    return KeyOf(units, spec.unit_type) != 0 ||
           (!spec.fallback_unit.empty() && KeyOf(units, spec.fallback_unit) != 0);
  };
  for (const ExposureRecord& x : records.exposures) {
    if (x.experiment != spec.experiment || !has_type(x.units)) continue;
    first = std::min(first, x.time);
    last = std::max(last, x.time);
  }
  for (const EventRecord& event : records.events) {
    if (names.count(event.name) == 0) continue;
    if (has_type(event.units))
      last = std::max(last, event.time);
    else
      ++result.events_without_unit;
  }
  last = std::min(last, spec.as_of_ms);
  if (first > last) first = last = spec.as_of_ms;
  std::vector<absl::CivilDay> days;
  for (absl::CivilDay day = DayOf(first, ask.zone); day <= DayOf(last, ask.zone); ++day) {
    days.push_back(day);
    result.days.push_back(absl::FormatCivilTime(day));
  }
  const auto clamped = [&](std::int64_t time) {
    return std::clamp(DayOf(time, ask.zone), days.front(), days.back());
  };

  std::set<std::uint32_t> phases;
  for (const Enrolled& e : enrolled) phases.insert(e.phase);
  result.phases.assign(phases.begin(), phases.end());
  result.variants.resize(spec.variants.size());
  for (std::size_t v = 0; v < spec.variants.size(); ++v) {
    analysis::VariantResult& variant = result.variants[v];
    variant.key = spec.variants[v].key;
    variant.units_by_day.assign(days.size(), 0);
    variant.units_by_phase.assign(phases.size(), 0);
    for (const Enrolled& e : enrolled) {
      if (e.variant != v) continue;
      ++variant.units_first_variant;
      ++variant.units_by_day[static_cast<std::size_t>(clamped(e.t0) - days.front())];
      ++variant.units_by_phase[static_cast<std::size_t>(
          std::distance(phases.begin(), phases.find(e.phase)))];
      if (e.crossed) ++variant.crossovers;
    }
    variant.units = variant.units_first_variant - variant.crossovers;
    result.crossover_units += variant.crossovers;
    variant.metrics.resize(spec.metrics.size());
  }

  for (std::size_t m = 0; m < spec.metrics.size(); ++m) {
    const MetricDefinition& metric = spec.metrics[m];
    const auto components = static_cast<std::size_t>(metrics::Components(metric));
    std::size_t dimension = components;
    if (metric.covariate.has_value())
      dimension += (metric.covariate->selector.events.empty() ? components : 1) + 1;
    if (clustered && components == 1) dimension = 2;

    // Caps, pooled over the analysed units.
    double cap = std::numeric_limits<double>::infinity();
    double covariate_cap = cap;
    if (metric.winsorize.has_value()) {
      std::vector<double> values;
      std::vector<double> before;
      for (const Enrolled& e : enrolled) {
        if (e.crossed) continue;
        for (const Observation& unit : e.observations) {
          if (!ask.Mature(metric, unit.t0, spec.as_of_ms)) continue;
          const auto value = ask.Whole(metric, unit, spec.as_of_ms, history_start);
          if (!value.has_value()) continue;
          if (value->components[0] != 0) values.push_back(value->components[0]);
          if (metric.covariate.has_value() && value->components[components] != 0)
            before.push_back(value->components[components]);
        }
      }
      const auto find = [&](const std::vector<double>& of, double* limit) {
        if (metric.winsorize->value.has_value())
          *limit = *metric.winsorize->value;
        else if (!of.empty())
          *limit = InvertedCdf(of, *metric.winsorize->percentile_nonzero);
        if (*limit <= 0) *limit = std::numeric_limits<double>::infinity();
      };
      find(values, &cap);
      if (metric.covariate.has_value()) find(before, &covariate_cap);
    }

    for (std::size_t v = 0; v < spec.variants.size(); ++v) {
      analysis::VariantResult& variant = result.variants[v];
      analysis::MetricCells& cells = variant.metrics[m];
      cells.metric = metric.key;
      double quantile = std::numeric_limits<double>::quiet_NaN();
      if (metric.type == MetricType::kQuantile) {
        std::vector<double> all;
        for (const Enrolled& e : enrolled) {
          if (e.variant != v || e.crossed) continue;
          for (const Observation& unit : e.observations) {
            if (!ask.Mature(metric, unit.t0, spec.as_of_ms)) continue;
            const auto value = ask.Whole(metric, unit, spec.as_of_ms, history_start);
            all.insert(all.end(), value->numbers.begin(), value->numbers.end());
          }
        }
        if (!all.empty()) {
          const auto n = static_cast<double>(all.size());
          const double margin =
              1.959963984540054 * std::sqrt(metric.quantile * (1 - metric.quantile) / n);
          quantile = InvertedCdf(all, metric.quantile);
          cells.quantile = {metric.quantile,
                            quantile,
                            InvertedCdf(all, metric.quantile - margin),
                            InvertedCdf(all, metric.quantile + margin),
                            n,
                            static_cast<std::int64_t>(all.size())};
        }
      }
      const auto fill = [&](
                            Cell* cell, const std::function<bool(const Enrolled&)>& belongs,
                            const std::function<bool(const Observation&)>& seen =
                                [](const Observation&) { return true; }) {
        cell->sums = MomentSums(dimension);
        for (const Enrolled& e : enrolled) {
          if (e.variant != v || !belongs(e)) continue;
          std::vector<std::vector<double>> rows;
          for (const Observation& unit : e.observations) {
            if (!ask.Mature(metric, unit.t0, spec.as_of_ms)) {
              ++cell->pending;
              continue;
            }
            auto value = ask.Whole(metric, unit, spec.as_of_ms, history_start);
            if (!value.has_value() || !seen(unit)) continue;
            CountBelow(quantile, &*value);
            value->components[0] = std::min(value->components[0], cap);
            if (metric.covariate.has_value())
              value->components[components] =
                  std::min(value->components[components], covariate_cap);
            cell->events += value->events;
            rows.push_back(value->components);
          }
          cell->units += static_cast<std::int64_t>(rows.size());
          if (!clustered) {
            for (const auto& row : rows) cell->sums.Add(row);
          } else if (!rows.empty()) {
            std::vector<double> sums(dimension, 0.0);
            for (std::size_t i = 0; i < rows[0].size() && i < dimension; ++i) {
              std::vector<double> column;
              for (const auto& row : rows) column.push_back(row[i]);
              sums[i] = ExactTotal(column);
            }
            if (components == 1) sums[1] = static_cast<double>(rows.size());
            cell->sums.Add(sums);
          }
        }
      };
      fill(&cells.total, [](const Enrolled& e) { return !e.crossed; });
      fill(&cells.first_variant, [](const Enrolled&) { return true; });
      for (const std::uint32_t phase : phases)
        fill(&cells.phases.emplace_back(),
             [&](const Enrolled& e) { return !e.crossed && e.phase == phase; });
      for (std::size_t k = 0; spec.mature_only && k < spec.looks.size(); ++k) {
        const std::int64_t end = Begins(days.front() + spec.looks[k], ask.zone);
        Cell& look = cells.looks.emplace_back();
        fill(
            &look, [](const Enrolled& e) { return !e.crossed; },
            [&](const Observation& unit) {
              const std::int64_t closes = ask.Closes(metric, unit.t0);
              return closes < std::numeric_limits<std::int64_t>::max() - spec.lateness_ms &&
                     closes + spec.lateness_ms < end;
            });
        look.units = look.sums.n();
        look.pending = look.events = 0;
      }
      std::set<std::pair<std::string, std::string>> segments;
      for (const Enrolled& e : enrolled)
        if (e.variant == v)
          for (std::size_t a = 0; a < spec.report_by.size(); ++a)
            segments.insert({spec.report_by[a], e.attributes[a]});
      variant.segments.resize(segments.size());
      std::size_t s = 0;
      for (const auto& [attribute, text] : segments) {
        analysis::SegmentCells& segment = variant.segments[s++];
        segment.attribute = attribute;
        segment.value = text;
        const auto belongs = [&, &attribute = attribute, &text = text](const Enrolled& e) {
          for (std::size_t a = 0; a < spec.report_by.size(); ++a)
            if (spec.report_by[a] == attribute && e.attributes[a] == text) return true;
          return false;
        };
        segment.units_first_variant = 0;
        for (const Enrolled& e : enrolled)
          if (e.variant == v && belongs(e)) ++segment.units_first_variant;
        fill(&segment.metrics.emplace_back(),
             [&](const Enrolled& e) { return !e.crossed && belongs(e); });
      }

      if (!spec.by_day || clustered) continue;
      for (std::size_t d = 0; d < days.size(); ++d) {
        const std::int64_t begins = Begins(days[d], ask.zone);
        const bool final = d + 1 == days.size();
        const std::int64_t end = final ? spec.as_of_ms : Begins(days[d] + 1, ask.zone) - 1;
        Cell& cumulative = cells.cumulative.emplace_back();
        cumulative.sums = MomentSums(components);
        Cell daily;
        daily.sums = MomentSums(components);
        for (const Enrolled& e : enrolled) {
          if (e.variant != v || e.crossed) continue;
          const Observation& unit = e.observations[0];
          const bool in_sight = e.t0 <= end;
          const std::int64_t closes = ask.Closes(metric, e.t0);
          if (in_sight && ask.Mature(metric, e.t0, end)) {
            auto value = ask.Of(metric, unit, e.t0, std::min(closes, end + 1));
            if (value.has_value()) {
              CountBelow(quantile, &*value);
              value->components[0] = std::min(value->components[0], cap);
              cumulative.sums.Add(value->components);
            }
          }
          if (in_sight && closes > begins) {
            auto value = ask.Of(metric, unit, std::max(e.t0, begins), std::min(closes, end + 1));
            if (value.has_value()) {
              value->components[0] = std::min(value->components[0], cap);
              daily.sums.Add(value->components);
            }
          }
        }
        cumulative.units = cumulative.sums.n();
        switch (metric.type) {
          case MetricType::kConversion:
          case MetricType::kCount:
          case MetricType::kSum:
          case MetricType::kMean:
          case MetricType::kMax:
          case MetricType::kRatio:
          case MetricType::kDistinct:
          case MetricType::kLinear:
          case MetricType::kIncrementalRatio:
            daily.units = daily.sums.n();
            cells.daily.push_back(daily);
            break;
          default:
            break;
        }
      }
    }
  }
  return result;
}

}  // namespace upswing::testing
