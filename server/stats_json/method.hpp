#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"

namespace upswing::stats_json {

/// Runs one statistical method on JSON: what `upswing stats METHOD` does.
///
/// Inputs and outputs have the shapes of the reference cases (docs/reference/statistics.md lists
/// them). Infinite numbers are the strings "inf" and "-inf" on both sides. A number that is not
/// defined is null beside a member `reason`; where nothing is defined the result is {"defined":
/// false, "reason":
/// ...}. Errors: kNotFound for an unknown method, kInvalidArgument naming the missing or wrong
/// field.
absl::StatusOr<nlohmann::json> RunMethod(std::string_view method, const nlohmann::json& inputs);

/// The methods there are, in alphabetical order.
std::vector<std::string> MethodNames();

}  // namespace upswing::stats_json
