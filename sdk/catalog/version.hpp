#pragma once

#include <cstdint>
#include <string_view>

namespace upswing::catalog {

/// A version by semver.org 2.0.0, whose patch number may be absent ("8.2" is 8.2.0). Refers to the
/// text it was parsed from. Numbers have no upper limit: they are kept as digits.
struct Version {
  std::string_view major, minor, patch;
  std::string_view pre_release;  ///< without '-'; empty if there is none
  bool valid = false;
};

/// `valid` is false for anything else: one or four numbers, leading zeros, a leading "v", spaces.
Version ParseVersion(std::string_view text);

/// A version without pre-release and build metadata whose numbers are below 2^21, as one number
/// that orders like the version; 0 if the text is anything else. For the usual comparison at no
/// cost.
std::uint64_t PackVersion(std::string_view text);

/// Precedence of semver.org 2.0.0 item 11: negative, 0 or positive. Build metadata does not count.
/// Precondition: both valid.
int CompareVersions(const Version& a, const Version& b);

}  // namespace upswing::catalog
