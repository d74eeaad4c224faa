#pragma once

#include <string>

#include "server/analysis/sql/question.hpp"
#include "server/analysis/sql/steps.hpp"

namespace upswing::analysis {

// A unit's events of stream k in order, each id once: array `q<k>` of tuples of time, position, id,
// id referred to, own value, then further values, filters and identities as the stream has them.
inline constexpr int kEventTime = 1;
inline constexpr int kEventId = 3;
inline constexpr int kEventRefers = 4;
inline constexpr int kEventValue = 5;

/// The records of the experiment's units, with what the metrics look at.
std::string RecordsOf(const Question& question);

/// A row for each unit: its exposures, counts of its records, and `q<k>`. In an experiment on
/// clusters, a row for each pair of a cluster and a unit observed in it.
Steps UnitsOf(const Question& question);

/// Adds `enrolled`, which is the condition, and of the first of the exposures in `exposed` the time
/// `t0`, its day `d0`, `arm`, `phase` and attributes `at<a>`; and `crossed`.
void AddEnrolment(const Question& question, const std::string& condition, Steps* steps);

}  // namespace upswing::analysis
