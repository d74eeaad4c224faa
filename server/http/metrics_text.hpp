#pragma once

#include <string>

namespace upswing::http {

struct Service;

/// Everything that the server counts, in the Prometheus text format (version 0.0.4).
std::string MetricsText(Service* service);

}  // namespace upswing::http
