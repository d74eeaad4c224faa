#include "server/statistics/power.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "server/statistics/distributions.hpp"
#include "server/statistics/quadrature.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

absl::Status Check(const PlanningRule& rule) {
  if (!(rule.alpha > 0 && rule.alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  if (!(rule.power > 0 && rule.power < 1))
    return absl::InvalidArgumentError("power: must be above 0 and below 1");
  if (!(rule.margin >= 0)) return absl::InvalidArgumentError("margin: must not be negative");
  return absl::OkStatus();
}

absl::Status Check(const PlanningInput& input) {
  if (!(input.variance > 0) || !std::isfinite(input.variance))
    return absl::InvalidArgumentError("variance: must be above 0");
  if (!(input.treatment_variance >= 0))
    return absl::InvalidArgumentError("treatment_variance: must not be negative");
  if (!(input.correlation > -1 && input.correlation < 1))
    return absl::InvalidArgumentError("correlation: must be above -1 and below 1");
  if (!(input.cluster_size >= 1))
    return absl::InvalidArgumentError("cluster_size: must be at least 1");
  if (!(input.cluster_size_cv >= 0))
    return absl::InvalidArgumentError("cluster_size_cv: must not be negative");
  if (!(input.icc >= 0 && input.icc <= 1))
    return absl::InvalidArgumentError("icc: must be between 0 and 1");
  if (!(input.ratio > 0)) return absl::InvalidArgumentError("ratio: must be above 0");
  return absl::OkStatus();
}

double StandardError(const PlanningInput& input, double control_units) {
  const double treatment = input.treatment_variance > 0 ? input.treatment_variance : input.variance;
  return std::sqrt(DesignEffect(input) * (input.variance + treatment / input.ratio) /
                   control_units);
}

bool TwoSided(const PlanningRule& rule) {
  return rule.alternative == Alternative::kTwoSided && rule.margin == 0;
}

// Critical value in standard errors with `units` in both arms together.
double CriticalValue(const PlanningRule& rule, double units) {
  if (rule.z_bound) return *rule.z_bound;
  const bool two_sided = TwoSided(rule);
  if (!rule.anytime_tuning_units)
    return NormalUpperQuantile(two_sided ? rule.alpha / 2 : rule.alpha);
  const Rule anytime{.alpha = rule.alpha,
                     .alternative = two_sided ? Alternative::kTwoSided : Alternative::kGreater,
                     .look = Anytime{*rule.anytime_tuning_units}};
  const auto inference =
      Infer({0, 1, INFINITY, static_cast<std::int64_t>(std::max(1.0, units))}, anytime);
  return inference.ok() ? inference->critical_value : INFINITY;
}

double Power(double critical, double shift, bool two_sided) {
  return NormalSurvival(critical - shift) + (two_sided ? NormalSurvival(critical + shift) : 0);
}

// The effect as it counts towards rejection: signed so that more is easier.
double Push(const PlanningRule& rule, double effect) {
  if (rule.alternative == Alternative::kLess) return rule.margin - effect;
  return rule.alternative == Alternative::kTwoSided && rule.margin == 0 ? std::fabs(effect)
                                                                        : effect + rule.margin;
}

// Smallest size at which the increasing `power` reaches the target, by bracketing from `start` up.
absl::StatusOr<double> Solve(const std::function<double(double)>& power, double target,
                             double start) {
  double upper = start;
  while (power(upper) < target) {
    upper *= 2;
    if (upper > 1e15) return Undefined(reason::kNotSupported);
  }
  return FindZero([&](double x) { return power(x) - target; }, start, upper);
}

}  // namespace

double DesignEffect(const PlanningInput& input) {
  const double size = (1 + input.cluster_size_cv * input.cluster_size_cv) * input.cluster_size;
  return (1 - input.correlation * input.correlation) * (1 + (size - 1) * input.icc);
}

absl::StatusOr<double> PowerAt(const PlanningInput& input, const PlanningRule& rule,
                               double control_units, double effect) {
  if (absl::Status status = Check(input); !status.ok()) return status;
  if (absl::Status status = Check(rule); !status.ok()) return status;
  if (!(control_units > 0)) return absl::InvalidArgumentError("units: must be above 0");
  return Power(CriticalValue(rule, control_units * (1 + input.ratio)),
               Push(rule, effect) / StandardError(input, control_units), TwoSided(rule));
}

absl::StatusOr<double> UnitsNeeded(const PlanningInput& input, const PlanningRule& rule,
                                   double effect) {
  if (absl::Status status = Check(input); !status.ok()) return status;
  if (absl::Status status = Check(rule); !status.ok()) return status;
  if (!(Push(rule, effect) > 0)) return Undefined(reason::kNotSupported);
  return Solve([&](double n) { return *PowerAt(input, rule, n, effect); }, rule.power, 1e-6);
}

absl::StatusOr<double> DetectableEffect(const PlanningInput& input, const PlanningRule& rule,
                                        double control_units) {
  if (absl::Status status = Check(input); !status.ok()) return status;
  if (absl::Status status = Check(rule); !status.ok()) return status;
  if (!(control_units > 0)) return absl::InvalidArgumentError("units: must be above 0");
  const double se = StandardError(input, control_units);
  const double critical = CriticalValue(rule, control_units * (1 + input.ratio));
  // Power at shift 0 is alpha, and rises from there.
  const double shift = FindZero(
      [&](double x) { return Power(critical, x, TwoSided(rule)) - rule.power; }, 0, critical + 40);
  const double effect = shift * se - rule.margin;
  return rule.alternative == Alternative::kLess ? -effect : effect;
}

namespace {

constexpr int kLongestPlan = 730;  // days

// new(d) = exp(level + slope log d), the days counted from 1.
struct Newcomers {
  double level = 0, slope = 0;
};

// By least squares on the logarithms; a rise is not extrapolated.
absl::StatusOr<Newcomers> FitNewcomers(absl::Span<const double> new_units_per_day) {
  double sx = 0, sy = 0, sxx = 0, sxy = 0, n = 0;
  for (std::size_t d = 0; d < new_units_per_day.size(); ++d) {
    const double day = new_units_per_day[d];
    if (!(day >= 0)) return absl::InvalidArgumentError("new_units_per_day: must not be negative");
    if (day == 0) continue;
    const double x = std::log(static_cast<double>(d + 1));
    const double y = std::log(day);
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
    n += 1;
  }
  if (n == 0) return Undefined(reason::kNotEnoughData);
  const double spread = sxx - sx * sx / n;
  const double slope = spread > 0 ? std::min(0.0, (sxy - sx * sy / n) / spread) : 0;
  return Newcomers{sy / n - slope * sx / n, slope};
}

double NewOn(int day, absl::Span<const double> observed, const Newcomers& fit) {
  const auto d = static_cast<std::size_t>(day - 1);
  return d < observed.size() ? observed[d] : std::exp(fit.level + fit.slope * std::log(day));
}

}  // namespace

absl::StatusOr<double> UnitsAfter(absl::Span<const double> new_units_per_day, int days) {
  if (days < 0) return absl::InvalidArgumentError("days: must not be negative");
  if (days > kLongestPlan) return Undefined(reason::kNotSupported);
  const auto fit = FitNewcomers(new_units_per_day);
  if (!fit.ok()) return fit.status();
  double units = 0;
  for (int day = 1; day <= days; ++day) units += NewOn(day, new_units_per_day, *fit);
  return units;
}

absl::StatusOr<int> DaysNeeded(absl::Span<const double> new_units_per_day, double units) {
  if (!(units >= 0)) return absl::InvalidArgumentError("units: must not be negative");
  const auto fit = FitNewcomers(new_units_per_day);
  if (!fit.ok()) return fit.status();
  double reached = 0;
  for (int day = 1; day <= kLongestPlan; ++day) {
    reached += NewOn(day, new_units_per_day, *fit);
    if (reached >= units) return (day + 6) / 7 * 7;
  }
  return Undefined(reason::kNotSupported);
}

absl::StatusOr<double> StudentPower(double d, double control_units, double ratio, double alpha,
                                    Alternative alternative) {
  if (!(alpha > 0 && alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  if (!(ratio > 0)) return absl::InvalidArgumentError("ratio: must be above 0");
  const double freedom = control_units * (1 + ratio) - 2;
  if (!(freedom > 0)) return Undefined(reason::kNotEnoughData);
  const double shift = d * std::sqrt(control_units * ratio / (1 + ratio));
  const bool two_sided = alternative == Alternative::kTwoSided;
  const double critical = StudentTUpperQuantile(two_sided ? alpha / 2 : alpha, freedom);
  if (alternative == Alternative::kLess) return NoncentralTSurvival(critical, freedom, -shift);
  double power = NoncentralTSurvival(critical, freedom, shift);
  if (two_sided) power += NoncentralTSurvival(critical, freedom, -shift);
  return power;
}

absl::StatusOr<double> StudentUnitsNeeded(double d, double ratio, double alpha, double power,
                                          Alternative alternative) {
  if (!(power > 0 && power < 1))
    return absl::InvalidArgumentError("power: must be above 0 and below 1");
  if (d == 0 || (alternative == Alternative::kGreater && d < 0) ||
      (alternative == Alternative::kLess && d > 0))
    return Undefined(reason::kNotSupported);
  const double start = 3 / (1 + ratio);  // one degree of freedom
  const auto first = StudentPower(d, start, ratio, alpha, alternative);
  if (!first.ok()) return first.status();
  return Solve([&](double n) { return *StudentPower(d, n, ratio, alpha, alternative); }, power,
               start);
}

absl::StatusOr<double> ProportionsPower(double p_control, double p_treatment, double units_per_arm,
                                        double alpha) {
  for (const double p : {p_control, p_treatment})
    if (!(p >= 0 && p <= 1)) return absl::InvalidArgumentError("p: must be between 0 and 1");
  if (!(alpha > 0 && alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  const double sum = p_control + p_treatment;
  const double under_effect =
      std::sqrt(p_control * (1 - p_control) + p_treatment * (1 - p_treatment));
  if (under_effect == 0) return Undefined(reason::kZeroVariance);
  return NormalCdf((std::sqrt(units_per_arm) * std::fabs(p_treatment - p_control) -
                    NormalUpperQuantile(alpha / 2) * std::sqrt(sum * (1 - sum / 2))) /
                   under_effect);
}

absl::StatusOr<double> ProportionsUnitsNeeded(double p_control, double p_treatment, double alpha,
                                              double power) {
  if (!(power > 0 && power < 1))
    return absl::InvalidArgumentError("power: must be above 0 and below 1");
  const auto first = ProportionsPower(p_control, p_treatment, 1e-6, alpha);
  if (!first.ok()) return first.status();
  if (p_control == p_treatment) return Undefined(reason::kNotSupported);
  return Solve([&](double n) { return *ProportionsPower(p_control, p_treatment, n, alpha); }, power,
               1e-6);
}

absl::StatusOr<MidExperimentPower> PowerSoFar(const Estimate& estimate, const PlanningRule& rule,
                                              double effect) {
  if (absl::Status status = Check(rule); !status.ok()) return status;
  if (!(estimate.standard_error > 0)) return Undefined(reason::kZeroVariance);
  const auto units = static_cast<double>(estimate.units);
  const auto power = [&](double growth) {
    return Power(CriticalValue(rule, units * growth),
                 Push(rule, effect) / (estimate.standard_error / std::sqrt(growth)),
                 TwoSided(rule));
  };
  MidExperimentPower result{power(1), 0};
  if (!(Push(rule, effect) > 0)) return Undefined(reason::kNotSupported);
  const auto growth = Solve(power, rule.power, 1e-3);
  if (!growth.ok()) return growth.status();
  result.units_more = *growth - 1;
  return result;
}

absl::StatusOr<double> ConditionalPower(const Estimate& estimate, double information_fraction,
                                        const PlanningRule& rule, double effect) {
  if (absl::Status status = Check(rule); !status.ok()) return status;
  if (!(information_fraction > 0 && information_fraction < 1))
    return absl::InvalidArgumentError("information_fraction: must be above 0 and below 1");
  if (!(estimate.standard_error > 0)) return Undefined(reason::kZeroVariance);
  const double t = information_fraction;
  const double sign = rule.alternative == Alternative::kLess ? -1 : 1;
  const double z = (sign * estimate.estimate + rule.margin) / estimate.standard_error;
  const double theta = (sign * effect + rule.margin) / (estimate.standard_error * std::sqrt(t));
  const double critical = CriticalValue(rule, static_cast<double>(estimate.units) / t);
  const double centre = z * std::sqrt(t) + theta * (1 - t);
  const double spread = std::sqrt(1 - t);
  double power = NormalSurvival((critical - centre) / spread);
  if (TwoSided(rule)) power += NormalSurvival((critical + centre) / spread);
  return power;
}

}  // namespace upswing::statistics
