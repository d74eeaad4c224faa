#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"

namespace upswing::stats_json {

struct CheckResult {
  int passed = 0;
  int failed = 0;
  std::vector<std::string> failures;  ///< one line for each failed case: its id and what differs
};

/// Runs the cases of a reference file (`{"format": 1, "cases": [...]}`): each computed number must
/// be within |x - e| <= abs + rel |e| of the expected one, "inf" must be met exactly, "nan" and
/// `"defined": false` ask for a result that is reported as not defined. A case whose note demands
/// that the engine say "not defined" where the library gave infinity or a p-value of 0 is met by
/// that. kInvalidArgument if the file has not that shape.
absl::StatusOr<CheckResult> CheckCases(const nlohmann::json& file);

}  // namespace upswing::stats_json
