#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <vector>

namespace upswing::schema {
struct Catalog;
}

namespace upswing::catalog {

/// Facts about each condition, found once when bytes are loaded, so that evaluation checks nothing.
class ConditionCheck {
 public:
  /// Deepest nesting, segments included, and most nodes one evaluation may visit: they bound the
  /// stack and the time of a decision whatever the bytes say.
  static constexpr std::uint32_t kMaxDepth = 96;
  static constexpr std::uint64_t kMaxCost = 1'000'000;

  /// Verifies that nodes nest, refer to existing attributes, operands and earlier segments, and
  /// that operands fit their operators. kInvalidArgument otherwise. `loaded[i]`: the id list of
  /// segment i is at hand.
  absl::Status Run(const schema::Catalog& catalog, bool has_matchers,
                   const std::vector<bool>& loaded);

  struct Facts {
    std::uint64_t cost = 0;
    std::uint32_t depth = 0;
    /// All kinds, operators and types are known, and all id lists are loaded.
    bool supported = true;
  };
  /// Of the tree at `root`, which must be a node. Null if it costs too much.
  const Facts* Tree(std::uint32_t root);
  const Facts& SegmentFacts(std::uint32_t segment) const { return segments_[segment]; }

 private:
  absl::Status CheckNesting();
  absl::Status CheckLeaf(std::uint32_t node);
  absl::Status CheckOperand(std::uint32_t node);
  bool IsKnownLeaf(std::uint32_t node) const;
  Facts Walk(std::uint32_t root) const;

  const schema::Catalog* catalog_ = nullptr;
  bool has_matchers_ = false;
  std::vector<std::uint8_t> depth_;  // of each node's subtree
  std::vector<Facts> segments_;
  std::vector<std::uint32_t> tree_of_root_;  // index into trees_ + 1, by root node
  std::vector<Facts> trees_;
};

}  // namespace upswing::catalog
