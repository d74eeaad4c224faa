#pragma once

#include <vector>

#include "server/authoring/model.hpp"
#include "server/authoring/reader.hpp"
#include "server/metrics/definition.hpp"

namespace upswing::authoring {

/// The metrics that a plan of the experiment may name: its own, then the catalog's, then those of
/// the catalog's packs, each key once, the first definition. Null = those that every experiment
/// has. Mistakes of the experiment's own metrics are added to `problems`; the catalog's are
/// reported with null.
std::vector<metrics::MetricDefinition> MetricsOf(const Model& model, const Experiment* experiment,
                                                 Problems& problems);

/// Warns of names of events and properties that nearly, but not quite, are those of the packs'
/// conventions (docs/reference/events.md), in a catalog that uses them: names a pack, or has an
/// event of it.
void CheckConventions(const Model& model, Problems& problems);

}  // namespace upswing::authoring
