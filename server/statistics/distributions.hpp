#pragma once

#include <cstdint>

namespace upswing::statistics {

// Distribution functions and their inverses. The only file that includes Boost.Math is the source
// of this one. Every tail is computed as a tail: `NormalSurvival(20)` is 2.75e-89, not 1 - 1.
//
// Arguments outside the domain give NaN, which callers exclude before they call; nothing throws.
// Probabilities at the ends give the ends of the support (+-infinity where it has none).

/// Density of the standard normal distribution.
double NormalDensity(double x);
/// P(Z > x).
double NormalSurvival(double x);
/// P(Z <= x).
double NormalCdf(double x);
/// x with P(Z <= x) = p.
double NormalQuantile(double p);
/// x with P(Z > x) = q, accurate for tiny q.
double NormalUpperQuantile(double q);
/// log P(Z > x), finite also where the probability underflows.
double LogNormalSurvival(double x);

/// Student's t with `degrees_of_freedom` > 0, real or infinite (then the normal distribution).
double StudentTSurvival(double x, double degrees_of_freedom);
double StudentTUpperQuantile(double q, double degrees_of_freedom);
/// P(T > x) for T with a noncentrality.
double NoncentralTSurvival(double x, double degrees_of_freedom, double noncentrality);

double ChiSquareSurvival(double x, double degrees_of_freedom);
double ChiSquareCdf(double x, double degrees_of_freedom);
double ChiSquareUpperQuantile(double q, double degrees_of_freedom);
double FSurvival(double x, double numerator_df, double denominator_df);

double BetaCdf(double x, double a, double b);
double BetaSurvival(double x, double a, double b);
double BetaQuantile(double p, double a, double b);
double BetaUpperQuantile(double q, double a, double b);
double BetaDensity(double x, double a, double b);

/// P(X <= k) and P(X >= k) for X ~ Binomial(n, p); k may be outside [0, n].
double BinomialCdf(std::int64_t k, std::int64_t n, double p);
double BinomialSurvivalAtLeast(std::int64_t k, std::int64_t n, double p);
double BinomialDensity(std::int64_t k, std::int64_t n, double p);

/// Regularised incomplete gamma functions, and the quantiles of Gamma(shape, 1).
double GammaCdf(double x, double shape);
double GammaSurvival(double x, double shape);
double GammaQuantile(double p, double shape);
double GammaUpperQuantile(double q, double shape);

double LogGamma(double x);
double LogBeta(double a, double b);
/// log(Gamma(a + n) / Gamma(a)) without cancellation for large a; n >= 0.
double LogRisingFactorial(double a, double n);
/// log of the binomial coefficient n over k.
double LogChoose(double n, double k);
/// Riemann zeta for s > 1.
double Zeta(double s);
/// The branch W_-1 of Lambert's W, for x in [-1/e, 0).
double LambertWMinus1(double x);

}  // namespace upswing::statistics
