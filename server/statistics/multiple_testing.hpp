#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/inference.hpp"

namespace upswing::statistics {

/// How many questions at once are accounted for. The first five control the probability of any
/// false discovery, the last two the expected share of false ones among the discoveries.
enum class Correction {
  kNone,
  kBonferroni,
  kHolm,
  kHolmSidak,
  kHochberg,            ///< needs independence or positive dependence
  kHommel,              ///< needs independence or positive dependence
  kBenjaminiHochberg,   ///< needs independence or positive dependence
  kBenjaminiYekutieli,  ///< any dependence
};

/// Adjusted p-values, in the order given: reject those at most alpha. NaN stands for a comparison
/// that is not defined; it does not count into the number of tests and stays NaN. kInvalidArgument
/// for a p-value outside [0, 1].
absl::StatusOr<std::vector<double>> AdjustPValues(absl::Span<const double> p_values,
                                                  Correction correction);

/// Benjamini-Hochberg on e-values (given as logarithms): adjusted p-value of hypothesis i is the
/// smallest alpha at which e-BH rejects it, min over k >= rank of m / (k e_(k)), at most 1. Valid
/// under any dependence and at any stopping time: the correction for anytime results. NaN as above.
/// Source: R. Wang, A. Ramdas (2022), "False discovery rate control with e-values", JRSS B 84(3).
std::vector<double> AdjustEValues(absl::Span<const double> log_e_values);

/// The error level of an interval for each test, such that it excludes 0 exactly if the adjusted
/// p-value is at most alpha (with R of m tests rejected):
///
///     Bonferroni            alpha / m
///     Holm and its kin      alpha / (m - R + 1) for the rejected, alpha / (m - R) for the others;
///     for
///                           Sidak, Hochberg and Hommel widened to the p-values they decide on
///     BH                    max(R, 1) alpha / m for all: the false coverage rate of the selected
///     BY                    the same, divided by the harmonic sum
///
/// Source: Y. Benjamini, D. Yekutieli (2005), "False discovery rate-adjusted multiple confidence
/// intervals for selected parameters", JASA 100(469).
absl::StatusOr<std::vector<double>> IntervalLevels(absl::Span<const double> p_values, double alpha,
                                                   Correction correction);

}  // namespace upswing::statistics
