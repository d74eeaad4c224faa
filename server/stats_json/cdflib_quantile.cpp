#include "server/stats_json/cdflib_quantile.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "server/statistics/distributions.hpp"

namespace upswing::stats_json {
namespace {

using statistics::NormalUpperQuantile;
using statistics::StudentTSurvival;

constexpr double kRelativeTolerance = 1e-8;

// Expansion of the quantile in 1 / df around the normal one.
double StartValue(double p, double df) {
  constexpr std::array<std::array<double, 5>, 4> kCoefficient = {
      {{1, 1, 0, 0, 0}, {3, 16, 5, 0, 0}, {-15, 17, 19, 3, 0}, {-945, -1920, 1482, 776, 79}}};
  constexpr std::array<double, 4> kDenominator = {4, 96, 384, 92160};
  const double x = std::fabs(NormalUpperQuantile(std::min(p, 1 - p)));
  double sum = x;
  double power = 1;
  for (std::size_t i = 0; i < kCoefficient.size(); ++i) {
    double term = 0;
    for (std::size_t k = kCoefficient[i].size(); k-- > 0;) term = term * x * x + kCoefficient[i][k];
    power *= df;
    sum += term * x / (power * kDenominator[i]);
  }
  return p >= 0.5 ? sum : -sum;
}

// Algorithm R: secant and rational interpolation steps, with bisection after three that gained
// little.
double AlgorithmR(const std::function<double(double)>& f, double lower, double upper) {
  double b = lower, fb = f(lower);
  double a = upper, fa = f(upper);
  double best = upper;
  double d = 0, fd = 0;
  bool first = true;
  for (;;) {
    double c = a, fc = fa;
    int extrapolations = 0;
    for (;;) {
      if (std::fabs(fc) < std::fabs(fb)) {
        if (c != a) {
          d = a;
          fd = fa;
        }
        a = b;
        fa = fb;
        best = b = c;
        fb = fc;
        c = a;
        fc = fa;
      }
      const double tolerance = 0.5 * kRelativeTolerance * std::fabs(best);
      const double to_middle = (c + b) * 0.5 - b;
      if (!(std::fabs(to_middle) > tolerance)) return best;
      double step = to_middle;
      if (extrapolations <= 3) {
        const double least = std::copysign(tolerance, to_middle);
        double p = (b - a) * fb;
        double q = fa - fb;
        if (!first) {
          const double slope_b = (fd - fb) / (d - b);
          const double slope_a = (fd - fa) / (d - a);
          p *= slope_a;
          q = slope_b * fa - slope_a * fb;
        }
        first = false;
        if (p < 0) {
          p = -p;
          q = -q;
        }
        if (extrapolations == 3) p *= 2;
        if (p == 0 || p <= q * least) {
          step = least;
        } else if (p < to_middle * q) {
          step = p / q;
        }
      }
      d = a;
      fd = fa;
      a = b;
      fa = fb;
      best = b = b + step;
      fb = f(b);
      if (fc * fb >= 0) break;
      extrapolations = step == to_middle ? 0 : extrapolations + 1;
    }
  }
}

}  // namespace

double CdflibStudentQuantile(double p, double df) {
  // The smaller tail is matched; both functions below increase in t.
  const bool lower_tail = p <= 0.5;
  const auto f = [&](double t) {
    return lower_tail ? StudentTSurvival(-t, df) - p : (1 - p) - StudentTSurvival(t, df);
  };
  const double start = StartValue(p, df);
  const double at_start = f(start);
  if (at_start == 0) return start;
  double step = std::max(0.5, 0.5 * std::fabs(start));
  double lower = start;
  double upper = start;
  if (at_start < 0) {
    for (upper = lower + step; f(upper) < 0; upper = lower + step) {
      step *= 5;
      lower = upper;
    }
  } else {
    for (lower = upper - step; f(lower) > 0; lower = upper - step) {
      step *= 5;
      upper = lower;
    }
  }
  return AlgorithmR(f, lower, upper);
}

}  // namespace upswing::stats_json
