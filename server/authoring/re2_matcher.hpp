#pragma once

#include "sdk/catalog/matcher.hpp"

namespace upswing::authoring {

/// The operator `matches` by RE2, in linear time. Lives as long as the program.
const catalog::MatcherFactory& Re2Matchers();

}  // namespace upswing::authoring
