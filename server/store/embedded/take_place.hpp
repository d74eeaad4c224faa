#pragma once

#include <string>

#include "absl/status/status.h"

namespace upswing::store {

/// Puts the database file `fresh` where `place` is or would be, for good when it returns OK. Both
/// first get what their logs hold: no database is ever without its log. If it fails, either is
/// whole where it was, or `fresh` is in its place already. Nobody may write to either.
/// kUnavailable: somebody reads one of them, or a file cannot be moved or synced.
/// kResourceExhausted: the disk is full.
absl::Status TakePlace(const std::string& fresh, const std::string& place);

}  // namespace upswing::store
