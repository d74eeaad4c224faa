#include "sdk/assignment/scheme.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include <absl/numeric/int128.h>

#include "sdk/assignment/digest.hpp"
#include "sdk/schema/catalog_generated.h"

namespace upswing::assignment {
namespace {

using schema::Scheme;

constexpr std::uint32_t kUnleashVariantSeed = 86028157;
constexpr std::uint64_t kSixtyBits = 0xfffffffffffffff;

template <std::size_t n>
std::uint64_t BigEndian(const std::array<std::uint8_t, n>& digest, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | digest[i];
  return value;
}

std::uint32_t Modulo(std::uint64_t h, std::uint32_t count) {
  return static_cast<std::uint32_t>(h % count);
}

std::uint32_t MultiplyShift(std::uint32_t h, std::uint32_t count) {
  return static_cast<std::uint32_t>((std::uint64_t{h} * count) >> 32);
}

// floor(h * count / (2^60 - 1)), the integer form of `h / (2^60 - 1) * count`.
std::uint32_t Scaled(std::uint64_t h, std::uint32_t count) {
  const absl::uint128 scaled = absl::uint128(h) * count / kSixtyBits;
  return std::min(static_cast<std::uint32_t>(scaled), count - 1);
}

// The bucket b for which b < c if and only if h / (2^60 - 1) * count <= c, for integers c >= 1.
std::uint32_t ScaledInclusive(std::uint64_t h, std::uint32_t count) {
  if (h == 0) return 0;
  return static_cast<std::uint32_t>((absl::uint128(h) * count - 1) / kSixtyBits);
}

// "%u" into `buffer`.
std::string_view Decimal(std::uint32_t value, std::array<char, 10>& buffer) {
  std::size_t at = buffer.size();
  do {
    buffer[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  return {buffer.data() + at, buffer.size() - at};
}

}  // namespace

std::uint32_t ForeignBucket(std::uint8_t scheme, std::string_view salt, std::string_view id,
                            std::uint32_t count) {
  const std::array<std::string_view, 2> salt_id = {salt, id};
  const std::array<std::string_view, 2> id_salt = {id, salt};
  const auto joined = [&](std::string_view separator) {
    return std::array<std::string_view, 3>{salt, separator, id};
  };
  switch (static_cast<Scheme>(scheme)) {
    case Scheme::growthbook_v1:
      return Modulo(Fnv1aUtf16(id_salt), count);
    case Scheme::growthbook_v2: {
      std::array<char, 10> buffer;
      const std::array<std::string_view, 1> digits = {Decimal(Fnv1aUtf16(salt_id), buffer)};
      return Modulo(Fnv1aUtf16(digits), count);
    }
    case Scheme::eppo:
      return Modulo(BigEndian(Md5(joined("-")), 4), count);
    case Scheme::unleash:
      return Modulo(Murmur3(joined(":"), 0), count);
    case Scheme::unleash_variant:
      return Modulo(Murmur3(joined(":"), kUnleashVariantSeed), count);
    case Scheme::flagd:
      return MultiplyShift(Murmur3(salt_id, 0), count);
    case Scheme::launchdarkly:
      return Scaled(BigEndian(Sha1(joined(".")), 8) >> 4, count);
    case Scheme::optimizely:
      return MultiplyShift(Murmur3(id_salt, 1), count);
    case Scheme::planout:
      return Modulo(BigEndian(Sha1(joined(".")), 8) >> 4, count);
    case Scheme::planout_weighted:
      return ScaledInclusive(BigEndian(Sha1(joined(".")), 8) >> 4, count);
    case Scheme::statsig:
      return Modulo(BigEndian(Sha256(joined(".")), 8), count);
    case Scheme::configcat:
      return Modulo(BigEndian(Sha1(salt_id), 4) >> 4, count);
    case Scheme::native:
      break;
  }
  return 0;
}

}  // namespace upswing::assignment
