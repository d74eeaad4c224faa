#include "server/json/document.hpp"

#include <gtest/gtest.h>

namespace upswing::json {
namespace {

std::string ErrorOf(std::string_view text) {
  Problem problem;
  const auto parsed = Parse(text, {}, &problem);
  if (parsed.ok()) return "parsed";
  return std::to_string(problem.position.line) + ":" + std::to_string(problem.position.column) +
         " " + problem.message;
}

TEST(Parse, KeepsValuesAndTheirPlaces) {
  const auto parsed = Parse("{\"a\": [1, -2.5e1,\n  true, null],\n \"b\": {\"c\": \"x\"}}");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const Node* const a = parsed->root.Find("a");
  ASSERT_NE(a, nullptr);
  ASSERT_EQ(a->items().size(), 4u);
  EXPECT_EQ(a->items()[0].as_int(), 1);
  EXPECT_EQ(a->items()[1].as_int(), std::nullopt);
  EXPECT_EQ(a->items()[1].as_double(), -25.0);
  EXPECT_TRUE(a->items()[2].as_bool());
  EXPECT_TRUE(a->items()[3].is_null());
  EXPECT_EQ(a->items()[2].position().line, 2u);
  EXPECT_EQ(a->items()[2].position().column, 3u);
  EXPECT_EQ(parsed->root.Find("b")->Find("c")->as_string(), "x");
  EXPECT_EQ(parsed->root.Text(), "{\"a\":[1,-2.5e1,true,null],\"b\":{\"c\":\"x\"}}");
}

// A column is a character: "é" is one column although it is two bytes.
TEST(Parse, CountsColumnsInCharacters) {
  const auto parsed = Parse("[\"\xc3\xa9\xc3\xa9\", 7]");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->root.items()[1].position().column, 8u);
  EXPECT_EQ(parsed->root.items()[1].position().offset, 9u);
}

TEST(Parse, ReportsEveryDuplicateKeyAndKeepsTheFirst) {
  const auto parsed = Parse("{\"a\": 1,\n\"a\": 2, \"x y\": {\"b\": 1, \"b\": 2}}");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->root.Find("a")->as_int(), 1);
  ASSERT_EQ(parsed->problems.size(), 2u);
  EXPECT_EQ(parsed->problems[0].path, "$.a");
  EXPECT_EQ(parsed->problems[0].position.line, 2u);
  EXPECT_EQ(parsed->problems[0].position.column, 1u);
  EXPECT_EQ(parsed->problems[1].path, "$[\"x y\"].b");
}

TEST(Parse, NamesLineAndColumnOfASyntaxError) {
  EXPECT_EQ(ErrorOf("{\"a\": 1,\n  b: 2}"), "2:3 expected a key in double quotes");
  EXPECT_EQ(ErrorOf("[1 2]"), "1:4 expected ',' or ']'");
  EXPECT_EQ(ErrorOf("[1,]"), "1:4 expected a JSON value");
  EXPECT_EQ(ErrorOf("{} x"), "1:4 unexpected text after the document");
  EXPECT_EQ(ErrorOf("[01]"), "1:3 expected ',' or ']'");
  EXPECT_EQ(ErrorOf("[1.]"), "1:4 expected a digit after '.'");
  EXPECT_EQ(ErrorOf("[1e999]"), "1:2 the number is out of range");
  EXPECT_EQ(ErrorOf(""), "1:1 unexpected end of the text");
  EXPECT_EQ(ErrorOf("[tru]"), "1:2 expected a JSON value");
  EXPECT_EQ(ErrorOf("[\"\\q\"]"), "1:4 unknown escape in a string");
  EXPECT_EQ(ErrorOf("[\"\xff\"]"), "1:3 invalid UTF-8 inside a string");
  EXPECT_EQ(ErrorOf("[\"\xed\xa0\x80\"]"), "1:3 invalid UTF-8 inside a string");  // a surrogate
  EXPECT_EQ(ErrorOf("[\"\\ud800x\"]"), "1:9 lone surrogate in a string");
  EXPECT_EQ(ErrorOf(std::string(65, '[')), "1:65 nested too deeply");
}

TEST(Parse, DecodesEscapes) {
  const auto parsed = Parse("\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\n\\/\\u0000\"");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->root.as_string(),
            std::string("A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n/\0", 13));
}

TEST(Parse, KeepsIntegersExactlyToTheEndsOfInt64) {
  const auto parsed = Parse("[9223372036854775807, -9223372036854775808, 9223372036854775808]");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->root.items()[0].as_int(), INT64_MAX);
  EXPECT_EQ(parsed->root.items()[1].as_int(), INT64_MIN);
  EXPECT_EQ(parsed->root.items()[2].as_int(), std::nullopt);
}

}  // namespace
}  // namespace upswing::json
