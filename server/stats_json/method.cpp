#include "server/stats_json/method.hpp"

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

}  // namespace

absl::StatusOr<nlohmann::json> RunMethod(std::string_view method, const nlohmann::json& inputs) {
  const MethodTable methods = BuildTable();
  const auto found = methods.find(method);
  if (found == methods.end())
    return absl::NotFoundError("unknown method '" + std::string(method) + "'");
  if (!inputs.is_object()) return absl::InvalidArgumentError("inputs: must be an object");
  try {
    return found->second(inputs);
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
