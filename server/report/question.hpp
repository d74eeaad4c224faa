#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/report/columns.hpp"
#include "server/statistics/compare.hpp"

namespace upswing::report {

/// One cell of one arm, and the arm that it is a part of.
struct ArmCell {
  const analysis::Cell* cell = nullptr;
  const analysis::MetricCells* arm = nullptr;
};

/// One variant against control on one column: the statistics' inputs, kept so
/// that the answer can be asked for again at another level.
struct Question {
  absl::StatusOr<std::vector<statistics::Stratum>> strata = std::vector<statistics::Stratum>{};
  statistics::ComparisonOptions options;
  bool increments = false;  ///< Only the ratio of the arms' differences is asked for.
};

/// `control` and `treatment` have one cell for each stratum (one, or one for
/// each phase of constant weights).
Question Ask(const std::vector<ArmCell>& control, const std::vector<ArmCell>& treatment,
             const Column& column, const Plan& plan);

/// The comparison that answers it; what the data do not define has its reason.
Comparison Answer(const Question& question, const Column& column, const std::string& variant);

/// Absolute and relative intervals of the fixed-horizon comparison at another
/// level, into `absolute_adjusted` and `relative_adjusted`.
void AdjustIntervals(const Question& question, double alpha, Comparison* comparison);

/// The fixed-horizon comparison alone.
IntentToTreat AnswerIntentToTreat(const Question& question);

}  // namespace upswing::report
