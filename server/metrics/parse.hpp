#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/json/document.hpp"
#include "server/metrics/definition.hpp"

namespace upswing::metrics {

/// Reads a catalog's `metrics` object, or an experiment's own. `path` is its JSONPath. Everything
/// wrong is added to `problems` with its place and a fix; the metrics returned are those without
/// one. Keys that a type does not use are errors.
///
/// docs/reference/metrics.md has the language; in short:
///
///     "gmv": {"type": "sum", "event": "purchase", "where": {"category": {"in": ["beauty"]}},
///     "value": "amount",
///             "window": "7d", "covariate": "28d", "winsorize": {"percentile_nonzero": 0.999},
///             "good": "up"}
/// Metrics made of others name them by key: of the same object or, after these, of `known`.
std::vector<MetricDefinition> ParseMetrics(const json::Node& metrics, std::string_view path,
                                           std::vector<json::Problem>* problems,
                                           const std::vector<MetricDefinition>& known = {});

/// "7d", "12h", "30m", "90s" or "250ms" in milliseconds; nullopt for anything else, for 0 and
/// beyond 3,650 days.
std::optional<std::int64_t> ParseDuration(std::string_view text);

}  // namespace upswing::metrics
