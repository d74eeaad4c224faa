#pragma once

#include <cstdint>

#include "sdk/catalog/view.hpp"
#include "upswing/subject.hpp"

namespace upswing::assignment {

/// Whether the condition at node `root` holds for the subject.
///
/// A leaf on an attribute that is missing, or whose value is not of the attribute's type, is false.
/// Type rules: `int` and `double` attributes take either kind of number and compare exactly (no
/// rounding of large integers); a NaN compares with nothing; a `version` takes a string that is a
/// version; every other type takes only its own. The negated operators of the catalog file are the
/// negation of the positive leaf, so they hold for missing attributes.
bool Holds(const catalog::View& view, const Subject& subject, std::uint32_t root);

/// Whether the subject's id of the list's unit type is in the list.
bool IsListed(const catalog::IdList& list, const Subject& subject);

}  // namespace upswing::assignment
