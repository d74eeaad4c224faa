#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace upswing::wire {

/// Names of events, properties and experiments in fewer bits than characters: a prefix code over
/// a-z, 0-9 and "_.-/: ", most significant bit first, the last byte filled with ones. Frequent
/// letters take 3 or 4 bits, the rarest 8. Part of format version 2.

/// Bytes that `text` takes; 0 if it is empty or one of its characters has no code.
std::size_t LetterCodeBytes(std::string_view text);

/// For texts whose `LetterCodeBytes` is not 0.
void WriteLetterCode(std::string_view text, std::vector<std::uint8_t>* out);

/// Longest text that `bytes` can hold.
constexpr std::uint64_t MaxLetters(std::uint64_t bytes) { return bytes * 8 / 3; }

/// Writes the text of `size` bytes, any bytes, to `out`, which has room for `MaxLetters(size)`.
/// Returns its length.
std::size_t ReadLetterCode(const std::uint8_t* bytes, std::size_t size, char* out);

}  // namespace upswing::wire
