#include "server/statistics/meta_analysis.hpp"

#include <cmath>
#include <cstddef>

#include "server/statistics/distributions.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {

absl::StatusOr<CombinedEffect> CombineEffects(absl::Span<const double> effects,
                                              absl::Span<const double> variances) {
  if (effects.size() != variances.size())
    return absl::InvalidArgumentError("variances: as many as effects");
  if (effects.size() < 2) return Undefined(reason::kNotEnoughData);
  double w = 0;
  double w2 = 0;
  double we = 0;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    if (!(variances[i] > 0)) return absl::InvalidArgumentError("variances: must be above 0");
    if (!std::isfinite(effects[i])) return Undefined(reason::kNonFiniteInput);
    w += 1 / variances[i];
    w2 += 1 / (variances[i] * variances[i]);
    we += effects[i] / variances[i];
  }
  CombinedEffect combined;
  combined.fixed = we / w;
  combined.fixed_standard_error = 1 / std::sqrt(w);
  for (std::size_t i = 0; i < effects.size(); ++i) {
    const double gap = effects[i] - combined.fixed;
    combined.q += gap * gap / variances[i];
  }
  const auto freedom = static_cast<double>(effects.size() - 1);
  combined.q_p_value = ChiSquareSurvival(combined.q, freedom);
  combined.i2 = combined.q > 0 ? (combined.q - freedom) / combined.q : 0;
  combined.tau2 = (combined.q - freedom) / (w - w2 / w);
  double rw = 0;
  double rwe = 0;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    const double variance = variances[i] + combined.tau2;
    rw += 1 / variance;
    rwe += effects[i] / variance;
  }
  combined.random = rwe / rw;
  combined.random_standard_error = 1 / std::sqrt(rw);
  return combined;
}

namespace {

// Expected conversions of treatment given the margins and a common odds ratio: the root in range of
// a quadratic that becomes linear at an odds ratio of 1.
double ExpectedUnderOdds(double odds, double row, double column, double other_row) {
  const double a = odds - 1;
  const double b = -(odds * (row + column) + other_row - column);
  const double c = odds * row * column;
  if (std::fabs(a) < 1e-12) return -c / b;
  // The smaller root in magnitude, without cancellation (b < 0).
  return 2 * c / (-b + std::sqrt(b * b - 4 * a * c));
}

}  // namespace

absl::StatusOr<StratifiedConversion> MantelHaenszel(absl::Span<const FourfoldTable> tables) {
  if (tables.empty()) return Undefined(reason::kNotEnoughData);
  double r = 0, s = 0, pr = 0, ps_qr = 0, qs = 0, risk_t = 0, risk_c = 0, gap = 0, variance = 0;
  std::array<double, 4> total{};
  for (const FourfoldTable& table : tables) {
    std::array<double, 4> x{};
    for (std::size_t i = 0; i < 4; ++i) {
      if (table[i] < 0) return absl::InvalidArgumentError("tables: counts must not be negative");
      x[i] = static_cast<double>(table[i]);
      total[i] += x[i];
    }
    const double treated = x[0] + x[1];
    const double control = x[2] + x[3];
    const double n = treated + control;
    if (treated == 0 || control == 0 || n < 2) return Undefined(reason::kNotEnoughData);
    const double agree = (x[0] + x[3]) / n;
    const double disagree = (x[1] + x[2]) / n;
    const double product = x[0] * x[3] / n;
    const double cross = x[1] * x[2] / n;
    r += product;
    s += cross;
    pr += agree * product;
    ps_qr += agree * cross + disagree * product;
    qs += disagree * cross;
    risk_t += x[0] * control / n;
    risk_c += x[2] * treated / n;
    const double converted = x[0] + x[2];
    gap += x[0] - treated * converted / n;
    variance += treated * control * converted * (n - converted) / (n * n * (n - 1));
  }
  if (r == 0 || s == 0 || variance == 0) return Undefined(reason::kZeroVariance);
  StratifiedConversion result;
  result.pooled_odds_ratio = r / s;
  result.log_odds_ratio_standard_error =
      std::sqrt(pr / (2 * r * r) + ps_qr / (2 * r * s) + qs / (2 * s * s));
  result.pooled_risk_ratio = risk_t / risk_c;
  result.chi_square = gap * gap / variance;
  result.p_value = ChiSquareSurvival(result.chi_square, 1);
  result.marginal_odds_ratio = total[0] * total[3] / (total[1] * total[2]);
  double homogeneity = 0;
  for (const FourfoldTable& table : tables) {
    const auto a = static_cast<double>(table[0]);
    const double treated = a + static_cast<double>(table[1]);
    const double control = static_cast<double>(table[2] + table[3]);
    const double converted = a + static_cast<double>(table[2]);
    const double e = ExpectedUnderOdds(result.pooled_odds_ratio, treated, converted, control);
    const double v =
        1 / (1 / e + 1 / (treated - e) + 1 / (converted - e) + 1 / (control - converted + e));
    homogeneity += (a - e) * (a - e) / v;
  }
  if (tables.size() > 1)
    result.breslow_day_p = ChiSquareSurvival(homogeneity, static_cast<double>(tables.size() - 1));
  return result;
}

}  // namespace upswing::statistics
