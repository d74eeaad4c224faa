#include "sdk/base/ed25519.hpp"

#include <array>
#include <cstdint>
#include <optional>

#include "sdk/base/sha512.hpp"

// Names and formulas as in RFC 8032, section 5.1, unless another source is given. Written to be
// read and to run on 32-bit machines: a catalog is verified once per publish, so speed is second.
namespace upswing::base {
namespace {

// 256 bits, least significant limb first.
using Limbs = std::array<std::uint32_t, 8>;

Limbs ReadLimbs(std::string_view bytes) {
  Limbs limbs{};
  for (std::size_t i = 0; i < 32; ++i)
    limbs[i / 4] |= std::uint32_t{static_cast<std::uint8_t>(bytes[i])} << (8 * (i % 4));
  return limbs;
}

bool IsBelow(const Limbs& a, const Limbs& b) {
  for (std::size_t i = 8; i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i];
  }
  return false;
}

// a - b modulo 2^256; `borrow` is 1 if b is the larger.
Limbs Subtract(const Limbs& a, const Limbs& b, std::uint32_t* borrow) {
  Limbs out;
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint64_t difference = std::uint64_t{a[i]} - b[i] - carry;
    out[i] = static_cast<std::uint32_t>(difference);
    carry = difference >> 63;
  }
  *borrow = static_cast<std::uint32_t>(carry);
  return out;
}

// --- the field of integers modulo p = 2^255 - 19 ---

constexpr Limbs kPrime = {0xffffffed, 0xffffffff, 0xffffffff, 0xffffffff,
                          0xffffffff, 0xffffffff, 0xffffffff, 0x7fffffff};

// Any representative below 2^256. Since 2^256 = 38 modulo p, what overflows comes back times 38.
struct Field {
  Limbs limbs{};
};

constexpr Field kZero{};
constexpr Field kOne{{1}};
// -121665/121666, twice it, and the square root of -1 that is 2^((p-1)/4).
constexpr Field kD{{0x135978a3, 0x75eb4dca, 0x4141d8ab, 0x00700a4d, 0x7779e898, 0x8cc74079,
                    0x2b6ffe73, 0x52036cee}};
constexpr Field kTwiceD{{0x26b2f159, 0xebd69b94, 0x8283b156, 0x00e0149a, 0xeef3d130, 0x198e80f2,
                         0x56dffce7, 0x2406d9dc}};
constexpr Field kRootOfMinusOne{{0x4a0ea0b0, 0xc4ee1b27, 0xad2fe478, 0x2f431806, 0x3dfbd7a7,
                                 0x2b4d0099, 0x4fc1df0b, 0x2b832480}};

Field AddSmall(const Limbs& limbs, std::uint64_t small) {
  Field out{limbs};
  while (small != 0) {
    std::uint64_t carry = small;
    for (std::uint32_t& limb : out.limbs) {
      carry += limb;
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    small = carry * 38;
  }
  return out;
}

Field operator+(const Field& a, const Field& b) {
  Limbs sum;
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    carry += std::uint64_t{a.limbs[i]} + b.limbs[i];
    sum[i] = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  return AddSmall(sum, carry * 38);
}

Field operator-(const Field& a, const Field& b) {
  std::uint32_t borrow = 0;
  Limbs difference = Subtract(a.limbs, b.limbs, &borrow);
  while (borrow != 0) difference = Subtract(difference, {38}, &borrow);
  return {difference};
}

Field operator*(const Field& a, const Field& b) {
  std::array<std::uint32_t, 16> product{};
  for (std::size_t i = 0; i < 8; ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < 8; ++j) {
      // At most (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1.
      carry += std::uint64_t{a.limbs[i]} * b.limbs[j] + product[i + j];
      product[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    product[i + 8] = static_cast<std::uint32_t>(carry);
  }
  Limbs low;
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    carry += std::uint64_t{product[i + 8]} * 38 + product[i];
    low[i] = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  return AddSmall(low, carry * 38);
}

Field Negative(const Field& a) { return kZero - a; }

// The representative below p.
Limbs Canonical(const Field& a) {
  Limbs limbs = a.limbs;
  while (!IsBelow(limbs, kPrime)) {
    std::uint32_t borrow = 0;
    limbs = Subtract(limbs, kPrime, &borrow);
  }
  return limbs;
}

bool operator==(const Field& a, const Field& b) { return Canonical(a) == Canonical(b); }
bool IsOdd(const Field& a) { return (Canonical(a)[0] & 1) != 0; }

Field Power(const Field& base, const Limbs& exponent) {
  Field out = kOne;
  for (int bit = 255; bit >= 0; --bit) {
    out = out * out;
    if ((exponent[static_cast<std::size_t>(bit) / 32] >> (bit % 32) & 1) != 0) out = out * base;
  }
  return out;
}

Field Inverse(const Field& a) {  // a^(p-2)
  return Power(a, {0xffffffeb, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
                   0xffffffff, 0x7fffffff});
}

// --- the curve -x^2 + y^2 = 1 + d x^2 y^2 ---

// x = X/Z, y = Y/Z, x y = T/Z.
struct Point {
  Field x, y, z, t;
};

constexpr Point kIdentity{kZero, kOne, kOne, kZero};
constexpr Point kBase{{{0x8f25d51a, 0xc9562d60, 0x9525a7b2, 0x692cc760, 0xfdd6dc5c, 0xc0a4e231,
                        0xcd6e53fe, 0x216936d3}},
                      {{0x66666658, 0x66666666, 0x66666666, 0x66666666, 0x66666666, 0x66666666,
                        0x66666666, 0x66666666}},
                      kOne,
                      {{0xa5b7dda3, 0x6dde8ab3, 0x775152f5, 0x20f09f80, 0x64abe37d, 0x66ea4e8e,
                        0xd78b7665, 0x67875f0f}}};

// RFC 8032, section 5.1.4; right for any two points, equal ones and the identity too.
Point operator+(const Point& p, const Point& q) {
  const Field a = (p.y - p.x) * (q.y - q.x);
  const Field b = (p.y + p.x) * (q.y + q.x);
  const Field c = p.t * kTwiceD * q.t;
  const Field d = p.z * (q.z + q.z);
  const Field e = b - a, f = d - c, g = d + c, h = b + a;
  return {e * f, g * h, f * g, e * h};
}

Point Twice(const Point& p) {
  const Field a = p.x * p.x;
  const Field b = p.y * p.y;
  const Field zz = p.z * p.z;
  const Field h = a + b;
  const Field e = h - (p.x + p.y) * (p.x + p.y);
  const Field g = a - b;
  const Field f = zz + zz + g;
  return {e * f, g * h, f * g, e * h};
}

Point Negative(const Point& p) { return {Negative(p.x), p.y, p.z, Negative(p.t)}; }

bool IsIdentity(const Point& p) { return p.x == kZero && p.y == p.z; }

bool HasSmallOrder(const Point& p) { return IsIdentity(Twice(Twice(Twice(p)))); }

// RFC 8032, section 5.1.3; nothing for an encoding that is not canonical or of no point.
std::optional<Point> Decode(std::string_view bytes) {
  Limbs limbs = ReadLimbs(bytes);
  const bool odd = limbs[7] >> 31 != 0;
  limbs[7] &= 0x7fffffff;
  if (!IsBelow(limbs, kPrime)) return std::nullopt;
  const Field y{limbs};
  const Field u = y * y - kOne;
  const Field v = kD * y * y + kOne;
  const Field v3 = v * v * v;
  const Field root = Power(u * v3 * v3 * v, {0xfffffffd, 0xffffffff, 0xffffffff, 0xffffffff,
                                             0xffffffff, 0xffffffff, 0xffffffff, 0x0fffffff});
  Field x = u * v3 * root;  // (u/v)^((p+3)/8)
  if (!(v * x * x == u)) {
    if (!(v * x * x == Negative(u))) return std::nullopt;
    x = x * kRootOfMinusOne;
  }
  if (x == kZero && odd) return std::nullopt;
  if (IsOdd(x) != odd) x = Negative(x);
  return Point{x, y, kOne, x * y};
}

bool Encodes(std::string_view bytes, const Point& p) {
  const Field inverse = Inverse(p.z);
  Limbs limbs = Canonical(p.y * inverse);
  if (IsOdd(p.x * inverse)) limbs[7] |= 0x80000000;
  return limbs == ReadLimbs(bytes);
}

// --- integers modulo L, the order of the base point ---

constexpr Limbs kOrder = {0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de, 0, 0, 0, 0x10000000};

// Bit by bit from the top: the remainder stays below L < 2^253, so that twice it fits.
Limbs ModuloOrder(const std::array<std::uint8_t, 64>& number) {
  Limbs rest{};
  for (std::size_t byte = 64; byte-- > 0;) {
    for (int bit = 7; bit >= 0; --bit) {
      std::uint32_t carry = number[byte] >> bit & 1;
      for (std::uint32_t& limb : rest) {
        const std::uint32_t top = limb >> 31;
        limb = limb << 1 | carry;
        carry = top;
      }
      std::uint32_t borrow = 0;
      if (!IsBelow(rest, kOrder)) rest = Subtract(rest, kOrder, &borrow);
    }
  }
  return rest;
}

bool Bit(const Limbs& number, int bit) {
  return (number[static_cast<std::size_t>(bit) / 32] >> (bit % 32) & 1) != 0;
}

// [a]P + [b]Q, both scalars below 2^253, one doubling for both per bit.
Point Combine(const Limbs& a, const Point& p, const Limbs& b, const Point& q) {
  const Point both = p + q;
  Point out = kIdentity;
  for (int bit = 252; bit >= 0; --bit) {
    out = Twice(out);
    const bool in_a = Bit(a, bit), in_b = Bit(b, bit);
    if (in_a || in_b) out = out + (in_a && in_b ? both : in_a ? p : q);
  }
  return out;
}

}  // namespace

bool IsEd25519PublicKey(std::string_view public_key) {
  if (public_key.size() != kEd25519KeySize) return false;
  const std::optional<Point> point = Decode(public_key);
  return point && !HasSmallOrder(*point);
}

bool VerifyEd25519(std::string_view public_key, std::string_view message,
                   std::string_view signature) {
  if (public_key.size() != kEd25519KeySize || signature.size() != kEd25519SignatureSize)
    return false;
  const std::string_view r = signature.substr(0, 32);
  const Limbs s = ReadLimbs(signature.substr(32));
  if (!IsBelow(s, kOrder)) return false;
  const std::optional<Point> key = Decode(public_key);
  const std::optional<Point> commitment = Decode(r);
  if (!key || !commitment || HasSmallOrder(*key) || HasSmallOrder(*commitment)) return false;
  const Limbs k = ModuloOrder(Sha512({r, public_key, message}));
  return Encodes(r, Combine(s, kBase, k, Negative(*key)));
}

}  // namespace upswing::base
