#include "server/metrics/definition.hpp"

namespace upswing::metrics {

int Components(const MetricDefinition& metric) {
  switch (metric.type) {
    case MetricType::kMean:
    case MetricType::kRatio:
    case MetricType::kPair:
    case MetricType::kIncrementalRatio:
    case MetricType::kQuantile:
      return 2;
    case MetricType::kFunnel:
      return static_cast<int>(metric.steps.size());
    default:
      return 1;
  }
}

}  // namespace upswing::metrics
