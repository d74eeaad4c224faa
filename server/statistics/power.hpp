#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/inference.hpp"

namespace upswing::statistics {

/// What is known before an experiment about one metric: per unit of randomisation.
///
/// A proportion p has variance p (1 - p). A ratio r = N / D enters as mean r with the delta-method
/// variance (`RatioArm`). CUPED with correlation rho to the covariate multiplies the variance by
/// 1 - rho^2. Clusters of m units with intra-cluster correlation ICC multiply it by 1 + (m - 1) ICC
/// (and sizes that vary with coefficient of variation c by 1 + ((1 + c^2) m - 1) ICC).
struct PlanningInput {
  double mean = 0;
  double variance = 0;            ///< above 0
  double treatment_variance = 0;  ///< of the treatment arm; 0 = the same
  double correlation = 0;         ///< with the covariate, in (-1, 1)
  double cluster_size = 1;        ///< mean units per cluster, at least 1
  double cluster_size_cv = 0;     ///< standard deviation / mean of the cluster sizes
  double icc = 0;                 ///< in [0, 1]
  double ratio = 1;               ///< treatment units per control unit, above 0
};

/// How the experiment will be judged.
struct PlanningRule {
  double alpha = 0.05;
  double power = 0.8;
  Alternative alternative = Alternative::kTwoSided;
  /// Non-inferiority: the margin, above 0, on the same (absolute or relative) scale as the effect;
  /// the effect is then the true one, usually 0. The test is one-sided at alpha.
  double margin = 0;
  /// The largest |z| bound of a group-sequential plan's final look replaces the fixed quantile.
  std::optional<double> z_bound = {};
  /// Tuning units of an anytime interval: the critical value then depends on the size.
  std::optional<double> anytime_tuning_units = {};
};

/// Variance factor of the design: (1 - rho^2) (1 + ((1 + c^2) m - 1) ICC).
double DesignEffect(const PlanningInput& input);

/// P(the null is rejected) with `control_units` in control, for an absolute effect. Normal
/// approximation with both tails of a two-sided test. kInvalidArgument names the field.
absl::StatusOr<double> PowerAt(const PlanningInput& input, const PlanningRule& rule,
                               double control_units, double effect);

/// Units of the control arm (not rounded) needed for `rule.power`. Undefined `not_supported` if no
/// size reaches it (effect 0, or an effect on the wrong side of the margin).
absl::StatusOr<double> UnitsNeeded(const PlanningInput& input, const PlanningRule& rule,
                                   double effect);

/// The smallest absolute effect found with `rule.power` at this size.
absl::StatusOr<double> DetectableEffect(const PlanningInput& input, const PlanningRule& rule,
                                        double control_units);

/// How many distinct units have come after so many days, when day d of a past period brought
/// `new_units_per_day[d]` units never seen before (they get fewer: users return). Beyond the
/// observed days the decline goes on as a power law fitted to them. Undefined `not_enough_data`
/// without units, `not_supported` beyond 730 days.
absl::StatusOr<double> UnitsAfter(absl::Span<const double> new_units_per_day, int days);

/// Days until `units` units have come by the same forecast. Rounded up to whole weeks, since
/// behaviour has a weekly rhythm.
absl::StatusOr<int> DaysNeeded(absl::Span<const double> new_units_per_day, double units);

/// Standardised difference of means d = effect / sd by the exact noncentral t distribution (pooled
/// variance), with n_c and n_t = ratio n_c units.
absl::StatusOr<double> StudentPower(double d, double control_units, double ratio, double alpha,
                                    Alternative alternative);
absl::StatusOr<double> StudentUnitsNeeded(double d, double ratio, double alpha, double power,
                                          Alternative alternative);

/// Two proportions with equal arms by the pooled z test, as R's power.prop.test.
absl::StatusOr<double> ProportionsPower(double p_control, double p_treatment, double units_per_arm,
                                        double alpha);
absl::StatusOr<double> ProportionsUnitsNeeded(double p_control, double p_treatment, double alpha,
                                              double power);

/// In the middle of an experiment: the power that the present standard error gives for a true
/// effect, and by which factor the present units must still grow. `units_more` = 1.5 means that 1.5
/// times the present units must come in addition; 0 or less: the power is reached.
struct MidExperimentPower {
  double power_now = 0;
  double units_more = 0;
};
absl::StatusOr<MidExperimentPower> PowerSoFar(const Estimate& estimate, const PlanningRule& rule,
                                              double effect);

/// P(significant at the end | the data so far) for a two- or one-sided test at the planned end,
/// when the true effect is `effect`, at information fraction t in (0, 1):
///
///     P(Z > (z_crit - z_t sqrt t - theta (1 - t)) / sqrt(1 - t)),  theta = effect / final se
///
/// plus the other tail if two-sided. With the present estimate as `effect` it is the conditional
/// power under the trend; below about 10 % under the planned effect the experiment is futile.
/// Source: J. M. Lachin (2005), Statistics in Medicine 24.
absl::StatusOr<double> ConditionalPower(const Estimate& estimate, double information_fraction,
                                        const PlanningRule& rule, double effect);

}  // namespace upswing::statistics
