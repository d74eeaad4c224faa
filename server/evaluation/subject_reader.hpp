#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "sdk/catalog/view.hpp"
#include "server/json/document.hpp"
#include "upswing/subject.hpp"

namespace upswing::evaluation {

/// Sets an attribute from text, as the catalog declares its type; one that the catalog does not
/// know stays a string, as an app's would. Lists read "a,b,c". kInvalidArgument says what is
/// wanted.
absl::Status SetAttribute(const catalog::View& view, std::string_view name, std::string_view text,
                          Subject* subject);

/// Reads an OpenFeature evaluation context:
///
///     {"targetingKey": "u-42", "units": {"device": "d-7"}, "country": "CN", "app_version":
///     "8.2.0"}
///
/// `targetingKey` is the id of the unit type "user" or, in a catalog without it, of the catalog's
/// only unit type. Other ids stand in `units`, by type. Everything else is an attribute; lists of
/// strings, numbers, booleans and strings are taken (a time as RFC 3339), other values are left
/// out. `has_key` says whether there was a targeting key. kInvalidArgument names the member.
absl::Status ReadContext(const catalog::View& view, const json::Node& context, Subject* subject,
                         bool* has_key);

}  // namespace upswing::evaluation
