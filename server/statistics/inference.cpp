#include "server/statistics/inference.hpp"

#include <algorithm>
#include <cmath>

#include "server/statistics/distributions.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

struct Tail {
  double critical_value = 0;
  double p_value = 1;
};

double TuningAlpha(const Anytime& anytime, const Rule& rule) {
  return anytime.tuning_alpha > 0 ? anytime.tuning_alpha : rule.alpha;
}

// `z` is signed so that the alternative lies at +infinity; two-sided takes its absolute value.
Tail AnytimeTail(double z, double units, const Rule& rule, const Anytime& anytime) {
  const bool two_sided = rule.alternative == Alternative::kTwoSided;
  const double information =
      units * ConfidenceSequenceRhoSquared(anytime.tuning_units, TuningAlpha(anytime, rule),
                                           rule.alternative);
  const double u = information + 1;
  const double log_ratio = two_sided ? 0.5 * std::log(u) - std::log(rule.alpha)
                                     : std::log1p(std::sqrt(u) / (2 * rule.alpha));
  const double exponent = information * z * z / (2 * u);
  double p = 1;
  if (two_sided) {
    p = std::exp(0.5 * std::log(u) - exponent);
  } else if (z > 0) {
    p = 0.5 * std::sqrt(u) * std::exp(-exponent) / -std::expm1(-exponent);
  }
  return {std::sqrt(2 * u / information * log_ratio), std::min(1.0, p)};
}

Tail StudentTail(double z, double degrees_of_freedom, double level_per_side, bool two_sided) {
  const double p = StudentTSurvival(two_sided ? std::fabs(z) : z, degrees_of_freedom);
  return {StudentTUpperQuantile(level_per_side, degrees_of_freedom), two_sided ? 2 * p : p};
}

absl::Status Check(const Estimate& estimate, const Rule& rule) {
  if (!(rule.alpha > 0 && rule.alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  if (!std::isfinite(rule.null_value))
    return absl::InvalidArgumentError("null_value: must be finite");
  if (const auto* anytime = std::get_if<Anytime>(&rule.look);
      anytime && !(anytime->tuning_units > 0))
    return absl::InvalidArgumentError("tuning_units: must be above 0");
  if (const auto* anytime = std::get_if<Anytime>(&rule.look);
      anytime && !(anytime->tuning_alpha >= 0 && anytime->tuning_alpha < 1))
    return absl::InvalidArgumentError("tuning_alpha: must be in [0, 1)");
  if (!std::isfinite(estimate.estimate) || !std::isfinite(estimate.standard_error))
    return Undefined(reason::kNonFiniteInput);
  if (!(estimate.standard_error > 0)) return Undefined(reason::kZeroVariance);
  if (!(estimate.degrees_of_freedom > 0)) return Undefined(reason::kNotEnoughData);
  return absl::OkStatus();
}

}  // namespace

double ConfidenceSequenceRhoSquared(double units, double alpha, Alternative alternative) {
  const double a = alternative == Alternative::kTwoSided ? alpha : 2 * alpha;
  const double minus_two_log = -2 * std::log(a);
  return (minus_two_log + std::log1p(minus_two_log)) / units;
}

absl::StatusOr<Inference> Infer(const Estimate& estimate, const Rule& rule) {
  if (absl::Status status = Check(estimate, rule); !status.ok()) return status;
  const bool two_sided = rule.alternative == Alternative::kTwoSided;
  const double statistic = (estimate.estimate - rule.null_value) / estimate.standard_error;
  const double z = rule.alternative == Alternative::kLess ? -statistic : statistic;
  Tail tail;
  if (const auto* anytime = std::get_if<Anytime>(&rule.look)) {
    if (!two_sided && std::fmax(rule.alpha, TuningAlpha(*anytime, rule)) >= 0.5)
      return absl::InvalidArgumentError("alpha: one-sided anytime inference needs alpha below 0.5");
    tail = AnytimeTail(z, static_cast<double>(estimate.units), rule, *anytime);
  } else {
    double level = two_sided ? rule.alpha / 2 : rule.alpha;
    if (const auto* look = std::get_if<GroupSequentialLook>(&rule.look))
      level = NormalSurvival(look->z_bound);
    tail = StudentTail(z, estimate.degrees_of_freedom, level, two_sided);
  }
  const double reach = tail.critical_value * estimate.standard_error;
  Interval interval{estimate.estimate - reach, estimate.estimate + reach};
  if (rule.alternative == Alternative::kGreater) interval.upper = INFINITY;
  if (rule.alternative == Alternative::kLess) interval.lower = -INFINITY;
  return Inference{interval, std::min(1.0, tail.p_value), statistic, tail.critical_value};
}

absl::StatusOr<double> LogEValue(const Estimate& estimate, const Rule& rule) {
  if (absl::Status status = Check(estimate, rule); !status.ok()) return status;
  const auto* anytime = std::get_if<Anytime>(&rule.look);
  if (anytime == nullptr) return Undefined(reason::kNotSupported);
  const double information =
      static_cast<double>(estimate.units) *
      ConfidenceSequenceRhoSquared(anytime->tuning_units, TuningAlpha(*anytime, rule),
                                   Alternative::kTwoSided);
  const double z = (estimate.estimate - rule.null_value) / estimate.standard_error;
  return information * z * z / (2 * (information + 1)) - 0.5 * std::log1p(information);
}

}  // namespace upswing::statistics
