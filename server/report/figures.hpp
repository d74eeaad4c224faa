#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/report/result.hpp"
#include "server/statistics/compare.hpp"

// How results of the statistics become figures of the report: a number, or its
// reason.
namespace upswing::report {

inline std::string Reason(const absl::Status& status) { return std::string(status.message()); }

inline Figure ToFigure(const absl::StatusOr<double>& value) {
  if (!value.ok()) return {std::nullopt, Reason(value.status())};
  return {*value, ""};
}

inline std::optional<double> Finite(double value) {
  return std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
}

inline Interval ToInterval(const absl::StatusOr<statistics::Effect>& effect,
                           std::string_view method = "") {
  Interval interval;
  interval.method = method;
  if (!effect.ok()) {
    interval.estimate.reason = Reason(effect.status());
    return interval;
  }
  interval.estimate.value = effect->estimate;
  interval.low = Finite(effect->interval.lower);
  interval.high = Finite(effect->interval.upper);
  return interval;
}

inline Figure PValueOf(const absl::StatusOr<statistics::Effect>& effect) {
  if (!effect.ok()) return {std::nullopt, Reason(effect.status())};
  return {effect->p_value, ""};
}

}  // namespace upswing::report
