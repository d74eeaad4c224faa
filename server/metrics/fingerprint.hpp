#pragma once

#include <string>
#include <vector>

#include "server/metrics/definition.hpp"

namespace upswing::metrics {

/// A text that is the same for two metrics exactly if they give every unit the same value before
/// any cap and cap it by the same rule: what a frozen cap belongs to. `all` holds the terms of
/// linear metrics.
std::string Fingerprint(const MetricDefinition& metric, const std::vector<MetricDefinition>& all);

}  // namespace upswing::metrics
