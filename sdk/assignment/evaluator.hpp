#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "sdk/assignment/condition.hpp"
#include "sdk/assignment/evaluate.hpp"
#include "sdk/assignment/scheme.hpp"
#include "sdk/assignment/trace.hpp"
#include "sdk/base/hash.hpp"
#include "sdk/schema/catalog_generated.h"

namespace upswing::assignment {

/// Records nothing: the compiler removes every call.
struct NoTrace {
  void Add(const Step&) {}
};

struct RecordTrace {
  Trace& trace;
  void Add(const Step& step) { trace.push_back(step); }
};

/// The one evaluator, with or without a trace. Everything it follows was checked by the loader.
template <class Recorder>
class Evaluator {
 public:
  Evaluator(const catalog::View& view, const Subject& subject, const Environment& environment,
            Recorder recorder)
      : view_(view), subject_(subject), environment_(environment), recorder_(recorder) {}

  void Experiment(const catalog::Experiment& experiment, Decision& decision) {
    Name(experiment, decision);
    decision.key_symbol = experiment.key;
    decision.reason = Decide(experiment, decision);
  }

  void Flag(const catalog::Flag& flag, Decision& decision) {
    decision.reason = Reason::kDefault;
    bool decided = false;
    for (std::uint32_t i = 0; i < flag.owner_count && !decided; ++i) {
      const catalog::Owner& owner = view_.owners()[flag.first_owner + i];
      const catalog::Experiment& experiment = view_.experiments()[owner.experiment];
      recorder_.Add({StepKind::kExperiment, true, owner.experiment});
      Decision candidate;
      Name(experiment, candidate);
      candidate.reason = Decide(experiment, candidate);
      decided = candidate.in_experiment();
      if (decided) candidate.value = view_.values()[owner.first_value + candidate.variant_index];
      if (decided || i == 0 || Progress(candidate.reason) > Progress(decision.reason)) {
        decision = candidate;
      }
    }
    decision.kind = DecisionKind::kFlag;
    decision.key_symbol = flag.key;
    if (decision.value.type() != ValueType::kNone) return;
    // The flag's value where no experiment sets it: its first rule that applies, else the default.
    for (std::uint32_t i = 0; i < flag.rule_count; ++i) {
      const catalog::Rule& rule = view_.rules()[flag.first_rule + i];
      const bool applies = Applies(rule);
      recorder_.Add({StepKind::kRule, applies, i});
      if (!applies) continue;
      decision.value = rule.value;
      decision.rule_index = static_cast<std::int32_t>(i);
      if (!decided) decision.reason = Reason::kRule;
      return;
    }
    recorder_.Add({StepKind::kDefault, true});
    decision.value = flag.default_value;
  }

 private:
  /// How far an evaluation came: the reasons are numbered in the order of the steps.
  static int Progress(Reason reason) {
    return reason == Reason::kUnsupported ? static_cast<int>(Reason::kDisabled)
                                          : static_cast<int>(reason);
  }

  void Name(const catalog::Experiment& experiment, Decision& decision) const {
    decision.experiment_symbol = experiment.key;
    decision.report_by = experiment.report_by;
    decision.iteration = experiment.iteration;
    decision.phase = experiment.phase;
    decision.experiment_hash = experiment.hash;
    decision.catalog_version = view_.version();
  }

  Reason Decide(const catalog::Experiment& e, Decision& decision) {
    // Most experiments have few of the steps, and many decisions only the split.
    if (e.steps == 0 && environment_.overrides == nullptr) {
      recorder_.Add({StepKind::kStatus, true});
      const Subject::Unit* const unit = subject_.FindUnit(view_.unit_types()[e.unit_type].hash);
      if (unit == nullptr) return Stop(StepKind::kUnit, Reason::kMissingUnit);
      recorder_.Add({StepKind::kUnit, true});
      SetUnit(*unit, e.unit_type, decision);
      return Split(e, *unit, decision);
    }
    return DecideInSteps(e, decision);
  }

  Reason DecideInSteps(const catalog::Experiment& e, Decision& decision) {
    using namespace catalog;
    const std::uint32_t steps = e.steps;
    if ((steps & kHasSticky) != 0) {
      decision.sticky = true;
      decision.sticky_version = e.table->sticky()->version();
    }
    if ((steps & kNotRunning) != 0) return Stop(StepKind::kStatus, Reason::kDisabled);
    recorder_.Add({StepKind::kStatus, true});
    if ((steps & kNotSupported) != 0) return Stop(StepKind::kSupported, Reason::kUnsupported);
    if (environment_.overrides != nullptr && Override(e, decision)) return Reason::kForced;
    if ((steps & kHasForced) != 0 && QaList(e, decision)) return Reason::kForced;

    StickyAssignment stored;
    bool kept = false;
    const Subject::Unit* unit = nullptr;
    if ((steps & (kHasSticky | kHasFallback)) == 0) {
      unit = subject_.FindUnit(view_.unit_types()[e.unit_type].hash);
      if (unit != nullptr) SetUnit(*unit, e.unit_type, decision);
    } else {
      unit = FindUnit(e, decision, stored, kept);
    }
    if (unit == nullptr) return Stop(StepKind::kUnit, Reason::kMissingUnit);
    recorder_.Add({StepKind::kUnit, true});

    if ((steps & kHasSchedule) != 0) {
      if (environment_.now_ms < e.start_ms) return Stop(StepKind::kSchedule, Reason::kNotStarted);
      if (environment_.now_ms >= e.end_ms) return Stop(StepKind::kSchedule, Reason::kEnded);
      recorder_.Add({StepKind::kSchedule, true});
    }
    if ((steps & kHasHoldouts) != 0) {
      decision.holdouts = view_.holdout_lists()[e.holdout_keys];
      for (std::uint32_t i = 0; i < e.holdout_count; ++i) {
        const std::uint32_t index = view_.experiment_holdouts()[e.first_holdout + i];
        ++decision.holdouts_consulted;
        if (IsHeld(index, *unit)) {
          decision.held = true;
          return Reason::kHoldout;
        }
      }
    }
    if (kept && Keep(e, *unit, stored, decision)) return Reason::kSticky;

    if ((steps & kHasPrerequisites) != 0 && !PrerequisitesHold(e)) return Reason::kPrerequisite;
    if ((steps & kHasCondition) != 0) {
      const bool holds = Holds(view_, subject_, e.condition);
      recorder_.Add({StepKind::kTargeting, holds, e.condition});
      if (!holds) return Reason::kTargeting;
    }
    for (std::uint32_t i = 0; i < e.layer_count; ++i) {
      if (!InShard(StepKind::kLayer, e.first_layer + i, *unit)) return Reason::kLayer;
    }
    if ((steps & kHasShare) != 0 && !InShare(e, *unit)) return Reason::kTraffic;
    return Split(e, *unit, decision);
  }

  Reason Split(const catalog::Experiment& e, const Subject::Unit& unit, Decision& decision) {
    const std::uint32_t bucket = SplitBucket(e, unit);
    const std::uint32_t variant = VariantAt(e, bucket);
    recorder_.Add({StepKind::kSplit, variant != Decision::kNoVariant, variant, bucket});
    if (variant == Decision::kNoVariant) return Reason::kTraffic;
    decision.bucket = bucket;
    SetVariant(e, variant, decision);
    return Reason::kAssigned;
  }

  Reason Stop(StepKind step, Reason reason) {
    recorder_.Add({step, false});
    return reason;
  }

  void SetVariant(const catalog::Experiment& e, std::uint32_t variant, Decision& decision) const {
    decision.variant_index = static_cast<std::uint16_t>(variant);
    decision.variant_symbol = e.variants[variant];
  }

  static std::uint32_t FindVariant(const catalog::Experiment& e, std::string_view key) {
    for (std::uint32_t i = 0; i < e.variant_count; ++i) {
      if (e.variants[i].view() == key) return i;
    }
    return Decision::kNoVariant;
  }

  void SetUnit(const Subject::Unit& unit, std::uint8_t type, Decision& decision) const {
    decision.unit_index = static_cast<std::uint8_t>(&unit - subject_.units().data());
    decision.unit_type_symbol = view_.unit_types()[type].name;
  }

  /// Forced units still are units of the experiment: their exposures name the id they have.
  void SetAnyUnit(const catalog::Experiment& e, Decision& decision) const {
    for (const std::uint8_t type : {e.unit_type, e.fallback_unit}) {
      if (type == 0xff) return;
      if (const auto* const unit = subject_.FindUnit(view_.unit_types()[type].hash)) {
        return SetUnit(*unit, type, decision);
      }
    }
  }

  [[gnu::noinline]] bool Override(const catalog::Experiment& e, Decision& decision) {
    const auto wanted = environment_.overrides->Find(e.key.view());
    if (!wanted.has_value()) return false;
    const std::uint32_t variant = FindVariant(e, *wanted);
    recorder_.Add({StepKind::kOverride, variant != Decision::kNoVariant, variant});
    if (variant == Decision::kNoVariant) return false;
    SetAnyUnit(e, decision);
    SetVariant(e, variant, decision);
    return true;
  }

  [[gnu::noinline]] bool QaList(const catalog::Experiment& e, Decision& decision) {
    const auto index = static_cast<std::uint32_t>(&e - view_.experiments().data());
    const auto lists = view_.forced();
    auto forced = std::partition_point(
        lists.begin(), lists.end(), [index](const auto& list) { return list.experiment < index; });
    for (; forced != lists.end() && forced->experiment == index; ++forced) {
      if (!IsListed(forced->list, subject_)) continue;
      recorder_.Add({StepKind::kForced, true, forced->variant});
      SetAnyUnit(e, decision);
      SetVariant(e, forced->variant, decision);
      return true;
    }
    return false;
  }

  /// The unit that decides. With ids of both types, an assignment stored for the fallback before
  /// the unit's own id was known keeps deciding, so that logging in does not change the variant.
  [[gnu::noinline]] const Subject::Unit* FindUnit(const catalog::Experiment& e, Decision& decision,
                                                  StickyAssignment& stored, bool& kept) const {
    const auto find = [this](std::uint8_t type) {
      return type == 0xff ? nullptr : subject_.FindUnit(view_.unit_types()[type].hash);
    };
    const Subject::Unit* const own = find(e.unit_type);
    const Subject::Unit* const fallback = find(e.fallback_unit);
    if ((e.steps & catalog::kHasSticky) != 0 && environment_.sticky != nullptr) {
      for (const auto& [unit, type] : {std::pair(own, e.unit_type), {fallback, e.fallback_unit}}) {
        if (unit == nullptr) continue;
        const auto found = environment_.sticky->Find(view_.unit_types()[type].name.view(),
                                                     subject_.id(*unit), e.key.view());
        if (!found.has_value() || found->version < e.table->sticky()->min_version()) continue;
        stored = *found;
        kept = true;
        decision.by_fallback = unit == fallback;
        SetUnit(*unit, type, decision);
        return unit;
      }
    }
    if (own != nullptr) {
      SetUnit(*own, e.unit_type, decision);
      return own;
    }
    if (fallback != nullptr) {
      decision.by_fallback = true;
      SetUnit(*fallback, e.fallback_unit, decision);
    }
    return fallback;
  }

  std::uint32_t BucketOf(const catalog::Shard& shard, const Subject::Unit& unit) const {
    return shard.scheme == 0
               ? base::Bucket(unit.id_hash, shard.salt_hash, shard.bucket_count)
               : ForeignBucket(shard.scheme, shard.salt(), subject_.id(unit), shard.bucket_count);
  }

  // Without branches on the bucket, which no predictor can know.
  static bool InRanges(const catalog::Shard& shard, std::uint32_t bucket) {
    if (shard.in_blocks) {
      const std::uint32_t block = bucket / catalog::Shard::kBlock;
      return (shard.blocks[block / 64] >> block % 64 & 1) != 0;
    }
    if (shard.range_count == 0) return false;
    // The last range that begins at or below the bucket holds it, or none does.
    const schema::Range* range = shard.ranges;
    for (std::uint32_t count = shard.range_count; count > 1;) {
      const std::uint32_t half = count / 2;
      range += range[half].begin() <= bucket ? half : 0;
      count -= half;
    }
    return range->begin() <= bucket && bucket < range->end();
  }

  bool InShard(StepKind step, std::uint32_t index, const Subject::Unit& unit) {
    const catalog::Shard& shard = view_.shards()[index];
    const std::uint32_t bucket = BucketOf(shard, unit);
    const bool in = InRanges(shard, bucket);
    recorder_.Add({step, in, index, bucket});
    return in;
  }

  bool IsHeld(std::uint32_t index, const Subject::Unit& unit) {
    const catalog::Shard& shard = view_.holdouts()[index].shard;
    const std::uint32_t bucket = BucketOf(shard, unit);
    const bool held = InRanges(shard, bucket);
    recorder_.Add({StepKind::kHoldout, !held, index, bucket});
    return held;
  }

  bool InShare(const catalog::Experiment& e, const Subject::Unit& unit) {
    if ((e.steps & catalog::kHasRamp) == 0) return InShard(StepKind::kShare, e.share, unit);
    std::uint32_t limit = 0;
    for (const schema::RampStep* const step : *e.table->ramp()) {
      if (step->at() > environment_.now_ms) break;
      limit = step->end();
    }
    const std::uint32_t bucket = BucketOf(view_.shards()[e.share], unit);
    recorder_.Add({StepKind::kShare, bucket < limit, e.share, bucket, limit});
    return bucket < limit;
  }

  std::uint32_t SplitBucket(const catalog::Experiment& e, const Subject::Unit& unit) const {
    if ((e.steps & catalog::kHasForeignSplit) == 0) {
      return base::Bucket(unit.id_hash, e.split_salt_hash, e.split_bucket_count);
    }
    const flatbuffers::String& salt = *e.table->split()->salt();
    return ForeignBucket(e.table->split()->scheme(), {salt.c_str(), salt.size()}, subject_.id(unit),
                         e.split_bucket_count);
  }

  std::uint32_t VariantAt(const catalog::Experiment& e, std::uint32_t bucket) const {
    const catalog::Arm* const arms = view_.arms().data() + e.first_arm;
    std::uint32_t i = 0;
    // Two halves, the usual case, without a branch on the bucket.
    if (e.arm_count == 2 && bucket < arms[1].end) {
      i = bucket < arms[0].end ? 0 : 1;
      return arms[i].variant;
    }
    while (i < e.arm_count && bucket >= arms[i].end) ++i;
    return i < e.arm_count ? arms[i].variant : Decision::kNoVariant;
  }

  [[gnu::noinline]] bool Keep(const catalog::Experiment& e, const Subject::Unit& unit,
                              const StickyAssignment& kept, Decision& decision) {
    const std::uint32_t variant = FindVariant(e, kept.variant);
    recorder_.Add({StepKind::kSticky, variant != Decision::kNoVariant, variant});
    if (variant == Decision::kNoVariant) return false;
    decision.bucket = SplitBucket(e, unit);
    SetVariant(e, variant, decision);
    return true;
  }

  // Recursion is bounded: the loader refuses cycles and long chains.
  [[gnu::noinline]] bool PrerequisitesHold(const catalog::Experiment& e) {
    for (const schema::Prerequisite* const prerequisite : *e.table->prerequisites()) {
      const catalog::Flag& flag = view_.flags()[prerequisite->flag()];
      Decision decision;
      Evaluator<NoTrace>(view_, subject_, environment_, {}).Flag(flag, decision);
      const bool holds = HasOneOf(decision.value, *prerequisite);
      recorder_.Add({StepKind::kPrerequisite, holds, prerequisite->flag()});
      if (!holds) return false;
    }
    return true;
  }

  static bool HasOneOf(const Value& value, const schema::Prerequisite& prerequisite) {
    if (prerequisite.values() == nullptr) return false;
    for (const schema::Setting* const wanted : *prerequisite.values()) {
      switch (value.type()) {
        case ValueType::kBool:
          if (value.as_bool() == wanted->boolean()) return true;
          break;
        case ValueType::kInt:
          if (value.as_int() == wanted->integer()) return true;
          break;
        case ValueType::kDouble:
          if (value.as_double() == wanted->real()) return true;
          break;
        case ValueType::kString:
        case ValueType::kJson:
          if (wanted->text() != nullptr &&
              value.as_text() ==
                  std::string_view(wanted->text()->c_str(), wanted->text()->size())) {
            return true;
          }
          break;
        case ValueType::kNone:
          break;
      }
    }
    return false;
  }

  bool Applies(const catalog::Rule& rule) const {
    if (!rule.supported) return false;
    if (rule.unit_type != 0xff) {
      const auto* const unit = subject_.FindUnit(view_.unit_types()[rule.unit_type].hash);
      if (unit == nullptr) return false;
      for (std::uint32_t i = 0; i < rule.holdout_count; ++i) {
        const std::uint32_t index = view_.experiment_holdouts()[rule.first_holdout + i];
        const catalog::Shard& shard = view_.holdouts()[index].shard;
        if (InRanges(shard, BucketOf(shard, *unit))) return false;
      }
      if (rule.share != catalog::kNone) {
        const catalog::Shard& shard = view_.shards()[rule.share];
        if (!InRanges(shard, BucketOf(shard, *unit))) return false;
      }
    }
    return rule.condition == catalog::kNone || Holds(view_, subject_, rule.condition);
  }

  const catalog::View& view_;
  const Subject& subject_;
  const Environment& environment_;
  Recorder recorder_;
};

}  // namespace upswing::assignment
