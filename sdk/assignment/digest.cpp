#include "sdk/assignment/digest.hpp"

#include <bit>
#include <cstring>

namespace upswing::assignment {
namespace {

std::uint32_t LoadBig(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}
std::uint32_t LoadLittle(const std::uint8_t* p) {
  return std::uint32_t{p[3]} << 24 | std::uint32_t{p[2]} << 16 | std::uint32_t{p[1]} << 8 | p[0];
}
void StoreBig(std::uint32_t v, std::uint8_t* p) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<std::uint8_t>(v >> (24 - 8 * i));
}
void StoreLittle(std::uint32_t v, std::uint8_t* p) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<std::uint8_t>(v >> (8 * i));
}

// The 64-byte blocks that MD5, SHA-1 and SHA-256 share: 0x80, zeros, and the length in bits.
template <class Compress>
void ForEachBlock(Parts parts, bool big_endian_length, Compress compress) {
  std::uint8_t block[64];
  std::size_t used = 0;
  std::uint64_t bits = 0;
  for (const std::string_view part : parts) {
    bits += std::uint64_t{part.size()} * 8;
    for (const char c : part) {
      block[used++] = static_cast<std::uint8_t>(c);
      if (used == 64) {
        compress(block);
        used = 0;
      }
    }
  }
  block[used++] = 0x80;
  if (used > 56) {
    std::memset(block + used, 0, 64 - used);
    compress(block);
    used = 0;
  }
  std::memset(block + used, 0, 56 - used);
  const auto high = static_cast<std::uint32_t>(bits >> 32);
  const auto low = static_cast<std::uint32_t>(bits);
  if (big_endian_length) {
    StoreBig(high, block + 56);
    StoreBig(low, block + 60);
  } else {
    StoreLittle(low, block + 56);
    StoreLittle(high, block + 60);
  }
  compress(block);
}

// floor(2^32 * abs(sin(i + 1))), RFC 1321 section 3.4.
constexpr std::uint32_t kMd5Sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

constexpr int kMd5Shifts[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

// First 32 bits of the fractional parts of the cube roots of the first 64 primes, FIPS
// 180-4, 4.2.2.
constexpr std::uint32_t kSha256Roots[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

}  // namespace

std::array<std::uint8_t, 16> Md5(Parts parts) {
  std::uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  ForEachBlock(parts, false, [&state](const std::uint8_t* block) {
    auto [a, b, c, d] = state;
    for (std::uint32_t i = 0; i < 64; ++i) {
      std::uint32_t f = 0;
      std::uint32_t word = 0;
      switch (i / 16) {
        case 0:
          f = (b & c) | (~b & d);
          word = i;
          break;
        case 1:
          f = (d & b) | (~d & c);
          word = 5 * i + 1;
          break;
        case 2:
          f = b ^ c ^ d;
          word = 3 * i + 5;
          break;
        default:
          f = c ^ (b | ~d);
          word = 7 * i;
      }
      const std::uint32_t sum = a + f + kMd5Sines[i] + LoadLittle(block + 4 * (word % 16));
      a = d;
      d = c;
      c = b;
      b += std::rotl(sum, kMd5Shifts[i / 16][i % 4]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  });
  std::array<std::uint8_t, 16> digest;
  for (std::size_t i = 0; i < 4; ++i) StoreLittle(state[i], digest.data() + 4 * i);
  return digest;
}

std::array<std::uint8_t, 20> Sha1(Parts parts) {
  std::uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  ForEachBlock(parts, true, [&state](const std::uint8_t* block) {
    std::uint32_t w[80];
    for (int i = 0; i < 16; ++i) w[i] = LoadBig(block + 4 * i);
    for (int i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = state;
    for (int i = 0; i < 80; ++i) {
      std::uint32_t f = 0;
      std::uint32_t k = 0;
      if (i < 20) {
        f = (b & c) | (~b & d);
        k = 0x5a827999;
      } else if (i < 40) {
        f = b ^ c ^ d;
        k = 0x6ed9eba1;
      } else if (i < 60) {
        f = (b & c) | (b & d) | (c & d);
        k = 0x8f1bbcdc;
      } else {
        f = b ^ c ^ d;
        k = 0xca62c1d6;
      }
      const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
  });
  std::array<std::uint8_t, 20> digest;
  for (std::size_t i = 0; i < 5; ++i) StoreBig(state[i], digest.data() + 4 * i);
  return digest;
}

std::array<std::uint8_t, 32> Sha256(Parts parts) {
  std::uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                            0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  ForEachBlock(parts, true, [&state](const std::uint8_t* block) {
    std::uint32_t w[64];
    for (int i = 0; i < 16; ++i) w[i] = LoadBig(block + 4 * i);
    for (int i = 16; i < 64; ++i) {
      const std::uint32_t s0 =
          std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
      const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (int i = 0; i < 64; ++i) {
      const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kSha256Roots[i] + w[i];
      const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  });
  std::array<std::uint8_t, 32> digest;
  for (std::size_t i = 0; i < 8; ++i) StoreBig(state[i], digest.data() + 4 * i);
  return digest;
}

std::uint32_t Murmur3(Parts parts, std::uint32_t seed) {
  const auto scramble = [](std::uint32_t k) {
    return std::rotl(k * 0xcc9e2d51u, 15) * 0x1b873593u;
  };
  std::uint32_t h = seed;
  std::uint32_t word = 0;
  std::uint32_t size = 0;
  for (const std::string_view part : parts) {
    for (const char c : part) {
      word |= std::uint32_t{static_cast<std::uint8_t>(c)} << (8 * (size % 4));
      if (++size % 4 == 0) {
        h = std::rotl(h ^ scramble(word), 13) * 5 + 0xe6546b64;
        word = 0;
      }
    }
  }
  h ^= scramble(word);  // 0 if no bytes are left
  h ^= size;
  h ^= h >> 16;
  h *= 0x85ebca6b;
  h ^= h >> 13;
  h *= 0xc2b2ae35;
  return h ^ (h >> 16);
}

std::uint32_t Fnv1aUtf16(Parts parts) {
  std::uint32_t h = 0x811c9dc5;
  const auto unit = [&h](std::uint32_t value) { h = (h ^ value) * 0x01000193; };
  for (const std::string_view part : parts) {
    for (std::size_t i = 0; i < part.size();) {
      const auto lead = static_cast<std::uint8_t>(part[i]);
      const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      std::uint32_t code = length == 1 ? lead : lead & (0x7fu >> length);
      for (std::size_t k = 1; k < length; ++k) {
        const std::uint8_t next = i + k < part.size() ? static_cast<std::uint8_t>(part[i + k]) : 0;
        code = code << 6 | (next & 0x3f);
      }
      if (code >= 0x10000) {
        unit(0xd800 + ((code - 0x10000) >> 10));
        unit(0xdc00 + ((code - 0x10000) & 0x3ff));
      } else {
        unit(code);
      }
      i += length;
    }
  }
  return h;
}

}  // namespace upswing::assignment
