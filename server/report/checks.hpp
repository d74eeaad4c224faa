#pragma once

#include "server/report/build.hpp"
#include "server/report/result.hpp"
#include "server/statistics/sample_ratio.hpp"

namespace upswing::report {

/// Fills `report->health` from the analysis and the comparisons that `report`
/// already has. Checks of severity "block" withhold the verdict, "warn" only
/// asks for a look.
void CheckHealth(const Input& input, Report* report);

/// Units by variant, before exclusion, in each phase with the weights of that phase; empty where
/// there is one phase, or the weights of one are not known.
std::vector<statistics::SampleRatioPeriod> PhasesOf(const Input& input);

/// Whether the phases' weights are the same up to a factor.
bool SameWeights(const std::vector<statistics::SampleRatioPeriod>& phases);

}  // namespace upswing::report
