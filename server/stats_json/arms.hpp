#pragma once

#include <vector>

#include "server/statistics/metric_contrast.hpp"
#include "server/statistics/quantile.hpp"
#include "server/stats_json/fields.hpp"

namespace upswing::stats_json {

/// Comparisons of arms that are given by sufficient statistics with a `kind`. The kind `proportion`
/// has variance p (1 - p) with divisor n, as the library that the cases come from; the engine
/// itself uses n - 1 for everything.
statistics::MetricContrast ContrastFrom(const Json& inputs);

/// The estimate that `difference` ("absolute" or "relative") asks for.
statistics::Estimate EstimateFrom(const Json& inputs, const statistics::Contrast& contrast);

/// `{"n", "mean", "variance"}`.
statistics::Arm ArmAt(const Json& inputs, const char* name);
/// A list of raw values.
statistics::Moments SampleAt(const Json& inputs, const char* name);

/// The critical value of a fixed-horizon interval as the reference libraries have it (see
/// cdflib_quantile.hpp).
double LibraryCriticalValue(double degrees_of_freedom, const statistics::Rule& rule);

/// estimate, standard_error, df, ci, p_value; for a fixed horizon `ci` has the libraries' critical
/// value and `ci_exact` the engine's.
Json Judge(const statistics::Estimate& estimate, const statistics::Rule& rule);

}  // namespace upswing::stats_json
