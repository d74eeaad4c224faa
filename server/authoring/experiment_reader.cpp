#include <algorithm>
#include <array>
#include <limits>

#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "server/authoring/reader.hpp"
#include "server/json/suggest.hpp"

namespace upswing::authoring {
namespace {

constexpr std::uint32_t kLargestWeight = 1'000'000'000;
constexpr std::uint32_t kMaxUint32 = std::numeric_limits<std::uint32_t>::max();

class ExperimentReader {
 public:
  ExperimentReader(Problems& problems, const Model& model, const json::Member& member,
                   const std::string& path)
      : problems_(problems),
        model_(model),
        scope_(
            problems, member.value, path,
            {"name",     "hypothesis", "description", "owner",         "tags",    "links",
             "status",   "start",      "end",         "iteration",     "unit",    "fallback_unit",
             "cluster",  "layer",      "buckets",     "holdout",       "share",   "ramp",
             "salt",     "order",      "sticky",      "prerequisites", "when",    "control",
             "variants", "forced",     "report_by",   "plan",          "traffic", "split",
             "metrics"}) {
    experiment_.key = member.key;
    experiment_.node = &member.value;
    experiment_.place = scope_.place();
  }

  Experiment Run() {
    if (!scope_.ok()) return std::move(experiment_);
    Identity();
    Traffic();
    Variants();
    Order();
    Split();
    Forced();
    Plan();
    return std::move(experiment_);
  }

 private:
  void Identity() {
    static constexpr std::array<std::string_view, 4> kStatus = {"draft", "running", "stopped",
                                                                "archived"};
    Experiment& e = experiment_;
    scope_.String("name", e.name);
    scope_.String("hypothesis", e.hypothesis);
    scope_.String("owner", e.owner);
    scope_.Require("status", "\"status\": \"draft\", \"running\", \"stopped\" or \"archived\"");
    e.status = static_cast<Status>(scope_.Choice("status", kStatus, 0));
    scope_.Time("start", e.start_ms);
    scope_.Time("end", e.end_ms);
    if (e.start_ms >= e.end_ms) {
      scope_.Error(*scope_.Get("end"), "end", "the experiment ends before it starts",
                   "make \"end\" later than \"start\", or null");
    }
    scope_.Uint32("iteration", e.iteration, 1, 1'000'000);
    scope_.RequireString("unit", e.unit);
    scope_.String("fallback_unit", e.fallback_unit);
    if (!e.fallback_unit.empty() && e.fallback_unit == e.unit) {
      scope_.Error(*scope_.Get("fallback_unit"), "fallback_unit", "is the same as \"unit\"",
                   "remove it");
    }
    scope_.String("cluster", e.cluster);
    scope_.String("salt", e.salt);
    if (const json::Node* const node = scope_.Get("sticky")) {
      const Scope sticky(problems_, *node, scope_.PathOf("sticky"), {"version", "min_version"});
      e.sticky.emplace();
      sticky.Uint32("version", e.sticky->version, 0, kMaxUint32);
      sticky.Uint32("min_version", e.sticky->min_version, 0, kMaxUint32);
      if (e.sticky->min_version > e.sticky->version) {
        AddError(problems_, sticky.place(), "\"min_version\" is above \"version\"",
                 "no stored assignment could be kept: raise \"version\"");
      }
    }
    scope_.Strings("report_by", e.report_by);
    e.metrics = scope_.Get("metrics");
  }

  void Traffic() {
    Experiment& e = experiment_;
    scope_.String("layer", e.layer);
    if (const json::Node* const node = scope_.Get("buckets")) {
      e.buckets =
          ReadRanges(problems_, *node, scope_.PathOf("buckets"), upswing::base::kBucketCount);
      if (e.layer.empty()) {
        scope_.Error(*node, "buckets", "buckets without a layer",
                     "name the \"layer\", or use \"share\"");
      }
    }
    if (const json::Node* const node = scope_.Get("holdout");
        node != nullptr && node->is_string()) {
      e.holdouts.push_back(node->as_string());
    } else {
      scope_.Strings("holdout", e.holdouts);
    }
    scope_.Number("share", e.share, 0, 1);
    if (const json::Node* const node = scope_.Get("ramp")) Ramp(*node);
    if (const json::Node* const node = scope_.Get("traffic")) ForeignTraffic(*node);
    if (const json::Node* const node = scope_.Get("prerequisites")) Prerequisites(*node);
    if (const json::Node* const node = scope_.Get("when")) {
      e.when = ReadCondition(problems_, model_, *node, scope_.PathOf("when"));
    }
  }

  void Ramp(const json::Node& node) {
    if (!node.is_array() || node.items().empty()) {
      scope_.Error(node, "ramp", "must be a list of steps",
                   "write [{\"at\": \"2026-11-01T00:00:00Z\", \"share\": 0.1}, ...]");
      return;
    }
    if (experiment_.share.has_value() && experiment_.layer.empty()) {
      scope_.Error(node, "ramp", "the ramp sets the share, and \"share\" does as well",
                   "remove \"share\"");
    }
    for (std::size_t i = 0; i < node.items().size(); ++i) {
      const Scope step(problems_, node.items()[i], json::PathOf(scope_.PathOf("ramp"), i),
                       {"at", "share"});
      if (!step.ok()) continue;
      RampStep out;
      out.place = step.place();
      if (step.Require("at", "the time from which the share holds") == nullptr ||
          step.Require("share", "the share of traffic from then on") == nullptr) {
        continue;
      }
      step.Time("at", out.at_ms);
      step.Number("share", out.share, 0, 1);
      if (!experiment_.ramp.empty()) {
        const RampStep& previous = experiment_.ramp.back();
        if (out.at_ms <= previous.at_ms) {
          AddError(problems_, out.place, "the steps of a ramp must be in order of time");
        }
        if (out.share < previous.share) {
          AddError(problems_, out.place,
                   "the share goes down: units would lose their variant half-way",
                   "raise it, or stop the experiment and start a new iteration");
        }
      }
      experiment_.ramp.push_back(std::move(out));
    }
  }

  const SchemeInfo* ReadScheme(const Scope& scope, std::string& scheme, std::string& salt,
                               std::uint32_t& count) {
    scope.RequireString("scheme", scheme);
    scope.String("salt", salt);
    if (scheme.empty()) return nullptr;
    const SchemeInfo* const info = FindScheme(scheme);
    if (info == nullptr) {
      std::vector<std::string_view> names;
      for (const SchemeInfo& s : Schemes()) names.push_back(s.name);
      std::string fix = json::DidYouMean(scheme, names);
      if (fix.empty()) {
        fix = "use one of";
        for (const std::string_view name : names) fix += base::Concat({" ", name});
      }
      scope.Error(*scope.Get("scheme"), "scheme",
                  base::Concat({"unknown scheme ", json::Quote(scheme)}), fix);
      return nullptr;
    }
    count = info->count;
    scope.Uint32("count", count, 1, 0x7fffffff);
    if (count == 0) scope.Require("count", "the number of buckets that the scheme counts to");
    return info;
  }

  void ForeignTraffic(const json::Node& node) {
    const Scope scope(problems_, node, scope_.PathOf("traffic"),
                      {"scheme", "salt", "count", "ranges"});
    if (!scope.ok()) return;
    ForeignShard shard;
    shard.place = scope.place();
    if (ReadScheme(scope, shard.scheme, shard.salt, shard.count) == nullptr) return;
    if (const json::Node* const ranges = scope.Require("ranges", "\"ranges\": [[from, to], ...]")) {
      shard.ranges = ReadRanges(problems_, *ranges, scope.PathOf("ranges"), shard.count);
    }
    if (experiment_.share.has_value() || !experiment_.ramp.empty()) {
      AddError(problems_, shard.place, "\"traffic\" and \"share\" or \"ramp\" exclude each other",
               "keep one of them");
    }
    experiment_.foreign_traffic = std::move(shard);
  }

  void Prerequisites(const json::Node& node) {
    if (!node.is_array()) {
      scope_.Error(node, "prerequisites", "must be a list",
                   "write [{\"flag\": \"...\", \"is\": true}]");
      return;
    }
    for (std::size_t i = 0; i < node.items().size(); ++i) {
      const Scope scope(problems_, node.items()[i], json::PathOf(scope_.PathOf("prerequisites"), i),
                        {"flag", "is"});
      if (!scope.ok()) continue;
      Prerequisite prerequisite;
      prerequisite.place = scope.place();
      scope.RequireString("flag", prerequisite.flag);
      const Flag* const flag = model_.FindFlag(prerequisite.flag);
      const json::Node* const is = scope.Require("is", "the value that the flag must have");
      if (is == nullptr || flag == nullptr) {
        if (!prerequisite.flag.empty()) experiment_.prerequisites.push_back(prerequisite);
        continue;
      }
      // A list means any of its values, except for json flags, whose value may be a list itself.
      const bool list = is->is_array() && flag->type != FlagType::kJson;
      for (std::size_t v = 0; v < (list ? is->items().size() : 1); ++v) {
        const json::Node& value = list ? is->items()[v] : *is;
        const std::string path = list ? json::PathOf(scope.PathOf("is"), v) : scope.PathOf("is");
        if (auto read = ReadFlagValue(problems_, flag->type, value, path)) {
          prerequisite.values.push_back(std::move(*read));
        }
      }
      experiment_.prerequisites.push_back(std::move(prerequisite));
    }
  }

  void Variants() {
    Experiment& e = experiment_;
    const json::Node* const node = scope_.Require("variants", "\"variants\": {...}");
    if (node == nullptr) return;
    const std::string path = scope_.PathOf("variants");
    if (!node->is_object() || node->members().empty()) {
      scope_.Error(*node, "variants", "must be an object with at least one variant",
                   "write {\"off\": {\"weight\": 1}, \"on\": {\"weight\": 1, \"set\": {...}}}");
      return;
    }
    if (node->members().size() > 1000) {
      scope_.Error(*node, "variants", "more than 1,000 variants");
      return;
    }
    std::uint64_t total = 0;
    for (const json::Member& member : node->members()) {
      e.variants.push_back(ReadVariant(member, json::PathOf(path, member.key)));
      total += e.variants.back().weight;
    }
    if (total == 0) {
      scope_.Error(*node, "variants", "all weights are 0", "give at least one variant a weight");
    }
    WarnAboutPercentages(*node, total);
    if (scope_.Require("control",
                       "\"control\": the key of the variant that others are compared with")) {
      scope_.String("control", e.control);
      if (!e.control.empty() && e.FindVariant(e.control) == nullptr) {
        std::string fix = json::DidYouMean(e.control, VariantKeys());
        if (fix.empty()) fix = "name one of the variants";
        scope_.Error(*scope_.Get("control"), "control",
                     base::Concat({"no variant is called ", json::Quote(e.control)}), fix);
      }
    }
  }

  // 50 and 45: weights are proportions, so this is 10/19, which is unlikely to be meant.
  void WarnAboutPercentages(const json::Node& node, std::uint64_t total) {
    const auto& variants = experiment_.variants;
    const bool equal = std::all_of(variants.begin(), variants.end(), [&](const Variant& v) {
      return v.weight == variants[0].weight;
    });
    if (!equal && total != 100 && total >= 90 && total <= 110) {
      AddWarning(problems_, PlaceOf(node, scope_.PathOf("variants")),
                 base::Concat({"the weights sum to ", std::to_string(total), ", not 100"}),
                 "weights are proportions: write them so that they sum to 100 if they are percent");
    }
  }

  Variant ReadVariant(const json::Member& member, const std::string& path) {
    const Scope scope(problems_, member.value, path, {"weight", "set", "description"});
    Variant variant;
    variant.key = member.key;
    variant.place = scope.place();
    if (member.key.empty()) AddError(problems_, variant.place, "a variant needs a key");
    if (!scope.ok()) return variant;
    if (const json::Node* const weight = scope.Get("weight")) {
      if (!weight->is_number() || !weight->as_int().has_value() || *weight->as_int() < 0 ||
          *weight->as_int() > kLargestWeight) {
        scope.Error(*weight, "weight", "must be a whole number in [0, 1000000000]",
                    "weights are proportions: write 1 and 1 for halves, 2 and 1 for two thirds");
      } else {
        variant.weight = static_cast<std::uint64_t>(*weight->as_int());
      }
    }
    scope.String("description", variant.description);
    if (const json::Node* const set = scope.Get("set")) {
      if (!set->is_object()) {
        scope.Error(*set, "set", "must be an object of flags and their values");
        return variant;
      }
      for (const json::Member& setting : set->members()) {
        Setting out;
        out.flag = setting.key;
        out.raw = &setting.value;
        out.place = {json::PathOf(scope.PathOf("set"), setting.key), setting.position};
        const Flag* const flag = model_.FindFlag(setting.key);
        if (flag != nullptr) {
          if (auto value = ReadFlagValue(problems_, flag->type, setting.value, out.place.path)) {
            out.value = std::move(*value);
          }
        }
        variant.settings.push_back(std::move(out));
      }
    }
    return variant;
  }

  std::vector<std::string_view> VariantKeys() const {
    std::vector<std::string_view> keys;
    for (const Variant& variant : experiment_.variants) keys.push_back(variant.key);
    return keys;
  }

  void Order() {
    Experiment& e = experiment_;
    if (scope_.Get("order") == nullptr) {
      for (const Variant& variant : e.variants) e.order.push_back(variant.key);
      std::sort(e.order.begin(), e.order.end(), [&e](const std::string& a, const std::string& b) {
        return (a == e.control) != (b == e.control) ? a == e.control : a < b;
      });
      return;
    }
    scope_.Strings("order", e.order);
    std::vector<std::string> sorted = e.order;
    std::vector<std::string> keys;
    for (const Variant& variant : e.variants) keys.push_back(variant.key);
    std::sort(sorted.begin(), sorted.end());
    std::sort(keys.begin(), keys.end());
    if (sorted != keys) {
      scope_.Error(*scope_.Get("order"), "order", "must list every variant exactly once");
    }
  }

  void Split() {
    const json::Node* const node = scope_.Get("split");
    if (node == nullptr) return;
    const Scope scope(problems_, *node, scope_.PathOf("split"),
                      {"scheme", "salt", "count", "ranges"});
    if (!scope.ok()) return;
    Experiment::ForeignSplit split;
    split.place = scope.place();
    if (ReadScheme(scope, split.scheme, split.salt, split.count) == nullptr) return;
    if (const json::Node* const ranges = scope.Get("ranges")) {
      if (!ranges->is_object()) {
        scope.Error(*ranges, "ranges", "must be an object: per variant, a list of ranges");
        return;
      }
      for (const json::Member& member : ranges->members()) {
        const std::string path = json::PathOf(scope.PathOf("ranges"), member.key);
        const std::size_t variant = experiment_.VariantIndex(member.key);
        if (variant == experiment_.variants.size()) {
          AddError(problems_, {path, member.position},
                   base::Concat({"no variant is called ", json::Quote(member.key)}),
                   json::DidYouMean(member.key, VariantKeys()));
          continue;
        }
        for (const BucketRange& range : ReadRanges(problems_, member.value, path, split.count)) {
          split.ranges.emplace_back(variant, range);
        }
      }
      std::sort(split.ranges.begin(), split.ranges.end(),
                [](const auto& a, const auto& b) { return a.second.begin < b.second.begin; });
      for (std::size_t i = 1; i < split.ranges.size(); ++i) {
        if (split.ranges[i].second.begin < split.ranges[i - 1].second.end) {
          AddError(problems_, PlaceOf(*ranges, scope.PathOf("ranges")),
                   base::Concat({"two variants share bucket ",
                                 std::to_string(split.ranges[i].second.begin)}));
          break;
        }
      }
    }
    experiment_.foreign_split = std::move(split);
  }

  void Forced() {
    const json::Node* const node = scope_.Get("forced");
    if (node == nullptr) return;
    if (!node->is_object()) {
      scope_.Error(*node, "forced", "must be an object: per variant, a list of units",
                   "write {\"on\": [\"user=u-1\"]}");
      return;
    }
    for (const json::Member& member : node->members()) {
      const std::string path = json::PathOf(scope_.PathOf("forced"), member.key);
      if (experiment_.FindVariant(member.key) == nullptr) {
        AddError(problems_, {path, member.position},
                 base::Concat({"no variant is called ", json::Quote(member.key)}),
                 json::DidYouMean(member.key, VariantKeys()));
        continue;
      }
      if (!member.value.is_array()) {
        AddError(problems_, PlaceOf(member.value, path), "must be a list of units");
        continue;
      }
      for (std::size_t i = 0; i < member.value.items().size(); ++i) {
        const json::Node& item = member.value.items()[i];
        const Place place = PlaceOf(item, json::PathOf(path, i));
        const std::size_t equals =
            item.is_string() ? item.as_string().find('=') : std::string::npos;
        if (equals == std::string::npos || equals == 0 || equals + 1 == item.as_string().size()) {
          AddError(problems_, place, "must be \"<unit type>=<id>\"", "write e.g. \"user=u-1\"");
          continue;
        }
        authoring::Forced forced{member.key, item.as_string().substr(0, equals),
                                 item.as_string().substr(equals + 1), place};
        for (const authoring::Forced& other : experiment_.forced) {
          if (other.unit == forced.unit && other.id == forced.id) {
            AddError(problems_, place,
                     base::Concat({"the unit is already forced into ", json::Quote(other.variant)}),
                     "keep one of them");
          }
        }
        experiment_.forced.push_back(std::move(forced));
      }
    }
  }

  void Plan() {
    const json::Node* const node = scope_.Get("plan");
    if (node == nullptr) return;
    const Scope scope(
        problems_, *node, scope_.PathOf("plan"),
        {"primary", "guardrails", "secondary", "alpha", "power", "mde", "correction", "sequential",
         "min_days", "max_days", "min_units", "prior", "cuped", "one_sided", "non_inferiority"});
    if (!scope.ok()) return;
    authoring::Plan plan;
    plan.node = node;
    scope.RequireString("primary", plan.primary);
    scope.Strings("secondary", plan.secondary);
    scope.Number("alpha", plan.alpha, 1e-6, 0.5);
    scope.Number("min_days", plan.min_days, 0, 3650);
    if (const json::Node* const guardrails = scope.Get("guardrails")) {
      if (!guardrails->is_object()) {
        scope.Error(*guardrails, "guardrails", "must be an object: metric -> {\"margin\": ...}");
      }
      for (const json::Member& member : guardrails->members()) {
        plan.guardrails.push_back(
            ReadGuardrail(member, json::PathOf(scope.PathOf("guardrails"), member.key)));
      }
    }
    if (const json::Node* const correction = scope.Get("correction")) {
      static constexpr std::array<std::string_view, 6> kMethods = {"none",     "bonferroni", "holm",
                                                                   "hochberg", "bh",         "by"};
      const Scope inner(problems_, *correction, scope.PathOf("correction"),
                        {"primary", "secondary", "segments"});
      if (inner.ok()) {
        plan.correction_primary = kMethods[inner.Choice("primary", kMethods, 2)];
        plan.correction_secondary = kMethods[inner.Choice("secondary", kMethods, 4)];
        plan.correction_segments = kMethods[inner.Choice("segments", kMethods, 4)];
      }
    }
    scope.Bool("one_sided", plan.one_sided);
    scope.Bool("cuped", plan.cuped);
    scope.Number("power", plan.power, 0.5, 0.999);
    scope.Number("max_days", plan.max_days, 1, 3650);
    scope.Uint32("min_units", plan.min_units, 0, kMaxUint32);
    if (plan.max_days && *plan.max_days < plan.min_days) {
      scope.Error(*scope.Get("max_days"), "max_days", "is below \"min_days\"",
                  "raise it, or lower \"min_days\"");
    }
    if (const json::Node* const margin = scope.Get("non_inferiority"))
      plan.non_inferiority = ReadMargin(*margin, scope.PathOf("non_inferiority"));
    if (const json::Node* const mde = scope.Get("mde")) {
      plan.mde = ReadMargin(*mde, scope.PathOf("mde"), "write the smallest effect that matters");
      if (plan.mde->relative.value_or(1) == 0 || plan.mde->absolute.value_or(1) == 0) {
        scope.Error(*mde, "mde", "must be above 0",
                    "write the smallest effect that matters, e.g. {\"relative\": 0.02}");
      }
    }
    if (const json::Node* const prior = scope.Get("prior")) Prior(*prior, scope, plan);
    if (const json::Node* const sequential = scope.Get("sequential"))
      Sequential(*sequential, scope, plan);
    experiment_.plan = std::move(plan);
  }

  // What the team believed about the lift before: {"mean": 0, "sd": 0.05}.
  void Prior(const json::Node& node, const Scope& plan_scope, authoring::Plan& plan) {
    const Scope scope(problems_, node, plan_scope.PathOf("prior"), {"mean", "sd"});
    if (!scope.ok()) return;
    double mean = 0;
    scope.Number("mean", mean, -10, 10);
    const json::Node* const sd =
        scope.Require("sd", "\"sd\": the standard deviation of past lifts, e.g. 0.05 for 5 %");
    scope.Number("sd", plan.prior_sd, 0, 100);
    if (sd != nullptr && plan.prior_sd == 0) {
      scope.Error(*sd, "sd", "must be above 0",
                  "write the standard deviation of past lifts, or remove the prior");
    }
    if (plan.prior_sd > 0) plan.prior_mean = mean;
  }

  // When the experiment is looked at.
  void Sequential(const json::Node& node, const Scope& plan_scope, authoring::Plan& plan) {
    static constexpr std::array<std::string_view, 3> kTypes = {"fixed", "anytime",
                                                               "group_sequential"};
    static constexpr std::array<std::string_view, 4> kSpending = {"obrien_fleming", "pocock",
                                                                  "power", "hwang_shih_decani"};
    const Scope scope(problems_, node, plan_scope.PathOf("sequential"),
                      {"type", "looks", "spending", "parameter", "tuning_units"});
    if (!scope.ok()) return;
    const std::size_t type = scope.Choice("type", kTypes, 0);
    plan.sequential = type == 0 ? "" : kTypes[type];
    const bool anytime = type == 1;
    const bool groups = type == 2;
    const auto only = [&](std::string_view key, bool fits, std::string_view other) {
      const json::Node* const given = scope.Get(key);
      if (given != nullptr && !fits) {
        scope.Error(*given, key, base::Concat({"belongs to ", json::Quote(other)}),
                    base::Concat({"remove it, or write \"type\": ", json::Quote(other)}));
      }
      return given != nullptr && fits;
    };
    if (only("tuning_units", anytime, "anytime"))
      scope.Number("tuning_units", plan.tuning_units, 2, 1e15);
    if (only("spending", groups, "group_sequential"))
      plan.spending = kSpending[scope.Choice("spending", kSpending, 0)];
    const bool parameter = only("parameter", groups, "group_sequential");
    const bool needs_parameter = plan.spending == "power" || plan.spending == "hwang_shih_decani";
    if (parameter && !needs_parameter) {
      scope.Error(*scope.Get("parameter"), "parameter",
                  base::Concat({json::Quote(plan.spending), " has no parameter"}), "remove it");
    } else if (groups && needs_parameter) {
      scope.Require("parameter", plan.spending == "power"
                                     ? "\"parameter\": the exponent of the time, e.g. 3"
                                     : "\"parameter\": gamma, e.g. -4");
      const double low = plan.spending == "power" ? 0.1 : -40;
      scope.Number("parameter", plan.spending_parameter, low, plan.spending == "power" ? 20 : 40);
    }
    const bool looks = only("looks", groups, "group_sequential");
    if (groups && !looks) {
      scope.Require("looks",
                    "\"looks\": the days at whose end the data are looked at, e.g. "
                    "[7, 14, 21, 28]; the last is the planned end");
    } else if (looks) {
      Looks(*scope.Get("looks"), scope, plan);
    }
  }

  void Looks(const json::Node& node, const Scope& scope, authoring::Plan& plan) {
    constexpr std::size_t kMostLooks = 100;
    const auto wrong = [&](std::string message) {
      scope.Error(node, "looks", std::move(message),
                  "write the days at whose end the data are looked at, e.g. [7, 14, 21, 28]");
    };
    if (!node.is_array() || node.items().empty()) return wrong("must be a list of days");
    if (node.items().size() > kMostLooks)
      return wrong("more than 100 looks; with as many, \"anytime\" costs less");
    for (const json::Node& item : node.items()) {
      const auto day = item.is_number() ? item.as_int() : std::nullopt;
      if (!day || *day < 1 || *day > 3650)
        return wrong("every day must be a whole number in [1, 3650]");
      if (!plan.looks.empty() && *day <= plan.looks.back()) return wrong("the days must ascend");
      plan.looks.push_back(static_cast<int>(*day));
    }
  }

  // {"relative": x} or {"absolute": x}, as a loss that is accepted or an effect that matters.
  authoring::Margin ReadMargin(
      const json::Node& node, const std::string& path,
      std::string_view fix = "write how much worse the metric may become") {
    authoring::Margin out;
    const Scope margin(problems_, node, path, {"relative", "absolute"});
    if (!margin.ok()) return out;
    margin.Number("relative", out.relative, 0, 1);
    margin.Number("absolute", out.absolute, 0, 1e18);
    if (out.relative.has_value() == out.absolute.has_value()) {
      AddError(problems_, margin.place(), "must have either \"relative\" or \"absolute\"",
               base::Concat({fix, ", e.g. {\"relative\": 0.02}"}));
    }
    return out;
  }

  Guardrail ReadGuardrail(const json::Member& member, const std::string& path) {
    Guardrail guardrail{member.key, {}};
    const Scope scope(problems_, member.value, path, {"margin"});
    // Without one, the metric's own margin holds.
    const json::Node* const node = scope.ok() ? scope.Get("margin") : nullptr;
    if (node != nullptr) guardrail.margin = ReadMargin(*node, scope.PathOf("margin"));
    return guardrail;
  }

  Problems& problems_;
  const Model& model_;
  const Scope scope_;
  Experiment experiment_;
};

}  // namespace

Experiment ReadExperiment(Problems& problems, const Model& model, const json::Member& member,
                          const std::string& path) {
  return ExperimentReader(problems, model, member, path).Run();
}

}  // namespace upswing::authoring
