#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace upswing::testing {

/// The bucket of `id` under a `split` or `traffic` of the catalog file, computed the obvious way:
/// OpenSSL's digests, MurmurHash3 and FNV-1a as their descriptions read, arithmetic in 128 bits.
/// `split` must have a "count".
std::uint32_t SlowForeignBucket(const nlohmann::json& split, const std::string& id);

}  // namespace upswing::testing
