#pragma once

#include <cstdint>
#include <string_view>

namespace upswing::wire {

/// The zstd dictionaries of batches, trained by `upswing_train_dictionary` (tests/support) on
/// synthetic traffic. Frozen: batches that were written with one must decode for ever. Id 1 belongs
/// to format version 1, id 2 to version 2; a better one gets an id of its own beside them.
inline constexpr std::uint32_t kNewestDictionary = 2;

/// Empty for an id that this library has not.
std::string_view Dictionary(std::uint32_t id);

}  // namespace upswing::wire
