#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace upswing::assignment {

/// The hashes that other systems assign by. They serve bucketing only, never secrets. The input is
/// the concatenation of the parts, without being copied together; nothing allocates.
using Parts = std::span<const std::string_view>;

/// R. Rivest, RFC 1321.
std::array<std::uint8_t, 16> Md5(Parts parts);
/// FIPS 180-4, section 6.1.
std::array<std::uint8_t, 20> Sha1(Parts parts);
/// FIPS 180-4, section 6.2.
std::array<std::uint8_t, 32> Sha256(Parts parts);
/// MurmurHash3_x86_32, A. Appleby, public domain.
std::uint32_t Murmur3(Parts parts, std::uint32_t seed);
/// 32-bit FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo) over UTF-16 code units of UTF-8 text, as
/// JavaScript systems compute it: h ^= unit; h *= 0x01000193. Equals the bytewise hash for ASCII.
std::uint32_t Fnv1aUtf16(Parts parts);

}  // namespace upswing::assignment
