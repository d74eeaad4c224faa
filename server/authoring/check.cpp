#include "server/authoring/check.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "server/authoring/metrics.hpp"
#include "server/authoring/reported.hpp"
#include "server/json/suggest.hpp"
#include "server/metrics/pack.hpp"
#include "upswing/decision.hpp"

namespace upswing::authoring {
namespace {

std::string Quoted(std::string_view text) { return json::Quote(text); }

template <class T>
std::vector<std::string_view> KeysOf(const std::vector<T>& items) {
  std::vector<std::string_view> keys;
  for (const T& item : items) keys.push_back(item.key);
  return keys;
}

void ForEachCondition(const Condition& condition,
                      const std::function<void(const Condition&)>& visit) {
  visit(condition);
  for (const Condition& child : condition.children) ForEachCondition(child, visit);
}

class Checker {
 public:
  Checker(const Model& model, Problems& problems) : model_(model), problems_(problems) {}

  void Run() {
    Names();
    Segments();
    Layers();
    for (const Flag& flag : model_.flags) FlagRules(flag);
    for (const Experiment& experiment : model_.experiments) CheckExperiment(experiment);
    Owners();
    Buckets();
    PrerequisiteCycles();
    Metrics();
  }

 private:
  void Error(const Place& place, std::string message, std::string fix = "") {
    AddError(problems_, place, std::move(message), std::move(fix));
  }

  template <class T>
  void Unknown(const Place& place, std::string_view kind, std::string_view key,
               const std::vector<T>& known, std::string_view section) {
    std::string fix = json::DidYouMean(key, KeysOf(known));
    if (fix.empty()) fix = base::Concat({"declare it under ", Quoted(section)});
    Error(place, base::Concat({"unknown ", kind, " ", Quoted(key)}), fix);
  }

  static Place In(const Experiment& e, std::string_view key) {
    const json::Node* const node = e.node == nullptr ? nullptr : e.node->Find(key);
    return node == nullptr ? e.place : PlaceOf(*node, json::PathOf(e.place.path, key));
  }

  // The SDK tells attributes, and unit types, apart by the 64-bit hash of their names.
  void Names() {
    std::map<std::uint64_t, std::string_view> names;
    for (const Attribute& attribute : model_.attributes) {
      const auto [at, added] = names.emplace(upswing::base::Hash64(attribute.key), attribute.key);
      if (!added) {
        Error(attribute.place, base::Concat({"the name has the same hash as ", Quoted(at->second)}),
              "rename one of them");
      }
    }
  }

  // An attribute, or a segment that can be told from what exposures carry.
  void CheckReportBy(const Experiment& e, const std::string& name) {
    if (model_.FindAttribute(name) != nullptr) return;
    const Segment* segment = model_.FindSegment(name);
    if (segment == nullptr) {
      return Unknown(In(e, "report_by"), "attribute or segment", name, model_.attributes,
                     "attributes");
    }
    if (LooksAtIds(model_, *segment)) {
      return Error(In(e, "report_by"),
                   base::Concat({"the segment ", Quoted(name),
                                 " needs a list of ids, which exposures do not carry"}),
                   "report by a segment that is a condition on attributes");
    }
    for (const std::string& attribute : AttributesOf(model_, *segment)) {
      const Attribute* known = model_.FindAttribute(attribute);
      if (known == nullptr || IsReportable(known->type)) continue;
      Error(In(e, "report_by"),
            base::Concat({"the segment ", Quoted(name), " looks at ", Quoted(attribute),
                          ", a time or a list, which exposures do not carry"}),
            "report by a segment of single values");
    }
  }

  void CheckCondition(const std::optional<Condition>& condition) {
    if (!condition.has_value()) return;
    ForEachCondition(*condition, [this](const Condition& c) {
      if (c.kind == Condition::Kind::kSegment && model_.FindSegment(c.segment) == nullptr) {
        Unknown({json::PathOf(c.place.path, "segment"), c.place.position}, "segment", c.segment,
                model_.segments, "segments");
      }
    });
  }

  void Segments() {
    for (const Segment& segment : model_.segments) {
      CheckCondition(segment.condition);
      std::vector<std::string_view> trail;
      if (SegmentCycle(segment, trail)) {
        std::string path;
        for (const std::string_view key : trail) path += base::Concat({Quoted(key), " -> "});
        Error(
            segment.place,
            base::Concat({"segments refer to each other in a cycle: ", path, Quoted(segment.key)}),
            "remove one of the references");
      }
    }
  }

  // Whether the segment leads back to the first of the trail.
  bool SegmentCycle(const Segment& segment, std::vector<std::string_view>& trail) {
    if (!trail.empty() && trail.front() == segment.key) return true;
    if (!segment.condition.has_value() ||
        std::find(trail.begin(), trail.end(), segment.key) != trail.end()) {
      return false;
    }
    trail.push_back(segment.key);
    bool cycle = false;
    ForEachCondition(*segment.condition, [&](const Condition& c) {
      if (cycle || c.kind != Condition::Kind::kSegment) return;
      const Segment* const next = model_.FindSegment(c.segment);
      cycle = next != nullptr && SegmentCycle(*next, trail);
    });
    if (!cycle) trail.pop_back();
    return cycle;
  }

  void Layers() {
    for (const Layer& layer : model_.layers) {
      if (layer.parent.empty()) continue;
      const Layer* const parent = model_.FindLayer(layer.parent);
      if (parent == nullptr) {
        Unknown(layer.place, "layer", layer.parent, model_.layers, "layers");
        continue;
      }
      if (parent->unit != layer.unit) {
        Error(layer.place,
              base::Concat({"the outer layer ", Quoted(parent->key), " is by ",
                            Quoted(parent->unit), ", this one by ", Quoted(layer.unit)}),
              "nested layers share one unit type");
      }
      const Layer* at = parent;
      for (std::size_t steps = 0; at != nullptr && steps <= model_.layers.size(); ++steps) {
        if (at == &layer) {
          Error(layer.place, "the layer lies in itself", "remove one of the \"in\"");
          break;
        }
        at = at->parent.empty() ? nullptr : model_.FindLayer(at->parent);
      }
    }
  }

  void CheckHoldout(const Place& place, std::string_view key, std::string_view unit) {
    const Holdout* const holdout = model_.FindHoldout(key);
    if (holdout == nullptr) return Unknown(place, "holdout", key, model_.holdouts, "holdouts");
    if (holdout->unit != unit) {
      Error(place,
            base::Concat({"the holdout ", Quoted(key), " is by ", Quoted(holdout->unit),
                          ", this by ", Quoted(unit)}),
            "a holdout and what it holds out share one unit type");
    }
  }

  void FlagRules(const Flag& flag) {
    for (const Rule& rule : flag.rules) {
      CheckCondition(rule.when);
      for (const std::string& holdout : rule.holdouts) {
        CheckHoldout(rule.place, holdout, rule.unit);
      }
    }
  }

  void CheckExperiment(const Experiment& e) {
    CheckCondition(e.when);
    if (!e.layer.empty()) {
      const Layer* const layer = model_.FindLayer(e.layer);
      if (layer == nullptr) {
        Unknown(In(e, "layer"), "layer", e.layer, model_.layers, "layers");
      } else if (layer->unit != e.unit) {
        Error(In(e, "layer"),
              base::Concat({"the layer ", Quoted(layer->key), " is by ", Quoted(layer->unit),
                            ", the experiment by ", Quoted(e.unit)}),
              "a layer and its experiments share one unit type");
      }
    }
    for (const std::string& holdout : e.holdouts) CheckHoldout(In(e, "holdout"), holdout, e.unit);
    if (HoldoutsOf(model_, e).size() > Decision::kMaxHoldouts) {
      Error(In(e, "holdout"),
            base::Concat({"more than ", std::to_string(Decision::kMaxHoldouts),
                          " holdouts apply to the experiment, global ones included"}),
            "remove some");
    }
    for (const std::string& name : e.report_by) CheckReportBy(e, name);
    for (const Variant& variant : e.variants) {
      for (const Setting& setting : variant.settings) {
        if (model_.FindFlag(setting.flag) == nullptr) {
          Unknown(setting.place, "flag", setting.flag, model_.flags, "flags");
        }
      }
    }
    for (const Prerequisite& prerequisite : e.prerequisites) {
      if (model_.FindFlag(prerequisite.flag) == nullptr) {
        Unknown(prerequisite.place, "flag", prerequisite.flag, model_.flags, "flags");
      }
    }
    if (!e.cluster.empty() && e.cluster == e.unit) {
      Error(In(e, "cluster"), "is the same as \"unit\"",
            "\"cluster\" is what is randomised as a whole, e.g. a room of users");
    }
    if (!e.fallback_unit.empty() && !e.sticky.has_value()) {
      AddWarning(problems_, In(e, "fallback_unit"),
                 "without \"sticky\", a unit may change its variant when its own id becomes known",
                 "add \"sticky\": {\"version\": 1}");
    }
    for (const RampStep& step : e.ramp) {
      if (step.at_ms >= e.end_ms) {
        AddWarning(problems_, step.place, "the step comes after the end of the experiment",
                   "move it, or move \"end\"");
      }
    }
    if (e.layer.empty() || !e.share.has_value() || e.buckets.empty()) return;
    std::uint64_t buckets = 0;
    for (const BucketRange& range : e.buckets) buckets += range.end - range.begin;
    const auto wanted = static_cast<std::uint64_t>(*e.share * upswing::base::kBucketCount + 0.5);
    if (buckets != wanted) {
      AddNeedsAllocation(problems_, In(e, "buckets"),
                         base::Concat({"the buckets are ", std::to_string(buckets),
                                       ", but \"share\" asks for ", std::to_string(wanted)}));
    }
  }

  // Two experiments that are in force at the same time may set a flag only if no unit is in both.
  void Owners() {
    for (const Flag& flag : model_.flags) {
      const auto owners = OwnersOf(model_, flag.key);
      for (std::size_t i = 0; i < owners.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          const Experiment& a = *owners[j];
          const Experiment& b = *owners[i];
          if (!IsLive(a) || !IsLive(b) || !TimesOverlap(a, b)) continue;
          const bool running = a.status == Status::kRunning && b.status == Status::kRunning;
          const auto severity =
              running ? json::Problem::Severity::kError : json::Problem::Severity::kWarning;
          if (a.layer.empty() || a.layer != b.layer) {
            problems_.push_back(
                {severity, b.place.path, b.place.position,
                 base::Concat({"the flag ", Quoted(flag.key), " is set by ", Quoted(a.key),
                               " at the same time"}),
                 "put both experiments into the same layer, or make their times disjoint"});
          } else if (HoldoutsOf(model_, a) != HoldoutsOf(model_, b)) {
            problems_.push_back({severity, b.place.path, b.place.position,
                                 base::Concat({"sets the flag ", Quoted(flag.key), " like ",
                                               Quoted(a.key), ", but has other holdouts"}),
                                 "give both the same \"holdout\""});
          }
        }
      }
    }
  }

  struct Claim {
    BucketRange range;
    const Experiment* experiment;  // null: a nested layer
    const Layer* layer;
    const Place* place;
    std::string_view key;
  };

  void Buckets() {
    for (const Layer& layer : model_.layers) {
      std::vector<Claim> claims;
      for (const Experiment& e : model_.experiments) {
        if (e.layer != layer.key || !IsLive(e)) continue;
        for (const BucketRange& range : e.buckets) {
          claims.push_back({range, &e, nullptr, &e.place, e.key});
        }
      }
      for (const Layer& inner : model_.layers) {
        if (inner.parent != layer.key) continue;
        for (const BucketRange& range : inner.buckets) {
          claims.push_back({range, nullptr, &inner, &inner.place, inner.key});
        }
      }
      ReportOverlaps(layer, claims);
    }
  }

  void ReportOverlaps(const Layer& layer, std::vector<Claim>& claims) {
    std::sort(claims.begin(), claims.end(),
              [](const Claim& a, const Claim& b) { return a.range.begin < b.range.begin; });
    std::set<std::pair<std::string_view, std::string_view>> reported;
    std::vector<Claim> open;
    for (const Claim& claim : claims) {
      std::erase_if(open, [&](const Claim& c) { return c.range.end <= claim.range.begin; });
      for (const Claim& other : open) {
        if (other.place == claim.place) continue;
        if (other.experiment != nullptr && claim.experiment != nullptr &&
            !TimesOverlap(*other.experiment, *claim.experiment)) {
          continue;
        }
        // The later one of the file is at fault.
        const bool swap = other.place->position.offset > claim.place->position.offset;
        const Claim& late = swap ? other : claim;
        const Claim& early = swap ? claim : other;
        if (!reported.emplace(early.key, late.key).second) continue;
        Error({json::PathOf(late.place->path, late.experiment != nullptr ? "buckets" : "in"),
               late.place->position},
              base::Concat({"bucket ", std::to_string(claim.range.begin), " of layer ",
                            Quoted(layer.key), " belongs to ", Quoted(early.key), " already"}),
              "run `upswing catalog allocate` to find free buckets");
      }
      open.push_back(claim);
    }
  }

  // An experiment waits for the owners of the flags that it requires.
  void PrerequisiteCycles() {
    for (const Experiment& e : model_.experiments) {
      std::vector<const Experiment*> trail;
      if (!Requires(e, e, trail)) continue;
      std::string path;
      for (const Experiment* step : trail) path += base::Concat({Quoted(step->key), " -> "});
      Error(In(e, "prerequisites"),
            base::Concat({"prerequisites form a cycle: ", path, Quoted(e.key)}),
            "remove one of them");
    }
  }

  bool Requires(const Experiment& from, const Experiment& goal,
                std::vector<const Experiment*>& trail) {
    if (std::find(trail.begin(), trail.end(), &from) != trail.end()) return false;
    trail.push_back(&from);
    for (const Prerequisite& prerequisite : from.prerequisites) {
      for (const Experiment* const owner : OwnersOf(model_, prerequisite.flag)) {
        if (owner == &goal || Requires(*owner, goal, trail)) return true;
      }
    }
    trail.pop_back();
    return false;
  }

  void Packs() {
    if (model_.metric_packs == nullptr) return;
    std::vector<std::string_view> known;
    for (const metrics::Pack& pack : metrics::Packs()) known.push_back(pack.name);
    for (std::size_t i = 0; i < model_.metric_packs->items().size(); ++i) {
      const json::Node& name = model_.metric_packs->items()[i];
      if (name.is_string() && metrics::FindPack(name.as_string()) != nullptr) continue;
      std::string fix = json::DidYouMean(name.as_string(), known);
      if (fix.empty()) fix = base::Concat({"known is ", Quoted(known.front())});
      Error(PlaceOf(name, json::PathOf("$.metric_packs", i)),
            base::Concat({"unknown metric pack ", name.Text()}), fix);
    }
  }

  void Metrics() {
    Packs();
    MetricsOf(model_, nullptr, problems_);
    for (const Experiment& e : model_.experiments) {
      const std::vector<metrics::MetricDefinition> metrics = MetricsOf(model_, &e, problems_);
      if (e.plan.has_value()) PlanMetrics(e, metrics);
    }
    CheckConventions(model_, problems_);
  }

  void PlanMetrics(const Experiment& e, const std::vector<metrics::MetricDefinition>& metrics) {
    const std::string plan = json::PathOf(e.place.path, "plan");
    const auto known = [&](std::string_view key,
                           const std::string& path) -> const metrics::MetricDefinition* {
      const auto found = std::find_if(metrics.begin(), metrics.end(),
                                      [&](const auto& metric) { return metric.key == key; });
      if (found != metrics.end()) return &*found;
      // A mistake in its definition is reported there.
      const bool broken = (model_.metrics != nullptr && model_.metrics->Find(key) != nullptr) ||
                          (e.metrics != nullptr && e.metrics->Find(key) != nullptr);
      if (key.empty() || broken) return nullptr;
      std::string fix = json::DidYouMean(key, KeysOf(metrics));
      if (fix.empty()) fix = "define it under \"metrics\"";
      Error({path, e.plan->node->position()}, base::Concat({"unknown metric ", Quoted(key)}), fix);
      return nullptr;
    };
    const metrics::MetricDefinition* primary =
        known(e.plan->primary, json::PathOf(plan, "primary"));
    if (primary != nullptr) PlanLooks(e, *primary, plan);
    for (const Guardrail& guardrail : e.plan->guardrails) {
      const std::string path = json::PathOf(json::PathOf(plan, "guardrails"), guardrail.metric);
      const metrics::MetricDefinition* metric = known(guardrail.metric, path);
      if (metric != nullptr && !metric->margin && !guardrail.margin.relative &&
          !guardrail.margin.absolute) {
        Error({path, e.plan->node->position()}, "has no margin, nor has the metric",
              "write how much worse it may become, e.g. {\"margin\": {\"relative\": 0.02}}");
      }
    }
    for (std::size_t i = 0; i < e.plan->secondary.size(); ++i) {
      known(e.plan->secondary[i], json::PathOf(json::PathOf(plan, "secondary"), i));
    }
  }

  // What the plan's way of looking asks of the metric that it decides by.
  void PlanLooks(const Experiment& e, const metrics::MetricDefinition& primary,
                 const std::string& plan) {
    const Place place{json::PathOf(plan, "sequential"), e.plan->node->position()};
    const bool closed =
        primary.window_ms.has_value() || primary.type == metrics::MetricType::kRetention;
    const bool groups = e.plan->sequential == "group_sequential";
    if (!e.plan->sequential.empty() && !closed) {
      AddWarning(problems_, place,
                 base::Concat({"the primary metric ", Quoted(primary.key),
                               " has no window: units go on changing after they were looked at, so "
                               "that there is no verdict before the end"}),
                 "give the metric a \"window\", e.g. \"7d\"");
    }
    if (groups && primary.window_ms && !e.plan->looks.empty() &&
        static_cast<double>(*primary.window_ms) / 86'400'000.0 + 1 > e.plan->looks.front()) {
      AddWarning(problems_, place,
                 base::Concat({"at the first look no unit's window of ", Quoted(primary.key),
                               " has closed (a day is added for late events), so that it can tell "
                               "nothing"}),
                 "make the first look later");
    }
    if (e.plan->cuped && !primary.covariate) {
      Error({json::PathOf(plan, "cuped"), e.plan->node->position()},
            base::Concat({"the primary metric ", Quoted(primary.key), " has no covariate"}),
            "add \"covariate\": \"28d\" to the metric, or remove \"cuped\"");
    }
    if (primary.good != metrics::GoodDirection::kUp &&
        primary.good != metrics::GoodDirection::kDown &&
        (e.plan->one_sided || e.plan->non_inferiority)) {
      Error({plan, e.plan->node->position()},
            base::Concat({"the primary metric ", Quoted(primary.key),
                          " has no direction in which it gets better"}),
            "write \"good\": \"up\" or \"down\" in the metric");
    }
  }

  const Model& model_;
  Problems& problems_;
};

}  // namespace

bool IsLive(const Experiment& experiment) {
  return experiment.status == Status::kDraft || experiment.status == Status::kRunning;
}

bool TimesOverlap(const Experiment& a, const Experiment& b) {
  return a.start_ms < b.end_ms && b.start_ms < a.end_ms;
}

std::vector<const Holdout*> HoldoutsOf(const Model& model, const Experiment& experiment) {
  std::vector<const Holdout*> holdouts;
  for (const Holdout& holdout : model.holdouts) {
    if (holdout.global && holdout.unit == experiment.unit) holdouts.push_back(&holdout);
  }
  for (const std::string& key : experiment.holdouts) {
    const Holdout* const holdout = model.FindHoldout(key);
    if (holdout != nullptr &&
        std::find(holdouts.begin(), holdouts.end(), holdout) == holdouts.end()) {
      holdouts.push_back(holdout);
    }
  }
  return holdouts;
}

std::vector<const Experiment*> OwnersOf(const Model& model, std::string_view flag) {
  std::vector<const Experiment*> owners;
  for (const Experiment& experiment : model.experiments) {
    const bool owns = std::any_of(
        experiment.variants.begin(), experiment.variants.end(), [&](const Variant& variant) {
          return std::any_of(variant.settings.begin(), variant.settings.end(),
                             [&](const Setting& setting) { return setting.flag == flag; });
        });
    if (owns) owners.push_back(&experiment);
  }
  return owners;
}

void CheckReferences(const Model& model, Problems& problems) { Checker(model, problems).Run(); }

void CheckAllocation(const Model& model, Problems& problems) {
  for (const Experiment& e : model.experiments) {
    if (e.layer.empty() || !e.buckets.empty() || e.status != Status::kRunning) continue;
    const bool shared =
        std::any_of(model.experiments.begin(), model.experiments.end(),
                    [&](const Experiment& other) {
                      return &other != &e && other.layer == e.layer && IsLive(other);
                    }) ||
        std::any_of(model.layers.begin(), model.layers.end(),
                    [&](const Layer& layer) { return layer.parent == e.layer; });
    if (shared) {
      AddNeedsAllocation(
          problems, e.place,
          base::Concat({"the experiment has no buckets of layer ", json::Quote(e.layer)}));
    }
  }
}

}  // namespace upswing::authoring
