#pragma once

#include <string>

#include "server/analysis/sql/question.hpp"
#include "server/analysis/sql/steps.hpp"

namespace upswing::analysis {

/// Adds, for each wanted metric m of a unit: `closes<m>`, when its window closes; `mature<m>`,
/// whether its value is final; the value's variables `v<m>_<i>`, components and then covariates,
/// and `w<m>_<i>`, the same below the caps; `events<m>`, the number of events behind it; and, but
/// for funnels, `g<m>`: those events as an array of tuples of the day from which one counts, the
/// day of which it is a part (-1: of none), and two numbers.
void AddValues(const Question& question, Steps* steps);

/// The components of metric m from rows like those of `g<m>`, before caps. Not for funnels.
Texts ValuesOf(const Question& question, std::size_t m, const std::string& rows);

}  // namespace upswing::analysis
