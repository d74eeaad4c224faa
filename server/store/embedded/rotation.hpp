#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace upswing::store {

/// Replaces every unit key of the store in `directory` by one under a new secret, which becomes the
/// last link of the key file's chain: who knows the old secrets alone cannot lead a key back to an
/// id any more. Nobody else may have the store open. Returns the number of records.
///
/// Works on a copy, which takes the place of the store at the end: needs as much room again, and an
/// interruption at any moment leaves the store as it was or as it will be. Backups from before stay
/// under the old key.
///
/// kFailedPrecondition: the store is in use, the chain is full, or blobs are set aside, whose keys
/// nobody could replace. kDataLoss: a blob cannot be read.
absl::StatusOr<std::int64_t> RotateUnitKey(const std::string& directory, std::int64_t now_ms);

/// What is left of a rotation that was interrupted: completes it if the copy took the store's
/// place, else removes the copy. The caller holds the folder's lock.
absl::Status FinishRotation(const std::string& directory);

}  // namespace upswing::store
