#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace upswing::wire {

/// How one string of the dictionary is written. Ids are most of what cannot be compressed, so the
/// common shapes of ids take the bytes their content needs.
enum class StringKind : std::uint8_t {
  kText = 0,   ///< Its bytes. n = number of bytes.
  kKnown = 1,  ///< Nothing: n is an index into `KnownString`.
  kHex =
      2,  ///< n bytes for 2n lower-case hexadecimal digits; n = 0: 16 bytes for a lower-case UUID.
  kName =
      3,  ///< n letters of 5 bits each, most significant bit first: a-z, then "_.-: /" as 26 to 31.
};

/// `code` is n * 4 + kind, which is what the column of codes holds.
struct StringForm {
  std::uint64_t code = 0;

  StringKind kind() const { return static_cast<StringKind>(code & 3); }
  std::uint64_t n() const { return code >> 2; }
  bool is_uuid() const { return kind() == StringKind::kHex && n() == 0; }
  /// Bytes in the batch.
  std::uint64_t stored_bytes() const {
    switch (kind()) {
      case StringKind::kText:
        return n();
      case StringKind::kKnown:
        return 0;
      case StringKind::kHex:
        return is_uuid() ? 16 : n();
      case StringKind::kName:
        break;
    }
    return n() / 8 * 5 + (n() % 8 * 5 + 7) / 8;
  }
  /// Bytes of the string itself, except for kKnown.
  std::uint64_t text_bytes() const {
    if (is_uuid()) return 36;
    return kind() == StringKind::kHex ? 2 * n() : n();
  }
};

/// The shortest form of `text`.
StringForm FormOf(std::string_view text);

void WriteForm(std::string_view text, StringForm form, std::vector<std::uint8_t>* out);

/// Writes the text of a kHex or kName form to `out`, which has room for `text_bytes`.
void ExpandForm(StringForm form, const std::uint8_t* stored, char* out);

/// Strings that most batches hold, such as the names of the metric pack. Part of the format: only
/// ever appended to.
std::string_view KnownString(std::uint64_t index);
std::uint64_t KnownStringCount();

}  // namespace upswing::wire
