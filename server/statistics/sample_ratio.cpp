#include "server/statistics/sample_ratio.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "server/statistics/distributions.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

absl::Status Check(absl::Span<const std::int64_t> observed, absl::Span<const double> weights) {
  if (observed.size() != weights.size())
    return absl::InvalidArgumentError("weights: as many as observed");
  int positive = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || std::isinf(weights[i]))
      return absl::InvalidArgumentError("weights: must be finite and not negative");
    if (observed[i] < 0) return absl::InvalidArgumentError("observed: must not be negative");
    if (weights[i] == 0 && observed[i] > 0)
      return absl::InvalidArgumentError("observed: an arm of weight 0 has units");
    positive += weights[i] > 0;
  }
  if (positive < 2) return absl::InvalidArgumentError("weights: two arms need a positive weight");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SampleRatioTest> SampleRatioChiSquare(absl::Span<const std::int64_t> observed,
                                                     absl::Span<const double> weights) {
  if (absl::Status status = Check(observed, weights); !status.ok()) return status;
  double weight = 0;
  double units = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weight += weights[i];
    units += static_cast<double>(observed[i]);
  }
  SampleRatioTest test{0, -1, 1, {}, false};
  for (std::size_t i = 0; i < weights.size(); ++i) {
    test.expected.push_back(units * (weights[i] / weight));
    if (weights[i] == 0) continue;
    test.degrees_of_freedom += 1;
    const double gap = static_cast<double>(observed[i]) - test.expected.back();
    if (units > 0) test.chi_square += gap * gap / test.expected.back();
  }
  test.p_value = ChiSquareSurvival(test.chi_square, test.degrees_of_freedom);
  return test;
}

absl::StatusOr<SampleRatioTest> SampleRatioOverPeriods(
    absl::Span<const SampleRatioPeriod> periods) {
  SampleRatioTest total;
  for (const SampleRatioPeriod& period : periods) {
    const auto test = SampleRatioChiSquare(period.observed, period.weights);
    if (!test.ok()) return test.status();
    total.chi_square += test->chi_square;
    total.degrees_of_freedom += test->degrees_of_freedom;
    if (total.expected.size() < test->expected.size()) total.expected.resize(test->expected.size());
    for (std::size_t i = 0; i < test->expected.size(); ++i) total.expected[i] += test->expected[i];
  }
  if (total.degrees_of_freedom > 0)
    total.p_value = ChiSquareSurvival(total.chi_square, total.degrees_of_freedom);
  return total;
}

absl::StatusOr<double> SampleRatioExactP(absl::Span<const std::int64_t> observed,
                                         absl::Span<const double> weights) {
  if (absl::Status status = Check(observed, weights); !status.ok()) return status;
  std::vector<double> shares;
  std::vector<std::int64_t> counts;
  double weight = 0;
  for (const double w : weights) weight += w;
  std::int64_t units = 0;
  double outcomes = 1;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    shares.push_back(weights[i] / weight);
    counts.push_back(observed[i]);
    units += observed[i];
  }
  for (std::size_t i = 1; i < shares.size(); ++i)
    outcomes *= (static_cast<double>(units) + static_cast<double>(i)) / static_cast<double>(i);
  if (outcomes > 1.1e6) return Undefined(reason::kNotSupported);
  const auto term = [&](std::size_t arm, std::int64_t count) {
    return static_cast<double>(count) * std::log(shares[arm]) -
           LogGamma(static_cast<double>(count) + 1);
  };
  double log_observed = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) log_observed += term(i, counts[i]);
  // Odometer over all ways to put the units into the arms.
  const double threshold = log_observed + 1e-7;
  const double constant = LogGamma(static_cast<double>(units) + 1);
  double p = 0;
  const std::function<void(std::size_t, std::int64_t, double)> visit =
      [&](std::size_t arm, std::int64_t left, double log_probability) {
        if (arm + 1 == shares.size()) {
          log_probability += term(arm, left);
          if (log_probability <= threshold) p += std::exp(constant + log_probability);
          return;
        }
        for (std::int64_t count = 0; count <= left; ++count)
          visit(arm + 1, left - count, log_probability + term(arm, count));
      };
  visit(0, units, 0);
  return std::min(1.0, p);
}

absl::StatusOr<SampleRatioTest> TestSampleRatio(absl::Span<const std::int64_t> observed,
                                                absl::Span<const double> weights) {
  auto test = SampleRatioChiSquare(observed, weights);
  if (!test.ok()) return test;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (weights[i] > 0) least = std::min(least, test->expected[i]);
  if (least >= kLeastExpected) return test;
  const auto exact = SampleRatioExactP(observed, weights);
  if (!exact.ok()) return test;  // Too many outcomes: many units in the other arms.
  test->p_value = *exact;
  test->exact = true;
  return test;
}

absl::StatusOr<double> SampleRatioLogOdds(absl::Span<const std::int64_t> totals,
                                          absl::Span<const double> weights, double concentration) {
  if (absl::Status status = Check(totals, weights); !status.ok()) return status;
  if (!(concentration > 0)) return absl::InvalidArgumentError("concentration: must be above 0");
  double weight = 0;
  for (const double w : weights) weight += w;
  double log_odds = 0;
  double units = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    const double share = weights[i] / weight;
    const auto n = static_cast<double>(totals[i]);
    units += n;
    log_odds += LogRisingFactorial(concentration * share, n) - n * std::log(share);
  }
  return log_odds - LogRisingFactorial(concentration, units);
}

}  // namespace upswing::statistics
