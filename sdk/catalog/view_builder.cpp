#include <absl/status/status.h>

#include <algorithm>
#include <string>
#include <utility>

#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "sdk/catalog/condition_check.hpp"
#include "sdk/catalog/envelope.hpp"
#include "sdk/catalog/view.hpp"
#include "sdk/schema/catalog_generated.h"

namespace upswing::catalog {
namespace {

constexpr std::uint32_t kHashVersion = 1;
constexpr std::size_t kMaxUnitTypes = 250;
constexpr std::uint32_t kMaxPrerequisiteDepth = 32;
constexpr std::uint64_t kMaxPrerequisiteCost = 10'000;

absl::Status Invalid(std::initializer_list<std::string_view> parts) {
  return absl::InvalidArgumentError(base::ToAbsl(base::Concat({"catalog: ", base::Concat(parts)})));
}

template <class Vector>
std::uint32_t SizeOf(const Vector* vector) {
  return vector == nullptr ? 0 : vector->size();
}

std::string_view TextOf(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view() : std::string_view(text->c_str(), text->size());
}

std::uint64_t LoadId(const unsigned char* bytes) {
  return flatbuffers::ReadScalar<std::uint64_t>(bytes);
}

bool IsSorted(const unsigned char* ids, std::uint64_t count) {
  for (std::uint64_t i = 1; i < count; ++i) {
    if (LoadId(ids + 8 * (i - 1)) > LoadId(ids + 8 * i)) return false;
  }
  return true;
}

}  // namespace

#define UPSWING_RETURN_IF_ERROR(expression) \
  if (absl::Status status_ = (expression); !status_.ok()) return status_

/// Verifies the bytes and fills a view. Every index that the evaluator follows is checked here.
class ViewBuilder {
 public:
  ViewBuilder(View& view, const LoadOptions& options) : view_(view), options_(options) {}

  absl::Status Run() {
    const auto content = Open(*view_.bytes_);
    if (!content.ok()) return content.status();
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(content->data());
    // The table limit is a guard against bytes whose tables share sub-tables without end.
    flatbuffers::Verifier verifier(bytes, content->size(), 16, 4'000'000);
    if (!schema::VerifyCatalogBuffer(verifier)) return Invalid({"not a well-formed catalog"});
    table_ = schema::GetCatalog(bytes);
    view_.table_ = table_;
    view_.version_ = table_->version();
    view_.project_ = TextOf(table_->project());
    view_.nodes_ = table_->nodes() == nullptr
                       ? nullptr
                       : reinterpret_cast<const schema::Node*>(table_->nodes()->Data());
    known_hash_ = table_->hash_version() == kHashVersion;

    UPSWING_RETURN_IF_ERROR(Segments());
    UPSWING_RETURN_IF_ERROR(conditions_.Run(*table_, options_.matchers != nullptr, list_loaded_));
    UPSWING_RETURN_IF_ERROR(AttributesAndOperands());
    for (std::uint32_t i = 0; i < view_.segments_.size(); ++i) {
      view_.segments_[i].supported = conditions_.SegmentFacts(i).supported;
    }
    UPSWING_RETURN_IF_ERROR(Holdouts());
    UPSWING_RETURN_IF_ERROR(Layers());
    UPSWING_RETURN_IF_ERROR(Experiments());
    UPSWING_RETURN_IF_ERROR(Flags());
    UPSWING_RETURN_IF_ERROR(Prerequisites());
    std::sort(view_.boundaries_.begin(), view_.boundaries_.end());
    view_.boundaries_.erase(std::unique(view_.boundaries_.begin(), view_.boundaries_.end()),
                            view_.boundaries_.end());
    view_.boundaries_.shrink_to_fit();
    view_.shards_.shrink_to_fit();
    view_.values_.shrink_to_fit();
    view_.owners_.shrink_to_fit();
    view_.rules_.shrink_to_fit();
    view_.forced_.shrink_to_fit();
    view_.arms_.shrink_to_fit();
    view_.holdout_lists_.shrink_to_fit();
    view_.experiment_holdouts_.shrink_to_fit();
    return absl::OkStatus();
  }

 private:
  Symbol Intern(std::string_view text) { return options_.interner->Intern(text); }

  absl::StatusOr<std::uint8_t> UnitTypeIndex(std::string_view name) {
    const std::uint64_t hash = base::Hash64(name);
    for (std::size_t i = 0; i < view_.unit_types_.size(); ++i) {
      if (view_.unit_types_[i].hash == hash) return static_cast<std::uint8_t>(i);
    }
    if (view_.unit_types_.size() == kMaxUnitTypes) return Invalid({"too many unit types"});
    view_.unit_types_.push_back({Intern(name), hash});
    return static_cast<std::uint8_t>(view_.unit_types_.size() - 1);
  }

  absl::Status Segments() {
    const std::uint32_t count = SizeOf(table_->segments());
    view_.segments_.reserve(count);
    list_loaded_.assign(count, true);
    for (std::uint32_t i = 0; i < count; ++i) {
      const schema::Segment& in = *table_->segments()->Get(i);
      Segment segment{.key = TextOf(in.key()), .root = in.root()};
      if (in.list() != nullptr) {
        segment.root = kNone;
        segment.list = static_cast<std::uint32_t>(view_.id_lists_.size());
        auto list = List(*in.list(), segment.key);
        if (!list.ok()) return list.status();
        list_loaded_[i] = list->ids != nullptr;
        view_.id_lists_.push_back(*list);
      }
      view_.segments_.push_back(segment);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<IdList> List(const schema::IdList& in, std::string_view segment) {
    static constexpr unsigned char kNoIds[8] = {};
    IdList list;
    list.unit_type.hash = base::Hash64(TextOf(in.unit_type()));
    list.unit_type.name = Intern(TextOf(in.unit_type()));
    list.salt_hash = base::Hash64(TextOf(in.salt()));
    if (in.blob_count() == 0) {
      list.count = SizeOf(in.ids());
      list.ids = list.count == 0 ? kNoIds : in.ids()->Data();
    } else {
      const auto blob = std::find_if(options_.blobs.begin(), options_.blobs.end(),
                                     [&](const Blob& b) { return b.name == in.blob(); });
      if (blob == options_.blobs.end() || blob->bytes == nullptr) {
        view_.missing_blobs_.push_back(in.blob());
        return list;
      }
      if (blob->bytes->size() != in.blob_count() * 8 || base::Hash64(*blob->bytes) != in.blob()) {
        return Invalid({"the id list of segment \"", segment, "\" is truncated or changed"});
      }
      view_.loaded_blobs_.push_back(*blob);
      list.count = in.blob_count();
      list.ids = reinterpret_cast<const unsigned char*>(blob->bytes->data());
    }
    if (!IsSorted(list.ids, list.count)) {
      return Invalid({"the id list of segment \"", segment, "\" is not sorted"});
    }
    return list;
  }

  absl::Status AttributesAndOperands() {
    const std::uint32_t attributes = SizeOf(table_->attributes());
    view_.attributes_.reserve(attributes);
    for (std::uint32_t i = 0; i < attributes; ++i) {
      const schema::Attribute& attribute = *table_->attributes()->Get(i);
      view_.attributes_.push_back({base::Hash64(TextOf(attribute.name())), attribute.type()});
    }
    const std::uint32_t operands = SizeOf(table_->operands());
    view_.operands_.resize(operands);
    for (std::uint32_t i = 0; i < operands; ++i) {
      FillOperand(*table_->operands()->Get(i), view_.operands_[i]);
    }
    if (options_.matchers == nullptr) return absl::OkStatus();
    for (const schema::Node* node = view_.nodes_; node < view_.nodes_ + SizeOf(table_->nodes());
         ++node) {
      if (node->kind() != static_cast<std::uint8_t>(schema::NodeKind::leaf) ||
          node->op() != static_cast<std::uint8_t>(schema::Operator::matches)) {
        continue;
      }
      Operand& operand = view_.operands_[node->operand()];
      if (operand.matcher != nullptr || SizeOf(operand.table->strings()) != 1) continue;
      const std::string_view pattern = TextOf(operand.table->strings()->Get(0));
      auto matcher = options_.matchers->Compile(pattern);
      if (matcher == nullptr) return Invalid({"invalid pattern \"", pattern, "\""});
      operand.matcher = matcher.get();
      view_.matchers_.push_back(std::move(matcher));
    }
    return absl::OkStatus();
  }

  void FillOperand(const schema::Operand& in, Operand& out) {
    out.table = &in;
    out.int_count = SizeOf(in.ints());
    if (out.int_count != 0) out.ints = in.ints()->data();
    out.double_count = SizeOf(in.doubles());
    if (out.double_count != 0) out.doubles = in.doubles()->data();
    out.string_count = SizeOf(in.strings());
    if (out.string_count == 1) {
      const Version version = ParseVersion(TextOf(in.strings()->Get(0)));
      out.packed_version = PackVersion(TextOf(in.strings()->Get(0)));
      if (version.valid) {
        out.version = static_cast<std::uint32_t>(view_.versions_.size());
        view_.versions_.push_back(version);
      }
    }
    std::vector<std::uint64_t> packed(out.string_count);
    for (std::uint32_t i = 0; i < out.string_count; ++i) {
      if (!PackShort(TextOf(in.strings()->Get(i)), &packed[i])) return;
    }
    if (packed.empty()) return;
    std::sort(packed.begin(), packed.end());
    view_.packed_.push_back(std::move(packed));
    out.packed = view_.packed_.back().data();  // stays when the outer vector grows
  }

  /// A usable shard; `*supported` is cleared for a scheme this SDK does not know.
  absl::StatusOr<Shard> MakeShard(const schema::Shard& in, bool* supported) {
    Shard shard;
    shard.scheme = in.scheme();
    const std::string_view salt = TextOf(in.salt());
    shard.salt_data = salt.data();
    shard.salt_size = static_cast<std::uint32_t>(salt.size());
    shard.salt_hash = base::Hash64(salt);
    shard.bucket_count = in.count();
    shard.range_count = SizeOf(in.ranges());
    if (shard.range_count != 0) {
      shard.ranges = reinterpret_cast<const schema::Range*>(in.ranges()->Data());
    }
    if (shard.bucket_count == 0) return Invalid({"a shard without buckets"});
    std::uint32_t at = 0;
    for (std::uint32_t i = 0; i < shard.range_count; ++i) {
      const schema::Range& range = shard.ranges[i];
      if (range.begin() < at || range.end() <= range.begin() || range.end() > shard.bucket_count) {
        return Invalid({"unsorted or empty bucket ranges under salt \"", salt, "\""});
      }
      at = range.end();
    }
    SetBlocks(shard);
    if (in.scheme() > static_cast<std::uint8_t>(schema::Scheme::MAX)) *supported = false;
    return shard;
  }

  static void SetBlocks(Shard& shard) {
    if (shard.bucket_count > Shard::kBlock * 64 * std::size(shard.blocks)) return;
    for (std::uint32_t i = 0; i < shard.range_count; ++i) {
      const schema::Range& range = shard.ranges[i];
      if (range.begin() % Shard::kBlock != 0 || range.end() % Shard::kBlock != 0) return;
      for (std::uint32_t at = range.begin() / Shard::kBlock; at < range.end() / Shard::kBlock;
           ++at) {
        shard.blocks[at / 64] |= std::uint64_t{1} << at % 64;
      }
    }
    shard.in_blocks = true;
  }

  absl::StatusOr<std::uint32_t> AddShard(const schema::Shard* in, bool* supported) {
    if (in == nullptr) return kNone;
    const auto shard = MakeShard(*in, supported);
    if (!shard.ok()) return shard.status();
    view_.shards_.push_back(*shard);
    return static_cast<std::uint32_t>(view_.shards_.size() - 1);
  }

  absl::Status Holdouts() {
    const std::uint32_t count = SizeOf(table_->holdouts());
    view_.holdouts_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const schema::Holdout& in = *table_->holdouts()->Get(i);
      bool supported = true;
      const auto shard = MakeShard(*in.shard(), &supported);
      if (!shard.ok()) return shard.status();
      view_.holdouts_.push_back({Intern(TextOf(in.key())), *shard});
      holdout_supported_.push_back(supported);
    }
    return absl::OkStatus();
  }

  absl::Status Layers() {
    for (std::uint32_t i = 0; i < SizeOf(table_->layers()); ++i) {
      const schema::Layer& in = *table_->layers()->Get(i);
      if (in.parent() >= static_cast<std::int32_t>(i)) {
        return Invalid({"layer \"", TextOf(in.key()), "\" lies in a later one"});
      }
      if (in.parent() >= 0 && in.shard() == nullptr) {
        return Invalid({"layer \"", TextOf(in.key()), "\" has no buckets of its parent"});
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckSetting(const schema::Setting& setting, std::string_view where) {
    if (setting.flag() >= SizeOf(table_->flags())) {
      return Invalid({where, " sets an unknown flag"});
    }
    return absl::OkStatus();
  }

  Value MakeValue(const schema::Setting& setting, std::uint8_t type) {
    switch (static_cast<schema::FlagType>(type)) {
      case schema::FlagType::boolean:
        return Value::Bool(setting.boolean());
      case schema::FlagType::integer:
        return Value::Int(setting.integer());
      case schema::FlagType::real:
        return Value::Double(setting.real());
      case schema::FlagType::string:
        return Value::Text(ValueType::kString, Intern(TextOf(setting.text())));
      case schema::FlagType::json:
        return Value::Text(ValueType::kJson, Intern(TextOf(setting.text())));
    }
    return Value();
  }

  absl::Status Condition(std::int32_t root, std::uint32_t* out, bool* supported,
                         std::string_view where) {
    *out = kNone;
    if (root < 0) return absl::OkStatus();
    if (static_cast<std::uint32_t>(root) >= SizeOf(table_->nodes())) {
      return Invalid({where, " has an unknown condition"});
    }
    *out = static_cast<std::uint32_t>(root);
    const ConditionCheck::Facts* const facts = conditions_.Tree(*out);
    if (facts == nullptr) return Invalid({where, " has a condition that is too large"});
    *supported &= facts->supported;
    return absl::OkStatus();
  }

  absl::Status HoldoutList(const flatbuffers::Vector<std::uint32_t>* in, std::uint32_t* first,
                           std::uint8_t* count, bool* supported, std::string_view where) {
    *first = static_cast<std::uint32_t>(view_.experiment_holdouts_.size());
    if (SizeOf(in) > Decision::kMaxHoldouts) return Invalid({where, " has too many holdouts"});
    *count = static_cast<std::uint8_t>(SizeOf(in));
    for (std::uint32_t i = 0; i < *count; ++i) {
      if (in->Get(i) >= view_.holdouts_.size()) return Invalid({where, ": unknown holdout"});
      *supported &= holdout_supported_[in->Get(i)];
      view_.experiment_holdouts_.push_back(in->Get(i));
    }
    return absl::OkStatus();
  }

  absl::Status Experiments() {
    const std::uint32_t count = SizeOf(table_->experiments());
    view_.experiments_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const schema::Experiment& in = *table_->experiments()->Get(i);
      Experiment out;
      UPSWING_RETURN_IF_ERROR(Identity(in, out));
      UPSWING_RETURN_IF_ERROR(Traffic(in, out));
      UPSWING_RETURN_IF_ERROR(Split(in, out));
      UPSWING_RETURN_IF_ERROR(Forced(in, out));
      view_.experiments_.push_back(out);
    }
    if (!Fill<Experiment>(view_.experiment_index_, view_.experiments_)) {
      return Invalid({"two experiments with the same key"});
    }
    return absl::OkStatus();
  }

  static void Set(Experiment& out, ExperimentSteps step, bool on) {
    if (on) out.steps = static_cast<std::uint16_t>(out.steps | step);
  }

  absl::Status Identity(const schema::Experiment& in, Experiment& out) {
    const std::string_view key = TextOf(in.key());
    out.key = Intern(key);
    out.key_hash = base::Hash64(key);
    out.table = &in;
    out.hash = in.hash();
    const bool running = in.status() == static_cast<std::uint8_t>(schema::Status::running);
    const bool stopped = std::find(options_.stopped.begin(), options_.stopped.end(),
                                   out.key_hash) != options_.stopped.end();
    Set(out, kNotRunning, !running || stopped);
    Set(out, kNotSupported,
        !known_hash_ || in.status() > static_cast<std::uint8_t>(schema::Status::MAX));
    out.start_ms = in.start();
    out.end_ms = in.end();
    out.iteration = in.iteration();
    out.phase = in.phase();
    for (const std::int64_t time : {in.start(), in.end()}) {
      if (time == std::numeric_limits<std::int64_t>::min() ||
          time == std::numeric_limits<std::int64_t>::max()) {
        continue;
      }
      Set(out, kHasSchedule, true);
      if (running) view_.boundaries_.push_back(time);
    }
    const auto unit_type = UnitTypeIndex(TextOf(in.unit_type()));
    if (!unit_type.ok()) return unit_type.status();
    out.unit_type = *unit_type;
    if (in.fallback_unit() != nullptr) {
      const auto fallback = UnitTypeIndex(TextOf(in.fallback_unit()));
      if (!fallback.ok()) return fallback.status();
      out.fallback_unit = *fallback;
      Set(out, kHasFallback, true);
    }
    Set(out, kHasSticky, in.sticky() != nullptr);
    symbols_.clear();
    for (std::uint32_t i = 0; i < SizeOf(in.report_by()); ++i) {
      symbols_.push_back(Intern(TextOf(in.report_by()->Get(i))));
    }
    out.report_by = options_.interner->Intern(symbols_);
    return absl::OkStatus();
  }

  absl::Status Traffic(const schema::Experiment& in, Experiment& out) {
    const std::string_view key = TextOf(in.key());
    bool supported = true;
    UPSWING_RETURN_IF_ERROR(
        HoldoutList(in.holdouts(), &out.first_holdout, &out.holdout_count, &supported, key));
    if (out.holdout_count != 0) {
      symbols_.clear();
      for (std::uint32_t i = 0; i < out.holdout_count; ++i) {
        symbols_.push_back(view_.holdouts_[view_.experiment_holdouts_[out.first_holdout + i]].key);
      }
      const SymbolList keys = options_.interner->Intern(symbols_);
      auto& lists = view_.holdout_lists_;
      if (lists.empty() || lists.back().begin() != keys.begin()) lists.push_back(keys);
      out.holdout_keys = static_cast<std::uint32_t>(lists.size() - 1);
      Set(out, kHasHoldouts, true);
    }
    UPSWING_RETURN_IF_ERROR(Condition(in.condition(), &out.condition, &supported, key));
    Set(out, kHasCondition, out.condition != kNone);

    out.first_layer = static_cast<std::uint32_t>(view_.shards_.size());
    if (in.layer() >= 0) {
      if (static_cast<std::uint32_t>(in.layer()) >= SizeOf(table_->layers()) ||
          in.layer_shard() == nullptr) {
        return Invalid({"experiment \"", key, "\" has a layer without buckets"});
      }
      // Innermost first: most units are turned away by the experiment's own buckets.
      const schema::Shard* shard = in.layer_shard();
      std::int32_t layer = in.layer();
      while (true) {
        const auto added = AddShard(shard, &supported);
        if (!added.ok()) return added.status();
        ++out.layer_count;
        const schema::Layer& table = *table_->layers()->Get(static_cast<std::uint32_t>(layer));
        if (table.parent() < 0) break;
        if (out.layer_count == 32) return Invalid({"layers nested too deeply"});
        shard = table.shard();
        layer = table.parent();
      }
      Set(out, kHasLayer, true);
    }
    const auto share = AddShard(in.share(), &supported);
    if (!share.ok()) return share.status();
    out.share = *share;
    Set(out, kHasShare, out.share != kNone);

    const bool has_ramp = SizeOf(in.ramp()) != 0;
    if (has_ramp && out.share == kNone) {
      return Invalid({"experiment \"", key, "\" has a ramp without a share"});
    }
    Set(out, kHasRamp, has_ramp);
    std::int64_t previous = std::numeric_limits<std::int64_t>::min();
    for (std::uint32_t i = 0; i < SizeOf(in.ramp()); ++i) {
      const schema::RampStep& step = *in.ramp()->Get(i);
      if (step.at() < previous) return Invalid({"experiment \"", key, "\": ramp out of order"});
      previous = step.at();
      if ((out.steps & kNotRunning) == 0) view_.boundaries_.push_back(step.at());
    }
    Set(out, kNotSupported, !supported);
    return absl::OkStatus();
  }

  absl::Status Split(const schema::Experiment& in, Experiment& out) {
    const std::string_view key = TextOf(in.key());
    const std::uint32_t variants = SizeOf(in.variants());
    if (variants == 0 || variants >= Decision::kNoVariant) {
      return Invalid({"experiment \"", key, "\" has no variants or too many"});
    }
    symbols_.clear();
    for (std::uint32_t v = 0; v < variants; ++v) {
      const schema::Variant& variant = *in.variants()->Get(v);
      symbols_.push_back(Intern(TextOf(variant.key())));
      for (std::uint32_t s = 0; s < SizeOf(variant.settings()); ++s) {
        UPSWING_RETURN_IF_ERROR(CheckSetting(*variant.settings()->Get(s), key));
      }
    }
    out.variants = options_.interner->Intern(symbols_).begin();
    out.variant_count = static_cast<std::uint16_t>(variants);

    const schema::Split& split = *in.split();
    Set(out, kHasForeignSplit, split.scheme() != 0);
    Set(out, kNotSupported, split.scheme() > static_cast<std::uint8_t>(schema::Scheme::MAX));
    out.split_salt_hash = base::Hash64(TextOf(split.salt()));
    out.split_bucket_count = split.count();
    if (split.count() == 0) return Invalid({"experiment \"", key, "\" splits without buckets"});
    out.first_arm = static_cast<std::uint32_t>(view_.arms_.size());
    std::uint32_t at = 0;
    for (std::uint32_t i = 0; i < SizeOf(split.arms()); ++i) {
      const schema::Arm& arm = *split.arms()->Get(i);
      if (arm.begin() < at || arm.end() <= arm.begin() || arm.end() > split.count() ||
          arm.variant() >= variants) {
        return Invalid({"experiment \"", key, "\" has unsorted or empty arms"});
      }
      if (arm.begin() > at) view_.arms_.push_back({arm.begin(), Decision::kNoVariant});
      view_.arms_.push_back({arm.end(), arm.variant()});
      at = arm.end();
    }
    const std::size_t arms = view_.arms_.size() - out.first_arm;
    if (arms > 0xffff) return Invalid({"experiment \"", key, "\" has too many arms"});
    out.arm_count = static_cast<std::uint16_t>(arms);
    return absl::OkStatus();
  }

  absl::Status Forced(const schema::Experiment& in, Experiment& out) {
    const std::string_view key = TextOf(in.key());
    const std::uint64_t salt_hash = base::Hash64(TextOf(in.forced_salt()));
    for (std::uint32_t i = 0; i < SizeOf(in.forced()); ++i) {
      const schema::Forced& forced = *in.forced()->Get(i);
      const std::uint32_t count = SizeOf(forced.ids());
      if (forced.variant() >= SizeOf(in.variants()) || count == 0 ||
          !IsSorted(forced.ids()->Data(), count)) {
        return Invalid({"experiment \"", key, "\" has a malformed QA list"});
      }
      const std::string_view unit_type = TextOf(forced.unit_type());
      view_.forced_.push_back(
          {{{Intern(unit_type), base::Hash64(unit_type)}, salt_hash, forced.ids()->Data(), count},
           static_cast<std::uint32_t>(view_.experiments_.size()),
           forced.variant()});
      Set(out, kHasForced, true);
    }
    Set(out, kHasPrerequisites, SizeOf(in.prerequisites()) != 0);
    for (std::uint32_t i = 0; i < SizeOf(in.prerequisites()); ++i) {
      const schema::Prerequisite& prerequisite = *in.prerequisites()->Get(i);
      if (prerequisite.flag() >= SizeOf(table_->flags())) {
        return Invalid({"experiment \"", key, "\" has an unknown prerequisite"});
      }
    }
    return absl::OkStatus();
  }

  absl::Status Flags() {
    const std::uint32_t count = SizeOf(table_->flags());
    view_.flags_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const schema::Flag& in = *table_->flags()->Get(i);
      const std::string_view key = TextOf(in.key());
      Flag out;
      out.key = Intern(key);
      out.key_hash = base::Hash64(key);
      out.default_value = MakeValue(*in.default_value(), in.type());
      out.first_rule = static_cast<std::uint32_t>(view_.rules_.size());
      if (SizeOf(in.rules()) > 0xffff || SizeOf(in.experiments()) > 0xffff) {
        return Invalid({"flag \"", key, "\" has too many rules or experiments"});
      }
      out.rule_count = static_cast<std::uint16_t>(SizeOf(in.rules()));
      for (std::uint32_t r = 0; r < out.rule_count; ++r) {
        UPSWING_RETURN_IF_ERROR(AddRule(*in.rules()->Get(r), in.type(), key));
      }
      out.first_owner = static_cast<std::uint32_t>(view_.owners_.size());
      out.owner_count = static_cast<std::uint16_t>(SizeOf(in.experiments()));
      for (std::uint32_t e = 0; e < out.owner_count; ++e) {
        const std::uint32_t experiment = in.experiments()->Get(e);
        if (experiment >= view_.experiments_.size()) {
          return Invalid({"flag \"", key, "\" belongs to an unknown experiment"});
        }
        AddOwner(i, in.type(), experiment);
      }
      view_.flags_.push_back(out);
    }
    if (!Fill<Flag>(view_.flag_index_, view_.flags_)) {
      return Invalid({"two flags with the same key"});
    }
    return absl::OkStatus();
  }

  absl::Status AddRule(const schema::Rule& in, std::uint8_t type, std::string_view flag) {
    Rule out;
    out.supported = known_hash_;
    out.value = MakeValue(*in.value(), type);
    UPSWING_RETURN_IF_ERROR(Condition(in.condition(), &out.condition, &out.supported, flag));
    UPSWING_RETURN_IF_ERROR(
        HoldoutList(in.holdouts(), &out.first_holdout, &out.holdout_count, &out.supported, flag));
    const auto share = AddShard(in.share(), &out.supported);
    if (!share.ok()) return share.status();
    out.share = *share;
    if (in.unit_type() != nullptr) {
      const auto unit_type = UnitTypeIndex(TextOf(in.unit_type()));
      if (!unit_type.ok()) return unit_type.status();
      out.unit_type = *unit_type;
    } else if (out.share != kNone || out.holdout_count != 0) {
      return Invalid({"a rule of flag \"", flag, "\" has no unit type"});
    }
    view_.rules_.push_back(out);
    return absl::OkStatus();
  }

  void AddOwner(std::uint32_t flag, std::uint8_t type, std::uint32_t experiment) {
    view_.owners_.push_back({experiment, static_cast<std::uint32_t>(view_.values_.size())});
    const auto& variants = *view_.experiments_[experiment].table->variants();
    for (const schema::Variant* const variant : variants) {
      Value value;
      for (std::uint32_t s = 0; s < SizeOf(variant->settings()); ++s) {
        const schema::Setting& setting = *variant->settings()->Get(s);
        if (setting.flag() == flag) value = MakeValue(setting, type);
      }
      view_.values_.push_back(value);
    }
  }

  // Prerequisites lead from an experiment to flags, and from these to the experiments that own
  // them. A cycle is refused, and so is a chain that costs too much to follow.
  absl::Status Prerequisites() {
    costs_.assign(view_.experiments_.size(), 0);
    for (std::uint32_t i = 0; i < view_.experiments_.size(); ++i) {
      if ((view_.experiments_[i].steps & kHasPrerequisites) == 0) continue;
      if (Cost(i, 0) > kMaxPrerequisiteCost) {
        return Invalid({"prerequisites of experiment \"", view_.experiments_[i].key.view(),
                        "\" are cyclic or too many"});
      }
    }
    return absl::OkStatus();
  }

  std::uint64_t Cost(std::uint32_t experiment, std::uint32_t depth) {
    const Experiment& e = view_.experiments_[experiment];
    if ((e.steps & kHasPrerequisites) == 0) return 1;
    if (depth > kMaxPrerequisiteDepth) return kMaxPrerequisiteCost + 1;
    if (costs_[experiment] != 0) return costs_[experiment];
    costs_[experiment] = kMaxPrerequisiteCost + 1;  // what a cycle comes back to
    std::uint64_t cost = 1;
    for (const schema::Prerequisite* const prerequisite : *e.table->prerequisites()) {
      const Flag& flag = view_.flags_[prerequisite->flag()];
      for (std::uint32_t i = 0; i < flag.owner_count; ++i) {
        cost += Cost(view_.owners_[flag.first_owner + i].experiment, depth + 1);
        if (cost > kMaxPrerequisiteCost) break;
      }
    }
    costs_[experiment] = std::min(cost, kMaxPrerequisiteCost + 1);
    return costs_[experiment];
  }

  /// False if two items have the same key (or, once in 2^64 pairs, the same hash).
  template <class T>
  bool Fill(View::Index& index, const std::vector<T>& items) {
    std::size_t size = 2;
    while (size < items.size() * 3) size *= 2;
    index.slots.assign(size, {});
    index.mask = static_cast<std::uint32_t>(size - 1);
    for (std::uint32_t i = 0; i < items.size(); ++i) {
      const std::uint64_t hash = items[i].key_hash;
      const auto tag = static_cast<std::uint32_t>(hash >> 32);
      auto at = static_cast<std::uint32_t>(hash);
      for (;; ++at) {
        View::Index::Slot& slot = index.slots[at & index.mask];
        if (slot.index == kNone) {
          slot = {tag, i};
          break;
        }
        if (slot.tag == tag && items[slot.index].key_hash == hash) return false;
      }
    }
    return true;
  }

  View& view_;
  const LoadOptions& options_;
  const schema::Catalog* table_ = nullptr;
  ConditionCheck conditions_;
  bool known_hash_ = true;
  std::vector<bool> list_loaded_;
  std::vector<bool> holdout_supported_;
  std::vector<Symbol> symbols_;       // scratch
  std::vector<std::uint64_t> costs_;  // of experiments with prerequisites; 0 if not known yet
};

absl::StatusOr<std::shared_ptr<const View>> View::Load(std::shared_ptr<const std::string> bytes,
                                                       const LoadOptions& options) {
  std::shared_ptr<View> view(new View);
  view->bytes_ = std::move(bytes);
  if (absl::Status status = ViewBuilder(*view, options).Run(); !status.ok()) return status;
  return std::shared_ptr<const View>(std::move(view));
}

}  // namespace upswing::catalog
