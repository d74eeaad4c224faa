#include "server/statistics/confidence_sequence.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "server/statistics/distributions.hpp"
#include "server/statistics/quadrature.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

absl::Status CheckAlpha(double alpha) {
  if (alpha > 0 && alpha < 1) return absl::OkStatus();
  return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
}

absl::Status CheckPositive(double value, const char* message) {
  if (value > 0 && std::isfinite(value)) return absl::OkStatus();
  return absl::InvalidArgumentError(message);
}

double BestRho(double variance, double alpha) {
  const double l = -2 * std::log(alpha);
  return variance / (l + std::log1p(l));
}

// Smallest sum at which the increasing `log_mixture` reaches the threshold.
double Invert(const std::function<double(double)>& log_mixture, double start, double threshold) {
  double upper = start;
  for (int i = 0; i < 200 && log_mixture(upper) < threshold; ++i) upper *= 2;
  return FindZero([&](double s) { return log_mixture(s) - threshold; }, 0, upper);
}

// Minimum of a function with one valley, by golden section to 1e-9 of the interval.
double Minimise(const std::function<double(double)>& f, double lower, double upper) {
  const double golden = 0.6180339887498949;
  double x1 = upper - golden * (upper - lower);
  double x2 = lower + golden * (upper - lower);
  double f1 = f(x1);
  double f2 = f(x2);
  for (int i = 0; i < 60; ++i) {
    if (f1 < f2) {
      upper = x2;
      x2 = x1;
      f2 = f1;
      x1 = upper - golden * (upper - lower);
      f1 = f(x1);
    } else {
      lower = x1;
      x1 = x2;
      f1 = f2;
      x2 = lower + golden * (upper - lower);
      f2 = f(x2);
    }
  }
  return (lower + upper) / 2;
}

struct Stitching {
  double k1 = 0;
  double k2 = 0;
};
Stitching StitchingConstants(double eta) {
  return {(std::pow(eta, 0.25) + std::pow(eta, -0.25)) / std::sqrt(2.0), (std::sqrt(eta) + 1) / 2};
}

}  // namespace

double NormalMixture::rho() const {
  return BestRho(optimum, one_sided ? 2 * optimum_alpha : optimum_alpha);
}

double NormalMixture::LogMixture(double sum, double variance) const {
  const double r = rho();
  const double v = variance + r;
  const double two_sided = 0.5 * std::log(r / v) + sum * sum / (2 * v);
  if (!one_sided) return two_sided;
  return two_sided + std::log(2.0) + LogNormalSurvival(-sum / std::sqrt(v));
}

absl::StatusOr<double> NormalMixture::Bound(double variance, double alpha) const {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = CheckPositive(optimum, "v_opt: must be above 0"); !status.ok())
    return status;
  const double r = rho();
  if (!one_sided)
    return std::sqrt((variance + r) * (std::log1p(variance / r) - 2 * std::log(alpha)));
  return Invert([&](double s) { return LogMixture(s, variance); }, std::sqrt(variance + r),
                -std::log(alpha));
}

double StandardMargin(double t, double rho_squared, double alpha) {
  const double u = t * rho_squared + 1;
  return std::sqrt(2 * u / (t * t * rho_squared) * (0.5 * std::log(u) - std::log(alpha)));
}

double BestRhoSquared(double t, double alpha) {
  return (-LambertWMinus1(-alpha * alpha * std::exp(-1.0)) - 1) / t;
}

absl::StatusOr<double> GammaExponentialBound(double variance, double alpha, double optimum,
                                             double c, double optimum_alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = CheckPositive(optimum, "v_opt: must be above 0"); !status.ok())
    return status;
  if (absl::Status status = CheckPositive(c, "c: must be above 0"); !status.ok()) return status;
  const double rho = BestRho(optimum, 2 * optimum_alpha) / (c * c);
  const double v = variance / (c * c);
  const double constant = rho * std::log(rho) - LogGamma(rho) - std::log(GammaCdf(rho, rho));
  return Invert(
      [&](double s) {
        const double x = s / c + v;
        return constant + LogGamma(v + rho) + std::log(GammaCdf(x + rho, v + rho)) -
               (v + rho) * std::log(x + rho) + x;
      },
      std::sqrt(variance), -std::log(alpha));
}

absl::StatusOr<Interval> BernoulliSequence(std::int64_t successes, std::int64_t trials,
                                           double alpha, double optimum_trials,
                                           double optimum_alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = CheckPositive(optimum_trials, "t_opt: must be above 0"); !status.ok())
    return status;
  if (successes < 0 || successes > trials)
    return absl::InvalidArgumentError("successes: must be between 0 and trials");
  if (trials == 0) return Undefined(reason::kNotEnoughData);
  const auto x = static_cast<double>(successes);
  const auto n = static_cast<double>(trials);
  // theta ~ Beta(r / (1 - p), r / p), whose mean is p.
  const auto excess = [&](double p) {
    const double spread = p * (1 - p);
    const double r =
        std::max(BestRho(optimum_trials * spread, optimum_alpha) - spread, 1e-3 * spread);
    const double a = r / (1 - p);
    const double b = r / p;
    return LogBeta(a + x, b + (n - x)) - LogBeta(a, b) - x * std::log(p) -
           (n - x) * std::log1p(-p) + std::log(alpha);
  };
  const double rate = x / n;
  Interval interval{0, 1};
  const double edge = 1e-300;
  if (successes > 0)
    interval.lower = FindZero(excess, edge, successes == trials ? 1 - 1e-16 : rate);
  if (successes < trials)
    interval.upper = FindZero(excess, successes == 0 ? edge : rate, 1 - 1e-16);
  return interval;
}

absl::StatusOr<double> PolynomialStitching(double variance, double alpha, double variance_min,
                                           double c, double s, double eta) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = CheckPositive(variance_min, "v_min: must be above 0"); !status.ok())
    return status;
  if (!(s > 1) || !(eta > 1)) return absl::InvalidArgumentError("s and eta: must be above 1");
  const Stitching k = StitchingConstants(eta);
  const double v = std::max(variance, variance_min);
  const double l = s * std::log(std::log(eta * v / variance_min)) +
                   std::log(Zeta(s) / (alpha * std::pow(std::log(eta), s)));
  const double linear = k.k2 * c * l;
  return std::sqrt(k.k1 * k.k1 * v * l + linear * linear) + linear;
}

absl::StatusOr<double> EmpiricalProcessBound(double t, double alpha, double t_min, double a) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = CheckPositive(t_min, "t_min: must be above 0"); !status.ok())
    return status;
  if (!(a > std::sqrt(0.5))) return absl::InvalidArgumentError("A: must be above 1 / sqrt 2");
  if (t < t_min) return Undefined(reason::kNotEnoughData);
  // Error of the bound with constant C: the infimum over eta of
  // 4 exp(-g C) (1 + 1 / ((g - 1) log eta)), g = 2 / eta (a - sqrt(2 (eta - 1) / C))^2 > 1.
  const auto log_error = [a](double c) {
    const auto at = [a, c](double eta) {
      const double root = a - std::sqrt(2 * (eta - 1) / c);
      const double g = root <= 0 ? 0 : 2 / eta * root * root;
      if (g <= 1) return 1e6 * (1 + eta);
      return std::log(4.0) - g * c + std::log1p(1 / ((g - 1) * std::log(eta)));
    };
    const double end = FindZero(
        [a, c](double eta) { return std::sqrt(eta / 2) + std::sqrt(2 * (eta - 1) / c) - a; }, 1,
        2 * a * a);
    return at(Minimise(at, 1, end));
  };
  double upper = 5;
  while (log_error(upper) > std::log(alpha)) upper *= 2;
  const double c =
      FindZero([&](double x) { return log_error(x) - std::log(alpha); }, upper / 1024, upper);
  return a * std::sqrt((std::log1p(std::log(t / t_min)) + c) / t);
}

absl::StatusOr<double> QuantileDoubleStitching(double p, double t, double alpha, double t_optimum,
                                               double delta, double s, double eta) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (!(p > 0 && p < 1))
    return absl::InvalidArgumentError("quantile_p: must be above 0 and below 1");
  if (!(s > 1) || !(eta > 1)) return absl::InvalidArgumentError("s and eta: must be above 1");
  const double time = std::max(t, t_optimum);
  const double logit = std::log(p) - std::log1p(-p);
  const double r =
      p >= 0.5
          ? p
          : std::min(0.5,
                     1 / (1 + std::exp(-logit - 2 * delta * std::sqrt(t_optimum * eta / time))));
  const double spread = r * (1 - r);
  const double level = std::sqrt(time / t_optimum) * std::fabs(logit) / (2 * delta) + 1;
  const double zeta = Zeta(s);
  const double l = s * std::log(std::log(eta * time / t_optimum)) + s * std::log(level) +
                   std::log(2 * zeta * (2 * zeta + 1) / (alpha * std::pow(std::log(eta), s)));
  const Stitching k = StitchingConstants(eta);
  const double linear = k.k2 * (1 - 2 * p) / 3 * l;
  return delta * std::sqrt(eta * time * spread / t_optimum) +
         std::sqrt(k.k1 * k.k1 * spread * time * l + linear * linear) + linear;
}

namespace {

double AnytimeRadius(double n, double nu, double g, double alpha) {
  const double r = g / (g + n);
  const double q = std::pow(r * alpha * alpha, 1 / (nu + 1));
  return q <= r ? INFINITY : std::sqrt(nu * (1 - q) / (q - r));
}

}  // namespace

absl::StatusOr<AnytimeT> AnytimeTTest(double t_squared, std::int64_t n, std::int64_t coefficients,
                                      double g, double alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = CheckPositive(g, "g: must be above 0"); !status.ok()) return status;
  if (!(t_squared >= 0)) return absl::InvalidArgumentError("t_squared: must not be negative");
  if (n <= coefficients) return Undefined(reason::kNotEnoughData);
  const auto count = static_cast<double>(n);
  const auto nu = static_cast<double>(n - coefficients);
  const double r = g / (g + count);
  const double log_e = 0.5 * std::log(r) +
                       (nu + 1) / 2 * (std::log1p(t_squared / nu) - std::log1p(r * t_squared / nu));
  return AnytimeT{log_e, std::min(1.0, std::exp(-log_e)), AnytimeRadius(count, nu, g, alpha)};
}

absl::StatusOr<double> BestAnytimeG(std::int64_t n, std::int64_t coefficients, double alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (n <= coefficients + 1) return Undefined(reason::kNotEnoughData);
  const auto count = static_cast<double>(n);
  const auto nu = static_cast<double>(n - coefficients);
  // An infinite radius is to the left and right of the valley; a large finite stand-in keeps order.
  return std::exp(Minimise(
      [&](double log_g) {
        const double radius = AnytimeRadius(count, nu, std::exp(log_g), alpha);
        return std::isfinite(radius) ? radius : 1e300;
      },
      std::log(1e-3), std::log(1e3 * count)));
}

}  // namespace upswing::statistics
