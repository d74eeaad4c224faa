#include "server/stats_json/method.hpp"

#include "server/statistics/undefined.hpp"
#include "server/stats_json/fields.hpp"

namespace upswing::stats_json {
namespace {

MethodTable BuildTable() {
  MethodTable methods;
  AddDistributionMethods(methods);
  AddProportionMethods(methods);
  AddMeanMethods(methods);
  AddSequentialMethods(methods);
  AddBayesianMethods(methods);
  AddPlanningMethods(methods);
  AddSampleMethods(methods);
  AddDesignMethods(methods);
  return methods;
}

bool HasNonFinite(const Json& json) {
  if (json.is_string()) return json == "nan" || json == "inf" || json == "-inf";
  if (!json.is_structured()) return false;
  for (const Json& value : json)
    if (HasNonFinite(value)) return true;
  return false;
}

// A null never stands alone: where a method named no reason of its own, the inputs were not finite
// or lie where its formula has no finite value.
void NameUndefined(Json* result, const char* reason) {
  if (result->is_array()) {
    for (Json& value : *result) NameUndefined(&value, reason);
  }
  if (!result->is_object()) return;
  bool missing = false;
  for (Json& value : *result) {
    missing = missing || value.is_null();
    if (value.is_array())
      for (const Json& element : value) missing = missing || element.is_null();
    NameUndefined(&value, reason);
  }
  if (missing && !result->contains("reason")) (*result)["reason"] = reason;
}

}  // namespace

absl::StatusOr<nlohmann::json> RunMethod(std::string_view method, const nlohmann::json& inputs) {
  const MethodTable methods = BuildTable();
  const auto found = methods.find(method);
  if (found == methods.end())
    return absl::NotFoundError("unknown method '" + std::string(method) + "'");
  if (!inputs.is_object()) return absl::InvalidArgumentError("inputs: must be an object");
  try {
    Json result = found->second(inputs);
    const std::string_view reason = HasNonFinite(inputs) ? statistics::reason::kNonFiniteInput
                                                         : statistics::reason::kOutOfRange;
    NameUndefined(&result, reason.data());
    return result;
  } catch (const Stopped& stopped) {
    if (stopped.status.code() != absl::StatusCode::kFailedPrecondition) return stopped.status;
    return Json{{"defined", false}, {"reason", std::string(stopped.status.message())}};
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(std::string("inputs: ") + error.what());
  }
}

std::vector<std::string> MethodNames() {
  std::vector<std::string> names;
  for (const auto& [name, function] : BuildTable()) names.push_back(name);
  return names;
}

}  // namespace upswing::stats_json
