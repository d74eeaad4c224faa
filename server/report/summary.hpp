#pragma once

#include <nlohmann/json_fwd.hpp>

#include "server/report/result.hpp"

namespace upswing::report {

/// What a list of experiments shows of a report: members of the report's JSON (see
/// server/report/render.hpp) and, in the place of the long ones, the number of `days` and `units`,
/// the `primary` comparisons and the health checks that `failed`.
nlohmann::ordered_json Summary(const Report& report);

}  // namespace upswing::report
