#include "server/statistics/metric_contrast.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/statistics/linear_algebra.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

// An arm after the delta method: entry 0 is the metric, the others are the covariates.
struct LinearArm {
  std::int64_t n = 0;
  std::vector<double> value;
  std::vector<Matrix> stratum_covariance;          // between units, one per stratum
  std::vector<std::vector<double>> stratum_value;  // gradient * stratum means
  std::vector<std::int64_t> stratum_n;
  Matrix within{0, 0};  // sum over strata of n_k / n * covariance
};

// Values of metric and covariates at the mean vector, and their gradients as rows.
absl::StatusOr<std::pair<std::vector<double>, Matrix>> Linearise(const MetricShape& shape,
                                                                 const std::vector<double>& mean) {
  const std::size_t outputs = 1 + shape.covariates();
  std::vector<double> value;
  Matrix gradient(outputs, mean.size());
  std::size_t at = 0;
  const auto add_mean = [&] {
    gradient(value.size(), at) = 1;
    value.push_back(mean[at++]);
  };
  const auto add_ratio = [&] {
    const double denominator = mean[at + 1];
    if (denominator == 0) return false;
    const double ratio = mean[at] / denominator;
    gradient(value.size(), at) = 1 / denominator;
    gradient(value.size(), at + 1) = -ratio / denominator;
    value.push_back(ratio);
    at += 2;
    return true;
  };
  if (!shape.ratio) {
    add_mean();
  } else if (!add_ratio()) {
    return Undefined(reason::kZeroDenominator);
  }
  if (shape.ratio_covariate && !add_ratio()) {
    value.push_back(0);  // with a gradient of 0, so that it is dropped
    at += 2;
  }
  for (std::size_t i = 0; i < shape.mean_covariates; ++i) add_mean();
  return std::make_pair(std::move(value), std::move(gradient));
}

Matrix CovarianceMatrix(const Moments& moments) {
  Matrix covariance(moments.dimension(), moments.dimension());
  for (std::size_t i = 0; i < moments.dimension(); ++i)
    for (std::size_t j = 0; j < moments.dimension(); ++j)
      covariance(i, j) = moments.Covariance(i, j);
  return covariance;
}

absl::StatusOr<LinearArm> LineariseArm(absl::Span<const Stratum> strata, Moments Stratum::*arm,
                                       const std::vector<double>& shares,
                                       const MetricShape& shape) {
  std::vector<double> mean(shape.dimension(), 0.0);
  LinearArm linear;
  for (std::size_t k = 0; k < strata.size(); ++k) {
    const Moments& moments = strata[k].*arm;
    if (moments.dimension() != shape.dimension())
      return absl::InvalidArgumentError("moments: their dimension does not fit the metric's shape");
    if (moments.n < 2) return Undefined(reason::kNotEnoughData);
    for (std::size_t i = 0; i < mean.size(); ++i) {
      if (!std::isfinite(moments.mean[i])) return Undefined(reason::kNonFiniteInput);
      mean[i] += shares[k] * moments.mean[i];
    }
    linear.n += moments.n;
  }
  const auto linearised = Linearise(shape, mean);
  if (!linearised.ok()) return linearised.status();
  const Matrix& gradient = linearised->second;
  linear.value = linearised->first;
  linear.within = Matrix(gradient.rows, gradient.rows);
  for (const Stratum& stratum : strata) {
    const Moments& moments = stratum.*arm;
    const Matrix covariance =
        Multiply(Multiply(gradient, CovarianceMatrix(moments)), Transpose(gradient));
    for (std::size_t i = 0; i < covariance.values.size(); ++i)
      linear.within.values[i] +=
          covariance.values[i] * (static_cast<double>(moments.n) / static_cast<double>(linear.n));
    std::vector<double> value(gradient.rows, 0.0);
    for (std::size_t i = 0; i < gradient.rows; ++i)
      for (std::size_t j = 0; j < gradient.columns; ++j)
        value[i] += gradient(i, j) * moments.mean[j];
    linear.stratum_covariance.push_back(covariance);
    linear.stratum_value.push_back(std::move(value));
    linear.stratum_n.push_back(moments.n);
  }
  return linear;
}

// Coefficients of the covariates from a covariance matrix of (metric, covariates).
std::vector<double> Coefficients(const Matrix& covariance, std::size_t* dropped) {
  const std::size_t count = covariance.rows - 1;
  Matrix sxx(count, count);
  std::vector<double> sxy(count);
  for (std::size_t i = 0; i < count; ++i) {
    sxy[i] = covariance(i + 1, 0);
    for (std::size_t j = 0; j < count; ++j) sxx(i, j) = covariance(i + 1, j + 1);
  }
  const Cholesky factor(sxx);
  *dropped = factor.dropped();
  return factor.Solve(sxy);
}

Matrix Plus(Matrix a, double factor, const Matrix& b) {
  for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] += factor * b.values[i];
  return a;
}

std::vector<double> Theta(const LinearArm& control, const LinearArm& treatment,
                          const MetricShape& shape, Adjustment adjustment, std::size_t* dropped) {
  if (adjustment == Adjustment::kNone || shape.covariates() == 0)
    return std::vector<double>(shape.covariates(), 0.0);
  const auto n_c = static_cast<double>(control.n);
  const auto n_t = static_cast<double>(treatment.n);
  if (adjustment == Adjustment::kLin) {
    std::vector<double> theta = Coefficients(control.within, dropped);
    const std::vector<double> theta_t = Coefficients(treatment.within, dropped);
    for (std::size_t i = 0; i < theta.size(); ++i)
      theta[i] = (n_c * theta_t[i] + n_t * theta[i]) / (n_c + n_t);
    return theta;
  }
  if (shape.ratio) return Coefficients(Plus(control.within, 1, treatment.within), dropped);
  // The pooled sample; with several strata the arms' difference within strata is left out, since
  // the strata's means are removed as well.
  Matrix pooled(control.within.rows, control.within.rows);
  const auto strata = static_cast<double>(control.stratum_n.size());
  pooled = Plus(pooled, n_c - strata, control.within);
  pooled = Plus(pooled, n_t - strata, treatment.within);
  if (control.stratum_n.size() == 1) {
    for (std::size_t i = 0; i < pooled.rows; ++i)
      for (std::size_t j = 0; j < pooled.rows; ++j)
        pooled(i, j) += (treatment.value[i] - control.value[i]) *
                        (treatment.value[j] - control.value[j]) * (n_c * n_t / (n_c + n_t));
  }
  return Coefficients(pooled, dropped);
}

// Covariance of two linear functions of the (linearised) means of both arms; a function is given by
// its coefficients for control's and treatment's entries.
struct LinearFunction {
  std::vector<double> control;
  std::vector<double> treatment;
};

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

class JointCovariance {
 public:
  JointCovariance(const LinearArm& control, const LinearArm& treatment,
                  const std::vector<double>& shares)
      : control_(control), treatment_(treatment), shares_(shares) {}

  double operator()(const LinearFunction& f, const LinearFunction& g) const {
    double within = 0;
    double mean_f = 0;
    double mean_g = 0;
    double product = 0;
    for (std::size_t k = 0; k < shares_.size(); ++k) {
      const double weight = shares_[k] * shares_[k];
      within += weight * Bilinear(f.control, control_.stratum_covariance[k], g.control) /
                static_cast<double>(control_.stratum_n[k]);
      within += weight * Bilinear(f.treatment, treatment_.stratum_covariance[k], g.treatment) /
                static_cast<double>(treatment_.stratum_n[k]);
      const double f_k = At(f, k);
      const double g_k = At(g, k);
      mean_f += shares_[k] * f_k;
      mean_g += shares_[k] * g_k;
      product += shares_[k] * f_k * g_k;
    }
    if (shares_.size() == 1) return within;
    const auto units = static_cast<double>(control_.n + treatment_.n);
    return within + (product - mean_f * mean_g) / units;
  }

 private:
  double At(const LinearFunction& f, std::size_t k) const {
    return Dot(f.control, control_.stratum_value[k]) +
           Dot(f.treatment, treatment_.stratum_value[k]);
  }

  const LinearArm& control_;
  const LinearArm& treatment_;
  const std::vector<double>& shares_;
};

// Variance between the units of an arm of the function, strata taken together.
double TotalVariance(const LinearArm& arm, const std::vector<double>& f) {
  const auto n = static_cast<double>(arm.n);
  double mean = 0;
  for (std::size_t k = 0; k < arm.stratum_n.size(); ++k)
    mean += static_cast<double>(arm.stratum_n[k]) / n * Dot(f, arm.stratum_value[k]);
  double centred = 0;
  for (std::size_t k = 0; k < arm.stratum_n.size(); ++k) {
    const auto n_k = static_cast<double>(arm.stratum_n[k]);
    const double gap = Dot(f, arm.stratum_value[k]) - mean;
    centred += (n_k - 1) * Bilinear(f, arm.stratum_covariance[k], f) + n_k * gap * gap;
  }
  return centred / (n - 1);
}

// Whether the arm's adjusted metric varies at all: more than rounding errors of the terms it is
// made of.
bool Varies(const LinearArm& arm, const std::vector<double>& f) {
  double scale = 0;
  for (std::size_t i = 0; i < f.size(); ++i) {
    std::vector<double> only(f.size(), 0.0);
    only[i] = f[i];
    scale += TotalVariance(arm, only);
  }
  return TotalVariance(arm, f) > 1e-14 * scale;
}

}  // namespace

absl::StatusOr<MetricContrast> ContrastOf(absl::Span<const Stratum> strata,
                                          const MetricShape& shape, Adjustment adjustment,
                                          const std::vector<double>* theta) {
  if (theta != nullptr && theta->size() != shape.covariates())
    return absl::InvalidArgumentError("theta: one coefficient for each covariate");
  if (strata.empty()) return Undefined(reason::kNotEnoughData);
  std::vector<double> shares;
  double units = 0;
  for (const Stratum& stratum : strata) {
    shares.push_back(static_cast<double>(stratum.control.n + stratum.treatment.n));
    units += shares.back();
  }
  for (double& share : shares) share /= units;
  const auto control = LineariseArm(strata, &Stratum::control, shares, shape);
  if (!control.ok()) return control.status();
  const auto treatment = LineariseArm(strata, &Stratum::treatment, shares, shape);
  if (!treatment.ok()) return treatment.status();

  MetricContrast result;
  result.theta = theta != nullptr
                     ? *theta
                     : Theta(*control, *treatment, shape, adjustment, &result.dropped_covariates);
  result.control_value = control->value[0];
  result.treatment_value = treatment->value[0];
  for (std::size_t i = 0; i < result.theta.size(); ++i)
    result.control_offset += result.theta[i] * control->value[i + 1];
  const std::size_t outputs = 1 + shape.covariates();
  std::vector<double> adjusted(outputs, 0.0);
  std::vector<double> raw(outputs, 0.0);
  const std::vector<double> zero(outputs, 0.0);
  adjusted[0] = raw[0] = 1;
  for (std::size_t i = 0; i < result.theta.size(); ++i) adjusted[i + 1] = -result.theta[i];
  const auto negative = [](std::vector<double> f) {
    for (double& x : f) x = -x;
    return f;
  };
  const LinearFunction difference{negative(adjusted), adjusted};
  const LinearFunction raw_difference{negative(raw), raw};
  const LinearFunction base{raw, zero};
  if (!Varies(*control, adjusted) || !Varies(*treatment, adjusted))
    return Undefined(reason::kZeroVariance);

  const JointCovariance covariance(*control, *treatment, shares);
  Contrast& contrast = result.contrast;
  contrast.base = control->value[0];
  contrast.difference = Dot(adjusted, treatment->value) - Dot(adjusted, control->value);
  contrast.raw_difference =
      shape.ratio ? contrast.difference : treatment->value[0] - control->value[0];
  contrast.difference_variance = covariance(difference, difference);
  contrast.base_variance = covariance(base, base);
  contrast.covariance = covariance(difference, base);
  contrast.units = control->n + treatment->n;
  // Degrees of freedom: those of the arms with all strata in one.
  Stratum all = strata[0];
  for (const Stratum& stratum : strata.subspan(1))
    all = {MergeMoments(all.control, stratum.control),
           MergeMoments(all.treatment, stratum.treatment)};
  const absl::Span<const Stratum> one = absl::MakeConstSpan(&all, 1);
  const auto all_control = LineariseArm(one, &Stratum::control, {1.0}, shape);
  if (!all_control.ok()) return all_control.status();
  const auto all_treatment = LineariseArm(one, &Stratum::treatment, {1.0}, shape);
  if (!all_treatment.ok()) return all_treatment.status();
  const auto welch = CompareArms(
      {control->n, 0, Bilinear(adjusted, all_control->stratum_covariance[0], adjusted)},
      {treatment->n, 0, Bilinear(adjusted, all_treatment->stratum_covariance[0], adjusted)});
  if (!welch.ok()) return welch.status();
  contrast.degrees_of_freedom = welch->degrees_of_freedom;
  if (!std::isfinite(contrast.difference) || !std::isfinite(contrast.difference_variance))
    return Undefined(reason::kNonFiniteInput);
  if (!result.theta.empty()) {
    const double raw_variance = covariance(raw_difference, raw_difference);
    result.variance_reduction = 1 - contrast.difference_variance / raw_variance;
  }
  return result;
}

absl::StatusOr<MetricContrast> ContrastOf(const Moments& control, const Moments& treatment,
                                          const MetricShape& shape, Adjustment adjustment) {
  const Stratum stratum{control, treatment};
  return ContrastOf(absl::MakeConstSpan(&stratum, 1), shape, adjustment);
}

Moments MergeMoments(const Moments& a, const Moments& b) {
  if (a.n == 0) return b;
  if (b.n == 0) return a;
  Moments merged = a;
  merged.n = a.n + b.n;
  const double share = static_cast<double>(b.n) / static_cast<double>(merged.n);
  const double weight = share * static_cast<double>(a.n);
  std::size_t k = 0;
  for (std::size_t i = 0; i < a.dimension(); ++i) {
    const double gap = b.mean[i] - a.mean[i];
    merged.mean[i] = a.mean[i] + share * gap;
    for (std::size_t j = i; j < a.dimension(); ++j, ++k)
      merged.centred[k] = a.centred[k] + b.centred[k] + weight * gap * (b.mean[j] - a.mean[j]);
  }
  return merged;
}

std::vector<Stratum> MergeSmallStrata(std::vector<Stratum> strata, std::int64_t least) {
  const auto smallest_arm = [](const Stratum& s) { return std::min(s.control.n, s.treatment.n); };
  const auto small = [&](const Stratum& s) { return smallest_arm(s) < least; };
  const auto first_small = std::stable_partition(strata.begin(), strata.end(),
                                                 [&](const Stratum& s) { return !small(s); });
  if (first_small == strata.end()) return strata;
  Stratum other = *first_small;
  for (auto it = first_small + 1; it != strata.end(); ++it)
    other = {MergeMoments(other.control, it->control),
             MergeMoments(other.treatment, it->treatment)};
  strata.erase(first_small, strata.end());
  while (small(other) && !strata.empty()) {
    const auto next = std::min_element(
        strata.begin(), strata.end(),
        [&](const Stratum& a, const Stratum& b) { return smallest_arm(a) < smallest_arm(b); });
    other = {MergeMoments(other.control, next->control),
             MergeMoments(other.treatment, next->treatment)};
    strata.erase(next);
  }
  strata.push_back(std::move(other));
  return strata;
}

}  // namespace upswing::statistics
