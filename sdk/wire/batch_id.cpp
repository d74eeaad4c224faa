#include "sdk/wire/batch_id.hpp"

#include <limits>

namespace upswing::wire {
namespace {

constexpr char kDigits[] = "0123456789abcdef";
constexpr std::size_t kEpochDigits = 32;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string FormatBatchId(const BatchId& id) {
  std::string text;
  text.reserve(kEpochDigits + 21);
  for (const std::uint64_t half : {id.epoch_hi, id.epoch_lo}) {
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(half >> shift) & 15];
  }
  text += '-';
  char digits[20];
  std::size_t count = 0;
  std::uint64_t rest = id.sequence;
  do {
    digits[count++] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  while (count > 0) text += digits[--count];
  return text;
}

std::optional<BatchId> ParseBatchId(std::string_view text) {
  BatchId id;
  if (text.size() < kEpochDigits + 2 || text[kEpochDigits] != '-') return std::nullopt;
  for (std::size_t i = 0; i < kEpochDigits; ++i) {
    const int digit = HexDigit(text[i]);
    if (digit < 0) return std::nullopt;
    std::uint64_t& half = i < kEpochDigits / 2 ? id.epoch_hi : id.epoch_lo;
    half = half << 4 | static_cast<std::uint64_t>(digit);
  }
  const std::string_view sequence = text.substr(kEpochDigits + 1);
  if (sequence[0] == '0') return std::nullopt;
  for (const char c : sequence) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (id.sequence > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
    id.sequence = id.sequence * 10 + digit;
  }
  return id;
}

}  // namespace upswing::wire
