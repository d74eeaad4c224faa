#include <algorithm>
#include <numeric>

#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "server/authoring/boundaries.hpp"
#include "server/authoring/check.hpp"

namespace upswing::authoring {
namespace {

bool Contains(const std::vector<BucketRange>& outer, const std::vector<BucketRange>& inner) {
  return std::all_of(inner.begin(), inner.end(), [&](const BucketRange& range) {
    return std::any_of(outer.begin(), outer.end(), [&](const BucketRange& o) {
      return o.begin <= range.begin && range.end <= o.end;
    });
  });
}

const std::string& SaltOf(const std::string& salt, const std::string& key) {
  return salt.empty() ? key : salt;
}

// The part of a condition that matters: what it says, not where it stands.
bool SameCondition(const Condition& a, const Condition& b) {
  const auto same_literal = [](const Literal& x, const Literal& y) {
    return x.kind == y.kind && x.text == y.text && x.integer == y.integer && x.real == y.real &&
           x.boolean == y.boolean;
  };
  return a.kind == b.kind && a.segment == b.segment && a.attribute == b.attribute && a.op == b.op &&
         std::equal(a.operands.begin(), a.operands.end(), b.operands.begin(), b.operands.end(),
                    same_literal) &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(),
                    SameCondition);
}

class Comparison {
 public:
  Comparison(const Model& previous, const Model& next, const Experiment& was, const Experiment& is,
             Problems& problems)
      : previous_(previous), next_(next), was_(was), is_(is), problems_(problems) {}

  void Run() {
    if (is_.iteration < was_.iteration) {
      return Moves("iteration", "the iteration goes back: old exposures would count again");
    }
    // A new iteration draws anew on purpose.
    if (is_.iteration != was_.iteration) return;
    if (is_.unit != was_.unit) Moves("unit", "another unit type draws every variant anew");
    if (SaltOf(is_.salt, is_.key) != SaltOf(was_.salt, was_.key)) {
      Moves("salt", "another salt draws every variant anew");
    }
    Split();
    Traffic();
    if (!is_.when.has_value() != !was_.when.has_value() ||
        (is_.when.has_value() && !SameCondition(*is_.when, *was_.when))) {
      Leave("when", "the targeting changed: units that no longer meet it leave the experiment");
    }
  }

 private:
  Place At(std::string_view key) const {
    const json::Node* const node = is_.node == nullptr ? nullptr : is_.node->Find(key);
    return node == nullptr ? is_.place : PlaceOf(*node, json::PathOf(is_.place.path, key));
  }

  /// Units change their variant. Sticky assignments prevent it for units that are known.
  void Moves(std::string_view key, std::string message) {
    if (is_.sticky.has_value()) {
      AddWarning(problems_, At(key), std::move(message), "units without a stored assignment move");
    } else {
      AddError(problems_, At(key), std::move(message),
               "raise \"iteration\" to start over, or take the change back");
    }
  }

  void Leave(std::string_view key, std::string message) {
    AddWarning(problems_, At(key), std::move(message),
               is_.sticky.has_value() ? "" : "add \"sticky\" to keep them, or raise \"iteration\"");
  }

  void Split() {
    const bool foreign = is_.foreign_split.has_value();
    if (foreign != was_.foreign_split.has_value() ||
        (foreign && (is_.foreign_split->scheme != was_.foreign_split->scheme ||
                     is_.foreign_split->salt != was_.foreign_split->salt))) {
      return Moves("split", "another scheme or salt draws every variant anew");
    }
    const auto before = SplitArms(was_);
    const auto after = SplitArms(is_);
    const auto variant = [](const Experiment& e, const Arm& arm) {
      return arm.variant < e.variants.size() ? e.variants[arm.variant].key : "";
    };
    // Units move where a bucket names another variant before and after.
    std::uint64_t moved = 0;
    for (const Arm& a : before) {
      for (const Arm& b : after) {
        const std::uint32_t begin = std::max(a.begin, b.begin);
        const std::uint32_t end = std::min(a.end, b.end);
        if (begin < end && variant(was_, a) != variant(is_, b)) moved += end - begin;
      }
    }
    if (moved == 0) return;
    const std::uint64_t total =
        was_.foreign_split.has_value() ? was_.foreign_split->count : upswing::base::kBucketCount;
    const std::uint64_t tenths = moved * 1000 / total;
    Moves("variants",
          base::Concat({"the weights, order or variants changed: ", std::to_string(tenths / 10),
                        ".", std::to_string(tenths % 10), " % of the units change their variant"}));
  }

  void Traffic() {
    if (is_.layer != was_.layer) {
      return Moves("layer", "another layer takes other units");
    }
    if (const Layer* const layer = next_.FindLayer(is_.layer)) {
      const Layer* const old = previous_.FindLayer(was_.layer);
      if (old != nullptr && SaltOf(layer->salt, layer->key) != SaltOf(old->salt, old->key)) {
        Moves("layer", "the salt of the layer changed: it takes other units");
      }
    }
    const auto all = [](const Experiment& e) {
      return e.buckets.empty() ? std::vector<BucketRange>{{0, upswing::base::kBucketCount}}
                               : e.buckets;
    };
    if (!is_.layer.empty() && !Contains(all(is_), all(was_))) {
      Leave("buckets", "buckets were taken away: their units leave the experiment");
    }
    if (is_.layer.empty() && is_.ramp.empty() && was_.ramp.empty() &&
        is_.share.value_or(1) < was_.share.value_or(1)) {
      Leave("share", "the share went down: units leave the experiment");
    }
    const auto now = HoldoutsOf(next_, is_);
    const auto then = HoldoutsOf(previous_, was_);
    const bool same = std::equal(now.begin(), now.end(), then.begin(), then.end(),
                                 [](const Holdout* a, const Holdout* b) {
                                   return a->key == b->key && a->share == b->share &&
                                          SaltOf(a->salt, a->key) == SaltOf(b->salt, b->key);
                                 });
    if (!same) Leave("holdout", "the holdouts changed: units enter or leave the experiment");
  }

  const Model& previous_;
  const Model& next_;
  const Experiment& was_;
  const Experiment& is_;
  Problems& problems_;
};

}  // namespace

Problems CheckAgainst(const Model& previous, const Model& next) {
  Problems problems;
  for (const Experiment& was : previous.experiments) {
    if (was.status != Status::kRunning) continue;
    const Experiment* const is = next.FindExperiment(was.key);
    if (is == nullptr) {
      AddError(problems, {"$.experiments", {}},
               base::Concat({"the running experiment ", json::Quote(was.key), " was removed"}),
               "set its \"status\" to \"stopped\" first, so that its report stays reachable");
    } else if (is->status == Status::kRunning) {
      Comparison(previous, next, was, *is, problems).Run();
    }
  }
  return problems;
}

}  // namespace upswing::authoring
