#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace upswing::store {

/// One erasure: a hash from which the unit key cannot be read back, and when it was erased.
struct Erasure {
  std::string hash;  ///< 16 bytes, `TombstoneHash`.
  std::int64_t erased_ms = 0;
};

/// The file `erasures` beside the database: every erasure since the folder was made, one a line, so
/// that a database that is older than they are (a restored backup, however it came into the folder)
/// cannot bring a unit back.
///
///     line = hash:32 hexadecimal digits, space, erased_ms:decimal, newline
///
/// The lines in order; none if there is no file. The last line may be cut short by a crash, before
/// its erasure was reported as done: it is left out. kDataLoss names any other bad line.
absl::StatusOr<std::vector<Erasure>> ReadErasures(const std::string& file);

/// Appends lines, synced when it returns OK.
absl::Status AppendErasures(const std::string& file, const std::vector<Erasure>& erasures);

}  // namespace upswing::store
