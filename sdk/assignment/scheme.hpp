#pragma once

#include <cstdint>
#include <string_view>

namespace upswing::assignment {

/// How another system turns (salt, unit id) into a bucket, so that an experiment moved from it
/// keeps every unit where it was. Values are those of `Scheme` in sdk/schema/catalog.fbs.
///
/// | scheme            | input            | digest            | bucket in [0, count) |
/// |-------------------|------------------|-------------------|-------------------------------------|
/// | growthbook_v1     | id salt          | FNV-1a 32 *       | h % count (count 1000) | |
/// growthbook_v2     | salt id          | FNV-1a 32 * twice | h % count (count 10000)             |
/// | eppo              | salt - id        | MD5, 32 bits BE   | h % count | | unleash           |
/// salt : id        | murmur3-32 seed 0 | h % count (count 100)               | | unleash_variant
/// | salt : id        | murmur3-32 seed 86028157 | h % count                    | | flagd | salt id
/// | murmur3-32 seed 0 | (h * count) >> 32                   | | launchdarkly      | salt . id |
/// SHA-1, 60 bits    | floor(h * count / (2^60 - 1))       | | optimizely        | id salt |
/// murmur3-32 seed 1 | (h * count) >> 32 (count 10000)     | | planout           | salt . id |
/// SHA-1, 60 bits    | h % count                           | | planout_weighted  | salt . id |
/// SHA-1, 60 bits    | ceil(h * count / (2^60 - 1)) - 1    | | statsig           | salt . id |
/// SHA-256, 64 bits BE | h % count                         | | configcat         | salt id | SHA-1,
/// 28 bits    | h % count (count 100)               |
///
/// (*) over UTF-16 code units. Buckets that would reach `count` (only h = 2^60 - 1 can) stay below
/// it.
std::uint32_t ForeignBucket(std::uint8_t scheme, std::string_view salt, std::string_view id,
                            std::uint32_t count);

}  // namespace upswing::assignment
