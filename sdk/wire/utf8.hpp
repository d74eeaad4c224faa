#pragma once

#include <string_view>

namespace upswing::wire {

/// Whether `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF
/// (Unicode 15, table 3-7).
bool IsValidUtf8(std::string_view text);

}  // namespace upswing::wire
