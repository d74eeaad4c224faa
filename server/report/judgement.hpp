#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/report/question.hpp"
#include "server/statistics/bounds_cache.hpp"

namespace upswing::report {

/// The data that a planned look saw.
struct LookData {
  int day = 0;       ///< Of the experiment, from 1.
  std::string date;  ///< YYYY-MM-DD.
  absl::StatusOr<std::vector<statistics::Stratum>> strata = std::vector<statistics::Stratum>{};
};

/// One variant against control on one metric of the plan, as the plan asks it.
struct PlannedQuestion {
  const Question* question = nullptr;
  const Plan* plan = nullptr;
  /// With the plan's alternative, margin and prior; the null value is that of the test.
  statistics::ComparisonOptions options;
  std::optional<Margin> margin;  ///< The loss that is accepted, where one is.
  bool closed = false;           ///< The metric's window closes.
  bool adjusted = false;         ///< Judged by the CUPED numbers.
  double window_days = 0;        ///< Until a unit's value is counted; 0 for an open window.
  int days = 0;                  ///< Of the experiment so far.
  /// Group-sequential plans: the looks that have come, oldest first, and the day of the next; where
  /// looks cannot be told from the data, the reason.
  std::vector<LookData> looks;
  int next_look_day = 0;
  std::string no_looks;
};

/// What the plan asks about a column of this role. The looks are filled in by the caller.
PlannedQuestion AskByPlan(const Plan& plan, const Question& question, const Column& column,
                          std::string_view role);

/// The answer at error level `alpha`: the plan's, or the one that a correction leaves. `cache` may
/// be null.
Judgement Judge(const PlannedQuestion& planned, double alpha, statistics::BoundsCache* cache);

/// What more data would bring, for the primary metric.
Outlook LookAhead(const PlannedQuestion& planned, statistics::BoundsCache* cache);

}  // namespace upswing::report
