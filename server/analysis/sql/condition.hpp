#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/metrics/definition.hpp"

namespace upswing::analysis {

/// Literals, and expressions on one row of `records`, whose properties are the arrays
/// `property.name`, `property.type`, `property.text`, `property.bits` and `property.number`.

/// Literals: String, Float64 and Int64.
std::string SqlQuoted(std::string_view text);
std::string SqlReal(double value);
std::string SqlWide(std::int64_t value);
/// Float64: the number in a property; NaN where there is none.
std::string SqlNumber(std::string_view property);
/// UInt64: tells a property's values apart; 0 where there is none.
std::string SqlIdentity(std::string_view property);
/// String: "" where there is none, else its type, ":" and its text or its bits.
std::string SqlAttribute(std::string_view property);
/// UInt8: whether all conditions hold.
std::string SqlConditions(const std::vector<metrics::Condition>& conditions);

}  // namespace upswing::analysis
