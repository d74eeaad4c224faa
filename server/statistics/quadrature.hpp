#pragma once

#include <array>
#include <cmath>
#include <cstddef>

namespace upswing::statistics {

/// Calls visit(x, weight) for the nodes of Gauss-Legendre quadrature with 20 points on each of
/// `panels` equal parts of [lower, upper]: the integral of f is the sum of weight * f(x). For
/// functions that are smooth on the scale of a panel. Source of nodes and weights: M. Abramowitz,
/// I. A. Stegun (1964), table 25.4.
template <typename Visitor>
void ForEachNode(double lower, double upper, int panels, const Visitor& visit) {
  constexpr std::array<double, 10> kNode = {
      0.07652652113349733, 0.2277858511416451, 0.37370608871541955, 0.5108670019508271,
      0.636053680726515,   0.7463319064601508, 0.8391169718222188,  0.9122344282513259,
      0.9639719272779138,  0.9931285991850949};
  constexpr std::array<double, 10> kWeight = {
      0.15275338713072584, 0.14917298647260374, 0.14209610931838204, 0.13168863844917664,
      0.11819453196151841, 0.10193011981724044, 0.08327674157670475, 0.06267204833410907,
      0.04060142980038694, 0.017614007139152118};
  const double half = (upper - lower) / (2 * panels);
  for (int panel = 0; panel < panels; ++panel) {
    const double centre = lower + half * (2 * panel + 1);
    for (std::size_t i = 0; i < kNode.size(); ++i) {
      visit(centre - half * kNode[i], half * kWeight[i]);
      visit(centre + half * kNode[i], half * kWeight[i]);
    }
  }
}

template <typename Function>
double Integrate(const Function& f, double lower, double upper, int panels) {
  double sum = 0;
  ForEachNode(lower, upper, panels, [&](double x, double weight) { sum += weight * f(x); });
  return sum;
}

/// A zero of the increasing or decreasing `f` in [lower, upper], at whose ends it has different
/// signs (or is 0): bisection steps guarding the secant method (Illinois), to relative precision
/// 1e-13 of the interval's ends. Returns the nearer end when the signs agree.
template <typename Function>
double FindZero(const Function& f, double lower, double upper) {
  double f_lower = f(lower);
  double f_upper = f(upper);
  if (f_lower == 0) return lower;
  if (f_upper == 0) return upper;
  if ((f_lower < 0) == (f_upper < 0))
    return std::fabs(f_lower) < std::fabs(f_upper) ? lower : upper;
  int stuck = 0;
  for (int step = 0; step < 200; ++step) {
    const double width = upper - lower;
    if (width <= 1e-14 * (std::fabs(lower) + std::fabs(upper)) || width < 1e-300) break;
    double middle = (lower * f_upper - upper * f_lower) / (f_upper - f_lower);
    if (stuck >= 3 || !(middle > lower && middle < upper)) {
      middle = lower + width / 2;
      stuck = 0;
    }
    const double f_middle = f(middle);
    if (f_middle == 0) return middle;
    if ((f_middle < 0) == (f_lower < 0)) {
      lower = middle;
      f_lower = f_middle;
      f_upper *= 0.5;
    } else {
      upper = middle;
      f_upper = f_middle;
      f_lower *= 0.5;
    }
    stuck = upper - lower > 0.5 * width ? stuck + 1 : 0;
  }
  return lower + (upper - lower) / 2;
}

}  // namespace upswing::statistics
