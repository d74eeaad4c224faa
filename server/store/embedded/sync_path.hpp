#pragma once

#include <string>

#include "absl/status/status.h"

namespace upswing::store {

/// Makes the bytes of a file, or the names in a folder, last through a power cut.
absl::Status SyncPath(const std::string& path);

}  // namespace upswing::store
