#include "server/analysis/unit_sample.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "server/analysis/run.hpp"

namespace upswing::analysis {
namespace {

// Keys up to this are in the sample.
std::uint64_t LastKey(std::int64_t units, std::int64_t most) {
  constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
  if (units <= most) return kAll;
  return static_cast<std::uint64_t>(static_cast<double>(most) / static_cast<double>(units) *
                                    0x1p64);
}

}  // namespace

absl::StatusOr<UnitSample> SampleUnits(const store::RecordSource& source,
                                       const ExperimentSpec& spec, const SampleOptions& options) {
  if (options.ages < 0 || options.ages > 60)
    return absl::InvalidArgumentError("ages: must be in [0, 60]");
  ExperimentSpec whole = spec;
  whole.by_day = false;
  whole.report_by.clear();
  absl::StatusOr<std::unique_ptr<Analysis>> analysis =
      Analysis::Create(&source, whole, options.analysis);
  if (!analysis.ok()) return analysis.status();
  if (absl::Status status = (*analysis)->Prepare(); !status.ok()) return status;
  std::int64_t units = 0;
  for (int shard = 0; shard < source.shards(); ++shard)
    units += source.Units(spec.unit_type, shard);
  UnitSample sample;
  const std::uint64_t last = LastKey(units, options.most_units);
  if (units > options.most_units)
    sample.share = static_cast<double>(options.most_units) / static_cast<double>(units);
  absl::StatusOr<SampledRows> rows = (*analysis)->Sample(last, options.ages);
  if (!rows.ok()) return rows.status();

  // Threads finish in any order.
  std::vector<std::size_t> order(rows->keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return rows->keys[a] < rows->keys[b]; });
  sample.units.reserve(order.size());
  for (const std::size_t row : order)
    sample.units.push_back({rows->keys[row], rows->variants[row]});
  const std::size_t stride = order.empty() ? 0 : rows->values.size() / order.size();
  std::size_t at = 0;
  for (const std::size_t width : rows->widths) {
    UnitSample::Values& values = sample.metrics.emplace_back();
    values.width = width;
    values.rows.reserve(order.size() * width);
    for (const std::size_t row : order) {
      const double* const from = rows->values.data() + row * stride + at;
      values.rows.insert(values.rows.end(), from, from + width);
    }
    at += width;
  }
  sample.by_age.resize(rows->widths.size());
  for (std::size_t m = 0; m < rows->by_age.size(); ++m) {
    for (const auto& variant : rows->by_age[m]) {
      auto& ages = sample.by_age[m].emplace_back();
      for (const CellSums& cell : variant) ages.push_back(cell.ToMomentSums());
    }
  }
  return sample;
}

}  // namespace upswing::analysis
