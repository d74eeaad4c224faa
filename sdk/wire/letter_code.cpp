#include "sdk/wire/letter_code.hpp"

#include <array>

namespace upswing::wire {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz_0123456789.-/: ";

/// Bits of each character: the best lengths of at most 8 (package-merge) for the letters of
/// `KnownString` and of English text in equal parts, where digits and signs are rare.
constexpr std::uint8_t kBits[] = {4, 7, 5, 5, 3, 6, 6, 5, 4, 8, 7, 5, 6, 4, 4, 5, 8, 4, 4, 4, 5,
                                  6, 6, 8, 6, 8, 4, 8, 8, 8, 8, 8, 8, 8, 8, 8, 7, 8, 8, 8, 8, 8};
static_assert(std::size(kBits) == kAlphabet.size());
constexpr unsigned kMaxBits = 8;

struct Code {
  std::uint8_t code = 0;
  std::uint8_t bits = 0;  ///< 0: none.
};
struct Tables {
  std::array<Code, 128> code_of;        ///< By character.
  std::array<std::uint8_t, 256> first;  ///< Position in `kAlphabet` by the next 8 bits.
};

/// The canonical code of the lengths: shorter codes first, then by position.
constexpr Tables MakeTables() {
  Tables tables{};
  unsigned code = 0;
  for (unsigned bits = 1; bits <= kMaxBits; ++bits, code <<= 1) {
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
      if (kBits[i] != bits) continue;
      tables.code_of[static_cast<std::size_t>(kAlphabet[i])] = {static_cast<std::uint8_t>(code),
                                                                static_cast<std::uint8_t>(bits)};
      const unsigned shift = kMaxBits - bits;
      for (unsigned rest = 0; rest < 1u << shift; ++rest)
        tables.first[code << shift | rest] = static_cast<std::uint8_t>(i);
      ++code;
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

// Complete, so that any bytes decode; and at most 7 ones are no character, so that filling is none.
static_assert(kTables.code_of[' '].code == 0xff && kTables.code_of[' '].bits == kMaxBits);

Code CodeOf(char c) {
  const auto index = static_cast<unsigned char>(c);
  return index < kTables.code_of.size() ? kTables.code_of[index] : Code{};
}

}  // namespace

std::size_t LetterCodeBytes(std::string_view text) {
  std::size_t bits = 0;
  for (const char c : text) {
    const Code code = CodeOf(c);
    if (code.bits == 0) return 0;
    bits += code.bits;
  }
  return (bits + 7) / 8;
}

void WriteLetterCode(std::string_view text, std::vector<std::uint8_t>* out) {
  std::uint32_t window = 0;
  unsigned count = 0;
  for (const char c : text) {
    const Code code = CodeOf(c);
    window = window << code.bits | code.code;
    count += code.bits;
    if (count >= 8) out->push_back(static_cast<std::uint8_t>(window >> (count -= 8)));
  }
  if (count > 0)
    out->push_back(static_cast<std::uint8_t>(window << (8 - count) | (0xffu >> count)));
}

std::size_t ReadLetterCode(const std::uint8_t* bytes, std::size_t size, char* out) {
  std::size_t letters = 0;
  std::uint32_t window = 0;
  unsigned count = 0;
  for (std::size_t i = 0; i < size || count > 0;) {
    if (count < kMaxBits && i < size) {
      window = window << 8 | bytes[i++];
      count += 8;
      continue;
    }
    const std::uint32_t next = count >= kMaxBits ? window >> (count - kMaxBits)
                                                 : window << (kMaxBits - count) | (0xffu >> count);
    const std::uint8_t letter = kTables.first[next & 0xff];
    if (kBits[letter] > count) break;
    count -= kBits[letter];
    out[letters++] = kAlphabet[letter];
  }
  return letters;
}

}  // namespace upswing::wire
