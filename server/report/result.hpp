#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/report/plan.hpp"
#include "server/statistics/estimate.hpp"

namespace upswing::report {

/// A number that may not exist; then `reason` says why, in one of the words of
/// server/statistics/reason.hpp or of analysis (`open_window`,
/// `window_not_complete`, ...).
struct Figure {
  std::optional<double> value;
  std::string reason;
};

/// An estimate and its interval at the plan's confidence level. An end that is
/// not finite (Fieller's unbounded cases) is absent.
struct Interval {
  Figure estimate;
  std::optional<double> low;
  std::optional<double> high;
  std::string method;  ///< Shown beside the numbers where one metric has
                       ///< several; may be empty.
};

/// What a metric is: one entry for each column of the report (a funnel has one
/// for each step).
struct MetricInfo {
  std::string key;     ///< As in `MetricSummary::metric`.
  std::string metric;  ///< Key of the definition; differs from `key` for the
                       ///< steps of a funnel.
  std::string type;    ///< "conversion", "sum", ..., as in the metric language.
  std::string role;    ///< "primary", "secondary", "guardrail" or "" (not in the plan).
  std::string good;    ///< "up", "down" or "neither": which direction is an improvement.
  std::optional<double> window_days;  ///< Absent: the window is open.
  std::optional<int> funnel_step;     ///< From 1; absent for other metrics.
  std::optional<double> quantile;     ///< Level, for quantile metrics.
  /// Winsorising: the cap, and the share of the sum that it took away.
  std::optional<double> cap;
  double removed_share = 0;
};

/// How many values lie in [low, high); a value of 0 has a bin of its own with low = high = 0. An
/// end that is not finite is absent.
struct Bin {
  std::optional<double> low;
  std::optional<double> high;
  std::int64_t count = 0;
};

/// One metric in one variant. `mean` is per unit, except for ratios, where it
/// is the ratio of the sums.
struct MetricSummary {
  std::string metric;
  std::int64_t units = 0;    ///< Units whose window is complete.
  std::int64_t pending = 0;  ///< Units whose window is still open.
  Figure sum;
  Figure mean;
  Figure variance;  ///< Between units, divisor n - 1.
  /// The spread of the values behind it, ascending: of units, or of events for a quantile. Of
  /// variants as a whole only, and not of shares and ratios.
  std::vector<Bin> distribution;
};

struct VariantSummary {
  std::string key;
  std::int64_t units = 0;
  std::vector<MetricSummary> metrics;
  std::int64_t crossovers = 0;             ///< Left out, by first variant.
  double planned_share = 0;                ///< Of the units, by weight.
  std::vector<std::int64_t> units_by_day;  ///< New units, in the order of `Report::dates`.
};

struct AnytimeResult {
  Interval interval;  ///< Of the absolute effect.
  Figure p_value;
  Interval relative;
  Figure log_e_value;
  /// By e-BH over the comparison's family: valid at every look and under any
  /// dependence.
  Figure p_value_adjusted;
};

/// The comparison of all units by the first variant that they saw, crossovers
/// included.
struct IntentToTreat {
  Interval absolute;
  Interval relative;
  Figure p_value;
};

struct CupedResult {
  Interval absolute;
  Interval relative;
  Figure p_value;
  Figure variance_reduction;  ///< Share of the variance that the covariate
  Figure balance_p_value;     ///< That the covariate differs between the arms.
                              ///< explains, in [0, 1].
};

struct BayesianResult {
  Figure chance_to_win;  ///< Probability that the variant is better than
                         ///< control, direction of `good` applied.
  Figure expected_loss;  ///< Of choosing the variant, in the metric's unit.
};

/// The comparison as the plan judges it: its alternative, margin, looks and covariates. What the
/// verdict reads.
struct Judgement {
  std::string alternative;  ///< "two_sided", "greater" or "less".
  /// "fixed", "anytime" or "group_sequential". A metric without a closed window is judged "fixed"
  /// in any plan: at the end.
  std::string looks;
  bool cuped = false;            ///< By the numbers that the covariate adjusts.
  bool valid_now = false;        ///< A decision may be taken on it at this moment.
  double null_value = 0;         ///< Value of no effect: 1 for a return, else 0.
  std::optional<Margin> margin;  ///< The loss that is accepted; the test is against it.
  Interval absolute;
  Interval relative;
  Figure p_value;
  Figure p_value_adjusted;           ///< Over the comparison's family.
  std::optional<double> confidence;  ///< Of the intervals, after the correction.
  /// The planned look that the numbers are from.
  struct Look {
    int number = 0;  ///< From 1; 0 before the first.
    int of = 0;
    int day = 0;  ///< Of the experiment, from 1: data until its end.
    std::string date;
    int next_day = 0;  ///< 0: none is left.
    double z = 0;
    double z_bound = 0;
    double alpha_spent = 0;
  };
  std::optional<Look> look;
  /// Of a one-sided test: the test of the opposite direction at the same level, for harm; none or
  /// one.
  std::vector<Judgement> opposite;
};

/// What more data would bring for the effect that the plan wants to see.
struct Outlook {
  double effect = 0;         ///< The planned effect, absolute, signed.
  Figure power_now;          ///< With the units so far.
  Figure units_needed;       ///< Of both arms, for the plan's power.
  Figure information;        ///< Share of the planned length, in (0, 1].
  Figure conditional_power;  ///< Chance to show it at the planned end, given the data so far.
};

/// One variant against control on one metric.
struct Comparison {
  std::string metric;
  std::string variant;
  std::string role;    ///< "primary", "secondary", "guardrail" or "" (not in the plan).
  std::string good;    ///< "up" or "down": which direction is an improvement.
  std::string method;  ///< Of absolute and p_value, e.g. "welch".
  Interval absolute;
  Interval relative;
  Interval relative_fieller;
  Figure p_value;
  Figure p_value_adjusted;
  std::string family;  ///< Of `Account::families`: what p_value_adjusted is
                       ///< corrected over.
  /// The intervals at the level that agrees with the correction: they leave 0
  /// out exactly where the adjusted p-value is at most alpha. `level` is that
  /// level's confidence.
  Interval absolute_adjusted;
  Interval relative_adjusted;
  std::optional<double> adjusted_confidence;
  /// The lift without the winner's curse: what a significant lift is expected
  /// to be worth again.
  Figure shrunken;
  std::optional<IntentToTreat> intent_to_treat;  ///< Absent without crossovers.
  std::int64_t events_control = 0;               ///< Events behind the values of control.
  std::int64_t events_variant = 0;
  double standard_error = 0;  ///< Of the absolute effect; 0 where it is not defined.
  /// For comparing it with other places' (days, segments); absent where it is not defined.
  std::optional<statistics::Contrast> contrast;
  AnytimeResult anytime;
  std::optional<CupedResult> cuped;  ///< Absent where the metric has no covariate.
  BayesianResult bayesian;
  std::optional<Judgement> judged;  ///< Absent where the plan does not name the metric.
  std::optional<Outlook> outlook;   ///< For the primary metric.
  Figure detectable;                ///< Smallest relative lift that this many units would find
                                    ///< with power 0.8.
};

/// Comparisons of the units whose attribute had this value at first exposure.
struct Segment {
  std::string attribute;
  std::string value;
  std::vector<VariantSummary> variants;
  std::vector<Comparison> comparisons;
};

/// The comparisons of one calendar day: units that entered until its end
/// (`cumulative`) or on it.
struct Day {
  std::string date;  ///< YYYY-MM-DD in the project's time zone.
  bool cumulative = false;
  std::vector<VariantSummary> variants;
  std::vector<Comparison> comparisons;
};

/// One count of questions that are corrected together.
struct Family {
  std::string name;              ///< "primary", "secondary", "guardrails", "segments".
  std::string correction;        ///< "holm", "bh", "bonferroni", "none", ...
  std::int64_t questions = 0;    ///< Defined comparisons.
  std::int64_t undefined = 0;    ///< Comparisons without a p-value; they do not count.
  std::int64_t discoveries = 0;  ///< Adjusted p-value at most alpha.
  std::int64_t discoveries_anytime = 0;
  std::int64_t discoveries_judged = 0;  ///< As the plan judges them.
  std::string correction_judged;        ///< Differs from `correction` where looks make questions
                                        ///< depend on each other in unknown ways.
};

/// The one account of all questions that this report answers.
struct Account {
  double alpha = 0.05;
  /// How looks enter: "fixed" (one look, at the planned end), "anytime" (any
  /// number) or "group_sequential".
  std::string looks = "fixed";
  std::vector<Family> families;
};

/// Do the effects on one metric differ between the values of one attribute?
struct Heterogeneity {
  std::string metric;
  std::string variant;
  std::string attribute;
  bool of_lifts = false;    ///< Lifts are compared, else differences.
  Figure p_value;           ///< Cochran's Q.
  Figure p_value_adjusted;  ///< Over all such questions, Benjamini-Hochberg.
  /// The values of the attribute, and the corrected p-value that the effect
  /// there differs from the others' together.
  std::vector<std::pair<std::string, double>> segments;
};

/// Does the effect on one metric change from day to day?
struct Trend {
  std::string metric;
  std::string variant;
  bool of_lifts = false;  ///< It is about the lift, else about the difference.
  Figure slope;           ///< Per day.
  Figure p_value;
  Figure first;  ///< Effect on the first day, fitted.
  Figure last;
};

/// A place where the split differs from the plan, strongest evidence first.
struct SampleRatioCause {
  std::string dimension;  ///< An attribute, or "day".
  std::string value;
  Figure p_value;  ///< Times the number of places of the dimension.
  double log_e_value = 0;
  double share_gap = 0;  ///< Of control: observed share - planned share.
  std::int64_t units = 0;
};

struct HealthCheck {
  std::string name;
  std::string severity;  ///< "block" or "warn"
  bool ok = true;
  Figure p_value;
  Figure effect;
  double threshold = 0;
  std::string detail;
};

/// What checks found that look at single units; made beside the report, of a sample by hash where
/// there are many units.
struct UnitChecks {
  std::string as_of;       ///< RFC 3339, UTC: what the checks saw; empty: what the report saw.
  std::int64_t units = 0;  ///< Looked at.
  double share = 1;        ///< Of the units of the type.
  /// The units split again and again at random, at the level of randomisation: the spread of the
  /// differences over what their standard errors promise.
  struct NegativeControl {
    std::string metric;
    std::int64_t units = 0;
    int splits = 0;
    int beyond_1_96 = 0;        ///< Splits whose |z| is above 1.96: 5 % are expected.
    double variance_ratio = 1;  ///< 1 where the formula holds.
    Figure p_value;             ///< Chi-square, two-sided.
    bool flagged = false;       ///< Outside the 99.9 % band.
  };
  std::vector<NegativeControl> negative_controls;
  /// The difference without the unit of each arm that is farthest from its mean.
  struct Outlier {
    std::string metric;
    std::string variant;
    double with_all = 0;
    double without_largest = 0;
    double p_with_all = 1;
    double p_without_largest = 1;
    bool decisive = false;  ///< The verdict at alpha turns, or more than a standard error is lost.
  };
  std::vector<Outlier> outliers;
  /// The effect by full day since the exposure, of the same units on each day.
  struct Age {
    std::string metric;
    std::string variant;
    std::int64_t units = 0;
    bool of_lifts = false;  ///< All numbers are lifts, else differences.
    double slope = 0;       ///< Per day.
    double p_value = 1;
    double first = 0;  ///< Fitted, first and last day.
    double last = 0;
    struct Effect {
      int day = 0;
      double estimate = 0;
      double standard_error = 0;
    };
    std::vector<Effect> effects;
  };
  std::vector<Age> ages;
  /// How the effect differs between a variant of another experiment and its control.
  struct Interaction {
    std::string experiment;
    std::string other_variant;
    std::string metric;
    std::string variant;
    std::int64_t units = 0;
    double estimate = 0;
    double standard_error = 0;
    double p_value = 1;
    double p_value_adjusted = 1;    ///< Bonferroni, over all interactions.
    double assignment_p_value = 1;  ///< That the two assignments are independent.
  };
  std::vector<Interaction> interactions;
};

/// What clients counted on the way from a decision to a record, of one variant.
struct Stage {
  std::string variant;
  std::int64_t evaluated = 0;  ///< Decisions that asked for an exposure.
  std::int64_t exposed = 0;    ///< Not a repetition of the unit's last exposure.
  std::int64_t queued = 0;
  std::int64_t dropped = 0;  ///< Lost on the client after that.
  std::int64_t units = 0;    ///< Arrived, by first variant.
};

struct Health {
  bool ok = true;  ///< No check of severity "block" failed.
  Figure srm_p_value;
  std::string srm_method;  ///< "chi_square", or "exact" for few units; empty where undefined.
  std::vector<double> srm_expected;  ///< Shares by variant, in the order of `Report::variants`.
  Figure srm_sequential_p_value;     ///< Smallest so far over all days; valid at
                                     ///< every look.
  std::vector<SampleRatioCause> srm_causes;
  std::vector<Stage> stages;              ///< Empty where no client counted.
  std::optional<UnitChecks> unit_checks;  ///< Absent until they have been made.
  std::vector<HealthCheck> checks;
};

/// What the plan says to do now.
struct Decision {
  std::string action;   ///< "ship", "keep_running", "stop_harm", "stop_futile" or
                        ///< "blocked_unhealthy"
  std::string reason;   ///< One sentence.
  std::string variant;  ///< The variant that `action` is about; may be empty.
  /// What the sentence is made of, for other languages: statistics::Decision.
  std::string cause;
  std::vector<std::string> terms;
};

/// Everything a report says about one experiment. The renderers add nothing to
/// it.
struct Report {
  std::string experiment;
  std::string hypothesis;
  std::int64_t iteration = 1;
  std::string as_of;  ///< RFC 3339, UTC.
  std::string first_exposure;
  std::string last_record;
  std::string control;
  double confidence = 0.95;
  std::int64_t records = 0;  ///< Exposures and events that the analysis read.
  std::int64_t units_in_several_variants = 0;
  std::int64_t units_forced = 0;
  std::int64_t events_without_unit = 0;
  std::int64_t units_erased = 0;
  Plan plan;
  std::vector<MetricInfo> metrics;
  std::vector<std::string> dates;        ///< YYYY-MM-DD, contiguous.
  std::vector<VariantSummary> variants;  ///< Control first.
  std::vector<Comparison> comparisons;
  std::vector<Segment> segments;
  std::vector<Day> days;
  std::vector<Heterogeneity> heterogeneity;
  std::vector<Trend> trends;
  Account account;
  Decision decision;
  std::vector<Decision> decisions;  ///< One for each variant.
  Health health;
};

}  // namespace upswing::report
