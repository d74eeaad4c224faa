#pragma once

#include <array>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace upswing::statistics {

/// Several independent estimates of one effect (days, countries, experiments) taken together.
struct CombinedEffect {
  double fixed = 0;  ///< weighted by 1 / variance
  double fixed_standard_error = 0;
  double random = 0;  ///< with the between-effect variance tau2 added (DerSimonian and Laird)
  double random_standard_error = 0;
  double q = 0;  ///< heterogeneity: sum of w (effect - fixed)^2, chi-square with k - 1
  double q_p_value = 1;
  double i2 = 0;    ///< (Q - (k - 1)) / Q; may be negative, then there is no heterogeneity
  double tau2 = 0;  ///< moment estimate; may be negative, and is used as it is
};

/// Undefined: `not_enough_data` below 2 effects. kInvalidArgument: lengths differ, a variance is
/// not above 0. Source: R. DerSimonian, N. Laird (1986), Controlled Clinical Trials 7.
absl::StatusOr<CombinedEffect> CombineEffects(absl::Span<const double> effects,
                                              absl::Span<const double> variances);

/// {treatment converted, treatment not, control converted, control not} of one stratum.
using FourfoldTable = std::array<std::int64_t, 4>;

/// Conversion over strata whose allocation differs (Simpson's paradox): Mantel and Haenszel.
struct StratifiedConversion {
  double pooled_odds_ratio = 0;
  double log_odds_ratio_standard_error = 0;  ///< Robins, Breslow and Greenland (1986)
  double pooled_risk_ratio = 0;
  double chi_square = 0;  ///< of no effect in any stratum, without continuity correction
  double p_value = 1;
  double marginal_odds_ratio = 0;  ///< of the table of sums: what ignoring the strata gives
  /// Homogeneity of the odds ratios (Breslow and Day, without Tarone's term).
  double breslow_day_p = 1;
};

/// Undefined: `not_enough_data` below 1 table or with an empty arm, `zero_variance` if an odds
/// ratio would be 0/0 or infinite.
absl::StatusOr<StratifiedConversion> MantelHaenszel(absl::Span<const FourfoldTable> tables);

}  // namespace upswing::statistics
