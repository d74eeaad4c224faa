#include "server/statistics/sample_ratio.hpp"

#include <cmath>

#include "server/statistics/distributions.hpp"

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
  SampleRatioTest test{0, -1, 1, {}};
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

}  // namespace upswing::statistics
