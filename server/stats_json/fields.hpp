#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "server/statistics/estimate.hpp"
#include "server/statistics/inference.hpp"
#include "server/statistics/moments.hpp"
#include "server/statistics/proportions.hpp"

// How methods read their inputs and write their results. Inside this layer a missing field or an
// undefined result travels as an exception; `RunMethod` is the only place where it is caught.
namespace upswing::stats_json {

using Json = nlohmann::json;
using MethodFunction = std::function<Json(const Json&)>;
using MethodTable = std::map<std::string, MethodFunction, std::less<>>;

/// Carries a status out of a method.
struct Stopped {
  absl::Status status;
};

[[noreturn]] void Stop(absl::Status status);
[[noreturn]] void Invalid(const std::string& message);

/// The value, or stops the method.
template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) Stop(value.status());
  return *std::move(value);
}

/// A member that must be there.
const Json& At(const Json& object, const char* name);
bool Has(const Json& object, const char* name);
double Number(const Json& value, const char* name);
double Number(const Json& object, const char* name, double otherwise);
double NumberAt(const Json& object, const char* name);
std::int64_t CountAt(const Json& object, const char* name);
std::string TextAt(const Json& object, const char* name, const char* otherwise);
bool FlagAt(const Json& object, const char* name, bool otherwise);
std::vector<double> NumbersAt(const Json& object, const char* name);
std::vector<std::int64_t> CountsAt(const Json& object, const char* name);

double AlphaOf(const Json& inputs);
statistics::Alternative AlternativeOf(const Json& inputs);
/// `{"n", "conversions"}`.
statistics::Conversions ConversionsAt(const Json& inputs, const char* name);

/// Finite numbers as they are, "inf" / "-inf" / null otherwise.
Json Out(double value);
Json Out(const statistics::Interval& interval);
Json Out(const std::vector<double>& values);
Json Out(const statistics::ZTest& test);

/// out[name] = the value, or null with out["reason"] where it is not defined; stops the method on
/// any other error.
template <typename T>
void Put(Json& out, const char* name, const absl::StatusOr<T>& value) {
  if (value.ok()) {
    out[name] = Out(*value);
    return;
  }
  if (value.status().code() != absl::StatusCode::kFailedPrecondition) Stop(value.status());
  out[name] = nullptr;
  out["reason"] = std::string(value.status().message());
}

// One per family; each adds its methods to the table.
void AddDistributionMethods(MethodTable& methods);
void AddProportionMethods(MethodTable& methods);
void AddMeanMethods(MethodTable& methods);
void AddSequentialMethods(MethodTable& methods);
void AddBayesianMethods(MethodTable& methods);
void AddPlanningMethods(MethodTable& methods);
void AddSampleMethods(MethodTable& methods);
void AddDesignMethods(MethodTable& methods);

}  // namespace upswing::stats_json
