#include "server/analysis/sql/answer.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "sdk/base/text.hpp"
#include "server/analysis/block.hpp"
#include "server/store/bytes.hpp"

namespace upswing::analysis {
namespace {

constexpr std::uint64_t kMostSums = 4096;

// `raw`: SqlAttribute.
std::string AttributeText(std::string_view raw) {
  if (raw.size() < 2) return std::string();
  const std::string_view rest = raw.substr(2);
  const auto type = static_cast<store::PropertyType>(raw[0] - '0');
  if (type == store::PropertyType::kString) return std::string(rest);
  std::uint64_t bits = 0;
  if (!absl::SimpleAtoi(base::ToAbsl(rest), &bits)) return std::string();
  return SegmentText(type, bits);
}

class Filler {
 public:
  Filler(const Plan& plan, PassState* state)
      : plan_(plan), spec_(*plan.spec), order_(ArmsInOrder(spec_)), state_(state) {}

  // False: the row has no place.
  bool Add(const SqlSums& row) {
    if (row.kind == SqlKind::kRecords) return AddRecords(row);
    if (row.arm < 1 || row.arm > order_.size() || row.metric >= plan_.metrics.size()) return false;
    ArmState& arm = state_->arms[order_[row.arm - 1]];
    switch (row.kind) {
      case SqlKind::kCell:
        return AddCell(row, &arm);
      case SqlKind::kUnits:
        return AddUnits(row, &arm);
      case SqlKind::kCapped:
        return AddCapped(row);
      case SqlKind::kBin:
        arm.values[row.metric].Add(
            std::bit_cast<double>(static_cast<std::uint64_t>(row.slot) << 51), row.units);
        return true;
      case SqlKind::kEntered: {
        auto& entered = arm.days[row.metric].entered;
        if (!IsIn(row.slot, entered.size())) return false;
        entered[static_cast<std::size_t>(row.slot)] += row.units;
        return true;
      }
      case SqlKind::kFinal:
      case SqlKind::kChange:
        return AddTo(row, &arm.days[row.metric].cumulative);
      case SqlKind::kDaily:
        return AddTo(row, &arm.days[row.metric].daily);
      case SqlKind::kLook:
        return row.metric < arm.looks.size() && AddTo(row, &arm.looks[row.metric]);
      default:
        return false;
    }
  }

 private:
  bool clusters() const { return !spec_.observation_unit.empty(); }
  static bool IsIn(std::int64_t slot, std::size_t size) {
    return slot >= 0 && static_cast<std::size_t>(slot) < size;
  }
  // Of `n` units: variables and their products.
  static bool AddVariables(std::int64_t n, absl::Span<const double> variables, CellSums* sums) {
    const std::size_t d = sums->dimension();
    if (variables.size() != d + d * (d + 1) / 2) return false;
    sums->AddUnits(n);
    sums->AddSums(variables.data());
    return true;
  }
  static bool AddTo(const SqlSums& row, std::vector<CellSums>* slots) {
    return IsIn(row.slot, slots->size()) &&
           AddVariables(row.units, row.sums, &(*slots)[static_cast<std::size_t>(row.slot)]);
  }
  std::vector<CellState>& Sized(std::vector<CellState>* cells) const {
    if (cells->empty()) *cells = CellsOf(plan_);
    return *cells;
  }
  template <typename Function>
  bool ForEachSegment(const SqlSums& row, ArmState* arm, Function&& function) {
    std::vector<std::string> values = row.attributes;
    for (const SegmentCut& cut : spec_.cuts)
      values.push_back(cut.holds(absl::MakeConstSpan(row.attributes)) ? "in" : "out");
    const std::size_t shown = spec_.report_by.size() - spec_.carried;
    for (std::size_t a = 0; a < values.size(); ++a) {
      if (a >= shown && a < spec_.report_by.size()) continue;
      SegmentState& segment = arm->segments[{static_cast<std::uint32_t>(a), values[a]}];
      Sized(&segment.metrics);
      if (!function(&segment)) return false;
    }
    return true;
  }
  bool AddCell(const SqlSums& row, ArmState* arm) {
    absl::Span<const double> variables = row.sums;
    std::int64_t rows = row.units;
    if (clusters()) {
      if (variables.empty()) return false;
      rows = static_cast<std::int64_t>(variables.back());
      variables.remove_suffix(1);
    }
    const auto add = [&](std::vector<CellState>* cells) {
      CellState& cell = Sized(cells)[row.metric];
      cell.units += row.units;
      cell.pending += row.pending;
      cell.events += row.events;
      return AddVariables(rows, variables, &cell.sums);
    };
    // A phase is there if a unit is in it, whatever it did later.
    Sized(&arm->phases[row.phase].metrics);
    if (row.crossed) return add(&arm->crossed);
    return add(&arm->phases[row.phase].metrics) &&
           ForEachSegment(row, arm, [&](SegmentState* segment) { return add(&segment->metrics); });
  }
  bool AddUnits(const SqlSums& row, ArmState* arm) {
    if (!IsIn(row.slot, arm->units_by_day.size()) || row.sums.empty()) return false;
    PhaseState& phase = arm->phases[row.phase];
    Sized(&phase.metrics);
    phase.units_first_variant += row.units;
    arm->units_by_day[static_cast<std::size_t>(row.slot)] += row.units;
    arm->crossovers += static_cast<std::int64_t>(row.sums[0]);
    if (row.sums[0] > 0) Sized(&arm->crossed);
    return ForEachSegment(row, arm, [&](SegmentState* segment) {
      segment->units_first_variant += row.units;
      return true;
    });
  }
  bool AddCapped(const SqlSums& row) {
    if (row.sums.size() < 2) return false;
    state_->removed[row.metric].Add(row.sums[0]);
    state_->nonzero[row.metric] += static_cast<std::int64_t>(row.sums[1]);
    if (row.sums.size() < 4) return true;
    state_->covariate_removed[row.metric].Add(row.sums[2]);
    state_->covariate_nonzero[row.metric] += static_cast<std::int64_t>(row.sums[3]);
    return true;
  }
  bool AddRecords(const SqlSums& row) {
    if (row.sums.size() != 4) return false;
    state_->exposures += static_cast<std::int64_t>(row.sums[0]);
    state_->forced_units += static_cast<std::int64_t>(row.sums[1]);
    state_->unknown_variant_records += static_cast<std::int64_t>(row.sums[2]);
    state_->events += static_cast<std::int64_t>(row.sums[3]);
    return true;
  }

  const Plan& plan_;
  const ExperimentSpec& spec_;
  const std::vector<std::size_t> order_;
  PassState* state_;
};

}  // namespace

absl::StatusOr<std::vector<SqlSums>> ReadSums(const ExperimentSpec& spec, std::string_view answer) {
  std::vector<SqlSums> rows;
  for (store::ByteReader in(answer); !in.AtEnd();) {
    SqlSums& row = rows.emplace_back();
    row.kind = static_cast<SqlKind>(in.Fixed<std::uint8_t>());
    row.metric = in.Fixed<std::uint16_t>();
    row.slot = in.Fixed<std::int64_t>();
    row.arm = in.Fixed<std::uint16_t>();
    row.phase = in.Fixed<std::uint32_t>();
    row.crossed = in.Fixed<std::uint8_t>() != 0;
    for (std::size_t a = 0; a < spec.report_by.size(); ++a)
      row.attributes.push_back(AttributeText(in.Sized()));
    row.units = in.Fixed<std::int64_t>();
    row.pending = in.Fixed<std::int64_t>();
    row.events = in.Fixed<std::int64_t>();
    row.sums.resize(std::min<std::uint64_t>(in.Varint(), kMostSums));
    for (double& sum : row.sums) sum = in.Fixed<double>();
    if (!in.ok())
      return absl::InternalError("ClickHouse: the answer does not hold the sums asked for");
  }
  return rows;
}

absl::Status AddSums(const Plan& plan, const std::vector<SqlSums>& rows, PassState* state) {
  Filler filler(plan, state);
  for (const SqlSums& row : rows)
    if (row.kind != SqlKind::kLedger && !filler.Add(row))
      return absl::InternalError("ClickHouse: the answer holds sums that were not asked for");
  return absl::OkStatus();
}

}  // namespace upswing::analysis
