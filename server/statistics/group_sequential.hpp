#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/statistics/estimate.hpp"
#include "server/statistics/inference.hpp"

namespace upswing::statistics {

/// How the error probability is distributed over the looks.
enum class Spending {
  kObrienFleming,      ///< classical: bound C / sqrt(t), for looks planned in advance
  kPocock,             ///< classical: the same bound at every look
  kObrienFlemingLike,  ///< 4 - 4 Phi(z_{a/4} / sqrt t) two-sided; Lan and DeMets (1983)
  kPocockLike,         ///< a log(1 + (e - 1) t)
  kPower,              ///< a t^parameter; Kim and DeMets (1987)
  kHwangShihDeCani,    ///< a (1 - exp(-parameter t)) / (1 - exp(-parameter))
};

/// A plan of looks. The spending functions allow looks at any information, also other than planned;
/// the classical bounds need the whole schedule in advance.
struct GroupSequentialPlan {
  Spending spending = Spending::kObrienFlemingLike;
  double parameter = 0;  ///< exponent or gamma; ignored by the others
  double alpha = 0.05;   ///< of both sides together if `two_sided`
  bool two_sided = true;
};

struct GroupSequentialBounds {
  std::vector<double> z;            ///< bound of |z| (two-sided) or z at each look
  std::vector<double> alpha_spent;  ///< cumulative, both sides together
};

/// Error spent by a fraction of the information in [0, 1]; not for the classical plans.
/// For two-sided plans half of alpha is spent on each side.
double AlphaSpent(const GroupSequentialPlan& plan, double information);

/// Bounds for looks at the given fractions of the final information, increasing, in (0, 1]; beyond
/// 1 (an over-run) the last look takes what is left. Information is 1 / variance of the estimate,
/// not time, nor users where a covariate is adjusted for. The bound of a look depends only on this
/// and earlier looks, so it does not move afterwards (spending plans).
///
/// `spending_time`, if given, says for each look which fraction of the way to the planned end it is
/// (in (0, 1], increasing; 1: all is spent), while `information` then only says how the looks'
/// estimates go together, on any scale: the final information need not be known. So a plan may be
/// written in days. K. K. G. Lan, D. L. DeMets (1989), "Group sequential procedures: calendar
/// versus information time", Statistics in Medicine 8. Not for the classical bounds.
///
/// By recursive integration of the density of the score on the continuation region; the bounds are
/// exact to about 1e-8. Errors: kInvalidArgument for alpha, no looks, or fractions that do not
/// increase.
/// Source: P. Armitage, C. K. McPherson, B. C. Rowe (1969), JRSS A 132; C. Jennison, B. W. Turnbull
/// (2000), "Group Sequential Methods", chapter 19.
absl::StatusOr<GroupSequentialBounds> ComputeBounds(const GroupSequentialPlan& plan,
                                                    absl::Span<const double> information,
                                                    absl::Span<const double> spending_time = {});

/// The p-value that accounts for all looks so far: the smallest alpha at which the plan of the same
/// shape would have stopped at this look or an earlier one. `z[k]` is the statistic at look k,
/// signed so that the alternative lies at +infinity for one-sided plans. Valid at every look;
/// precise to 1e-4 relative; never below 1e-12.
absl::StatusOr<double> RepeatedP(const GroupSequentialPlan& plan,
                                 absl::Span<const double> information, absl::Span<const double> z,
                                 absl::Span<const double> spending_time = {});

/// P(the statistic will cross at some look), for an estimate with mean `drift` = effect / (final
/// standard error) at the given bounds. Drift 0 gives the error probability.
double CrossingProbability(absl::Span<const double> z_bounds, absl::Span<const double> information,
                           double drift, bool two_sided);

}  // namespace upswing::statistics
