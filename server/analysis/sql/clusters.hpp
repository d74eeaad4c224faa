#pragma once

#include <string>

#include "server/analysis/sql/question.hpp"
#include "server/analysis/sql/steps.hpp"

namespace upswing::analysis {

/// A row for each cluster with its `entries`, from rows of the units observed in it, after
/// `AddValues`: the variables of a cluster are sums over its observed units, and a single component
/// comes with their number.
Steps ClustersOf(const Question& question, Steps observed);

/// SELECT of the number of event records (Float64, `n`) of the clusters that are enrolled, with
/// those that were reported twice.
std::string EventsOfClusters(const Question& question);

}  // namespace upswing::analysis
