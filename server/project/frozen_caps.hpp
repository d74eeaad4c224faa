#pragma once

#include "absl/status/status.h"
#include "server/analysis/result.hpp"
#include "server/analysis/spec.hpp"
#include "server/store/event_store.hpp"

namespace upswing::project {

/// Winsorisation caps are frozen once a metric of an experiment's iteration has 1,000 units with a
/// value other than 0, so that later units do not move what earlier ones counted. They are kept
/// among the store's small values, each with the definition it belongs to and a version, which
/// counts the definitions that had one.
///
/// Fills `spec->caps` and `spec->covariate_caps` with the caps frozen for these definitions.
absl::Status LoadFrozenCaps(store::EventStore* store, analysis::ExperimentSpec* spec);

/// Freezes what `result`, an analysis by `spec`, found for enough units.
absl::Status FreezeCaps(store::EventStore* store, const analysis::ExperimentSpec& spec,
                        const analysis::AnalysisResult& result);

}  // namespace upswing::project
