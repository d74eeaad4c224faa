#include "server/authoring/allocate.hpp"

#include <absl/status/status.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "sdk/catalog/view.hpp"
#include "server/authoring/boundaries.hpp"
#include "server/authoring/check.hpp"
#include "server/authoring/parse.hpp"
#include "server/authoring/reader.hpp"

namespace upswing::authoring {
namespace {

using upswing::base::kBucketCount;

constexpr std::uint32_t kBlock = catalog::Shard::kBlock;
constexpr std::uint32_t kBlocks = kBucketCount / kBlock;

std::uint32_t CountOf(const std::vector<BucketRange>& ranges) {
  return std::accumulate(
      ranges.begin(), ranges.end(), std::uint32_t{0},
      [](std::uint32_t sum, const BucketRange& range) { return sum + range.end - range.begin; });
}

std::vector<BucketRange> Joined(std::vector<BucketRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const BucketRange& a, const BucketRange& b) { return a.begin < b.begin; });
  std::vector<BucketRange> joined;
  for (const BucketRange& range : ranges) {
    if (!joined.empty() && joined.back().end == range.begin) {
      joined.back().end = range.end;
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

/// The buckets of [0, 1'000'000) that are in none of `taken`.
std::vector<BucketRange> Complement(std::vector<BucketRange> taken) {
  std::sort(taken.begin(), taken.end(),
            [](const BucketRange& a, const BucketRange& b) { return a.begin < b.begin; });
  std::vector<BucketRange> free;
  std::uint32_t at = 0;
  for (const BucketRange& range : taken) {
    if (range.begin > at) free.push_back({at, range.begin});
    at = std::max(at, range.end);
  }
  if (at < kBucketCount) free.push_back({at, kBucketCount});
  return free;
}

/// `count` buckets of `pool`, block by block in the order of a hash.
std::vector<BucketRange> Draw(const std::vector<BucketRange>& pool, std::uint32_t count,
                              const Experiment& e) {
  const std::uint64_t seed = upswing::base::Hash64(
      base::Concat({"allocate/", e.layer, "/", e.key, "#", std::to_string(e.iteration)}));
  std::vector<std::uint32_t> blocks(kBlocks);
  std::iota(blocks.begin(), blocks.end(), 0);
  std::sort(blocks.begin(), blocks.end(), [seed](std::uint32_t a, std::uint32_t b) {
    return upswing::base::Mix(seed ^ a) < upswing::base::Mix(seed ^ b);
  });
  std::vector<BucketRange> drawn;
  for (const std::uint32_t block : blocks) {
    for (const BucketRange& range : pool) {
      const std::uint32_t begin = std::max(range.begin, block * kBlock);
      const std::uint32_t end = std::min(range.end, (block + 1) * kBlock);
      if (begin >= end) continue;
      const std::uint32_t take = std::min(end - begin, count);
      if (take == 0) return Joined(std::move(drawn));
      drawn.push_back({begin, begin + take});
      count -= take;
    }
  }
  return Joined(std::move(drawn));
}

std::string Format(const std::vector<BucketRange>& ranges) {
  std::string text = "[";
  for (const BucketRange& range : ranges) {
    if (text.size() > 1) text += ", ";
    text += base::Concat({"[", std::to_string(range.begin), ", ", std::to_string(range.end), "]"});
  }
  return text + "]";
}

/// Replacements of byte ranges of the file, applied from the back.
struct Edit {
  std::size_t begin;
  std::size_t end;
  std::string text;
};

class Allocator {
 public:
  Allocator(std::string_view text, const Model& model) : text_(text), model_(model) {}

  absl::StatusOr<Allocated> Run() {
    Free();
    for (const Layer& layer : model_.layers) {
      if (absl::Status status = AllocateLayer(layer); !status.ok()) return status;
    }
    std::sort(edits_.begin(), edits_.end(),
              [](const Edit& a, const Edit& b) { return a.begin > b.begin; });
    result_.text = text_;
    for (const Edit& edit : edits_) {
      result_.text.replace(edit.begin, edit.end - edit.begin, edit.text);
    }
    return std::move(result_);
  }

 private:
  // Ended experiments give their buckets back.
  void Free() {
    for (const Experiment& e : model_.experiments) {
      const json::Node* const node = e.node->Find("buckets");
      if (IsLive(e) || node == nullptr || e.buckets.empty()) continue;
      edits_.push_back({node->position().offset, node->end_offset(), "[]"});
      result_.changes.push_back(
          base::Concat({e.key, ": ", std::to_string(CountOf(e.buckets)), " buckets of layer ",
                        json::Quote(e.layer), " are free again"}));
    }
  }

  absl::Status AllocateLayer(const Layer& layer) {
    std::vector<const Experiment*> live;
    std::vector<BucketRange> taken;
    for (const Experiment& e : model_.experiments) {
      if (e.layer != layer.key || !IsLive(e)) continue;
      live.push_back(&e);
      taken.insert(taken.end(), e.buckets.begin(), e.buckets.end());
    }
    for (const Layer& inner : model_.layers) {
      if (inner.parent == layer.key) {
        taken.insert(taken.end(), inner.buckets.begin(), inner.buckets.end());
      }
    }
    // Those that shrink first, then those that say how much they need, then the rest.
    std::vector<const Experiment*> without_share;
    for (const bool shrink : {true, false}) {
      for (const Experiment* const e : live) {
        if (!e->share.has_value()) {
          if (!shrink && e->buckets.empty()) without_share.push_back(e);
          continue;
        }
        const std::uint32_t wanted = ShareRange(*e->share, kBucketCount).end;
        const std::uint32_t has = CountOf(e->buckets);
        if (wanted == has || (wanted < has) != shrink) continue;
        if (absl::Status status = Resize(layer, *e, wanted, taken); !status.ok()) return status;
      }
    }
    std::uint32_t left = CountOf(Complement(taken));
    for (std::size_t i = 0; i < without_share.size(); ++i) {
      const auto part = static_cast<std::uint32_t>(left / (without_share.size() - i));
      if (part == 0) return Exhausted(layer, *without_share[i], 1, left);
      if (absl::Status s = Resize(layer, *without_share[i], part, taken); !s.ok()) return s;
      left -= part;
    }
    return absl::OkStatus();
  }

  absl::Status Exhausted(const Layer& layer, const Experiment& e, std::uint32_t wanted,
                         std::uint32_t free) const {
    return absl::ResourceExhaustedError(base::ToAbsl(
        base::Concat({e.place.path, ": needs ", std::to_string(wanted), " buckets, but layer ",
                      json::Quote(layer.key), " has ", std::to_string(free),
                      " free; lower \"share\", or stop another experiment"})));
  }

  absl::Status Resize(const Layer& layer, const Experiment& e, std::uint32_t wanted,
                      std::vector<BucketRange>& taken) {
    const std::uint32_t has = CountOf(e.buckets);
    std::vector<BucketRange> buckets;
    if (wanted <= has) {
      // Keeps a hash-drawn part, so that what stays is a fair sample of what was there.
      buckets = Draw(e.buckets, wanted, e);
      std::erase_if(taken, [&](const BucketRange& range) {
        return std::find(e.buckets.begin(), e.buckets.end(), range) != e.buckets.end();
      });
      taken.insert(taken.end(), buckets.begin(), buckets.end());
    } else {
      const std::vector<BucketRange> free = Complement(taken);
      if (CountOf(free) < wanted - has) return Exhausted(layer, e, wanted - has, CountOf(free));
      buckets = Draw(free, wanted - has, e);
      taken.insert(taken.end(), buckets.begin(), buckets.end());
      buckets.insert(buckets.end(), e.buckets.begin(), e.buckets.end());
      buckets = Joined(std::move(buckets));
    }
    Write(e, Format(buckets));
    result_.changes.push_back(base::Concat({e.key, ": ", std::to_string(CountOf(buckets)),
                                            " buckets of layer ", json::Quote(layer.key)}));
    return absl::OkStatus();
  }

  // In place of the old list, or behind "layer" in its own style.
  void Write(const Experiment& e, std::string ranges) {
    if (const json::Node* const node = e.node->Find("buckets")) {
      edits_.push_back({node->position().offset, node->end_offset(), std::move(ranges)});
      return;
    }
    const std::size_t at = e.node->Find("layer")->end_offset();
    edits_.push_back({at, at, ", \"buckets\": " + std::move(ranges)});
  }

  std::string_view text_;
  const Model& model_;
  Allocated result_;
  std::vector<Edit> edits_;
};

}  // namespace

absl::StatusOr<Allocated> Allocate(std::string_view text) {
  ParseResult parsed = Parse(text);
  // What allocation repairs is no reason to refuse.
  std::erase_if(parsed.problems,
                [](const json::Problem& problem) { return problem.code == kNeedsAllocation; });
  if (absl::Status status = parsed.status(); !status.ok()) return status;
  return Allocator(text, *parsed.model).Run();
}

}  // namespace upswing::authoring
