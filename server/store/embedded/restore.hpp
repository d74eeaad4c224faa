#pragma once

#include <string>

#include "absl/status/status.h"

namespace upswing::store {

/// Puts a backup in the place of the store in `directory`, which no process may own. Erasures that
/// the folder's file `erasures` names are done again on the restored records before this returns,
/// so that a backup brings nobody back. The key file of the folder stays and must be the
/// backup's.
///
/// kNotFound, kFailedPrecondition and kDataLoss say what is wrong with the file or the folder; the
/// folder is then as it was.
absl::Status RestoreStore(const std::string& file, const std::string& directory);

}  // namespace upswing::store
