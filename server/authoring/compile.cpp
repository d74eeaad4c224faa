#include "server/authoring/compile.hpp"

#include <absl/status/status.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "sdk/catalog/envelope.hpp"
#include "sdk/schema/catalog_generated.h"
#include "server/authoring/boundaries.hpp"
#include "server/authoring/check.hpp"
#include "server/authoring/reader.hpp"
#include "server/authoring/reported.hpp"

namespace upswing::authoring {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using upswing::base::Hash64;
using upswing::base::kBucketCount;

/// Id lists longer than this travel as blobs of their own.
constexpr std::size_t kLargestInlineList = 10'000;
constexpr std::int32_t kNoIndex = -1;

/// Keys that are for people and the server: a change to them changes no decision and no exposure.
constexpr std::string_view kNotCompiled[] = {"name", "hypothesis", "description", "owner",
                                             "tags", "links",      "plan"};

const std::string& SaltOf(const std::string& salt, const std::string& key) {
  return salt.empty() ? key : salt;
}

std::vector<std::uint64_t> HashedIds(const std::vector<std::string>& ids, std::string_view salt) {
  const std::uint64_t salt_hash = Hash64(salt);
  std::vector<std::uint64_t> hashes;
  hashes.reserve(ids.size());
  for (const std::string& id : ids) hashes.push_back(upswing::base::Mix(Hash64(id) ^ salt_hash));
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

std::string ListSalt(const Segment& segment) { return "list/" + segment.key; }

class Compiler {
 public:
  Compiler(const Model& model, const CompileOptions& options) : model_(model), options_(options) {}

  Compiled Run() {
    namespace s = schema;
    std::vector<Offset<s::Attribute>> attributes;
    for (const Attribute& attribute : model_.attributes) {
      attributes.push_back(s::CreateAttribute(builder_, Text(attribute.key),
                                              static_cast<std::uint8_t>(attribute.type)));
    }
    std::vector<Offset<s::Segment>> segments;
    for (const Segment* const segment : SegmentsInOrder())
      segments.push_back(MakeSegment(*segment));
    std::vector<Offset<s::Holdout>> holdouts;
    for (const Holdout& holdout : model_.holdouts) {
      holdouts.push_back(
          s::CreateHoldout(builder_, Text(holdout.key),
                           NativeShard("holdout/" + SaltOf(holdout.salt, holdout.key),
                                       {ShareRange(holdout.share, kBucketCount)})));
    }
    std::vector<Offset<s::Layer>> layers;
    for (const Layer* const layer : LayersInOrder()) layers.push_back(MakeLayer(*layer));
    std::vector<Offset<s::Experiment>> experiments;
    for (const Experiment& experiment : model_.experiments) {
      experiments.push_back(MakeExperiment(experiment));
    }
    std::vector<Offset<s::Flag>> flags;
    for (const Flag& flag : model_.flags) flags.push_back(MakeFlag(flag));

    const auto project = Text(model_.project);
    const auto attribute_vector = builder_.CreateVector(attributes);
    const auto nodes = builder_.CreateVectorOfStructs(nodes_);
    const auto operands = builder_.CreateVector(operands_);
    const auto segment_vector = builder_.CreateVector(segments);
    const auto holdout_vector = builder_.CreateVector(holdouts);
    const auto layer_vector = builder_.CreateVector(layers);
    const auto flag_vector = builder_.CreateVector(flags);
    const auto experiment_vector = builder_.CreateVector(experiments);
    s::FinishCatalogBuffer(
        builder_, s::CreateCatalog(builder_, 1, options_.version, project, attribute_vector, nodes,
                                   operands, segment_vector, holdout_vector, layer_vector,
                                   flag_vector, experiment_vector));
    compiled_.bytes = catalog::Seal(
        {reinterpret_cast<const char*>(builder_.GetBufferPointer()), builder_.GetSize()});
    return std::move(compiled_);
  }

 private:
  Offset<flatbuffers::String> Text(std::string_view text) {
    return builder_.CreateSharedString(text.data(), text.size());
  }

  template <class T>
  static std::uint32_t IndexOf(const std::vector<T>& items, std::string_view key) {
    return static_cast<std::uint32_t>(
        std::find_if(items.begin(), items.end(), [key](const T& i) { return i.key == key; }) -
        items.begin());
  }

  // --- Segments and conditions -----------------------------------------------------------------

  // A segment after those it refers to, so that readers see no cycle.
  std::vector<const Segment*> SegmentsInOrder() {
    std::vector<const Segment*> order;
    const std::function<void(const Segment&)> add = [&](const Segment& segment) {
      if (segment_index_.contains(segment.key)) return;
      if (segment.condition.has_value()) ForEachSegment(*segment.condition, add);
      segment_index_[segment.key] = static_cast<std::uint32_t>(order.size());
      order.push_back(&segment);
    };
    for (const Segment& segment : model_.segments) add(segment);
    return order;
  }

  void ForEachSegment(const Condition& condition,
                      const std::function<void(const Segment&)>& visit) const {
    if (condition.kind == Condition::Kind::kSegment) {
      visit(*model_.FindSegment(condition.segment));
    }
    for (const Condition& child : condition.children) ForEachSegment(child, visit);
  }

  Offset<schema::Segment> MakeSegment(const Segment& segment) {
    if (segment.condition.has_value()) {
      const auto root = static_cast<std::uint32_t>(nodes_.size());
      AddCondition(*segment.condition);
      return schema::CreateSegment(builder_, Text(segment.key), root);
    }
    const std::string salt = ListSalt(segment);
    const auto unit = Text(segment.unit);
    const auto salt_text = Text(salt);
    Offset<schema::IdList> list;
    if (segment.ids_blob.has_value() || segment.ids.size() > kLargestInlineList) {
      catalog::Blob blob = segment.ids_blob.has_value()
                               ? catalog::Blob{*segment.ids_blob, segment.blob_bytes}
                               : HashedList(segment);
      list = schema::CreateIdList(builder_, unit, salt_text, 0, blob.name, blob.bytes->size() / 8);
      compiled_.blobs.push_back(std::move(blob));
    } else {
      list = schema::CreateIdList(builder_, unit, salt_text,
                                  builder_.CreateVector(HashedIds(segment.ids, salt)));
    }
    return schema::CreateSegment(builder_, Text(segment.key), 0, list);
  }

  std::int32_t Condition_(const std::optional<Condition>& condition) {
    if (!condition.has_value()) return kNoIndex;
    const auto root = static_cast<std::int32_t>(nodes_.size());
    AddCondition(*condition);
    return root;
  }

  std::size_t Open(schema::NodeKind kind, std::uint8_t op = 0, std::uint16_t attribute = 0,
                   std::uint32_t operand = 0) {
    nodes_.emplace_back(static_cast<std::uint8_t>(kind), op, attribute, 0, operand);
    return nodes_.size() - 1;
  }

  void Close(std::size_t index) {
    const schema::Node node = nodes_[index];
    nodes_[index] = {node.kind(), node.op(), node.attribute(),
                     static_cast<std::uint32_t>(nodes_.size()), node.operand()};
  }

  void AddCondition(const Condition& condition) {
    using K = schema::NodeKind;
    std::size_t node = 0;
    switch (condition.kind) {
      case Condition::Kind::kAll:
        node = Open(K::all);
        break;
      case Condition::Kind::kAny:
        node = Open(K::any);
        break;
      case Condition::Kind::kNot:
        node = Open(K::negation);
        break;
      case Condition::Kind::kSegment:
        node = Open(K::segment, 0, 0, segment_index_.at(condition.segment));
        break;
      case Condition::Kind::kLeaf:
        return AddLeaf(condition);
    }
    for (const Condition& child : condition.children) AddCondition(child);
    Close(node);
  }

  void AddLeaf(const Condition& leaf) {
    using O = schema::Operator;
    O op = O::set;
    bool negated = false;
    switch (leaf.op) {
      case Operator::kSet:
        op = O::set;
        negated = !leaf.operands[0].boolean;
        break;
      case Operator::kIs:
      case Operator::kIn:
        op = O::in;
        break;
      case Operator::kNotIn:
        op = O::in;
        negated = true;
        break;
      case Operator::kLess:
        op = O::less;
        break;
      case Operator::kLessEqual:
        op = O::less_equal;
        break;
      case Operator::kGreater:
        op = O::greater;
        break;
      case Operator::kGreaterEqual:
        op = O::greater_equal;
        break;
      case Operator::kStartsWith:
        op = O::starts_with;
        break;
      case Operator::kEndsWith:
        op = O::ends_with;
        break;
      case Operator::kContains:
        op = O::contains;
        break;
      case Operator::kMatches:
        op = O::matches;
        break;
      case Operator::kBefore:
        op = O::before;
        break;
      case Operator::kAfter:
        op = O::after;
        break;
      case Operator::kHasAny:
        op = O::has_any;
        break;
      case Operator::kHasAll:
        op = O::has_all;
        break;
      case Operator::kHasNone:
        op = O::has_any;
        negated = true;
        break;
    }
    const std::size_t negation = negated ? Open(schema::NodeKind::negation) : 0;
    const auto attribute = static_cast<std::uint16_t>(IndexOf(model_.attributes, leaf.attribute));
    Close(Open(schema::NodeKind::leaf, static_cast<std::uint8_t>(op), attribute, AddOperand(leaf)));
    if (negated) Close(negation);
  }

  std::uint32_t AddOperand(const Condition& leaf) {
    std::vector<std::string> strings;
    std::vector<std::int64_t> ints;
    std::vector<double> doubles;
    for (const Literal& literal : leaf.operands) {
      switch (literal.kind) {
        case Literal::Kind::kString:
          strings.push_back(literal.text);
          break;
        case Literal::Kind::kInt:
        case Literal::Kind::kTime:
          ints.push_back(literal.integer);
          break;
        case Literal::Kind::kDouble:
          doubles.push_back(literal.real);
          break;
        case Literal::Kind::kBool:
          ints.push_back(literal.boolean ? 1 : 0);
          break;
      }
    }
    if (leaf.op == Operator::kSet) ints.clear();
    const auto sort = [](auto& values, auto less) {
      std::sort(values.begin(), values.end(), less);
      values.erase(std::unique(values.begin(), values.end()), values.end());
    };
    sort(strings, [](const std::string& a, const std::string& b) {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    sort(ints, std::less<>());
    sort(doubles, std::less<>());
    // The same list in many conditions is stored once.
    std::string identity;
    for (const std::string& text : strings) {
      identity += base::Concat({std::to_string(text.size()), ":", text});
    }
    identity += "|";
    for (const std::int64_t value : ints) identity += base::Concat({std::to_string(value), ","});
    identity += "|";
    identity.append(reinterpret_cast<const char*>(doubles.data()), doubles.size() * sizeof(double));
    const auto [at, added] =
        operand_index_.emplace(std::move(identity), static_cast<std::uint32_t>(operands_.size()));
    if (added) {
      const auto text = strings.empty() ? 0 : builder_.CreateVectorOfStrings(strings);
      const auto integers = ints.empty() ? 0 : builder_.CreateVector(ints);
      const auto reals = doubles.empty() ? 0 : builder_.CreateVector(doubles);
      operands_.push_back(schema::CreateOperand(builder_, text, integers, reals));
    }
    return at->second;
  }

  // --- Shards ----------------------------------------------------------------------------------

  Offset<schema::Shard> MakeShard(std::uint8_t scheme, const std::string& salt, std::uint32_t count,
                                  const std::vector<BucketRange>& ranges) {
    std::vector<schema::Range> out;
    for (const BucketRange& range : ranges) {
      if (range.begin < range.end) out.emplace_back(range.begin, range.end);
    }
    const auto salt_text = Text(salt);
    return schema::CreateShard(builder_, scheme, salt_text, count,
                               builder_.CreateVectorOfStructs(out));
  }

  Offset<schema::Shard> NativeShard(const std::string& salt,
                                    const std::vector<BucketRange>& ranges) {
    return MakeShard(0, salt, kBucketCount, ranges);
  }

  std::vector<const Layer*> LayersInOrder() {
    std::vector<const Layer*> order;
    const std::function<void(const Layer&)> add = [&](const Layer& layer) {
      if (layer_index_.contains(layer.key)) return;
      if (!layer.parent.empty()) add(*model_.FindLayer(layer.parent));
      layer_index_[layer.key] = static_cast<std::int32_t>(order.size());
      order.push_back(&layer);
    };
    for (const Layer& layer : model_.layers) add(layer);
    return order;
  }

  std::string LayerSalt(std::string_view key) const {
    const Layer& layer = *model_.FindLayer(key);
    return "layer/" + SaltOf(layer.salt, layer.key);
  }

  Offset<schema::Layer> MakeLayer(const Layer& layer) {
    std::int32_t parent = kNoIndex;
    Offset<schema::Shard> shard;
    if (!layer.parent.empty()) {
      parent = layer_index_.at(layer.parent);
      shard = NativeShard(LayerSalt(layer.parent), layer.buckets);
    }
    return schema::CreateLayer(builder_, Text(layer.key), Text(LayerSalt(layer.key)), parent,
                               shard);
  }

  // --- Flags -----------------------------------------------------------------------------------

  Offset<schema::Setting> MakeSetting(std::uint32_t flag, const FlagValue& value) {
    const bool has_text =
        model_.flags[flag].type == FlagType::kString || model_.flags[flag].type == FlagType::kJson;
    return schema::CreateSetting(builder_, flag, value.boolean, value.integer, value.real,
                                 has_text ? Text(value.text) : 0);
  }

  Offset<flatbuffers::Vector<std::uint32_t>> HoldoutIndexes(
      const std::vector<const Holdout*>& holdouts) {
    std::vector<std::uint32_t> indexes;
    for (const Holdout* const holdout : holdouts) {
      indexes.push_back(static_cast<std::uint32_t>(holdout - model_.holdouts.data()));
    }
    return indexes.empty() ? 0 : builder_.CreateVector(indexes);
  }

  Offset<schema::Flag> MakeFlag(const Flag& flag) {
    const std::uint32_t index = IndexOf(model_.flags, flag.key);
    std::vector<Offset<schema::Rule>> rules;
    for (const Rule& rule : flag.rules) {
      const std::int32_t condition = Condition_(rule.when);
      std::vector<const Holdout*> holdouts;
      for (const std::string& key : rule.holdouts) holdouts.push_back(model_.FindHoldout(key));
      Offset<schema::Shard> share;
      if (rule.share.has_value()) {
        share = NativeShard(base::Concat({"rule/", flag.key, "/", rule.key}),
                            {ShareRange(*rule.share, kBucketCount)});
      }
      const auto key = Text(rule.key);
      const auto unit = rule.unit.empty() ? 0 : Text(rule.unit);
      const auto holdout_vector = HoldoutIndexes(holdouts);
      const auto value = MakeSetting(index, rule.value);
      rules.push_back(
          schema::CreateRule(builder_, key, condition, unit, share, holdout_vector, value));
    }
    std::vector<std::uint32_t> owners;
    for (const Experiment* const owner : OwnersOf(model_, flag.key)) {
      owners.push_back(static_cast<std::uint32_t>(owner - model_.experiments.data()));
    }
    const auto key = Text(flag.key);
    const auto default_value = MakeSetting(index, flag.default_value);
    const auto rule_vector = rules.empty() ? 0 : builder_.CreateVector(rules);
    const auto owner_vector = owners.empty() ? 0 : builder_.CreateVector(owners);
    return schema::CreateFlag(builder_, key, static_cast<std::uint8_t>(flag.type) + 1,
                              default_value, rule_vector, owner_vector);
  }

  // --- Experiments -----------------------------------------------------------------------------

  std::uint32_t PhaseOf(const Experiment& e) const {
    const auto found = options_.phases.find(e.key);
    return found == options_.phases.end() ? 1 : found->second;
  }

  /// A hash of all that can change a decision or an exposure of the experiment.
  std::uint64_t HashOf(const Experiment& e) const {
    std::string text = base::Concat({e.key, "#", std::to_string(PhaseOf(e)), ";"});
    for (const json::Member& member : e.node->members()) {
      if (std::find(std::begin(kNotCompiled), std::end(kNotCompiled), member.key) !=
          std::end(kNotCompiled)) {
        continue;
      }
      text += base::Concat({member.key, "=", member.value.Text(), ";"});
    }
    for (const Holdout* const holdout : HoldoutsOf(model_, e)) {
      text += base::Concat({SaltOf(holdout->salt, holdout->key), "@",
                            std::to_string(ShareRange(holdout->share, kBucketCount).end), ";"});
    }
    if (!e.layer.empty()) text += LayerSalt(e.layer) + ";";
    const json::Node* const segments = model_.document->root.Find("segments");
    const std::function<void(const Segment&)> add = [&](const Segment& segment) {
      text += base::Concat({segment.key, "=", segments->Find(segment.key)->Text(), ";"});
      if (!segment.ids_file.empty()) {
        // The members of a file, in whatever order it lists them.
        std::uint64_t sum = segment.ids.size();
        for (const std::string& id : segment.ids) sum += upswing::base::Mix(Hash64(id));
        text += std::to_string(sum);
      }
      if (segment.condition.has_value()) ForEachSegment(*segment.condition, add);
    };
    if (e.when.has_value()) ForEachSegment(*e.when, add);
    return Hash64(text);
  }

  /// `share/<x>` and `split/<x>`: a new iteration draws anew.
  std::string Salt(std::string_view purpose, const Experiment& e) const {
    std::string salt = base::Concat({purpose, "/", SaltOf(e.salt, e.key)});
    if (e.iteration > 1) salt += "#" + std::to_string(e.iteration);
    return salt;
  }

  Offset<schema::Split> MakeSplit(const Experiment& e) {
    std::vector<schema::Arm> arms;
    for (const Arm& arm : SplitArms(e)) {
      arms.emplace_back(arm.begin, arm.end, static_cast<std::uint16_t>(arm.variant));
    }
    const auto arm_vector = builder_.CreateVectorOfStructs(arms);
    if (!e.foreign_split.has_value()) {
      return schema::CreateSplit(builder_, 0, Text(Salt("split", e)), kBucketCount, arm_vector);
    }
    return schema::CreateSplit(builder_, SchemeValue(e.foreign_split->scheme),
                               Text(e.foreign_split->salt), e.foreign_split->count, arm_vector);
  }

  static std::uint8_t SchemeValue(std::string_view name) { return FindScheme(name)->value; }

  Offset<schema::Shard> MakeShare(const Experiment& e) {
    if (e.foreign_traffic.has_value()) {
      const ForeignShard& shard = *e.foreign_traffic;
      return MakeShard(SchemeValue(shard.scheme), shard.salt, shard.count, shard.ranges);
    }
    if (!e.ramp.empty()) return NativeShard(Salt("share", e), {});
    // In a layer, the share is what `allocate` took.
    if (e.share.has_value() && e.buckets.empty()) {
      return NativeShard(Salt("share", e), {ShareRange(*e.share, kBucketCount)});
    }
    return 0;
  }

  Offset<flatbuffers::Vector<Offset<schema::Variant>>> MakeVariants(const Experiment& e) {
    std::vector<Offset<schema::Variant>> variants;
    for (const Variant& variant : e.variants) {
      std::vector<Offset<schema::Setting>> settings;
      for (const Setting& setting : variant.settings) {
        settings.push_back(MakeSetting(IndexOf(model_.flags, setting.flag), setting.value));
      }
      const auto setting_vector = settings.empty() ? 0 : builder_.CreateVector(settings);
      variants.push_back(schema::CreateVariant(builder_, Text(variant.key), setting_vector));
    }
    return builder_.CreateVector(variants);
  }

  Offset<flatbuffers::Vector<Offset<schema::Forced>>> MakeForced(const Experiment& e,
                                                                 std::string_view salt) {
    std::map<std::pair<std::string, std::size_t>, std::vector<std::string>> lists;
    for (const Forced& forced : e.forced) {
      lists[{forced.unit, e.VariantIndex(forced.variant)}].push_back(forced.id);
    }
    std::vector<Offset<schema::Forced>> out;
    for (const auto& [key, ids] : lists) {
      const auto unit = Text(key.first);
      out.push_back(schema::CreateForced(builder_, unit, static_cast<std::uint16_t>(key.second),
                                         builder_.CreateVector(HashedIds(ids, salt))));
    }
    return out.empty() ? 0 : builder_.CreateVector(out);
  }

  Offset<flatbuffers::Vector<Offset<schema::Prerequisite>>> MakePrerequisites(const Experiment& e) {
    std::vector<Offset<schema::Prerequisite>> out;
    for (const Prerequisite& prerequisite : e.prerequisites) {
      const std::uint32_t flag = IndexOf(model_.flags, prerequisite.flag);
      std::vector<Offset<schema::Setting>> values;
      for (const FlagValue& value : prerequisite.values) values.push_back(MakeSetting(flag, value));
      out.push_back(schema::CreatePrerequisite(builder_, flag, builder_.CreateVector(values)));
    }
    return out.empty() ? 0 : builder_.CreateVector(out);
  }

  Offset<schema::Experiment> MakeExperiment(const Experiment& e) {
    const std::string forced_salt = "forced/" + e.key;
    const auto forced = MakeForced(e, forced_salt);
    const auto holdouts = HoldoutIndexes(HoldoutsOf(model_, e));
    const auto prerequisites = MakePrerequisites(e);
    const std::int32_t condition = Condition_(e.when);
    std::int32_t layer = kNoIndex;
    Offset<schema::Shard> layer_shard;
    if (!e.layer.empty()) {
      layer = layer_index_.at(e.layer);
      // Without buckets it is alone in its layer and has them all.
      const std::vector<BucketRange> whole = {{0, kBucketCount}};
      layer_shard = NativeShard(LayerSalt(e.layer), e.buckets.empty() ? whole : e.buckets);
    }
    const auto share = MakeShare(e);
    std::vector<schema::RampStep> steps;
    for (const RampStep& step : e.ramp) {
      steps.emplace_back(step.at_ms, ShareRange(step.share, kBucketCount).end);
    }
    const auto ramp = steps.empty() ? 0 : builder_.CreateVectorOfStructs(steps);
    const auto split = MakeSplit(e);
    const auto variants = MakeVariants(e);
    const std::vector<std::string> reported = ReportedAttributes(model_, e);
    const auto report_by = reported.empty() ? 0 : builder_.CreateVectorOfStrings(reported);
    const auto key = Text(e.key);
    const auto unit = Text(e.unit);
    const auto fallback = e.fallback_unit.empty() ? 0 : Text(e.fallback_unit);
    const auto forced_salt_text = e.forced.empty() ? 0 : Text(forced_salt);

    schema::ExperimentBuilder out(builder_);
    out.add_key(key);
    out.add_status(static_cast<std::uint8_t>(e.status));
    out.add_start(e.start_ms);
    out.add_end(e.end_ms);
    out.add_iteration(e.iteration);
    out.add_phase(PhaseOf(e));
    out.add_hash(HashOf(e));
    out.add_unit_type(unit);
    out.add_fallback_unit(fallback);
    out.add_forced_salt(forced_salt_text);
    out.add_forced(forced);
    out.add_holdouts(holdouts);
    if (e.sticky.has_value()) {
      const schema::Sticky sticky(e.sticky->version, e.sticky->min_version);
      out.add_sticky(&sticky);
    }
    out.add_prerequisites(prerequisites);
    out.add_condition(condition);
    out.add_layer(layer);
    out.add_layer_shard(layer_shard);
    out.add_share(share);
    out.add_ramp(ramp);
    out.add_split(split);
    out.add_variants(variants);
    out.add_report_by(report_by);
    return out.Finish();
  }

  const Model& model_;
  const CompileOptions& options_;
  Compiled compiled_;
  FlatBufferBuilder builder_;
  std::vector<schema::Node> nodes_;
  std::vector<Offset<schema::Operand>> operands_;
  std::map<std::string, std::uint32_t> operand_index_;
  std::map<std::string, std::uint32_t, std::less<>> segment_index_;
  std::map<std::string, std::int32_t, std::less<>> layer_index_;
};

}  // namespace

absl::StatusOr<Compiled> Compile(const Model& model, const CompileOptions& options) {
  Problems problems;
  CheckAllocation(model, problems);
  if (!problems.empty()) return absl::FailedPreconditionError(problems[0].ToString());
  for (const Segment& segment : model.segments) {
    if (!segment.ids_blob.has_value() || segment.blob_bytes != nullptr) continue;
    return absl::FailedPreconditionError(base::ToAbsl(base::Concat(
        {segment.place.path,
         ".ids_blob: the list is kept by the server it was published to; to use the catalog here, "
         "write \"ids_file\""})));
  }
  return Compiler(model, options).Run();
}

catalog::Blob HashedList(const Segment& segment) {
  auto bytes = std::make_shared<std::string>();
  bytes->reserve(segment.ids.size() * 8);
  for (const std::uint64_t id : HashedIds(segment.ids, ListSalt(segment))) {
    for (int shift = 0; shift < 64; shift += 8) {
      *bytes += static_cast<char>((id >> shift) & 0xff);
    }
  }
  const std::uint64_t name = Hash64(*bytes);
  return {name, std::move(bytes)};
}

std::map<std::string, std::uint32_t> NextPhases(const Model& previous,
                                                const std::map<std::string, std::uint32_t>& phases,
                                                const Model& next) {
  std::map<std::string, std::uint32_t> result;
  for (const Experiment& is : next.experiments) {
    std::uint32_t& phase = result[is.key];
    phase = 1;
    const Experiment* const was = previous.FindExperiment(is.key);
    if (was == nullptr || was->iteration != is.iteration) continue;
    if (const auto found = phases.find(is.key); found != phases.end()) phase = found->second;
    const auto traffic = [](const Experiment& e) {
      std::vector<BucketRange> ranges = e.buckets;
      for (const RampStep& step : e.ramp) {
        ranges.push_back(ShareRange(step.share, kBucketCount));
      }
      if (e.share.has_value()) ranges.push_back(ShareRange(*e.share, kBucketCount));
      return ranges;
    };
    const auto names = [](const Experiment& e) {
      std::vector<std::pair<BucketRange, std::string>> arms;
      for (const Arm& arm : SplitArms(e)) {
        arms.push_back({{arm.begin, arm.end}, e.variants[arm.variant].key});
      }
      return arms;
    };
    if (traffic(*was) != traffic(is) || names(*was) != names(is)) ++phase;
  }
  return result;
}

}  // namespace upswing::authoring
