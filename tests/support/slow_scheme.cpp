#include "tests/support/slow_scheme.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace upswing::testing {
namespace {

__extension__ using Wide = unsigned __int128;

std::string Hex(const EVP_MD* digest, const std::string& text) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes, &size, digest, nullptr) != 1) std::abort();
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[bytes[i] >> 4];
    hex += "0123456789abcdef"[bytes[i] & 15];
  }
  return hex;
}

std::uint64_t Leading(const EVP_MD* digest, const std::string& text, std::size_t hex_digits) {
  return std::stoull(Hex(digest, text).substr(0, hex_digits), nullptr, 16);
}

// Four bytes at a time, then the one to three that are left.
std::uint32_t Murmur(const std::string& text, std::uint32_t seed) {
  const auto rotate = [](std::uint32_t x, int bits) { return x << bits | x >> (32 - bits); };
  std::uint32_t h = seed;
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint32_t k = 0;
    const bool whole = text.size() - at >= 4;
    for (std::size_t i = 0; i < 4 && at < text.size(); ++i, ++at) {
      k += static_cast<std::uint32_t>(static_cast<unsigned char>(text[at])) << (8 * i);
    }
    k *= 0xcc9e2d51;
    k = rotate(k, 15);
    k *= 0x1b873593;
    h ^= k;
    if (whole) {
      h = rotate(h, 13);
      h = h * 5 + 0xe6546b64;
    }
  }
  h ^= static_cast<std::uint32_t>(text.size());
  h ^= h >> 16;
  h *= 0x85ebca6b;
  h ^= h >> 13;
  h *= 0xc2b2ae35;
  h ^= h >> 16;
  return h;
}

// JavaScript's code units: UTF-8 to code points to UTF-16. The text is valid UTF-8.
std::uint32_t Fnv(const std::string& text) {
  std::vector<std::uint32_t> points;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) points.push_back(byte);
    if (byte >= 0xc0)
      points.push_back(byte >= 0xf0 ? byte & 7 : byte >= 0xe0 ? byte & 15 : byte & 31);
    if (byte >= 0x80 && byte < 0xc0) points.back() = points.back() * 64 + (byte & 63);
  }
  std::uint32_t h = 2166136261;
  const auto add = [&h](std::uint32_t unit) { h = (h ^ unit) * 16777619; };
  for (const std::uint32_t point : points) {
    if (point < 0x10000) {
      add(point);
    } else {
      add(0xd800 + (point - 0x10000) / 1024);
      add(0xdc00 + (point - 0x10000) % 1024);
    }
  }
  return h;
}

}  // namespace

std::uint32_t SlowForeignBucket(const nlohmann::json& split, const std::string& id) {
  const std::string scheme = split["scheme"];
  const std::string salt = split.value("salt", "");
  const auto count = split["count"].get<std::uint64_t>();
  const auto scaled = [&](std::uint64_t h) {
    return static_cast<std::uint32_t>((Wide{h} * count) >> 32);
  };
  const auto modulo = [&](std::uint64_t h) { return static_cast<std::uint32_t>(h % count); };
  constexpr std::uint64_t kLargest = (std::uint64_t{1} << 60) - 1;
  if (scheme == "growthbook_v1") return modulo(Fnv(id + salt));
  if (scheme == "growthbook_v2") return modulo(Fnv(std::to_string(Fnv(salt + id))));
  if (scheme == "eppo") return modulo(Leading(EVP_md5(), salt + "-" + id, 8));
  if (scheme == "unleash") return modulo(Murmur(salt + ":" + id, 0));
  if (scheme == "unleash_variant") return modulo(Murmur(salt + ":" + id, 86028157));
  if (scheme == "flagd") return scaled(Murmur(salt + id, 0));
  if (scheme == "optimizely") return scaled(Murmur(id + salt, 1));
  if (scheme == "planout") return modulo(Leading(EVP_sha1(), salt + "." + id, 15));
  if (scheme == "statsig") return modulo(Leading(EVP_sha256(), salt + "." + id, 16));
  if (scheme == "configcat") return modulo(Leading(EVP_sha1(), salt + id, 7));
  const std::uint64_t h = Leading(EVP_sha1(), salt + "." + id, 15);
  if (scheme == "launchdarkly") {
    return static_cast<std::uint32_t>(std::min<Wide>(Wide{h} * count / kLargest, count - 1));
  }
  // planout_weighted: the first bucket b with h / (2^60 - 1) <= (b + 1) / count.
  std::uint64_t low = 0;
  std::uint64_t high = count - 1;
  while (low < high) {
    const std::uint64_t b = (low + high) / 2;
    if (Wide{h} * count <= Wide{b + 1} * kLargest) {
      high = b;
    } else {
      low = b + 1;
    }
  }
  return static_cast<std::uint32_t>(low);
}

}  // namespace upswing::testing
