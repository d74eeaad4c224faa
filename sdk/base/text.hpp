#pragma once

#include <absl/strings/string_view.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace upswing::base {

/// Joins texts without a separator: `Concat({path, ".", key})`. (Debian's `absl::string_view` is a
/// type of its own, so `absl::StrCat` does not take a `std::string_view`.)
inline std::string Concat(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string text;
  text.reserve(size);
  for (const std::string_view part : parts) text += part;
  return text;
}

/// For Abseil functions: the same text.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view FromAbsl(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace upswing::base
