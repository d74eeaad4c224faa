#pragma once

#include <cstdint>
#include <string_view>

namespace upswing::wire {

/// The zstd dictionary of format version 1, trained by `upswing_train_dictionary` (tests/support)
/// on synthetic traffic. Frozen: batches that were written with it must decode for ever. A better
/// one gets an id of its own beside it.
std::string_view Dictionary();
std::uint32_t DictionaryId();

}  // namespace upswing::wire
