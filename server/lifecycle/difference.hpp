#pragma once

#include <string>
#include <vector>

#include "server/json/document.hpp"

namespace upswing::lifecycle {

/// One value that differs between two catalog files.
struct Difference {
  enum class Kind { kAdded, kRemoved, kChanged };
  Kind kind = Kind::kChanged;
  std::string path;  ///< JSONPath, e.g. `$.experiments.one_tap.status`.
  std::string from;  ///< Canonical JSON; empty if added.
  std::string to;    ///< Canonical JSON; empty if removed.
};

/// What differs from `previous` to `next`, in the order of `next`, then what was removed. Objects
/// are compared member by member, whatever their order; lists as a whole.
std::vector<Difference> Differences(const json::Node& previous, const json::Node& next);

}  // namespace upswing::lifecycle
