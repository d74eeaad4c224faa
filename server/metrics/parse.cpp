#include "server/metrics/parse.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

namespace upswing::metrics {
namespace {

constexpr std::int64_t kLongestMillis = 3650LL * 24 * 3600 * 1000;

struct TypeRow {
  std::string_view name;
  MetricType type;
  std::string_view keys;  // besides type, good, margin, description; between spaces
};

constexpr TypeRow kTypes[] = {
    {"conversion", MetricType::kConversion,
     " event events where refers_to threshold window covariate "},
    {"count", MetricType::kCount, " event events where refers_to window covariate winsorize "},
    {"sum", MetricType::kSum, " event events where refers_to value window covariate winsorize "},
    {"mean", MetricType::kMean, " event events where refers_to value window covariate "},
    {"max", MetricType::kMax, " event events where refers_to value window covariate winsorize "},
    {"last", MetricType::kLast, " event events where refers_to value window missing winsorize "},
    {"ratio", MetricType::kRatio, " numerator denominator window covariate "},
    {"quantile", MetricType::kQuantile, " event events where refers_to value window quantile "},
    {"retention", MetricType::kRetention, " event events where refers_to threshold days elapsed "},
    {"funnel", MetricType::kFunnel, " steps window "},
    {"time_to", MetricType::kTimeTo, " event events where refers_to window "},
    {"distinct", MetricType::kDistinct,
     " event events where refers_to value window covariate winsorize "},
    {"pair", MetricType::kPair, " from event events where refers_to window "},
    {"linear", MetricType::kLinear, " terms winsorize "},
    {"incremental_ratio", MetricType::kIncrementalRatio, " numerator denominator "},
};

bool Contains(std::string_view list, std::string_view key) {
  return list.find(" " + std::string(key) + " ") != std::string_view::npos;
}

// Reads one metric. `ok` turns false with the first problem.
class Reader {
 public:
  Reader(std::string path, std::vector<json::Problem>* problems)
      : path_(std::move(path)), problems_(problems) {}

  bool ok() const { return ok_; }

  void Fail(const std::string& path, const json::Position& position, std::string message,
            std::string fix = "") {
    ok_ = false;
    problems_->push_back(
        {json::Problem::Severity::kError, path, position, std::move(message), std::move(fix)});
  }

  void Read(const json::Member& member, MetricDefinition* metric) {
    const json::Node& node = member.value;
    metric->key = member.key;
    if (!node.is_object())
      return Fail(path_, node.position(), "must be an object",
                  R"(for example {"type": "sum", "event": "purchase"})");
    const json::Node* type = node.Find("type");
    const TypeRow* row = type != nullptr && type->is_string() ? Row(type->as_string()) : nullptr;
    if (row == nullptr) {
      std::string names;
      for (const TypeRow& known : kTypes)
        names += (names.empty() ? "" : ", ") + std::string(known.name);
      return Fail(json::PathOf(path_, "type"), type != nullptr ? type->position() : node.position(),
                  type == nullptr ? "is missing" : "unknown type", "one of " + names);
    }
    metric->type = row->type;
    for (const json::Member& field : node.members()) {
      if (Contains(" type good margin description ", field.key) || Contains(row->keys, field.key))
        continue;
      Fail(json::PathOf(path_, field.key), field.position,
           "a " + std::string(row->name) + " metric has no such key",
           "remove it; known are:" + std::string(row->keys) + "good margin description");
    }
    const bool needs_event = Contains(row->keys, "event");
    if (needs_event) Selector(node, path_, true, &metric->events);
    for (const char* key : {"numerator", "denominator"}) {
      const json::Node* part = Required(node, key, row);
      if (part == nullptr) continue;
      if (metric->type == MetricType::kIncrementalRatio) {
        metric->terms.push_back({Text(*part, json::PathOf(path_, key)), 1});
      } else {
        Selector(*part, json::PathOf(path_, key), false,
                 key[0] == 'n' ? &metric->events : &metric->denominator);
      }
    }
    if (const json::Node* part = Required(node, "from", row))
      Selector(*part, json::PathOf(path_, "from"), false, &metric->from);
    if (const json::Node* steps = Required(node, "steps", row)) Steps(*steps, metric);
    if (const json::Node* terms = Required(node, "terms", row)) Terms(*terms, metric);
    if (const json::Node* days = Required(node, "days", row)) Days(*days, metric);
    if (const json::Node* elapsed = node.Find("elapsed")) {
      if (!elapsed->is_bool())
        Fail(json::PathOf(path_, "elapsed"), elapsed->position(), "must be true or false");
      if (elapsed->is_bool()) metric->elapsed_days = elapsed->as_bool();
    }
    if (const json::Node* threshold = node.Find("threshold")) {
      if (threshold->as_int().value_or(0) < 1)
        Fail(json::PathOf(path_, "threshold"), threshold->position(),
             "must be a whole number of at least 1");
      metric->threshold = threshold->as_int().value_or(1);
    }
    if (const json::Node* quantile = node.Find("quantile"))
      metric->quantile = Number(*quantile, "quantile", 0, 1);
    if (const json::Node* missing = node.Find("missing")) {
      if (!missing->is_null()) metric->missing = Number(*missing, "missing", -HUGE_VAL, HUGE_VAL);
    }
    if (const json::Node* window = node.Find("window"))
      metric->window_ms = Duration(*window, json::PathOf(path_, "window"));
    if (metric->type == MetricType::kTimeTo && node.Find("window") == nullptr)
      Fail(path_, node.position(), "a time_to metric needs a window", R"(add "window": "7d")");
    if (metric->type == MetricType::kDistinct && metric->events.value.empty())
      Fail(path_, node.position(), "a distinct metric needs the property to count",
           R"(add "value": "item_id")");
    if (const json::Node* covariate = node.Find("covariate")) Covariate(*covariate, metric);
    if (const json::Node* winsorize = node.Find("winsorize")) Winsorize(*winsorize, metric);
    if (const json::Node* good = node.Find("good")) Good(*good, metric);
    if (const json::Node* margin = node.Find("margin")) Margin(*margin, metric);
    if (const json::Node* text = node.Find("description"))
      metric->description = Text(*text, json::PathOf(path_, "description"));
  }

 private:
  static const TypeRow* Row(std::string_view name) {
    const auto found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                    [name](const TypeRow& row) { return row.name == name; });
    return found == std::end(kTypes) ? nullptr : found;
  }

  // A member that the type must have where it may have it.
  const json::Node* Required(const json::Node& node, std::string_view key, const TypeRow* row) {
    if (!Contains(row->keys, key)) return nullptr;
    const json::Node* part = node.Find(key);
    if (part == nullptr)
      Fail(path_, node.position(),
           "a " + std::string(row->name) + " metric needs \"" + std::string(key) + "\"");
    return part;
  }

  double Number(const json::Node& node, std::string_view key, double above, double below) {
    const double value = node.is_number() ? node.as_double() : NAN;
    if (!(value > above && value < below)) {
      Fail(json::PathOf(path_, key), node.position(),
           above == 0 ? "must be a number between 0 and 1" : "must be a number");
      return 0;
    }
    return value;
  }

  std::int64_t Duration(const json::Node& node, const std::string& path) {
    const auto duration = node.is_string() ? ParseDuration(node.as_string()) : std::nullopt;
    if (!duration)
      Fail(path, node.position(), "must be a duration",
           "write \"7d\", \"12h\", \"30m\", \"90s\" or \"250ms\", at most 3650d");
    return duration.value_or(0);
  }

  std::string Text(const json::Node& node, const std::string& path) {
    if (!node.is_string() || node.as_string().empty()) {
      Fail(path, node.position(), "must be a string that is not empty");
      return "";
    }
    return node.as_string();
  }

  // The keys of a selector inside `node`; the metric itself carries them for most types
  // (`inside_metric`).
  void Selector(const json::Node& node, const std::string& path, bool inside_metric,
                EventSelector* selector) {
    if (!node.is_object())
      return Fail(path, node.position(), "must be an object",
                  R"(for example {"event": "purchase"})");
    if (!inside_metric) {
      for (const json::Member& field : node.members()) {
        if (!Contains(" event events where value sum refers_to ", field.key))
          Fail(json::PathOf(path, field.key), field.position, "unknown key",
               "known are: event events where value sum refers_to");
      }
    }
    const json::Node* event = node.Find("event");
    const json::Node* events = node.Find("events");
    if ((event == nullptr) == (events == nullptr))
      return Fail(path, node.position(), "needs either \"event\" or \"events\"");
    if (event != nullptr) selector->events = {Text(*event, json::PathOf(path, "event"))};
    if (events != nullptr) {
      if (!events->is_array() || events->items().empty())
        return Fail(json::PathOf(path, "events"), events->position(),
                    "must be an array of event names");
      for (std::size_t i = 0; i < events->items().size(); ++i)
        selector->events.push_back(
            Text(events->items()[i], json::PathOf(json::PathOf(path, "events"), i)));
    }
    if (const json::Node* value = node.Find("value"))
      selector->value = Text(*value, json::PathOf(path, "value"));
    if (const json::Node* refers = node.Find("refers_to"))
      selector->refers_to = Text(*refers, json::PathOf(path, "refers_to"));
    selector->sum = !selector->value.empty() && !inside_metric;
    if (const json::Node* sum = node.Find("sum"); sum != nullptr && !inside_metric) {
      if (!sum->is_bool())
        Fail(json::PathOf(path, "sum"), sum->position(),
             "must be true (sum of the values) or false (number of events)");
      selector->sum = sum->is_bool() && sum->as_bool();
    }
    if (const json::Node* where = node.Find("where"))
      Where(*where, json::PathOf(path, "where"), selector);
  }

  void Where(const json::Node& where, const std::string& path, EventSelector* selector) {
    if (!where.is_object())
      return Fail(path, where.position(), "must be an object",
                  R"(for example {"category": {"in": ["beauty"]}})");
    for (const json::Member& member : where.members()) {
      const std::string at = json::PathOf(path, member.key);
      Condition condition;
      condition.property = member.key;
      if (!member.value.is_object()) {  // {"category": "beauty"}
        Values(member.value, at, &condition);
        selector->where.push_back(std::move(condition));
        continue;
      }
      for (const json::Member& test : member.value.members()) {
        Condition one = condition;
        if (!Operator(test, json::PathOf(at, test.key), &one)) continue;
        selector->where.push_back(std::move(one));
      }
    }
  }

  bool Operator(const json::Member& test, const std::string& path, Condition* condition) {
    static constexpr std::pair<std::string_view, Condition::Operator> kOperators[] = {
        {"in", Condition::Operator::kIn},           {"not_in", Condition::Operator::kNotIn},
        {"set", Condition::Operator::kSet},         {"<", Condition::Operator::kLess},
        {"<=", Condition::Operator::kLessEqual},    {">", Condition::Operator::kGreater},
        {">=", Condition::Operator::kGreaterEqual}, {"is", Condition::Operator::kIn}};
    const auto found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                    [&](const auto& known) { return known.first == test.key; });
    if (found == std::end(kOperators)) {
      Fail(path, test.position, "unknown operator", "one of is, in, not_in, set, <, <=, >, >=");
      return false;
    }
    condition->op = found->second;
    const bool list = test.key == "in" || test.key == "not_in";
    if (list != test.value.is_array()) {
      Fail(path, test.value.position(), list ? "must be an array" : "must be one value");
      return false;
    }
    const bool ordered = test.key[0] == '<' || test.key[0] == '>';
    if ((ordered && !test.value.is_number()) || (test.key == "set" && !test.value.is_bool())) {
      Fail(path, test.value.position(), ordered ? "must be a number" : "must be true or false");
      return false;
    }
    Values(test.value, path, condition);
    return true;
  }

  void Values(const json::Node& node, const std::string& path, Condition* condition) {
    if (node.is_array()) {
      for (std::size_t i = 0; i < node.items().size(); ++i)
        Values(node.items()[i], json::PathOf(path, i), condition);
    } else if (node.is_bool()) {
      condition->values.emplace_back(node.as_bool());
    } else if (node.is_number()) {
      condition->values.emplace_back(node.as_double());
    } else if (node.is_string()) {
      condition->values.emplace_back(node.as_string());
    } else {
      Fail(path, node.position(), "must be a string, a number, true or false");
    }
  }

  void Steps(const json::Node& steps, MetricDefinition* metric) {
    const std::string path = json::PathOf(path_, "steps");
    if (!steps.is_array() || steps.items().size() < 2)
      return Fail(path, steps.position(), "must be an array of at least two steps");
    for (std::size_t i = 0; i < steps.items().size(); ++i) {
      const json::Node& step = steps.items()[i];
      EventSelector selector;
      if (step.is_string()) {
        selector.events = {step.as_string()};
      } else {
        Selector(step, json::PathOf(path, i), false, &selector);
      }
      metric->steps.push_back(std::move(selector));
    }
  }

  void Terms(const json::Node& terms, MetricDefinition* metric) {
    const std::string path = json::PathOf(path_, "terms");
    if (!terms.is_object() || terms.members().empty())
      return Fail(path, terms.position(), "must be an object of metric and weight",
                  R"(for example {"gmv": 1, "refunds": -1})");
    for (const json::Member& term : terms.members()) {
      if (!term.value.is_number())
        Fail(json::PathOf(path, term.key), term.value.position(), "must be a number");
      metric->terms.push_back({term.key, term.value.is_number() ? term.value.as_double() : 0});
    }
  }

  void Days(const json::Node& days, MetricDefinition* metric) {
    const std::string path = json::PathOf(path_, "days");
    const auto& items = days.items();
    const bool pair =
        days.is_array() && items.size() == 2 && items[0].as_int() && items[1].as_int();
    if (!pair || *items[0].as_int() < 0 || *items[1].as_int() < *items[0].as_int() ||
        *items[1].as_int() > 3650) {
      return Fail(path, days.position(), "must be [first, last] with 0 <= first <= last <= 3650",
                  "D7 retention is [7, 7]");
    }
    metric->first_day = static_cast<std::int32_t>(*items[0].as_int());
    metric->last_day = static_cast<std::int32_t>(*items[1].as_int());
  }

  void Covariate(const json::Node& node, MetricDefinition* metric) {
    const std::string path = json::PathOf(path_, "covariate");
    metrics::Covariate covariate;
    if (node.is_string()) {
      covariate.window_ms = Duration(node, path);
    } else if (node.is_object()) {
      for (const json::Member& field : node.members()) {
        if (!Contains(" window event events where value refers_to complete_history ", field.key))
          Fail(json::PathOf(path, field.key), field.position, "unknown key",
               "known are: window event events where value refers_to complete_history");
      }
      const json::Node* window = node.Find("window");
      if (window == nullptr)
        return Fail(path, node.position(), "needs a window", R"(add "window": "28d")");
      covariate.window_ms = Duration(*window, json::PathOf(path, "window"));
      if (node.Find("event") != nullptr || node.Find("events") != nullptr)
        Selector(node, path, true, &covariate.selector);
      if (const json::Node* complete = node.Find("complete_history")) {
        if (!complete->is_bool())
          Fail(json::PathOf(path, "complete_history"), complete->position(),
               "must be true or false");
        covariate.complete_history = complete->is_bool() && complete->as_bool();
      }
    } else {
      return Fail(path, node.position(), "must be a duration or an object", "write \"28d\"");
    }
    metric->covariate = std::move(covariate);
  }

  void Winsorize(const json::Node& node, MetricDefinition* metric) {
    const std::string path = json::PathOf(path_, "winsorize");
    const json::Node* percentile = node.Find("percentile_nonzero");
    const json::Node* value = node.Find("value");
    if (!node.is_object() || node.members().size() != 1 ||
        (percentile == nullptr && value == nullptr)) {
      return Fail(path, node.position(), "must have either \"percentile_nonzero\" or \"value\"",
                  R"(for example {"percentile_nonzero": 0.999})");
    }
    metrics::Winsorize winsorize;
    if (percentile != nullptr)
      winsorize.percentile_nonzero = Number(*percentile, "winsorize", 0, 1);
    if (value != nullptr) {
      if (!value->is_number() || !(value->as_double() > 0) || !std::isfinite(value->as_double()))
        return Fail(json::PathOf(path, "value"), value->position(), "a cap must be above 0");
      winsorize.value = value->as_double();
    }
    metric->winsorize = winsorize;
  }

  void Good(const json::Node& node, MetricDefinition* metric) {
    const std::string text = node.is_string() ? node.as_string() : "";
    if (text == "up") metric->good = GoodDirection::kUp;
    if (text == "down") metric->good = GoodDirection::kDown;
    if (text == "neither") metric->good = GoodDirection::kNeither;
    if (text != "up" && text != "down" && text != "neither")
      Fail(json::PathOf(path_, "good"), node.position(), "must be \"up\", \"down\" or \"neither\"");
  }

  void Margin(const json::Node& node, MetricDefinition* metric) {
    const std::string path = json::PathOf(path_, "margin");
    const json::Node* relative = node.Find("relative");
    const json::Node* absolute = node.Find("absolute");
    const json::Node* one = relative != nullptr ? relative : absolute;
    if (!node.is_object() || node.members().size() != 1 || one == nullptr || !one->is_number() ||
        !(one->as_double() >= 0) || !std::isfinite(one->as_double())) {
      return Fail(path, node.position(),
                  "must have either \"relative\" or \"absolute\", a number from 0 on",
                  R"(for example {"relative": 0.02})");
    }
    (relative != nullptr ? metric->margin.emplace().relative : metric->margin.emplace().absolute) =
        one->as_double();
  }

  const std::string path_;
  std::vector<json::Problem>* problems_;
  bool ok_ = true;
};

// Terms of metrics made of others must be metrics with one value per unit; the window that closes
// last closes the whole.
void ResolveTerms(const json::Node& metrics, std::string_view path,
                  const std::vector<MetricDefinition>& known,
                  std::vector<MetricDefinition>* definitions,
                  std::vector<json::Problem>* problems) {
  const auto find = [&](const std::string& key) -> const MetricDefinition* {
    for (const auto* list :
         {static_cast<const std::vector<MetricDefinition>*>(definitions), &known}) {
      for (const MetricDefinition& other : *list) {
        if (other.key == key) return &other;
      }
    }
    return nullptr;
  };
  // Linear metrics first: they may be terms of the others.
  for (const MetricType type : {MetricType::kLinear, MetricType::kIncrementalRatio}) {
    for (MetricDefinition& definition : *definitions) {
      if (definition.type != type) continue;
      const std::string own = json::PathOf(path, definition.key);
      const std::string where = type == MetricType::kLinear ? json::PathOf(own, "terms") : own;
      std::optional<std::int64_t> longest = 0;
      for (const LinearTerm& term : definition.terms) {
        const MetricDefinition* found = find(term.metric);
        const bool single = found != nullptr && Components(*found) == 1 &&
                            (found->type != MetricType::kLinear || type != MetricType::kLinear);
        if (single) {
          const std::optional<std::int64_t>& window = found->window_ms;
          longest = longest && window ? std::optional(std::max(*longest, *window)) : std::nullopt;
          continue;
        }
        problems->push_back({json::Problem::Severity::kError, json::PathOf(where, term.metric),
                             metrics.Find(definition.key)->position(),
                             found == nullptr ? "there is no metric of this name"
                                              : "this metric has not one value per unit",
                             "name a conversion, count, sum, max, last or distinct metric"});
      }
      definition.window_ms = longest;
    }
  }
}

}  // namespace

std::vector<MetricDefinition> ParseMetrics(const json::Node& metrics, std::string_view path,
                                           std::vector<json::Problem>* problems,
                                           const std::vector<MetricDefinition>& known) {
  std::vector<MetricDefinition> definitions;
  if (!metrics.is_object()) {
    problems->push_back({json::Problem::Severity::kError, std::string(path), metrics.position(),
                         "must be an object of metrics", ""});
    return definitions;
  }
  for (const json::Member& member : metrics.members()) {
    MetricDefinition definition;
    Reader reader(json::PathOf(path, member.key), problems);
    reader.Read(member, &definition);
    if (reader.ok()) definitions.push_back(std::move(definition));
  }
  ResolveTerms(metrics, path, known, &definitions, problems);
  return definitions;
}

std::optional<std::int64_t> ParseDuration(std::string_view text) {
  std::int64_t value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && digits < 12)
    value = value * 10 + (text[digits++] - '0');
  static constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  for (const auto& [unit, millis] : kUnits) {
    if (text.substr(digits) != unit) continue;
    if (digits == 0 || value == 0 || value > kLongestMillis / millis) return std::nullopt;
    return value * millis;
  }
  return std::nullopt;
}

}  // namespace upswing::metrics
