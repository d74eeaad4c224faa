#include "server/stats_json/fields.hpp"

#include <cmath>

namespace upswing::stats_json {

void Stop(absl::Status status) { throw Stopped{std::move(status)}; }
void Invalid(const std::string& message) { Stop(absl::InvalidArgumentError(message)); }

const Json& At(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) Invalid(std::string(name) + ": missing");
  return object.at(name);
}

bool Has(const Json& object, const char* name) {
  return object.is_object() && object.contains(name) && !object.at(name).is_null();
}

double Number(const Json& value, const char* name) {
  if (value.is_number()) return value.get<double>();
  if (value == "inf") return INFINITY;
  if (value == "-inf") return -INFINITY;
  if (value == "nan") return NAN;
  Invalid(std::string(name) + ": must be a number");
}

double Number(const Json& object, const char* name, double otherwise) {
  return Has(object, name) ? Number(object.at(name), name) : otherwise;
}

double NumberAt(const Json& object, const char* name) { return Number(At(object, name), name); }

namespace {

std::int64_t Count(const Json& value, const char* name) {
  const double number = Number(value, name);
  if (!(std::fabs(number) <= 9e15) || number != std::floor(number))
    Invalid(std::string(name) + ": must be a whole number");
  return static_cast<std::int64_t>(number);
}

const Json& ListAt(const Json& object, const char* name) {
  const Json& list = At(object, name);
  if (!list.is_array()) Invalid(std::string(name) + ": must be a list");
  return list;
}

}  // namespace

std::int64_t CountAt(const Json& object, const char* name) { return Count(At(object, name), name); }

std::string TextAt(const Json& object, const char* name, const char* otherwise) {
  if (!Has(object, name)) return otherwise;
  if (!object.at(name).is_string()) Invalid(std::string(name) + ": must be a string");
  return object.at(name).get<std::string>();
}

bool FlagAt(const Json& object, const char* name, bool otherwise) {
  if (!Has(object, name)) return otherwise;
  if (!object.at(name).is_boolean()) Invalid(std::string(name) + ": must be true or false");
  return object.at(name).get<bool>();
}

std::vector<double> NumbersAt(const Json& object, const char* name) {
  std::vector<double> values;
  for (const Json& value : ListAt(object, name)) values.push_back(Number(value, name));
  return values;
}

std::vector<std::int64_t> CountsAt(const Json& object, const char* name) {
  std::vector<std::int64_t> values;
  for (const Json& value : ListAt(object, name)) values.push_back(Count(value, name));
  return values;
}

double AlphaOf(const Json& inputs) { return Number(inputs, "alpha", 0.05); }

statistics::Alternative AlternativeOf(const Json& inputs) {
  const std::string name = TextAt(inputs, "alternative", "two-sided");
  if (name == "two-sided") return statistics::Alternative::kTwoSided;
  if (name == "greater") return statistics::Alternative::kGreater;
  if (name == "less") return statistics::Alternative::kLess;
  Invalid("alternative: must be two-sided, greater or less");
}

statistics::Conversions ConversionsAt(const Json& inputs, const char* name) {
  const Json& arm = At(inputs, name);
  return {CountAt(arm, "n"), CountAt(arm, "conversions")};
}

Json Out(double value) {
  if (std::isnan(value)) return nullptr;
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

Json Out(const statistics::Interval& interval) {
  return Json::array({Out(interval.lower), Out(interval.upper)});
}

Json Out(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(Out(value));
  return list;
}

Json Out(const statistics::ZTest& test) {
  return {{"z", Out(test.z)}, {"p_value", Out(test.p_value)}};
}

}  // namespace upswing::stats_json
