#pragma once

#include <string>

#include "absl/status/status.h"

namespace upswing::cli {

/// Moves the store of a data folder, whose server must be stopped, into a cluster, and compares
/// counts and reports. `unit_key`: empty = the folder's own.
absl::Status CopyStore(const std::string& folder, const std::string& store,
                       const std::string& unit_key);

}  // namespace upswing::cli
