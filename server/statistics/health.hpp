#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/inference.hpp"
#include "server/statistics/metric_contrast.hpp"
#include "server/statistics/proportions.hpp"

namespace upswing::statistics {

/// Units per arm in one place where a mismatch could come from: a segment's value, a stage
/// (assigned, exposed, logged), a day.
struct SampleRatioCell {
  std::string dimension;  ///< "country", "stage", "day", ...
  std::string value;
  std::vector<std::int64_t> observed;
};

/// A cell with its evidence, for the ranking of causes.
struct SampleRatioCause {
  std::string dimension;
  std::string value;
  double log_e_value = 0;  ///< sequential test of this cell; the evidence
  double p_value = 1;      ///< chi-square, times the number of cells of the dimension, at most 1
  double share_gap = 0;    ///< of the first arm: observed share - planned share
  std::int64_t units = 0;
};

/// Cells by evidence, strongest first. A mismatch that sits in one cell (a browser, one day, one
/// stage) shows as one cell far above the others of its dimension; one that is spread over all
/// cells points at the assignment itself. Errors as `SampleRatioChiSquare`.
absl::StatusOr<std::vector<SampleRatioCause>> RankSampleRatioCauses(
    absl::Span<const SampleRatioCell> cells, absl::Span<const double> weights);

/// One unit of a metric for the negative control.
struct ControlUnit {
  /// Hash of what was randomised: rows with the same hash go to the same arm.
  std::uint64_t randomisation_hash = 0;
  double numerator = 0;
  double denominator = 1;  ///< 1 for means
};

struct NegativeControl {
  int splits = 0;
  /// Empirical variance of the z statistics over the formula's 1: above 1 the formula's standard
  /// error is too small (the wrong unit of analysis), below 1 too large.
  double variance_ratio = 1;
  /// Two-sided, from the chi-square distribution with `splits` degrees of freedom.
  double p_value = 1;
  bool flagged = false;          ///< p_value < 0.001
  std::vector<double> z_scores;  ///< the empirical null
};

/// Splits the units `splits` times at random into two halves that nothing distinguishes, and
/// compares the spread of the z statistics of the metric with what their formula promises. The
/// sample should be taken by hash, at most a million units. O(units x splits). Undefined:
/// `not_enough_data` below 100 rows, `zero_variance`.
absl::StatusOr<NegativeControl> RunNegativeControls(absl::Span<const ControlUnit> units,
                                                    int splits = 200, std::uint64_t seed = 1);

/// The lift at one of several places (days, ages, segments), for a test of whether it differs.
struct LiftAt {
  double lift = 0;
  double variance = 0;
};

/// Puts effects on the scale on which a treatment that multiplies is constant: where control's
/// value falls from day to day, or differs between segments, a constant lift is no constant
/// difference. With d, b the difference and control's |value| of a place and L the lift they would
/// have in common:
///
///     e = d - L b,   v = var e,   b* = b - cov(b, e) / v * e
///     lift = L + e / b*,   variance = v / b*^2,   L such that sum(b* e / v) = 0
///
/// b* is what control's value most probably is if the lift is L, and independent of e (normal), so
/// that noise of the control moves no weight: weighted least squares of these lifts is the score
/// test of a change, and their Q is sum(e^2 / v). Nothing for a place whose b* is not above 0.
///
/// Undefined: `not_enough_data` without places; `control_mean_near_zero` if control's values over
/// all places are together within 5 standard errors of 0 (a lift has no meaning then: compare the
/// differences).
absl::StatusOr<std::vector<std::optional<LiftAt>>> LiftsToCompare(
    absl::Span<const Contrast> places);

/// An effect at some age (days since exposure) or on some day.
struct EffectAtAge {
  double age = 0;
  double effect = 0;
  double variance = 0;  ///< of the effect, above 0
};

/// Novelty or primacy: does the effect change with the age of the exposure? Weighted least squares
/// of the effect on the age, fixed cohorts assumed; the ages' effects are taken as independent.
struct AgeTrend {
  double slope = 0;  ///< per day
  double standard_error = 0;
  double p_value = 1;
  double first_effect = 0;  ///< fitted at the lowest age
  double last_effect = 0;   ///< fitted at the highest age
};
/// Undefined `not_enough_data` below 3 ages.
absl::StatusOr<AgeTrend> EffectTrend(absl::Span<const EffectAtAge> effects);

/// Whether one unit carries the effect: the difference with and without the largest unit of each
/// arm.
struct OutlierInfluence {
  double with_all = 0;
  double without_largest = 0;
  double p_with_all = 1;
  double p_without_largest = 1;
  /// The verdict at alpha turns, or the difference moves by more than a standard error.
  bool decisive = false;
};
/// One variable per unit. `largest_*` is the value of the unit to leave out. Undefined as
/// `CompareArms`, after leaving out.
absl::StatusOr<OutlierInfluence> InfluenceOfLargest(const Moments& control, double largest_control,
                                                    const Moments& treatment,
                                                    double largest_treatment, double alpha = 0.05);

/// Two experiments on the same units: does the effect of A depend on the variant of B?
struct InteractionTest {
  Estimate interaction;  ///< difference of A's effects between B's treatment and control
  double p_value = 1;
  double assignment_p = 1;  ///< that the two assignments are independent (chi-square)
};
/// Arms by (variant of A, variant of B): 0 is control. Undefined as `CompareArms`.
absl::StatusOr<InteractionTest> TestInteraction(const Arm& a0b0, const Arm& a0b1, const Arm& a1b0,
                                                const Arm& a1b1);

/// Do the effects differ between segments? Q over all, and for each segment the test that its
/// effect differs from the others' together, with Benjamini-Hochberg's correction over the
/// segments.
struct Heterogeneity {
  double q = 0;
  double q_p_value = 1;
  std::vector<double> differs_p;  ///< adjusted, one for each segment
};
/// Undefined `not_enough_data` below 2 segments; kInvalidArgument for a variance not above 0.
absl::StatusOr<Heterogeneity> CompareSegments(absl::Span<const double> effects,
                                              absl::Span<const double> variances);

/// The share of units that were left out (seen in two variants, lost, late) differs between the
/// arms. Counts are (analysed or not) per arm; p by the score test, exact below 1,000 units.
/// Undefined `zero_variance` if none or all were left out.
absl::StatusOr<double> LossDifferenceP(const Conversions& control, const Conversions& treatment);

}  // namespace upswing::statistics
