#include "sdk/base/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace upswing::base {

std::uint64_t Hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace upswing::base
