#include "server/authoring/metrics.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "sdk/base/text.hpp"
#include "server/json/suggest.hpp"
#include "server/metrics/pack.hpp"
#include "server/metrics/parse.hpp"

namespace upswing::authoring {
namespace {

using metrics::EventConvention;
using metrics::MetricDefinition;

void Append(const std::vector<MetricDefinition>& more, std::vector<MetricDefinition>* all) {
  for (const MetricDefinition& metric : more) {
    const bool there = std::any_of(all->begin(), all->end(), [&](const MetricDefinition& other) {
      return other.key == metric.key;
    });
    if (!there) all->push_back(metric);
  }
}

// An object that may say which events count and which of their properties.
struct Selector {
  const json::Node* node;
  std::string path;
};

void ForEachSelector(const json::Node& metrics, const std::string& path,
                     const std::function<void(const Selector&)>& visit) {
  for (const json::Member& metric : metrics.members()) {
    const std::string own = json::PathOf(path, metric.key);
    visit({&metric.value, own});
    for (const char* key : {"numerator", "denominator", "from", "covariate"}) {
      if (const json::Node* part = metric.value.Find(key)) visit({part, json::PathOf(own, key)});
    }
    const json::Node* steps = metric.value.Find("steps");
    if (steps == nullptr || !steps->is_array()) continue;
    for (std::size_t i = 0; i < steps->items().size(); ++i)
      visit({&steps->items()[i], json::PathOf(json::PathOf(own, "steps"), i)});
  }
}

void ForEachEvent(const Selector& selector,
                  const std::function<void(const json::Node&, const std::string&)>& visit) {
  if (selector.node->is_string()) return visit(*selector.node, selector.path);  // A funnel's step.
  for (const char* key : {"event", "refers_to"}) {
    const json::Node* event = selector.node->Find(key);
    if (event != nullptr && event->is_string()) visit(*event, json::PathOf(selector.path, key));
  }
  const json::Node* events = selector.node->Find("events");
  if (events == nullptr || !events->is_array()) return;
  for (std::size_t i = 0; i < events->items().size(); ++i) {
    if (events->items()[i].is_string())
      visit(events->items()[i], json::PathOf(json::PathOf(selector.path, "events"), i));
  }
}

// "addToCart", "add-to-cart" and "Add to cart" in the conventions' spelling.
std::string SnakeCase(std::string_view name) {
  std::string snake;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool upper = name[i] >= 'A' && name[i] <= 'Z';
    if (upper && i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z') snake += '_';
    const char lower = upper ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
    snake += lower == '-' || lower == '.' || lower == ' ' || lower == ':' ? '_' : lower;
  }
  return snake;
}

class ConventionCheck {
 public:
  ConventionCheck(const Model& model, Problems& problems) : model_(model), problems_(problems) {
    for (const metrics::Pack& pack : metrics::Packs()) {
      for (const EventConvention& event : pack.events) {
        events_.push_back(&event);
        names_.push_back(event.name);
      }
    }
  }

  void Run() {
    bool used = model_.metric_packs != nullptr;
    EverySelector([&](const Selector& selector) {
      ForEachEvent(selector, [&](const json::Node& event, const std::string&) {
        used = used || Find(event.as_string()) != nullptr;
      });
    });
    if (used) EverySelector([this](const Selector& selector) { CheckNames(selector); });
  }

 private:
  void EverySelector(const std::function<void(const Selector&)>& visit) {
    if (model_.metrics != nullptr) ForEachSelector(*model_.metrics, "$.metrics", visit);
    for (const Experiment& e : model_.experiments) {
      if (e.metrics != nullptr)
        ForEachSelector(*e.metrics, json::PathOf(e.place.path, "metrics"), visit);
    }
  }

  const EventConvention* Find(std::string_view name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    return found == names_.end() ? nullptr
                                 : events_[static_cast<std::size_t>(found - names_.begin())];
  }

  void Near(const json::Node& node, const std::string& path, std::string_view kind,
            std::string_view name, std::span<const std::string_view> known) {
    const std::string fix = json::DidYouMean(SnakeCase(name), known);
    if (fix.empty()) return;
    AddWarning(problems_, PlaceOf(node, path),
               base::Concat({kind, " ", json::Quote(name), " is not one of the conventions"}),
               base::Concat({fix, " (docs/reference/events.md)"}));
  }

  void CheckNames(const Selector& selector) {
    std::vector<std::string_view> properties;
    bool all_known = true;
    ForEachEvent(selector, [&](const json::Node& event, const std::string& path) {
      const EventConvention* convention = Find(event.as_string());
      if (convention == nullptr) {
        all_known = false;
        return Near(event, path, "the event", event.as_string(), names_);
      }
      for (const auto& property : convention->properties) properties.push_back(property.name);
    });
    // Other events may have any properties.
    if (!all_known || properties.empty()) return;
    const auto check = [&](const json::Node& node, const std::string& path,
                           std::string_view property) {
      if (std::find(properties.begin(), properties.end(), property) == properties.end())
        Near(node, path, "the property", property, properties);
    };
    const json::Node* value = selector.node->Find("value");
    if (value != nullptr && value->is_string())
      check(*value, json::PathOf(selector.path, "value"), value->as_string());
    const json::Node* where = selector.node->Find("where");
    if (where == nullptr || !where->is_object()) return;
    for (const json::Member& member : where->members())
      check(member.value, json::PathOf(json::PathOf(selector.path, "where"), member.key),
            member.key);
  }

  const Model& model_;
  Problems& problems_;
  std::vector<const EventConvention*> events_;
  std::vector<std::string_view> names_;
};

}  // namespace

std::vector<MetricDefinition> MetricsOf(const Model& model, const Experiment* experiment,
                                        Problems& problems) {
  std::vector<MetricDefinition> packs;
  if (model.metric_packs != nullptr) {
    for (const json::Node& name : model.metric_packs->items()) {
      const metrics::Pack* pack = metrics::FindPack(name.as_string());
      if (pack != nullptr) Append(pack->metrics, &packs);
    }
  }
  Problems seen;  // Mistakes of the catalog are reported once, without an experiment.
  std::vector<MetricDefinition> shared;
  if (model.metrics != nullptr)
    shared = metrics::ParseMetrics(*model.metrics, "$.metrics",
                                   experiment == nullptr ? &problems : &seen, packs);
  Append(packs, &shared);
  if (experiment == nullptr || experiment->metrics == nullptr) return shared;
  std::vector<MetricDefinition> all = metrics::ParseMetrics(
      *experiment->metrics, json::PathOf(experiment->place.path, "metrics"), &problems, shared);
  Append(shared, &all);
  return all;
}

void CheckConventions(const Model& model, Problems& problems) {
  ConventionCheck(model, problems).Run();
}

}  // namespace upswing::authoring
