#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/bayesian.hpp"
#include "server/statistics/inference.hpp"
#include "server/statistics/metric_contrast.hpp"

namespace upswing::statistics {

/// How one metric of one treatment is compared with the control, for a report.
struct ComparisonOptions {
  MetricShape shape = {};
  double alpha = 0.05;
  /// One-sided and non-inferiority tests; a margin is given in `null_value` on the absolute scale,
  /// or in `relative_margin` (then the null value is `relative_margin * |control|` and the test of
  /// the lift is the one that counts).
  Alternative alternative = Alternative::kTwoSided;
  double null_value = 0;
  double relative_margin = 0;
  /// The boundary of the current look, if the plan is group-sequential.
  std::optional<double> z_bound = {};
  /// Units of both arms at which the anytime interval is tightest. Choose it before the start.
  double tuning_units = 5000;
  /// The values are 0 or 1 per unit. Then an arm with fewer than 30 conversions or non-conversions
  /// sends the fixed-horizon comparison of one stratum to score methods (method "score").
  bool binary = false;
  bool good_is_lower = false;
  /// Prior of the *relative* lift; flat if absent.
  std::optional<NormalPrior> lift_prior = {};
  Adjustment adjustment = Adjustment::kCuped;  ///< for the adjusted block
  double power = 0.8;                          ///< of the smallest detectable effect
  /// Standard errors between control's value and 0 below which Fieller's interval of the lift takes
  /// the place of the delta method's.
  double fieller_below = 5;
};

struct Effect {
  double estimate = 0;
  double standard_error = 0;
  Interval interval;
  double p_value = 1;
};

/// Results under one way of looking: absolute, relative, and the test.
struct EffectPair {
  absl::StatusOr<Effect> absolute;
  absl::StatusOr<Effect> relative;
  /// "delta"; "score" with the method of that name; or "fieller" where the control's value is
  /// within `fieller_below` of its standard errors of 0; then the interval is Fieller's. An open
  /// set is not defined: `control_mean_near_zero`.
  std::string_view relative_method = "delta";
};

/// What is tested against 0: the difference less the null value or, with a relative margin m, the
/// difference less m |control| with its own standard error (the test that agrees with Fieller's
/// set, however noisy the control is).
Estimate TestedEffect(const Contrast& contrast, const ComparisonOptions& options);

/// One question judged by one way of looking, which is what a plan decides by. `options.z_bound`
/// and `options.tuning_units` give way to `look`. `adjusted`: by the covariates. The p-value that
/// counts is the relative one with a relative margin, else the absolute one.
///
/// Errors as `Compare`; what the data do not define is undefined in its own field.
absl::StatusOr<EffectPair> Judge(absl::Span<const Stratum> strata, const ComparisonOptions& options,
                                 const Look& look, bool adjusted);

struct Comparison {
  std::string_view method = "welch";  ///< "welch", or "score" for small counts of conversions
  absl::StatusOr<Contrast> contrast;  ///< raw: what follows from the two arms' means
  EffectPair raw;
  /// Fieller's interval of the raw lift, two-sided at the same alpha, normal; undefined
  /// `control_mean_near_zero` where it has no two ends.
  absl::StatusOr<Interval> fieller;
  /// The same estimates under peeking. For a metric with an open window this is not valid; the
  /// caller then reports `open_window` instead.
  EffectPair anytime;
  /// log e-value of the two-sided anytime test, for e-BH.
  absl::StatusOr<double> log_e_value;
  /// Present if the shape has covariates.
  struct Adjusted {
    EffectPair fixed;
    EffectPair anytime;
    absl::StatusOr<double> log_e_value;
    absl::StatusOr<double> variance_reduction;
    std::vector<double> theta;
    /// Two-sided p-value that the covariate differs between the arms: a value below 0.001 says that
    /// the covariate is not from before the treatment, and adjustment must not be used.
    absl::StatusOr<double> covariate_balance_p;
  };
  std::optional<Adjusted> adjusted;
  absl::StatusOr<EffectPosterior> posterior;  ///< of the absolute effect
  /// The smallest true effect that this size would find with `power`: on the scale of the metric,
  /// and relative to |control|.
  absl::StatusOr<double> detectable_absolute;
  absl::StatusOr<double> detectable_relative;
};

/// Everything that a report says about one metric and one treatment, from sufficient statistics.
/// More than one stratum means post-stratification. Errors (kInvalidArgument) are those of the
/// options; what the data do not define is undefined in its own field, with the reason.
absl::StatusOr<Comparison> Compare(absl::Span<const Stratum> strata,
                                   const ComparisonOptions& options);
absl::StatusOr<Comparison> Compare(const Moments& control, const Moments& treatment,
                                   const ComparisonOptions& options);

}  // namespace upswing::statistics
