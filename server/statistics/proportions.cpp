#include "server/statistics/proportions.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "server/statistics/distributions.hpp"
#include "server/statistics/quadrature.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

// Probabilities that are equal but for rounding count as equal.
constexpr double kTieFactor = 1 + 1e-7;

absl::Status Check(const Conversions& arm) {
  if (arm.conversions < 0 || arm.conversions > arm.n)
    return absl::InvalidArgumentError("conversions: must be between 0 and n");
  if (arm.n == 0) return Undefined(reason::kNotEnoughData);
  return absl::OkStatus();
}

absl::Status Check(const Conversions& control, const Conversions& treatment) {
  if (absl::Status status = Check(control); !status.ok()) return status;
  return Check(treatment);
}

absl::Status CheckAlpha(double alpha) {
  if (alpha > 0 && alpha < 1) return absl::OkStatus();
  return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
}

ZTest FromZ(double z, Alternative alternative) {
  if (alternative == Alternative::kTwoSided) return {z, 2 * NormalSurvival(std::fabs(z))};
  return {z, NormalSurvival(alternative == Alternative::kGreater ? z : -z)};
}

double N(const Conversions& arm) { return static_cast<double>(arm.n); }
double X(const Conversions& arm) { return static_cast<double>(arm.conversions); }

// Rates of both arms that maximise the likelihood under treatment - control = d.
struct RestrictedRates {
  double control = 0;
  double treatment = 0;
};

// Control's rate is the root in range of a cubic, by the trigonometric formula of Miettinen and
// Nurminen (1985), equation (9).
RestrictedRates UnderDifference(const Conversions& control, const Conversions& treatment, double d,
                                RestrictedRatesBy by) {
  const double n = N(control) + N(treatment);
  const double x = X(control) + X(treatment);
  const double l2 = (N(treatment) + 2 * N(control)) * d - n - x;
  const double first = by == RestrictedRatesBy::kStatsmodels013 ? X(control) : N(control);
  const double l1 = (first * d - n - 2 * X(control)) * d + x;
  const double l0 = X(control) * d * (1 - d);
  const double third = l2 / (3 * n);
  const double q = third * third * third - l1 * l2 / (6 * n * n) + l0 / (2 * n);
  const double p = std::copysign(std::sqrt(std::max(0.0, third * third - l1 / (3 * n))), q);
  double rate = -third;
  if (p != 0) {
    const double angle = std::acos(std::clamp(q / (p * p * p), -1.0, 1.0));
    rate += 2 * p * std::cos((std::numbers::pi + angle) / 3);
  }
  rate = std::clamp(rate, std::max(0.0, -d), std::min(1.0, 1 - d));
  return {rate, rate + d};
}

RestrictedRates UnderRatio(const Conversions& control, const Conversions& treatment, double ratio) {
  const double a = (N(control) + N(treatment)) * ratio;
  const double b = -(N(treatment) * ratio + X(treatment) + N(control) + X(control) * ratio);
  const double c = X(control) + X(treatment);
  const double root = std::sqrt(std::max(0.0, b * b - 4 * a * c));
  const double rate = std::clamp(2 * c / (-b + root), 0.0, std::min(1.0, 1 / ratio));
  return {rate, rate * ratio};
}

double ScoreVariance(const Conversions& control, const Conversions& treatment,
                     const RestrictedRates& rates, double weight_of_control) {
  const double n = N(control) + N(treatment);
  const double variance =
      rates.treatment * (1 - rates.treatment) / N(treatment) +
      weight_of_control * weight_of_control * rates.control * (1 - rates.control) / N(control);
  return variance * n / (n - 1);
}

double ScoreZ(const Conversions& control, const Conversions& treatment, double d,
              RestrictedRatesBy by) {
  const double gap = treatment.rate() - control.rate() - d;
  const double variance =
      ScoreVariance(control, treatment, UnderDifference(control, treatment, d, by), 1);
  if (variance <= 0) return gap == 0 ? 0 : std::copysign(INFINITY, gap);
  return gap / std::sqrt(variance);
}

double ScoreRatioZ(const Conversions& control, const Conversions& treatment, double ratio) {
  const double gap = treatment.rate() - ratio * control.rate();
  const double variance =
      ScoreVariance(control, treatment, UnderRatio(control, treatment, ratio), ratio);
  if (variance <= 0) return gap == 0 ? 0 : std::copysign(INFINITY, gap);
  return gap / std::sqrt(variance);
}

// FindZero needs finite values.
double Bounded(double z) { return std::clamp(z, -1e6, 1e6); }

Interval Clipped(double lower, double upper) {
  return {std::max(0.0, lower), std::min(1.0, upper)};
}

}  // namespace

absl::StatusOr<ZTest> PooledZTest(const Conversions& control, const Conversions& treatment,
                                  Alternative alternative) {
  if (absl::Status status = Check(control, treatment); !status.ok()) return status;
  const double rate = (X(control) + X(treatment)) / (N(control) + N(treatment));
  const double variance = rate * (1 - rate) * (1 / N(control) + 1 / N(treatment));
  if (variance <= 0) return Undefined(reason::kZeroVariance);
  return FromZ((treatment.rate() - control.rate()) / std::sqrt(variance), alternative);
}

absl::StatusOr<ZTest> UnpooledZTest(const Conversions& control, const Conversions& treatment,
                                    Alternative alternative, double null_difference) {
  if (absl::Status status = Check(control, treatment); !status.ok()) return status;
  const double variance = control.rate() * (1 - control.rate()) / N(control) +
                          treatment.rate() * (1 - treatment.rate()) / N(treatment);
  if (variance <= 0) return Undefined(reason::kZeroVariance);
  return FromZ((treatment.rate() - control.rate() - null_difference) / std::sqrt(variance),
               alternative);
}

absl::StatusOr<ZTest> ScoreTest(const Conversions& control, const Conversions& treatment,
                                Alternative alternative, double null_difference,
                                RestrictedRatesBy by) {
  if (absl::Status status = Check(control, treatment); !status.ok()) return status;
  if (!(null_difference > -1 && null_difference < 1))
    return absl::InvalidArgumentError("null_difference: must be between -1 and 1");
  if (control.n + treatment.n < 2) return Undefined(reason::kNotEnoughData);
  const double z = ScoreZ(control, treatment, null_difference, by);
  const RestrictedRates rates = UnderDifference(control, treatment, null_difference, by);
  if (!std::isfinite(z) || ScoreVariance(control, treatment, rates, 1) <= 0)
    return Undefined(reason::kZeroVariance);
  return FromZ(z, alternative);
}

absl::StatusOr<double> FisherExactP(const Conversions& control, const Conversions& treatment,
                                    Alternative alternative, bool mid_p) {
  if (absl::Status status = Check(control, treatment); !status.ok()) return status;
  // The loop is as long as the distribution is wide; beyond this the score test is exact enough.
  if (control.n + treatment.n > 100'000'000) return Undefined(reason::kNotSupported);
  const std::int64_t drawn = control.conversions + treatment.conversions;
  const std::int64_t total = control.n + treatment.n;
  const std::int64_t first = std::max<std::int64_t>(0, drawn - control.n);
  const std::int64_t last = std::min(treatment.n, drawn);
  const auto step_up = [&](std::int64_t k) {  // P(k + 1) / P(k)
    return static_cast<double>(treatment.n - k) * static_cast<double>(drawn - k) /
           (static_cast<double>(k + 1) * static_cast<double>(control.n - drawn + k + 1));
  };
  const std::int64_t mode =
      std::clamp(static_cast<std::int64_t>((static_cast<double>(treatment.n) + 1) *
                                           (static_cast<double>(drawn) + 1) /
                                           (static_cast<double>(total) + 2)),
                 first, last);
  // Weights relative to the mode, outwards until they vanish; two passes, as the observed table's
  // weight decides which others count.
  const auto for_each = [&](const auto& visit) {
    double weight = 1;
    for (std::int64_t k = mode; k <= last && weight > 0; weight *= step_up(k), ++k)
      visit(k, weight);
    weight = 1;
    for (std::int64_t k = mode; k > first && weight > 0;) {
      --k;
      weight /= step_up(k);
      visit(k, weight);
    }
  };
  const std::int64_t observed = treatment.conversions;
  double sum = 0;
  double at_observed = 0;
  for_each([&](std::int64_t k, double weight) {
    sum += weight;
    if (k == observed) at_observed = weight;
  });
  double extreme = 0;
  for_each([&](std::int64_t k, double weight) {
    const bool counts = alternative == Alternative::kTwoSided  ? weight <= at_observed * kTieFactor
                        : alternative == Alternative::kGreater ? k >= observed
                                                               : k <= observed;
    if (counts) extreme += weight;
  });
  if (mid_p) extreme -= 0.5 * at_observed;
  return std::min(1.0, extreme / sum);
}

absl::StatusOr<Interval> WaldDifference(const Conversions& control, const Conversions& treatment,
                                        double alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  const auto test = UnpooledZTest(control, treatment, Alternative::kTwoSided);
  if (!test.ok()) return test.status();
  const double d = treatment.rate() - control.rate();
  const double se = std::sqrt(control.rate() * (1 - control.rate()) / N(control) +
                              treatment.rate() * (1 - treatment.rate()) / N(treatment));
  const double reach = NormalUpperQuantile(alpha / 2) * se;
  return Interval{d - reach, d + reach};
}

absl::StatusOr<Interval> AgrestiCaffoDifference(const Conversions& control,
                                                const Conversions& treatment, double alpha) {
  if (absl::Status status = Check(control, treatment); !status.ok()) return status;
  return WaldDifference({control.n + 2, control.conversions + 1},
                        {treatment.n + 2, treatment.conversions + 1}, alpha);
}

absl::StatusOr<Interval> NewcombeDifference(const Conversions& control,
                                            const Conversions& treatment, double alpha) {
  const auto c = WilsonInterval(control, alpha);
  if (!c.ok()) return c.status();
  const auto t = WilsonInterval(treatment, alpha);
  if (!t.ok()) return t.status();
  const double d = treatment.rate() - control.rate();
  return Interval{d - std::hypot(treatment.rate() - t->lower, c->upper - control.rate()),
                  d + std::hypot(t->upper - treatment.rate(), control.rate() - c->lower)};
}

absl::StatusOr<Interval> ScoreDifference(const Conversions& control, const Conversions& treatment,
                                         double alpha, RestrictedRatesBy by) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = Check(control, treatment); !status.ok()) return status;
  if (control.n + treatment.n < 2) return Undefined(reason::kNotEnoughData);
  const double d = treatment.rate() - control.rate();
  const double z = NormalUpperQuantile(alpha / 2);
  const auto gap = [&](double level) {
    return [&control, &treatment, level, by](double x) {
      return Bounded(ScoreZ(control, treatment, x, by)) - level;
    };
  };
  return Interval{FindZero(gap(z), -1, d), FindZero(gap(-z), d, 1)};
}

absl::StatusOr<Interval> LogRateRatio(const Conversions& control, const Conversions& treatment,
                                      double alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = Check(control, treatment); !status.ok()) return status;
  if (control.conversions == 0 || treatment.conversions == 0)
    return Undefined(reason::kMeanNotPositive);
  const double centre = std::log(treatment.rate() / control.rate());
  const double reach =
      NormalUpperQuantile(alpha / 2) *
      std::sqrt((1 - control.rate()) / X(control) + (1 - treatment.rate()) / X(treatment));
  return Interval{std::exp(centre - reach), std::exp(centre + reach)};
}

absl::StatusOr<Interval> ScoreRateRatio(const Conversions& control, const Conversions& treatment,
                                        double alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = Check(control, treatment); !status.ok()) return status;
  if (control.conversions == 0 && treatment.conversions == 0)
    return Undefined(reason::kControlMeanNearZero);
  const double z = NormalUpperQuantile(alpha / 2);
  const auto at = [&](double level) {
    return [&control, &treatment, level](double log_ratio) {
      return Bounded(ScoreRatioZ(control, treatment, std::exp(log_ratio))) - level;
    };
  };
  constexpr double kFar = 60;  // exp(60) = 1e26
  const double centre = control.conversions == 0     ? kFar
                        : treatment.conversions == 0 ? -kFar
                                                     : std::log(treatment.rate() / control.rate());
  return Interval{treatment.conversions == 0 ? 0 : std::exp(FindZero(at(z), -kFar, centre)),
                  control.conversions == 0 ? INFINITY : std::exp(FindZero(at(-z), centre, kFar))};
}

absl::StatusOr<Interval> WilsonInterval(const Conversions& arm, double alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = Check(arm); !status.ok()) return status;
  const double z = NormalUpperQuantile(alpha / 2);
  const double n = N(arm);
  const double centre = (X(arm) + z * z / 2) / (n + z * z);
  const double reach = z / (n + z * z) * std::sqrt(X(arm) * (n - X(arm)) / n + z * z / 4);
  return Clipped(arm.conversions == 0 ? 0 : centre - reach,
                 arm.conversions == arm.n ? 1 : centre + reach);
}

absl::StatusOr<Interval> ClopperPearsonInterval(const Conversions& arm, double alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = Check(arm); !status.ok()) return status;
  const double x = X(arm);
  const double rest = N(arm) - x;
  return Interval{x == 0 ? 0 : BetaQuantile(alpha / 2, x, rest + 1),
                  rest == 0 ? 1 : BetaUpperQuantile(alpha / 2, x + 1, rest)};
}

absl::StatusOr<Interval> JeffreysInterval(const Conversions& arm, double alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = Check(arm); !status.ok()) return status;
  const double a = X(arm) + 0.5;
  const double b = N(arm) - X(arm) + 0.5;
  return Interval{BetaQuantile(alpha / 2, a, b), BetaUpperQuantile(alpha / 2, a, b)};
}

absl::StatusOr<Interval> AgrestiCoullInterval(const Conversions& arm, double alpha) {
  if (absl::Status status = CheckAlpha(alpha); !status.ok()) return status;
  if (absl::Status status = Check(arm); !status.ok()) return status;
  const double z = NormalUpperQuantile(alpha / 2);
  const double n = N(arm) + z * z;
  const double rate = (X(arm) + z * z / 2) / n;
  const double reach = z * std::sqrt(rate * (1 - rate) / n);
  return Clipped(rate - reach, rate + reach);
}

absl::StatusOr<ContingencyTest> TestContingency(absl::Span<const std::vector<std::int64_t>> table) {
  if (table.size() < 2 || table[0].size() < 2)
    return absl::InvalidArgumentError("table: needs two rows and two columns");
  std::vector<double> rows(table.size(), 0);
  std::vector<double> columns(table[0].size(), 0);
  double total = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].size() != columns.size())
      return absl::InvalidArgumentError("table: rows of different length");
    for (std::size_t j = 0; j < columns.size(); ++j) {
      if (table[i][j] < 0) return absl::InvalidArgumentError("table: counts must not be negative");
      const auto count = static_cast<double>(table[i][j]);
      rows[i] += count;
      columns[j] += count;
      total += count;
    }
  }
  for (const std::vector<double>* sums : {&rows, &columns})
    for (const double sum : *sums)
      if (sum == 0) return Undefined(reason::kNotEnoughData);
  ContingencyTest test;
  test.degrees_of_freedom = static_cast<double>((rows.size() - 1) * (columns.size() - 1));
  const bool yates = rows.size() == 2 && columns.size() == 2;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const double expected = rows[i] * (columns[j] / total);
      const auto count = static_cast<double>(table[i][j]);
      const double gap = std::fabs(count - expected);
      test.chi_square += gap * gap / expected;
      if (count > 0) test.g_statistic += 2 * count * std::log(count / expected);
      const double shrunk = gap - std::min(0.5, gap);
      if (yates) test.yates_chi_square += shrunk * shrunk / expected;
    }
  }
  test.p_value = ChiSquareSurvival(test.chi_square, test.degrees_of_freedom);
  test.g_p_value = ChiSquareSurvival(test.g_statistic, test.degrees_of_freedom);
  if (yates) test.yates_p_value = ChiSquareSurvival(test.yates_chi_square, 1);
  return test;
}

double BinomialTestP(std::int64_t successes, std::int64_t trials, double probability,
                     Alternative alternative, bool mid_p) {
  const double observed = BinomialDensity(successes, trials, probability);
  const double half = mid_p ? 0.5 * observed : 0;
  const double below = BinomialCdf(successes, trials, probability);
  const double above = BinomialSurvivalAtLeast(successes, trials, probability);
  if (alternative == Alternative::kGreater) return above - half;
  if (alternative == Alternative::kLess) return below - half;
  const double mean = static_cast<double>(trials) * probability;
  if (static_cast<double>(successes) == mean) return 1 - half;
  // On the other side of the mean the density is monotone: find where it falls to the observed one.
  const bool low = static_cast<double>(successes) < mean;
  std::int64_t inside = static_cast<std::int64_t>(low ? std::ceil(mean) : std::floor(mean));
  std::int64_t outside = low ? trials + 1 : -1;
  const auto counts = [&](std::int64_t k) {
    return BinomialDensity(k, trials, probability) <= observed * kTieFactor;
  };
  if (counts(inside)) {
    outside = inside;
  } else {
    while (std::abs(outside - inside) > 1) {
      const std::int64_t middle = inside + (outside - inside) / 2;
      (counts(middle) ? outside : inside) = middle;
    }
  }
  const double other = low ? BinomialSurvivalAtLeast(outside, trials, probability)
                           : BinomialCdf(outside, trials, probability);
  return std::min(1.0, (low ? below : above) + other - half);
}

absl::StatusOr<SignTest> TestSigns(std::int64_t wins_treatment, std::int64_t wins_control,
                                   double alpha) {
  if (wins_treatment < 0 || wins_control < 0)
    return absl::InvalidArgumentError("wins: must not be negative");
  const Conversions wins{wins_treatment + wins_control, wins_treatment};
  const auto share = ClopperPearsonInterval(wins, alpha);
  if (!share.ok()) return share.status();
  return SignTest{BinomialTestP(wins.conversions, wins.n, 0.5, Alternative::kTwoSided), *share};
}

}  // namespace upswing::statistics
