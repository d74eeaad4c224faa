#include "sdk/wire/letter_code.hpp"

#include <random>
#include <string>

#include "gtest/gtest.h"

namespace upswing::wire {
namespace {

std::string Read(const std::vector<std::uint8_t>& bytes) {
  std::string text(MaxLetters(bytes.size()), '\0');
  text.resize(ReadLetterCode(bytes.data(), bytes.size(), text.data()));
  return text;
}

TEST(LetterCode, ReadsWhatItWrote) {
  std::mt19937 random(7);
  const std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz_0123456789.-/: ";
  for (int round = 0; round < 10'000; ++round) {
    std::string text;
    for (std::size_t length = 1 + random() % 40; text.size() < length;)
      text.push_back(alphabet[random() % alphabet.size()]);
    std::vector<std::uint8_t> bytes;
    WriteLetterCode(text, &bytes);
    ASSERT_EQ(bytes.size(), LetterCodeBytes(text));
    ASSERT_EQ(Read(bytes), text);
  }
}

TEST(LetterCode, IsTheSameForEver) {
  std::vector<std::uint8_t> bytes;
  WriteLetterCode("booking_cabin", &bytes);
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0xe8, 0xab, 0xd4, 0xd3, 0x59, 0xa1, 0x74, 0x34}));
}

TEST(LetterCode, TakesAnyBytesAndNoMoreRoomThanItSays) {
  std::mt19937 random(8);
  for (int round = 0; round < 10'000; ++round) {
    std::vector<std::uint8_t> bytes(random() % 12);
    for (std::uint8_t& byte : bytes)
      byte = static_cast<std::uint8_t>(round % 4 == 0 ? 0 : random());
    ASSERT_LE(Read(bytes).size(), MaxLetters(bytes.size()));
  }
}

TEST(LetterCode, HasNoCodeForOtherCharacters) {
  for (const std::string_view text : {"", "A", "a+b", "caf\xc3\xa9", "\x7f", "a\n"})
    EXPECT_EQ(LetterCodeBytes(text), 0u) << text;
}

}  // namespace
}  // namespace upswing::wire
