#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace upswing::wire {

/// How one string of the dictionary is written. Ids are most of what cannot be compressed, so the
/// common shapes of ids and names take the bytes their content needs.
enum class StringKind : std::uint8_t {
  kText,   ///< Its bytes. n = number of bytes.
  kKnown,  ///< Nothing. n = an index into `KnownString`.
  kHex,    ///< n bytes for 2n lower-case hexadecimal digits; n = 0: 16 bytes for a lower-case UUID.
  kFiveBits,  ///< n letters of 5 bits each, most significant bit first: a-z, then "_.-: /" as 26 to
              ///< 31. Only in version 1.
  kLetters,   ///< n bytes of letter_code.hpp. From version 2 on.
  kNumber,    ///< n / 8 bytes of text, then n % 8 bytes, least significant first, of the decimal
              ///< number that ends it. From version 2 on.
};

struct StringForm {
  StringKind kind = StringKind::kText;
  std::uint64_t n = 0;

  bool is_uuid() const { return kind == StringKind::kHex && n == 0; }
  /// Bytes in the batch.
  std::uint64_t stored_bytes() const;
  /// Room for the string itself, except for kText and kKnown, which need none.
  std::uint64_t max_text_bytes() const;
};

/// The shortest form of `text` in this version of the format.
StringForm FormOf(std::string_view text);

/// What the column of codes holds: n * 4 + 0 for kText, 1 for kKnown (n < 512) and, with n + 512,
/// kNumber, 2 for kHex, 3 for kLetters or, in version 1, kFiveBits.
std::uint64_t CodeOf(StringForm form);
StringForm FormOfCode(std::uint64_t code, std::uint16_t format_version);

void WriteForm(std::string_view text, StringForm form, std::vector<std::uint8_t>* out);

/// Writes the text of a form that is neither kText nor kKnown to `out`, which has room for
/// `max_text_bytes`, and returns its length. Any bytes are a text, of kNumber perhaps not UTF-8.
std::size_t ExpandForm(StringForm form, const std::uint8_t* stored, char* out);

/// Strings that most batches hold, such as the names of the metric pack. Part of the format: only
/// ever appended to, and at most 512.
std::string_view KnownString(std::uint64_t index);
std::uint64_t KnownStringCount();

}  // namespace upswing::wire
