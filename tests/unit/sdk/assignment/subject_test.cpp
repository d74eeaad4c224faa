#include "upswing/subject.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "sdk/base/hash.hpp"

namespace upswing {
namespace {

const Subject::Attribute* Find(const Subject& subject, std::string_view name) {
  return subject.FindAttribute(base::Hash64(name));
}

TEST(Subject, KeepsIdsOfManyUnitTypes) {
  Subject subject("user", "u1");
  for (int i = 0; i < 10; ++i) subject.SetUnit("type" + std::to_string(i), std::to_string(i * 111));
  subject.SetUnit("user", "another and longer id");
  ASSERT_EQ(subject.units().size(), 11u);
  EXPECT_EQ(subject.id(subject.units()[0]), "another and longer id");
  EXPECT_EQ(subject.id(*subject.FindUnit(base::Hash64("type7"))), "777");
  EXPECT_EQ(subject.FindUnit(base::Hash64("session")), nullptr);
}

TEST(Subject, TakesAnEmptyIdForNone) {
  Subject subject("user", "");
  EXPECT_EQ(subject.FindUnit(base::Hash64("user")), nullptr);
}

TEST(Subject, ReplacesAValueAlsoByOneOfAnotherType) {
  Subject subject("user", "u");
  subject.Set("x", "text").Set("x", 3).Set("y", true).Set("x", {"a", "bc", ""});
  const auto* const x = Find(subject, "x");
  ASSERT_EQ(x->kind, AttributeKind::kStrings);
  std::string all;
  subject.VisitStrings(*x, [&all](std::string_view text) {
    all += "[" + std::string(text) + "]";
    return true;
  });
  EXPECT_EQ(all, "[a][bc][]");
  EXPECT_EQ(subject.attributes().size(), 2u);
  subject.Remove("x");
  EXPECT_EQ(Find(subject, "x"), nullptr);
  EXPECT_TRUE(Find(subject, "y")->bool_value);
}

TEST(Subject, KeepsIntegersAndRoundsTimesDown) {
  Subject subject;
  subject.Set("small", static_cast<short>(-7))
      .Set("big", std::numeric_limits<std::uint64_t>::max());
  subject.Set("t", Subject::Time(std::chrono::microseconds(-1)));
  EXPECT_EQ(Find(subject, "small")->int_value, -7);
  EXPECT_EQ(Find(subject, "big")->kind, AttributeKind::kDouble);
  EXPECT_EQ(Find(subject, "big")->double_value, 0x1p64);
  EXPECT_EQ(Find(subject, "t")->int_value, -1);
}

// Values that grow leave holes; the buffer is rewritten before they pile up.
TEST(Subject, DoesNotGrowWithoutEndWhenValuesAreReplaced) {
  Subject subject("user", "u");
  subject.Set("other", "kept");
  for (int i = 0; i < 10'000; ++i) subject.Set("x", std::string(1 + i % 100, 'x'));
  EXPECT_EQ(subject.text(*Find(subject, "x")), std::string(100, 'x'));
  EXPECT_EQ(subject.text(*Find(subject, "other")), "kept");
  EXPECT_EQ(subject.id(subject.units()[0]), "u");
}

}  // namespace
}  // namespace upswing
