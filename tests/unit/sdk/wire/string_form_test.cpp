#include "sdk/wire/string_form.hpp"

#include <random>
#include <string>

#include "gtest/gtest.h"

namespace upswing::wire {
namespace {

std::string Expanded(StringForm form, const std::vector<std::uint8_t>& stored) {
  if (form.kind == StringKind::kKnown) return std::string(KnownString(form.n));
  if (form.kind == StringKind::kText) return {stored.begin(), stored.end()};
  std::string text(form.max_text_bytes(), '\0');
  text.resize(ExpandForm(form, stored.data(), text.data()));
  return text;
}

/// Bytes of the text, without its code.
std::size_t StoredAndReadAgain(const std::string& text) {
  const StringForm form = FormOf(text);
  std::vector<std::uint8_t> stored;
  WriteForm(text, form, &stored);
  EXPECT_EQ(stored.size(), form.stored_bytes()) << text;
  const StringForm read = FormOfCode(CodeOf(form), 2);
  EXPECT_EQ(read.kind, form.kind) << text;
  EXPECT_EQ(read.n, form.n) << text;
  EXPECT_EQ(Expanded(read, stored), text);
  return stored.size();
}

TEST(StringForm, TakesTheBytesThatTheContentNeeds) {
  EXPECT_EQ(StoredAndReadAgain("purchase"), 0u);
  EXPECT_EQ(StoredAndReadAgain("6fa459ea-ee8a-3ca4-894e-db77e160355e"), 16u);
  EXPECT_EQ(StoredAndReadAgain("0123456789abcdef0123"), 10u);
  EXPECT_EQ(StoredAndReadAgain("u-25082984"), 6u);
  EXPECT_EQ(StoredAndReadAgain("100000000000"), 5u);
  EXPECT_EQ(StoredAndReadAgain("72057594037927935"), 7u);  // 2^56 - 1
  EXPECT_EQ(StoredAndReadAgain("72057594037927936"),
            17u);  // 2^56: characters, as its digits are rare
  EXPECT_EQ(StoredAndReadAgain("open_basket"), 7u);
  EXPECT_EQ(StoredAndReadAgain("Caf\xc3\xa9"), 5u);
}

TEST(StringForm, KeepsEveryText) {
  std::mt19937 random(9);
  const std::string_view alphabets[] = {"0123456789", "abcdefghijklmnopqrstuvwxyz_",
                                        "ab0019-./: ", "0123456789abcdef", "aZ\xe7\x94\xa8+0"};
  for (int round = 0; round < 20'000; ++round) {
    const std::string_view alphabet = alphabets[random() % std::size(alphabets)];
    std::string text;
    for (std::size_t length = 1 + random() % 45; text.size() < length;)
      text.push_back(alphabet[random() % alphabet.size()]);
    StoredAndReadAgain(text);
  }
  for (const char* text : {"0", "00", "u-0", "u-00", "u-007", "7", "9999", "p1000000", "a1b2", "-1",
                           "18446744073709551616", "user/1000003"})
    StoredAndReadAgain(text);
}

TEST(StringForm, TakesAnyBytesAndNoMoreRoomThanItSays) {
  std::mt19937 random(10);
  for (int round = 0; round < 20'000; ++round) {
    const StringForm form =
        FormOfCode(random() % 3000, static_cast<std::uint16_t>(1 + random() % 2));
    if (form.kind == StringKind::kKnown) continue;
    std::vector<std::uint8_t> stored(form.stored_bytes());
    for (std::uint8_t& byte : stored)
      byte = static_cast<std::uint8_t>(round % 4 == 0 ? 255 : random());
    Expanded(form, stored);
  }
}

TEST(StringForm, OfVersionOneHasLettersOfFiveBits) {
  const StringForm form = FormOfCode(3 << 2 | 3, 1);
  EXPECT_EQ(form.stored_bytes(), 2u);
  EXPECT_EQ(Expanded(form, {0x0b, 0xec}), "bpw");
  EXPECT_EQ(FormOfCode(3 << 2 | 3, 2).kind, StringKind::kLetters);
  // No number, but a known string that version 1 has not.
  EXPECT_EQ(FormOfCode(520 << 2 | 1, 1).kind, StringKind::kKnown);
  EXPECT_EQ(FormOfCode(520 << 2 | 1, 2).kind, StringKind::kNumber);
}

}  // namespace
}  // namespace upswing::wire
