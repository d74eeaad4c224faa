#include "upswing/decision.hpp"

namespace upswing {

std::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kAssigned:
      return "assigned";
    case Reason::kSticky:
      return "sticky";
    case Reason::kForced:
      return "forced";
    case Reason::kRule:
      return "rule";
    case Reason::kDefault:
      return "default";
    case Reason::kDisabled:
      return "disabled";
    case Reason::kMissingUnit:
      return "missing_unit";
    case Reason::kNotStarted:
      return "not_started";
    case Reason::kEnded:
      return "ended";
    case Reason::kHoldout:
      return "holdout";
    case Reason::kPrerequisite:
      return "prerequisite";
    case Reason::kTargeting:
      return "targeting";
    case Reason::kLayer:
      return "layer";
    case Reason::kTraffic:
      return "traffic";
    case Reason::kNoCatalog:
      return "no_catalog";
    case Reason::kUnknownKey:
      return "unknown_key";
    case Reason::kTypeMismatch:
      return "type_mismatch";
    case Reason::kUnsupported:
      return "unsupported";
  }
  return "unknown";
}

}  // namespace upswing
