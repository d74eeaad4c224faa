#include "server/statistics/estimate.hpp"

#include <cmath>

#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

absl::Status CheckArm(const Arm& arm) {
  if (arm.n < 2) return Undefined(reason::kNotEnoughData);
  if (!std::isfinite(arm.value) || !std::isfinite(arm.variance))
    return Undefined(reason::kNonFiniteInput);
  if (!(arm.variance > 0)) return Undefined(reason::kZeroVariance);
  return absl::OkStatus();
}

double Satterthwaite(double v_c, std::int64_t n_c, double v_t, std::int64_t n_t) {
  // Scaled by the larger term so that squares of tiny variances do not underflow.
  const double scale = std::fmax(v_c, v_t);
  const double c = v_c / scale;
  const double t = v_t / scale;
  return (c + t) * (c + t) /
         (c * c / static_cast<double>(n_c - 1) + t * t / static_cast<double>(n_t - 1));
}

}  // namespace

absl::StatusOr<Arm> MeanArm(const Moments& moments, std::size_t i) {
  if (moments.n < 2) return Undefined(reason::kNotEnoughData);
  return Arm{moments.n, moments.mean[i], moments.Variance(i)};
}

absl::StatusOr<Arm> RatioArm(const Moments& moments) {
  if (moments.n < 2) return Undefined(reason::kNotEnoughData);
  const double denominator = moments.mean[1];
  if (denominator == 0) return Undefined(reason::kZeroDenominator);
  const double ratio = moments.mean[0] / denominator;
  const double plus = moments.Variance(0) + ratio * ratio * moments.Variance(1);
  const double variance = plus - 2 * ratio * moments.Covariance(0, 1);
  // A ratio that is the same for every unit leaves only rounding errors of the terms.
  const double noise = 1e-14 * plus;
  return Arm{moments.n, ratio, variance > noise ? variance / (denominator * denominator) : 0};
}

absl::StatusOr<Contrast> CompareArms(const Arm& control, const Arm& treatment) {
  for (const Arm* arm : {&control, &treatment})
    if (absl::Status status = CheckArm(*arm); !status.ok()) return status;
  const double v_c = control.variance / static_cast<double>(control.n);
  const double v_t = treatment.variance / static_cast<double>(treatment.n);
  const double difference = treatment.value - control.value;
  return Contrast{.difference = difference,
                  .base = control.value,
                  .raw_difference = difference,
                  .difference_variance = v_c + v_t,
                  .base_variance = v_c,
                  .covariance = -v_c,
                  .degrees_of_freedom = Satterthwaite(v_c, control.n, v_t, treatment.n),
                  .units = control.n + treatment.n};
}

absl::StatusOr<Estimate> PooledDifference(const Arm& control, const Arm& treatment) {
  for (const Arm* arm : {&control, &treatment})
    if (absl::Status status = CheckArm(*arm); !status.ok()) return status;
  const auto n_c = static_cast<double>(control.n);
  const auto n_t = static_cast<double>(treatment.n);
  const double freedom = n_c + n_t - 2;
  const double variance = ((n_c - 1) * control.variance + (n_t - 1) * treatment.variance) / freedom;
  return Estimate{treatment.value - control.value, std::sqrt(variance * (1 / n_c + 1 / n_t)),
                  freedom, control.n + treatment.n};
}

Estimate AbsoluteEffect(const Contrast& contrast) {
  return {contrast.difference, std::sqrt(contrast.difference_variance), contrast.degrees_of_freedom,
          contrast.units};
}

absl::StatusOr<Estimate> RelativeLift(const Contrast& contrast) {
  const double b = contrast.base;
  if (b == 0) return Undefined(reason::kControlMeanNearZero);
  const double slope = contrast.raw_difference / b;
  const double scaled = contrast.difference_variance - 2 * slope * contrast.covariance +
                        slope * slope * contrast.base_variance;
  const Estimate lift{contrast.difference / std::fabs(b), std::sqrt(scaled) / std::fabs(b),
                      contrast.degrees_of_freedom, contrast.units};
  if (!std::isfinite(lift.estimate) || !std::isfinite(lift.standard_error))
    return Undefined(reason::kControlMeanNearZero);
  return lift;
}

absl::StatusOr<Estimate> LogRatio(const Arm& control, const Arm& treatment) {
  for (const Arm* arm : {&control, &treatment}) {
    if (absl::Status status = CheckArm(*arm); !status.ok()) return status;
    if (arm->value <= 0) return Undefined(reason::kMeanNotPositive);
  }
  const double v_c =
      control.variance / static_cast<double>(control.n) / control.value / control.value;
  const double v_t =
      treatment.variance / static_cast<double>(treatment.n) / treatment.value / treatment.value;
  return Estimate{std::log(treatment.value / control.value), std::sqrt(v_c + v_t),
                  Satterthwaite(v_c, control.n, v_t, treatment.n), control.n + treatment.n};
}

FiellerLift FiellerInterval(const Contrast& contrast, double critical_value) {
  const double z2 = critical_value * critical_value;
  const double sign = contrast.base < 0 ? -1 : 1;
  const double base = sign * contrast.base;
  const double a = base * base - z2 * contrast.base_variance;
  const double b = base * contrast.difference - z2 * sign * contrast.covariance;
  const double c = contrast.difference * contrast.difference - z2 * contrast.difference_variance;
  const double discriminant = b * b - a * c;
  if (a <= 0 && discriminant <= 0) return {FiellerLift::Shape::kEverything, {-INFINITY, INFINITY}};
  // Roots without cancellation: q is the larger of |b +- sqrt|, the other root is c / q.
  const double q = b + std::copysign(std::sqrt(std::fmax(discriminant, 0)), b);
  const double first = q / a;
  const double second = q == 0 ? first : c / q;
  return {a > 0 ? FiellerLift::Shape::kInterval : FiellerLift::Shape::kTwoRays,
          {std::fmin(first, second), std::fmax(first, second)}};
}

}  // namespace upswing::statistics
