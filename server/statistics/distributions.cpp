#include "server/statistics/distributions.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>

#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/lambert_w.hpp>
#include <boost/math/special_functions/zeta.hpp>

namespace upswing::statistics {
namespace {

namespace math = boost::math;

// Errors come back as NaN or infinity instead of exceptions.
using Policy =
    math::policies::policy<math::policies::domain_error<math::policies::ignore_error>,
                           math::policies::pole_error<math::policies::ignore_error>,
                           math::policies::overflow_error<math::policies::ignore_error>,
                           math::policies::underflow_error<math::policies::ignore_error>,
                           math::policies::denorm_error<math::policies::ignore_error>,
                           math::policies::evaluation_error<math::policies::ignore_error>,
                           math::policies::rounding_error<math::policies::ignore_error>,
                           math::policies::indeterminate_result_error<math::policies::ignore_error>,
                           math::policies::promote_double<false>>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSqrtHalf = 0.70710678118654752440;

// Beyond this many degrees of freedom Student's t differs from the normal distribution by less than
// rounding.
constexpr double kNormalDegreesOfFreedom = 1e15;

// Some of Boost's root finders raise with a policy of their own (at the edges of the range of a
// double); that is "no number" as well.
template <typename Function>
double Guarded(const Function& function) {
  try {
    return function();
  } catch (const std::exception&) {
    return std::nan("");
  }
}

}  // namespace

double NormalDensity(double x) { return 0.39894228040143267794 * std::exp(-0.5 * x * x); }
double NormalSurvival(double x) { return 0.5 * std::erfc(x * kSqrtHalf); }
double NormalCdf(double x) { return 0.5 * std::erfc(-x * kSqrtHalf); }

double NormalUpperQuantile(double q) {
  if (q <= 0) return q == 0 ? kInfinity : std::nan("");
  if (q >= 1) return q == 1 ? -kInfinity : std::nan("");
  return Guarded([&] { return math::erfc_inv(2 * q, Policy()) / kSqrtHalf; });
}
double NormalQuantile(double p) { return -NormalUpperQuantile(p); }

double LogNormalSurvival(double x) {
  if (x < 30) return std::log(NormalSurvival(x));
  // Asymptotic series of Mills' ratio; the first term left out is 105 / x^8 < 2e-10 relative to 1
  // in a logarithm of at least 450.
  const double r = 1 / (x * x);
  return -0.5 * x * x - std::log(x) - 0.91893853320467274178 +
         std::log1p(-r * (1 - r * (3 - 15 * r)));
}

double StudentTSurvival(double x, double degrees_of_freedom) {
  if (degrees_of_freedom > kNormalDegreesOfFreedom) return NormalSurvival(x);
  if (std::isinf(x)) return x > 0 ? 0 : 1;
  return Guarded([&] {
    return math::cdf(
        math::complement(math::students_t_distribution<double, Policy>(degrees_of_freedom), x));
  });
}
double StudentTUpperQuantile(double q, double degrees_of_freedom) {
  if (degrees_of_freedom > kNormalDegreesOfFreedom) return NormalUpperQuantile(q);
  if (q <= 0 || q >= 1) return NormalUpperQuantile(q);
  return Guarded([&] {
    return math::quantile(
        math::complement(math::students_t_distribution<double, Policy>(degrees_of_freedom), q));
  });
}
double NoncentralTSurvival(double x, double degrees_of_freedom, double noncentrality) {
  if (degrees_of_freedom > 1e12) return NormalSurvival(x - noncentrality);
  return Guarded([&] {
    return math::cdf(math::complement(
        math::non_central_t_distribution<double, Policy>(degrees_of_freedom, noncentrality), x));
  });
}

double ChiSquareSurvival(double x, double degrees_of_freedom) {
  return GammaSurvival(x / 2, degrees_of_freedom / 2);
}
double ChiSquareCdf(double x, double degrees_of_freedom) {
  return GammaCdf(x / 2, degrees_of_freedom / 2);
}
double ChiSquareUpperQuantile(double q, double degrees_of_freedom) {
  return 2 * GammaUpperQuantile(q, degrees_of_freedom / 2);
}
double FSurvival(double x, double numerator_df, double denominator_df) {
  return Guarded([&] {
    return math::cdf(math::complement(
        math::fisher_f_distribution<double, Policy>(numerator_df, denominator_df), x));
  });
}

double BetaCdf(double x, double a, double b) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  return Guarded([&] { return math::ibeta(a, b, x, Policy()); });
}
double BetaSurvival(double x, double a, double b) {
  if (x <= 0 || x >= 1) return x <= 0 ? 1 : 0;
  return Guarded([&] { return math::ibetac(a, b, x, Policy()); });
}
double BetaQuantile(double p, double a, double b) {
  return Guarded([&] { return math::ibeta_inv(a, b, p, Policy()); });
}
double BetaUpperQuantile(double q, double a, double b) {
  return Guarded([&] { return math::ibetac_inv(a, b, q, Policy()); });
}
double BetaDensity(double x, double a, double b) {
  return Guarded([&] { return math::ibeta_derivative(a, b, x, Policy()); });
}

double BinomialCdf(std::int64_t k, std::int64_t n, double p) {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return BetaSurvival(p, static_cast<double>(k) + 1, static_cast<double>(n - k));
}
double BinomialSurvivalAtLeast(std::int64_t k, std::int64_t n, double p) {
  if (k <= 0) return 1;
  if (k > n) return 0;
  return BetaCdf(p, static_cast<double>(k), static_cast<double>(n - k) + 1);
}
double BinomialDensity(std::int64_t k, std::int64_t n, double p) {
  if (k < 0 || k > n) return 0;
  if (p <= 0) return k == 0 ? 1 : 0;
  if (p >= 1) return k == n ? 1 : 0;
  return BetaDensity(p, static_cast<double>(k) + 1, static_cast<double>(n - k) + 1) /
         (static_cast<double>(n) + 1);
}

double GammaCdf(double x, double shape) {
  if (x <= 0) return 0;
  return Guarded([&] { return math::gamma_p(shape, x, Policy()); });
}
double GammaSurvival(double x, double shape) {
  if (x <= 0) return 1;
  return Guarded([&] { return math::gamma_q(shape, x, Policy()); });
}
double GammaQuantile(double p, double shape) {
  return Guarded([&] { return math::gamma_p_inv(shape, p, Policy()); });
}
double GammaUpperQuantile(double q, double shape) {
  return Guarded([&] { return math::gamma_q_inv(shape, q, Policy()); });
}

double LogGamma(double x) {
  return Guarded([&] { return math::lgamma(x, Policy()); });
}
double LogBeta(double a, double b) {
  const double small = std::min(a, b);
  const double large = std::max(a, b);
  return LogGamma(small) - LogRisingFactorial(large, small);
}

double LogRisingFactorial(double a, double n) {
  if (n == 0) return 0;
  if (a < 20) return LogGamma(a + n) - LogGamma(a);
  // Stirling's series of both, subtracted term by term: with b = a + n and g(x) = log Gamma(x),
  // g(b) - g(a) = (a - 1/2) log(b / a) + n log(b) - n + s(b) - s(a). Its first omitted term is
  // below 691/360360/20^11.
  const double b = a + n;
  const auto series = [](double x) {
    const double r = 1 / (x * x);
    return (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r / 1188)))) / x;
  };
  return (a - 0.5) * std::log1p(n / a) + n * (std::log(b) - 1) + (series(b) - series(a));
}

double LogChoose(double n, double k) {
  const double small = std::min(k, n - k);
  return LogRisingFactorial(n - small + 1, small) - LogGamma(small + 1);
}

double Zeta(double s) {
  return Guarded([&] { return math::zeta(s, Policy()); });
}
double LambertWMinus1(double x) {
  return Guarded([&] { return math::lambert_wm1(x, Policy()); });
}

}  // namespace upswing::statistics
