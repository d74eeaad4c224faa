#pragma once

#include "absl/status/status.h"
#include "server/http/message.hpp"

namespace upswing::http {

/// A failure of the work as a problem: 400, 404, 409, 412, 499 or 503 (with `Retry-After`) by the
/// code of the status, else 500.
Response FromStatus(const absl::Status& status);

}  // namespace upswing::http
