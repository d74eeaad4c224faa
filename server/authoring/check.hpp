#pragma once

#include "server/authoring/model.hpp"
#include "server/authoring/reader.hpp"

namespace upswing::authoring {

/// Finds what is wrong between the objects of a file: references, cycles, units that do not agree,
/// flags with two owners, buckets given away twice. `Parse` calls it.
void CheckReferences(const Model& model, Problems& problems);

/// Finds experiments that cannot be published because their layer has given them no buckets.
void CheckAllocation(const Model& model, Problems& problems);

/// Finds changes from `previous` to `next` that move units which may be assigned already: between
/// variants or out of a running experiment whose iteration is the same.
Problems CheckAgainst(const Model& previous, const Model& next);

/// Holdouts of an experiment in the order of evaluation: global ones of its unit, then its own.
std::vector<const Holdout*> HoldoutsOf(const Model& model, const Experiment& experiment);

/// Experiments that own a flag, in the order of the file: some variant sets it.
std::vector<const Experiment*> OwnersOf(const Model& model, std::string_view flag);

/// Whether two experiments may ever be in force at the same time, as far as the file says.
bool TimesOverlap(const Experiment& a, const Experiment& b);

/// Still to run or running: draft or running.
bool IsLive(const Experiment& experiment);

}  // namespace upswing::authoring
