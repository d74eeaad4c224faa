#pragma once

#include <string>

namespace upswing::store {

/// Makes the bytes of a file, or the names in a folder, last through a power cut.
void SyncPath(const std::string& path);

}  // namespace upswing::store
