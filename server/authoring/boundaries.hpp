#pragma once

#include <cstdint>
#include <vector>

#include "server/authoring/model.hpp"

namespace upswing::authoring {

/// Buckets [begin, end) of the split that give one variant (index into `Experiment::variants`).
struct Arm {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::size_t variant = 0;
  friend bool operator==(const Arm&, const Arm&) = default;
};

/// The split of an experiment. From weights: variants in `order`, boundary i = floor(B * W_i / W)
/// with cumulative weights W_i and their sum W, B = 1'000'000 (or the scheme's count). Variants of
/// weight 0 have no arm.
std::vector<Arm> SplitArms(const Experiment& experiment);

/// A share p as [0, round(p * count)); halves round up.
BucketRange ShareRange(double share, std::uint32_t count);

}  // namespace upswing::authoring
