#include "server/authoring/boundaries.hpp"

#include <cmath>

#include <absl/numeric/int128.h>

#include "sdk/base/hash.hpp"

namespace upswing::authoring {

std::vector<Arm> SplitArms(const Experiment& experiment) {
  std::vector<Arm> arms;
  if (experiment.foreign_split.has_value() && !experiment.foreign_split->ranges.empty()) {
    for (const auto& [variant, range] : experiment.foreign_split->ranges) {
      arms.push_back({range.begin, range.end, variant});
    }
    return arms;
  }
  const std::uint32_t count = experiment.foreign_split.has_value() ? experiment.foreign_split->count
                                                                   : upswing::base::kBucketCount;
  std::uint64_t total = 0;
  for (const Variant& variant : experiment.variants) total += variant.weight;
  if (total == 0) return arms;
  std::uint64_t cumulative = 0;
  std::uint32_t begin = 0;
  for (const std::string& key : experiment.order) {
    const std::size_t index = experiment.VariantIndex(key);
    if (index == experiment.variants.size()) continue;
    cumulative += experiment.variants[index].weight;
    const auto end =
        static_cast<std::uint32_t>(absl::uint128(count) * cumulative / absl::uint128(total));
    if (end > begin) arms.push_back({begin, end, index});
    begin = end;
  }
  return arms;
}

BucketRange ShareRange(double share, std::uint32_t count) {
  return {0, static_cast<std::uint32_t>(std::floor(share * count + 0.5))};
}

}  // namespace upswing::authoring
