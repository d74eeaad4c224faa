#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace upswing::statistics {

/// A result that does not exist is a result: every function here that can meet such a case returns
/// `absl::StatusOr`, with code kFailedPrecondition and one of the words below as the whole message.
/// A report prints it as `null` beside `"reason": "<word>"`. Input that makes no sense (a
/// probability of 2, more conversions than units) is kInvalidArgument instead, with a message that
/// names the field.
namespace reason {
/// Fewer units than the method needs (most need 2 in each arm).
inline constexpr std::string_view kNotEnoughData = "not_enough_data";
/// All units have the same value in both arms, so that the size of chance variation is unknown.
inline constexpr std::string_view kZeroVariance = "zero_variance";
/// A relative lift needs a control mean that differs from 0.
inline constexpr std::string_view kControlMeanNearZero = "control_mean_near_zero";
/// A logarithm of a mean needs means above 0.
inline constexpr std::string_view kMeanNotPositive = "mean_not_positive";
/// The denominator of a ratio is 0.
inline constexpr std::string_view kZeroDenominator = "zero_denominator";
/// A value was NaN or infinite, or a sum left the range of a double.
inline constexpr std::string_view kNonFiniteInput = "non_finite_input";
/// The covariate is the same for all units, or a linear combination of other covariates.
inline constexpr std::string_view kCovariateConstant = "covariate_constant";
/// The order statistics around the quantile coincide or do not exist at this sample size.
inline constexpr std::string_view kQuantileNotIdentified = "quantile_not_identified";
/// The formula has no finite value for these inputs, or leaves the range of a double.
inline constexpr std::string_view kOutOfRange = "out_of_range";
/// The method does not support this combination of options.
inline constexpr std::string_view kNotSupported = "not_supported";
}  // namespace reason

/// The status that stands for "not defined, because of `why`"; `why` is one of `reason::*`.
inline absl::Status Undefined(std::string_view why) {
  return absl::FailedPreconditionError(absl::string_view(why.data(), why.size()));
}

}  // namespace upswing::statistics
