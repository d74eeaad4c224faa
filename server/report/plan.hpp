#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/statistics/group_sequential.hpp"

namespace upswing::report {

/// How much worse a metric may become: as a share of control's value, or in the metric's unit.
/// Exactly one is set; both are 0 or above.
struct Margin {
  std::optional<double> relative;
  std::optional<double> absolute;
};

/// What the experiment's plan says about judging it: DESIGN section 8, `plan`.
struct Plan {
  std::string primary;
  std::vector<std::string> secondary;
  struct Guardrail {
    std::string metric;
    std::optional<double> relative_margin;
    std::optional<double> absolute_margin;
  };
  std::vector<Guardrail> guardrails;
  double alpha = 0.05;  ///< In (0, 1).
  /// Over the primary metric's variants, the secondary metrics and the segments: none, bonferroni,
  /// holm, hochberg, bh, by.
  std::string correction_primary = "holm";
  std::string correction = "bh";
  std::string correction_segments = "bh";

  /// Only a gain is asked for: tests of the primary and the secondary metrics are one-sided, at
  /// alpha, in the metric's good direction. Guardrails are tested against their margin, one-sided
  /// too.
  bool one_sided = false;
  /// Non-inferiority: the primary metric need not get better, but must not lose this much.
  std::optional<Margin> non_inferiority;
  /// The primary metric and the others of the plan are judged by their CUPED numbers, where they
  /// have a covariate.
  bool cuped = false;

  bool anytime = false;  ///< Decisions may be taken at any look: the anytime
                         ///< intervals count.
  /// Units of all arms together at which the anytime intervals are tightest.
  double tuning_units = 5000;
  /// Decisions may be taken at these looks only. Not together with `anytime`.
  struct GroupSequential {
    statistics::Spending spending = statistics::Spending::kObrienFlemingLike;
    double parameter = 0;
    std::vector<int> days;  ///< Ends of these days since the first exposure (1 = that day),
                            ///< ascending; the last is the planned end.
  };
  std::optional<GroupSequential> group_sequential;

  double power = 0.8;
  /// The smallest effect on the primary metric that matters; one of `relative` (the lift) and
  /// `absolute`, above 0.
  std::optional<Margin> mde;
  /// Prior of the lift, for all metrics; flat if absent.
  struct Prior {
    double mean = 0;
    double standard_deviation = 0;  ///< Above 0.
  };
  std::optional<Prior> prior;

  bool ended = false;  ///< The experiment was stopped, or its planned end has come.
  double min_days = 0;
  std::int64_t min_units = 0;
  std::optional<double> max_days;  ///< Planned length; absent: not known.
};

}  // namespace upswing::report
