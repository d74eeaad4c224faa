#pragma once

#include <span>
#include <string>
#include <string_view>

namespace upswing::json {

/// `did you mean "country"?` for the candidate nearest to `name`, or "" if none is near: at most a
/// third of its characters changed, inserted, removed or swapped with a neighbour, or one is the
/// start of the other.
std::string DidYouMean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace upswing::json
