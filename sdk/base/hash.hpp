#pragma once

#include <cstdint>
#include <string_view>

namespace upswing::base {

/// Number of buckets of assignment hash version 1.
inline constexpr std::uint32_t kBucketCount = 1'000'000;

/// XXH3_64bits of `bytes` with seed 0. Frozen: part of assignment hash version 1 (DESIGN section 3)
/// and of the wire format. Source: xxHash 0.8, https://xxhash.com.
std::uint64_t Hash64(std::string_view bytes);

/// The splitmix64 finalizer: a bijection of 64-bit integers whose output bits each depend on every
/// input bit. Source: G. Steele, D. Lea, C. Flood (2014), "Fast splittable pseudorandom number
/// generators", OOPSLA; the constants are D. Stafford's variant 13.
constexpr std::uint64_t Mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return x;
}

/// Assignment hash version 1: the bucket in [0, count) of a unit under a salt, both given by their
/// `Hash64`. Integers only, so that every platform and language agrees. `count` must not be 0.
constexpr std::uint32_t Bucket(std::uint64_t unit_hash, std::uint64_t salt_hash,
                               std::uint32_t count = kBucketCount) {
  return static_cast<std::uint32_t>(((Mix(unit_hash ^ salt_hash) >> 32) * count) >> 32);
}

}  // namespace upswing::base
