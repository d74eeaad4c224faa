#pragma once

#include <nlohmann/json_fwd.hpp>

#include "upswing/decision.hpp"

namespace upswing::evaluation {

/// A flag's value as JSON; null for kNone.
nlohmann::ordered_json ToJson(const Value& value);

/// A decision with the keys that `upswing assign` prints.
nlohmann::ordered_json ToJson(const Decision& decision);

}  // namespace upswing::evaluation
