#pragma once

#include "server/report/build.hpp"
#include "server/report/result.hpp"

namespace upswing::report {

/// What the plan says to do now: `report->decisions`, one for each variant, and
/// `report->decision`, the most urgent of them (harm before a gain, a gain
/// before waiting, waiting before giving up).
void DecideByPlan(const Input& input, Report* report);

}  // namespace upswing::report
