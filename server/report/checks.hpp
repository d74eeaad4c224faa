#pragma once

#include "server/report/build.hpp"
#include "server/report/result.hpp"

namespace upswing::report {

/// Fills `report->health` from the analysis and the comparisons that `report`
/// already has. Checks of severity "block" withhold the verdict, "warn" only
/// asks for a look.
void CheckHealth(const Input& input, Report* report);

}  // namespace upswing::report
