#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "sdk/catalog/view.hpp"
#include "upswing/decision.hpp"

namespace upswing::evaluation {

/// A decision with the keys that `upswing assign` prints.
nlohmann::ordered_json ToJson(const Decision& decision);

/// Appends a flag's decision as OpenFeature Remote Evaluation answers it, with our reason and the
/// catalog's version as metadata.
void AppendOfrep(const catalog::Flag& flag, const Decision& decision, std::string* out);

}  // namespace upswing::evaluation
