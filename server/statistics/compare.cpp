#include "server/statistics/compare.hpp"

#include <cmath>

#include "server/statistics/distributions.hpp"
#include "server/statistics/proportions.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

absl::StatusOr<Effect> EffectOf(const Estimate& estimate, const Rule& rule) {
  const auto inference = Infer(estimate, rule);
  if (!inference.ok()) return inference.status();
  return Effect{estimate.estimate, estimate.standard_error, inference->interval,
                inference->p_value};
}

EffectPair Effects(const absl::StatusOr<MetricContrast>& metric, const ComparisonOptions& options,
                   Rule rule) {
  if (!metric.ok()) return {metric.status(), metric.status()};
  const Contrast& contrast = metric->contrast;
  const double base = std::fabs(contrast.base);
  rule.null_value = options.null_value + options.relative_margin * base;
  EffectPair pair{EffectOf(AbsoluteEffect(contrast), rule),
                  Undefined(reason::kControlMeanNearZero)};
  auto lift = RelativeLift(contrast);
  if (!lift.ok()) {
    pair.relative = lift.status();
    return pair;
  }
  // The delta method is a statement about large samples: its interval is a normal one.
  lift->degrees_of_freedom = INFINITY;
  rule.null_value = options.relative_margin + options.null_value / base;
  pair.relative = EffectOf(*lift, rule);
  if (base >= options.fieller_below * std::sqrt(contrast.base_variance) || !pair.relative.ok() ||
      !pair.absolute.ok())
    return pair;
  pair.relative_method = "fieller";
  const auto inference = Infer(AbsoluteEffect(contrast), rule);
  const FiellerLift fieller = FiellerInterval(contrast, inference->critical_value);
  if (fieller.shape != FiellerLift::Shape::kInterval) {
    pair.relative = Undefined(reason::kControlMeanNearZero);
    return pair;
  }
  pair.relative->interval = fieller.interval;
  if (rule.alternative == Alternative::kGreater) pair.relative->interval.upper = INFINITY;
  if (rule.alternative == Alternative::kLess) pair.relative->interval.lower = -INFINITY;
  // The test that goes with Fieller's set.
  rule.null_value = 0;
  const auto test = Infer(TestedEffect(contrast, options), rule);
  if (!test.ok()) return {pair.absolute, test.status()};
  pair.relative->p_value = test->p_value;
  return pair;
}

// Below this many conversions, or non-conversions, in an arm the normal approximation of the mean
// is too coarse.
constexpr double kFewConversions = 30;

bool FewConversions(const Moments& moments) {
  const double conversions = moments.mean[0] * static_cast<double>(moments.n);
  return std::fmin(conversions, static_cast<double>(moments.n) - conversions) < kFewConversions;
}

// Conversion rates by score methods, which are defined also where nobody converted.
EffectPair ScoreEffects(const Moments& control, const Moments& treatment,
                        const ComparisonOptions& options) {
  const auto conversions = [](const Moments& arm) {
    return Conversions{arm.n, std::llround(arm.mean[0] * static_cast<double>(arm.n))};
  };
  const Conversions c = conversions(control);
  const Conversions t = conversions(treatment);
  const double null = options.null_value + options.relative_margin * c.rate();
  const auto test = ScoreTest(c, t, options.alternative, null);
  if (!test.ok()) return {test.status(), test.status()};
  // One-sided intervals are one end of the two-sided one at twice the level.
  const bool two_sided = options.alternative == Alternative::kTwoSided;
  const double alpha = two_sided ? options.alpha : std::fmin(0.999, 2 * options.alpha);
  const auto one_sided = [&](Interval interval) {
    if (options.alternative == Alternative::kGreater) interval.upper = INFINITY;
    if (options.alternative == Alternative::kLess) interval.lower = -INFINITY;
    return interval;
  };
  const double difference = t.rate() - c.rate();
  EffectPair pair{absl::Status(Undefined(reason::kZeroVariance)),
                  absl::Status(Undefined(reason::kControlMeanNearZero))};
  pair.relative_method = "score";
  const double se = test->z == 0 ? 0 : (difference - null) / test->z;
  const auto interval = ScoreDifference(c, t, alpha);
  if (!interval.ok()) {
    pair.absolute = interval.status();
  } else {
    pair.absolute = Effect{difference, se, one_sided(*interval), test->p_value};
  }
  const auto ratio = ScoreRateRatio(c, t, alpha);
  if (c.conversions > 0 && ratio.ok())
    pair.relative = Effect{difference / c.rate(), se / c.rate(),
                           one_sided({ratio->lower - 1, ratio->upper - 1}), test->p_value};
  return pair;
}

absl::StatusOr<double> LogEvidence(const absl::StatusOr<MetricContrast>& metric,
                                   const Rule& anytime) {
  if (!metric.ok()) return metric.status();
  return LogEValue(AbsoluteEffect(metric->contrast), anytime);
}

// Smallest p-value over the covariates' differences, times their number.
absl::StatusOr<double> CovariateBalance(absl::Span<const Stratum> strata,
                                        const MetricShape& shape) {
  std::size_t at = shape.ratio ? 2 : 1;
  double smallest = 1;
  absl::StatusOr<double> balance = Undefined(reason::kCovariateConstant);
  const auto consider = [&](bool ratio) {
    std::vector<std::size_t> variables = {at++};
    if (ratio) variables.push_back(at++);
    std::vector<Stratum> parts;
    for (const Stratum& stratum : strata)
      parts.push_back({SelectVariables(stratum.control, variables),
                       SelectVariables(stratum.treatment, variables)});
    const auto contrast = ContrastOf(parts, {.ratio = ratio}, Adjustment::kNone);
    if (!contrast.ok()) return;
    const auto inference = Infer(AbsoluteEffect(contrast->contrast), {});
    if (!inference.ok()) return;
    smallest = std::fmin(smallest, inference->p_value);
    balance = std::fmin(1.0, smallest * static_cast<double>(shape.covariates()));
  };
  if (shape.ratio_covariate) consider(true);
  for (std::size_t i = 0; i < shape.mean_covariates; ++i) consider(false);
  return balance;
}

bool UsesScore(absl::Span<const Stratum> strata, const ComparisonOptions& options) {
  return options.binary && !options.shape.ratio && strata.size() == 1 && strata[0].control.n > 0 &&
         strata[0].treatment.n > 0 &&
         (FewConversions(strata[0].control) || FewConversions(strata[0].treatment));
}

absl::Status Check(const ComparisonOptions& options) {
  if (!(options.alpha > 0 && options.alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  if (!(options.power > 0 && options.power < 1))
    return absl::InvalidArgumentError("power: must be above 0 and below 1");
  if (!(options.fieller_below >= 0))
    return absl::InvalidArgumentError("fieller_below: must not be negative");
  return absl::OkStatus();
}

}  // namespace

Estimate TestedEffect(const Contrast& contrast, const ComparisonOptions& options) {
  Estimate effect = AbsoluteEffect(contrast);
  effect.estimate -= options.null_value;
  const double margin = options.relative_margin;
  if (margin == 0) return effect;
  const double sign = contrast.base < 0 ? -1 : 1;
  effect.estimate -= margin * std::fabs(contrast.base);
  effect.standard_error = std::sqrt(std::fmax(0, contrast.difference_variance -
                                                     2 * margin * sign * contrast.covariance +
                                                     margin * margin * contrast.base_variance));
  return effect;
}

absl::StatusOr<EffectPair> Judge(absl::Span<const Stratum> strata, const ComparisonOptions& options,
                                 const Look& look, bool adjusted) {
  if (absl::Status status = Check(options); !status.ok()) return status;
  if (!adjusted && std::holds_alternative<FixedHorizon>(look) && UsesScore(strata, options))
    return ScoreEffects(strata[0].control, strata[0].treatment, options);
  const auto contrast =
      ContrastOf(strata, options.shape, adjusted ? options.adjustment : Adjustment::kNone);
  if (!contrast.ok() && contrast.status().code() == absl::StatusCode::kInvalidArgument)
    return contrast.status();
  return Effects(contrast, options,
                 {.alpha = options.alpha, .alternative = options.alternative, .look = look});
}

absl::StatusOr<Comparison> Compare(absl::Span<const Stratum> strata,
                                   const ComparisonOptions& options) {
  if (absl::Status status = Check(options); !status.ok()) return status;
  Rule fixed{.alpha = options.alpha, .alternative = options.alternative};
  if (options.z_bound) fixed.look = GroupSequentialLook{*options.z_bound};
  Rule anytime{.alpha = options.alpha,
               .alternative = options.alternative,
               .look = Anytime{options.tuning_units}};

  const auto raw = ContrastOf(strata, options.shape, Adjustment::kNone);
  if (!raw.ok() && raw.status().code() == absl::StatusCode::kInvalidArgument) return raw.status();
  // Where the contrast is not defined, nothing that follows from it is.
  const absl::Status why = raw.ok() ? Undefined(reason::kNotEnoughData) : raw.status();
  Comparison comparison{
      .contrast = why,
      .raw = Effects(raw, options, fixed),
      .fieller = why,
      .anytime = Effects(raw, options, anytime),
      .log_e_value = LogEvidence(raw, anytime),
      .adjusted = std::nullopt,
      .posterior = why,
      .detectable_absolute = why,
      .detectable_relative = why,
  };
  if (!options.z_bound && UsesScore(strata, options)) {
    comparison.method = "score";
    comparison.raw = ScoreEffects(strata[0].control, strata[0].treatment, options);
  }
  if (options.shape.covariates() > 0) {
    const auto adjusted = ContrastOf(strata, options.shape, options.adjustment);
    Comparison::Adjusted block{
        .fixed = Effects(adjusted, options, fixed),
        .anytime = Effects(adjusted, options, anytime),
        .log_e_value = LogEvidence(adjusted, anytime),
        .variance_reduction = 0,
        .theta = {},
        .covariate_balance_p = CovariateBalance(strata, options.shape),
    };
    if (!adjusted.ok()) {
      block.variance_reduction = adjusted.status();
    } else {
      block.variance_reduction = adjusted->variance_reduction;
      block.theta = adjusted->theta;
    }
    comparison.adjusted = std::move(block);
  }
  if (!raw.ok()) return comparison;

  const Contrast& contrast = raw->contrast;
  comparison.contrast = contrast;
  const double base = std::fabs(contrast.base);
  const FiellerLift lifts = FiellerInterval(contrast, NormalUpperQuantile(options.alpha / 2));
  comparison.fieller = Undefined(reason::kControlMeanNearZero);
  if (lifts.shape == FiellerLift::Shape::kInterval) comparison.fieller = lifts.interval;
  std::optional<NormalPrior> prior;
  if (options.lift_prior) prior = options.lift_prior->Scaled(base);
  if (prior && !(prior->variance > 0)) {
    comparison.posterior = Undefined(reason::kControlMeanNearZero);
  } else {
    comparison.posterior = NormalEffectPosterior(AbsoluteEffect(contrast), prior, options.alpha,
                                                 options.good_is_lower);
  }
  const bool two_sided = options.alternative == Alternative::kTwoSided;
  const double z = NormalUpperQuantile(two_sided ? options.alpha / 2 : options.alpha) +
                   NormalUpperQuantile(1 - options.power);
  comparison.detectable_absolute = z * std::sqrt(contrast.difference_variance);
  if (base > 0) {
    comparison.detectable_relative = *comparison.detectable_absolute / base;
  } else {
    comparison.detectable_relative = Undefined(reason::kControlMeanNearZero);
  }
  return comparison;
}

absl::StatusOr<Comparison> Compare(const Moments& control, const Moments& treatment,
                                   const ComparisonOptions& options) {
  const Stratum stratum{control, treatment};
  return Compare(absl::MakeConstSpan(&stratum, 1), options);
}

}  // namespace upswing::statistics
