#pragma once

#include "absl/status/status.h"
#include "upswing/options.hpp"

namespace upswing::client {

/// kInvalidArgument, naming the field and its range, when a value is outside what options.hpp
/// allows.
absl::Status CheckOptions(const ClientOptions& options);

}  // namespace upswing::client
