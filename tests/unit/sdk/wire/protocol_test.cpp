#include "sdk/wire/protocol.hpp"

#include <limits>

#include "gtest/gtest.h"
#include "sdk/wire/utf8.hpp"

namespace upswing::wire {
namespace {

TEST(BatchIdText, ReadsBackWhatItWrites) {
  const BatchId ids[] = {{0, 0, 1},
                         {0x0123456789abcdefULL, 0xfedcba9876543210ULL, 42},
                         {~0ULL, ~0ULL, std::numeric_limits<std::uint64_t>::max()}};
  for (const BatchId& id : ids) EXPECT_EQ(ParseBatchId(FormatBatchId(id)), id);
  EXPECT_EQ(FormatBatchId(ids[1]), "0123456789abcdeffedcba9876543210-42");
}

TEST(BatchIdText, RefusesEverythingElse) {
  for (const char* text :
       {"", "0123456789abcdeffedcba9876543210", "0123456789abcdeffedcba9876543210-",
        "0123456789abcdeffedcba9876543210-0", "0123456789abcdeffedcba9876543210-01",
        "0123456789ABCDEFfedcba9876543210-1", "0123456789abcdeffedcba9876543210-1 ",
        "0123456789abcdeffedcba9876543210-18446744073709551616",
        "0123456789abcdeffedcba987654321g-1", "0123456789abcdeffedcba98765432101-1"}) {
    EXPECT_EQ(ParseBatchId(text), std::nullopt) << text;
  }
}

TEST(SentAtText, ReadsBackWhatItWrites) {
  const SentAt sent_at{-5, 123, 0xdeadbeefcafef00dULL};
  EXPECT_EQ(FormatSentAt(sent_at), "-5 123 deadbeefcafef00d");
  EXPECT_EQ(ParseSentAt(FormatSentAt(sent_at)), sent_at);
  for (const char* text : {"", "1 2", "1 2 zz", "a 2 3", "1 2 3 4"}) {
    EXPECT_EQ(ParseSentAt(text), std::nullopt) << text;
  }
}

TEST(RetryAfter, TakesSecondsUpToADayAndNoDates) {
  EXPECT_EQ(ParseSeconds("0"), 0);
  EXPECT_EQ(ParseSeconds("120"), 120);
  EXPECT_EQ(ParseSeconds("999999999999999999999999"), kLongestPauseSeconds);
  for (const char* text : {"", "-1", "+5", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", " 5"}) {
    EXPECT_EQ(ParseSeconds(text), std::nullopt) << text;
  }
}

TEST(AnswerText, ReadsBackWhatItWrites) {
  Answer answer{7, true, true, {{0, 1, "no_unit"}, {4, 2, "quote\" and \\ slash"}}};
  EXPECT_EQ(ParseAnswer(FormatAnswer(answer)), answer);
  EXPECT_EQ(FormatAnswer(Answer{3, false, false, {}}),
            R"({"accepted":3,"duplicate":false,"conflict":false,"rejected":[]})");
}

TEST(AnswerText, SkipsWhatALaterServerAdds) {
  const auto answer = ParseAnswer(
      R"( {"later": {"deep": [1, -2.5e3, null, {"x": "y"}]}, "accepted": 2, "rejected": [ {"first": 1, "count": 1,
          "reason": "r", "hint": []} ], "duplicate": false} )");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->accepted, 2u);
  ASSERT_EQ(answer->rejected.size(), 1u);
  EXPECT_EQ(answer->rejected[0], (RejectedRange{1, 1, "r"}));
}

TEST(AnswerText, RefusesWhatIsNotAnAnswer) {
  for (const char* text :
       {"", "<html>log in</html>", "{}", "[]", R"({"accepted": -1})", R"({"accepted": 4294967296})",
        R"({"accepted": 1)", R"({"accepted": 1} x)", R"({"accepted": 1, "duplicate": 1})",
        R"({"accepted": 1, "x": "\)"}) {
    EXPECT_EQ(ParseAnswer(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseAnswer(R"({"accepted": 1, "deep": )" + std::string(100'000, '[')), std::nullopt);
}

TEST(Utf8, FollowsTable37OfUnicode) {
  for (const char* text :
       {"", "plain ascii, longer than a word", "\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF",
        "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
  }
  for (const char* text :
       {"\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "12345678\xFF", "\xC3\x28"}) {
    EXPECT_FALSE(IsValidUtf8(text));
  }
  EXPECT_TRUE(IsValidUtf8(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace upswing::wire
