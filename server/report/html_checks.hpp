#pragma once

#include <string>

#include "server/report/result.hpp"
#include "server/report/words.hpp"

// The parts of the HTML report that stand behind its verdict: how the plan judges, what more data
// would bring, and what was found out beside the averages.
namespace upswing::report {

/// Each comparison of the plan by the plan's own test, with the planned look that it is from; empty
/// without a plan. Where the data cannot be trusted, without sentences.
std::string JudgedTable(const Report& report, Language language);

/// The power of the primary metric; empty without a planned effect.
std::string OutlookTable(const Report& report, Language language);

/// What clients counted between a decision and a record; empty where none counted.
std::string StagesTable(const Health& health, Language language);

/// Negative controls, outliers, effects by age and interactions; empty where they were not made.
std::string UnitChecksTables(const Health& health, Language language);

}  // namespace upswing::report
