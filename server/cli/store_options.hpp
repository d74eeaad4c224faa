#pragma once

#include <string>

namespace upswing::cli {

/// Folder of the API keys among a shared store's files.
inline constexpr char kSharedKeys[] = "keys";

/// Throws what CLI11 turns into wrong usage if `text` is no address of a ClickHouse store.
void CheckStore(const std::string& text);

}  // namespace upswing::cli
