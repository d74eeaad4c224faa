#pragma once

namespace upswing {

/// Version of this library, semver.org 2.0.0.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace upswing
