#include "server/importer/mapping.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "sdk/base/hash.hpp"

namespace upswing::importer {
namespace {

using Json = nlohmann::ordered_json;

// Reads one mapping. The first mistake is kept; what follows it is passed over.
class Reader {
 public:
  explicit Reader(Mapping* mapping) : mapping_(mapping) {}

  absl::Status status() const { return status_; }

  void Fail(const std::string& path, const json::Position& position, std::string_view message) {
    if (status_.ok()) status_ = mapping_->ErrorAt({"", path, position}, message);
  }

  // The members of an object, each known to `keys`.
  bool Object(const json::Node& node, const std::string& path,
              std::initializer_list<std::string_view> keys) {
    if (!node.is_object()) {
      Fail(path, node.position(), "must be an object");
      return false;
    }
    for (const json::Member& member : node.members()) {
      if (keys.size() > 0 && std::find(keys.begin(), keys.end(), member.key) == keys.end()) {
        std::string known;
        for (const std::string_view key : keys)
          known += (known.empty() ? "" : ", ") + std::string(key);
        Fail(json::PathOf(path, member.key), member.position, "unknown key; known are: " + known);
        return false;
      }
    }
    return true;
  }

  std::string Text(const json::Node& parent, const std::string& path, std::string_view key,
                   bool required) {
    const json::Node* node = parent.Find(key);
    if (node == nullptr) {
      if (required)
        Fail(path, parent.position(), absl::StrCat("\"", std::string(key), "\" is missing"));
      return "";
    }
    if (!node->is_string() || node->as_string().empty()) {
      Fail(json::PathOf(path, key), node->position(), "must be a string that is not empty");
      return "";
    }
    return node->as_string();
  }

  std::optional<ColumnRef> Column(const json::Node& parent, const std::string& path,
                                  bool required) {
    const std::string name = Text(parent, path, "column", required);
    if (name.empty()) return std::nullopt;
    return ColumnRef{name, json::PathOf(path, "column"), parent.Find("column")->position()};
  }

  void Root(const json::Node& root) {
    if (!Object(root, "$",
                {"experiment", "unit", "variant", "time", "attributes", "metrics", "covariates"}))
      return;
    mapping_->experiment = Text(root, "$", "experiment", true);
    if (const json::Node* unit = root.Find("unit")) Unit(*unit);
    const json::Node* variant = root.Find("variant");
    if (variant == nullptr) return Fail("$", root.position(), "\"variant\" is missing");
    Variant(*variant);
    if (const json::Node* time = root.Find("time")) Time(*time);
    if (const json::Node* attributes = root.Find("attributes")) Attributes(*attributes);
    const json::Node* metrics = root.Find("metrics");
    if (metrics == nullptr) return Fail("$", root.position(), "\"metrics\" is missing");
    Metrics(*metrics);
    if (const json::Node* covariates = root.Find("covariates")) Covariates(*covariates);
  }

 private:
  void Unit(const json::Node& unit) {
    if (!Object(unit, "$.unit", {"type", "column"})) return;
    if (unit.Find("type") != nullptr) mapping_->unit_type = Text(unit, "$.unit", "type", true);
    mapping_->unit = Column(unit, "$.unit", false);
  }

  void Variant(const json::Node& variant) {
    if (!Object(variant, "$.variant", {"column", "control", "weights"})) return;
    if (auto column = Column(variant, "$.variant", true)) mapping_->variant = *column;
    mapping_->control = Text(variant, "$.variant", "control", true);
    const json::Node* weights = variant.Find("weights");
    if (weights == nullptr) return;
    if (!Object(*weights, "$.variant.weights", {})) return;
    bool has_control = false;
    for (const json::Member& member : weights->members()) {
      if (!member.value.is_number() || !(member.value.as_double() > 0) ||
          !std::isfinite(member.value.as_double())) {
        Fail(json::PathOf("$.variant.weights", member.key), member.value.position(),
             "a weight must be a number above 0");
      }
      has_control = has_control || member.key == mapping_->control;
      mapping_->weights.push_back({member.key, member.value.as_double()});
    }
    if (!has_control) {
      Fail("$.variant.control",
           variant.Find("control") != nullptr ? variant.Find("control")->position()
                                              : variant.position(),
           absl::StrCat("\"", mapping_->control, "\" has no weight; add it to \"weights\""));
    }
  }

  void Time(const json::Node& time) {
    if (!Object(time, "$.time", {"column", "format"})) return;
    mapping_->time = Column(time, "$.time", true);
    mapping_->time_format = Text(time, "$.time", "format", true);
  }

  void Attributes(const json::Node& attributes) {
    if (!Object(attributes, "$.attributes", {})) return;
    for (const json::Member& member : attributes.members()) {
      const std::string path = json::PathOf("$.attributes", member.key);
      if (!member.value.is_string())
        return Fail(path, member.value.position(), "must be the name of a column");
      mapping_->attributes.push_back(
          {member.key, {member.value.as_string(), path, member.value.position()}});
    }
  }

  void Metrics(const json::Node& metrics) {
    if (!metrics.is_array() || metrics.items().empty())
      return Fail("$.metrics", metrics.position(), "must be an array with at least one metric");
    for (std::size_t i = 0; i < metrics.items().size(); ++i) {
      const json::Node& node = metrics.items()[i];
      const std::string path = json::PathOf("$.metrics", i);
      if (!Object(node, path, {})) return;
      Mapping::Metric metric;
      metric.key = Text(node, path, "key", true);
      Text(node, path, "type", true);
      metric.column = Column(node, path,
                             node.Find("numerator") == nullptr && node.Find("events") == nullptr &&
                                 node.Find("terms") == nullptr);
      metric.definition = &node;
      if (!status_.ok()) return;
      for (const Mapping::Metric& other : mapping_->metrics) {
        if (other.key == metric.key)
          Fail(json::PathOf(path, "key"), node.Find("key")->position(), "this key stands twice");
      }
      mapping_->metrics.push_back(std::move(metric));
    }
  }

  void Covariates(const json::Node& covariates) {
    if (!covariates.is_array())
      return Fail("$.covariates", covariates.position(), "must be an array");
    for (std::size_t i = 0; i < covariates.items().size(); ++i) {
      const json::Node& node = covariates.items()[i];
      const std::string path = json::PathOf("$.covariates", i);
      if (!Object(node, path, {"metric", "column"})) return;
      const std::string metric = Text(node, path, "metric", true);
      const auto column = Column(node, path, true);
      if (!status_.ok()) return;
      const bool known =
          std::any_of(mapping_->metrics.begin(), mapping_->metrics.end(),
                      [&](const Mapping::Metric& other) { return other.key == metric; });
      if (!known)
        Fail(json::PathOf(path, "metric"), node.Find("metric")->position(),
             absl::StrCat("there is no metric \"", metric, "\""));
      mapping_->covariates.push_back({metric, *column});
    }
  }

  Mapping* mapping_;
  absl::Status status_;
};

// Points the event names inside a metric's definition at the imported events: the author writes the
// keys of other metrics of the mapping.
void ResolveEvents(const Mapping& mapping, Json* definition) {
  if (definition->is_object()) {
    for (auto& [key, value] : definition->items()) {
      const auto resolve = [&](Json* name) {
        if (!name->is_string()) return;
        for (const Mapping::Metric& metric : mapping.metrics) {
          if (metric.key == name->get<std::string>() && metric.column)
            *name = EventName(mapping, metric.key);
        }
      };
      if (key == "event") {
        resolve(&value);
      } else if (key == "events" && value.is_array()) {
        for (Json& name : value) resolve(&name);
      } else {
        ResolveEvents(mapping, &value);
      }
    }
  } else if (definition->is_array()) {
    for (Json& item : *definition) ResolveEvents(mapping, &item);
  }
}

Json MetricJson(const Mapping& mapping, const Mapping::Metric& metric) {
  Json definition = Json::parse(metric.definition->Text());
  definition.erase("key");
  definition.erase("column");
  ResolveEvents(mapping, &definition);
  if (metric.column) definition["event"] = EventName(mapping, metric.key);
  for (const Mapping::Covariate& covariate : mapping.covariates) {
    if (covariate.metric == metric.key) {
      definition["covariate"] = {{"window", "1d"},
                                 {"event", CovariateEventName(mapping, metric.key)},
                                 {"complete_history", true}};
    }
  }
  return definition;
}

}  // namespace

absl::Status Mapping::ErrorAt(const ColumnRef& place, std::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(file, ":", place.position.line, ":",
                                                 place.position.column, ": ", place.path, ": ",
                                                 std::string(message)));
}

absl::StatusOr<Mapping> ParseMapping(std::string file, std::string_view text) {
  Mapping mapping;
  mapping.file = std::move(file);
  mapping.digest = base::Hash64(text);
  json::Problem syntax;
  absl::StatusOr<json::Parsed> parsed = json::Parse(text, {}, &syntax);
  if (!parsed.ok()) return mapping.ErrorAt({"", "$", syntax.position}, syntax.message);
  mapping.document = std::make_shared<const json::Parsed>(*std::move(parsed));
  if (!mapping.document->problems.empty()) {
    const json::Problem& problem = mapping.document->problems.front();
    return mapping.ErrorAt({"", problem.path, problem.position}, problem.message);
  }
  Reader reader(&mapping);
  reader.Root(mapping.document->root);
  if (!reader.status().ok()) return reader.status();
  return mapping;
}

std::string EventName(const Mapping& mapping, std::string_view metric) {
  return mapping.experiment + "." + std::string(metric);
}

std::string CovariateEventName(const Mapping& mapping, std::string_view metric) {
  return EventName(mapping, metric) + ".before";
}

std::string ExperimentJson(const Mapping& mapping, const std::vector<std::string>& variants) {
  Json json = {{"status", "stopped"}, {"unit", mapping.unit_type}, {"control", mapping.control}};
  // Weights are integers in a catalog; shares such as 0.5 keep six digits.
  bool whole = true;
  for (const Mapping::Weight& weight : mapping.weights)
    whole = whole && weight.weight == std::floor(weight.weight);
  const double scale = whole ? 1 : 1e6;
  Json& list = json["variants"] = Json::object();
  for (const Mapping::Weight& weight : mapping.weights)
    list[weight.variant]["weight"] = std::llround(weight.weight * scale);
  if (mapping.weights.empty()) {
    for (const std::string& variant : variants) list[variant]["weight"] = 1;
  }
  if (!mapping.attributes.empty()) {
    Json& report_by = json["report_by"] = Json::array();
    for (const Mapping::Attribute& attribute : mapping.attributes)
      report_by.push_back(attribute.name);
  }
  Json& metrics = json["metrics"] = Json::object();
  for (const Mapping::Metric& metric : mapping.metrics)
    metrics[metric.key] = MetricJson(mapping, metric);
  return json.dump(2);
}

}  // namespace upswing::importer
