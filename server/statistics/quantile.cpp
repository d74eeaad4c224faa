#include "server/statistics/quantile.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "server/statistics/distributions.hpp"
#include "server/statistics/linear_algebra.hpp"
#include "server/statistics/undefined.hpp"

namespace upswing::statistics {
namespace {

// Half-width of the order-statistic bounds in standard errors: the 97.5 % quantile.
constexpr double kBoundZ = 1.959963984540054;

absl::Status Check(const QuantileSummary& summary) {
  if (!(summary.nu > 0 && summary.nu < 1))
    return absl::InvalidArgumentError("nu: must be above 0 and below 1");
  if (summary.n < 2) return Undefined(reason::kNotEnoughData);
  if (!std::isfinite(summary.estimate) || !std::isfinite(summary.upper - summary.lower))
    return Undefined(reason::kNonFiniteInput);
  const double odds = summary.nu / (1 - summary.nu);
  if (static_cast<double>(summary.n) <= kBoundZ * kBoundZ * std::max(odds, 1 / odds) ||
      !(summary.upper > summary.lower))
    return Undefined(reason::kQuantileNotIdentified);
  return absl::OkStatus();
}

}  // namespace

double QuantileMargin(double nu, double n_star) {
  return kBoundZ * std::sqrt(nu * (1 - nu) / n_star);
}

absl::StatusOr<Arm> QuantileArm(const QuantileSummary& summary) {
  if (absl::Status status = Check(summary); !status.ok()) return status;
  const auto n = static_cast<double>(summary.n);
  const double half = (summary.upper - summary.lower) / (2 * kBoundZ);
  return Arm{summary.n, summary.estimate, summary.n_star / n * (n - 1) * half * half};
}

absl::StatusOr<Arm> ClusteredQuantileArm(const QuantileSummary& summary, const Moments& clusters) {
  auto arm = QuantileArm(summary);
  if (!arm.ok()) return arm.status();
  const auto share = RatioArm(SelectVariables(clusters, {1, 0}));
  if (!share.ok()) return share.status();
  const double independent = summary.nu * (1 - summary.nu) / static_cast<double>(summary.n);
  arm->variance *= share->variance / static_cast<double>(share->n) / independent;
  return arm;
}

absl::StatusOr<double> DensityAt(const QuantileSummary& summary) {
  if (absl::Status status = Check(summary); !status.ok()) return status;
  return 2 * QuantileMargin(summary.nu, summary.n_star) / (summary.upper - summary.lower);
}

absl::StatusOr<Moments> QuantileMoments(const QuantileSummary& summary, double mean_events,
                                        const Moments& units) {
  const auto density = DensityAt(summary);
  if (!density.ok()) return density.status();
  if (!(mean_events > 0)) return Undefined(reason::kZeroDenominator);
  if (units.dimension() < 2)
    return absl::InvalidArgumentError("units: needs the events and those below the quantile");
  // psi and the covariates are linear in the variables: their moments follow by A S A'.
  const std::size_t inputs = units.dimension();
  Matrix map(inputs - 1, inputs);
  const double scale = -1 / (*density * mean_events);
  map(0, 0) = -summary.nu * scale;
  map(0, 1) = scale;
  for (std::size_t i = 1; i < map.rows; ++i) map(i, i + 1) = 1;
  Matrix centred(inputs, inputs);
  std::size_t k = 0;
  for (std::size_t i = 0; i < inputs; ++i)
    for (std::size_t j = i; j < inputs; ++j, ++k) centred(i, j) = centred(j, i) = units.centred[k];
  const Matrix mapped = Multiply(Multiply(map, centred), Transpose(map));
  Moments moments{units.n, std::vector<double>(map.rows, 0.0), {}};
  for (std::size_t i = 0; i < map.rows; ++i) {
    for (std::size_t j = 0; j < inputs; ++j) moments.mean[i] += map(i, j) * units.mean[j];
    for (std::size_t j = i; j < map.rows; ++j) moments.centred.push_back(mapped(i, j));
  }
  moments.mean[0] += summary.estimate;
  return moments;
}

}  // namespace upswing::statistics
