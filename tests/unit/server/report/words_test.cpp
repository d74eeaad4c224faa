#include "server/report/words.hpp"

#include <gtest/gtest.h>

namespace upswing::report {
namespace {

TEST(Words, NumbersReadAsPeopleWriteThem) {
  EXPECT_EQ(Count(0), "0");
  EXPECT_EQ(Count(-1234567), "-1,234,567");
  EXPECT_EQ(Number(0.10617), "0.1062");
  EXPECT_EQ(Number(1422.6), "1,423");
  EXPECT_EQ(Number(6.7e-7), "6.7e-07");
  EXPECT_EQ(Percent(0.0214), "2.1 %");
  EXPECT_EQ(SignedPercent(-0.0021), "-0.21 %");
  EXPECT_EQ(SignedPercent(0.7214), "+72.1 %");
  EXPECT_EQ(PValue(0), "< 1e-15");
  EXPECT_EQ(PValue(0.0342), "0.034");
}

TEST(Words, TheSentenceNamesTheIntervalAndTheChance) {
  Comparison comparison;
  comparison.metric = "gmv_per_user";
  comparison.variant = "on";
  comparison.relative = {{0.021, ""}, 0.004, 0.038, ""};
  comparison.p_value = {1.0 / 70, ""};
  EXPECT_EQ(Sentence(comparison),
            "gmv_per_user of on rose 2.1 % (+0.40 % to +3.8 %); by chance alone a result like this "
            "comes up in 1 of 70 A/A tests.");
}

TEST(Findings, AreSaidInChineseWithTheirTermsUntouched) {
  EXPECT_EQ(
      SayFinding("none has 2,745 units where 3,000 were planned (p = 5e-11)", Language::kChinese),
      "none 有 2,745 个单位，计划应为 3,000 个（p = 5e-11）");
  EXPECT_EQ(SayFinding("tier gold: control's share is -5.3 % off the plan among 2,704 units",
                       Language::kChinese),
            "tier gold：在 2,704 个单位中，对照组占比偏离计划 -5.3 %");
  EXPECT_EQ(
      SayFinding("the cap of 1,110 takes away 0.20 % of the sum of {0} of {1}", Language::kChinese),
      "上限 1,110 去掉了 {0} of {1} 总和的 0.20 %");
  EXPECT_EQ(
      SayFinding("the effect on ctr of on wears off (novelty): 0.3 on the first day after the "
                 "exposure, 0.1 on day 9 (a sample of 5,000 units)",
                 Language::kChinese),
      "on 对 ctr 的效应逐渐消退（新奇效应）：曝光后第一天为 0.3，第 9 天为 0.1（抽样 5,000 "
      "个单位）");
  EXPECT_EQ(SayFinding("something that no table knows", Language::kChinese),
            "something that no table knows");
  EXPECT_EQ(SayFinding("the split left the plan", Language::kEnglish), "the split left the plan");
}

TEST(Fit, CountsWideCharactersAsTwoColumnsAndNeverCutsOneInHalf) {
  EXPECT_EQ(Width("很长"), 4u);
  EXPECT_EQ(Fit("很长的", 4), "很… ");
  EXPECT_EQ(Fit("ab", 4), "ab  ");
  EXPECT_EQ(Fit("ab", 4, true), "  ab");
  EXPECT_EQ(Fit("abcdef", 4), "abc…");
}

TEST(Printable, ReplacesWhatCouldMoveTheCursorOrForgeALine) {
  EXPECT_EQ(Printable("a\x1b[2Jb\nc"), "a\ufffd[2Jb\ufffdc");
  EXPECT_EQ(Printable("\u202eabc"),
            "\ufffd"
            "abc");
  EXPECT_EQ(Printable("\xff\xc0\x80ok"), "\ufffd\ufffd\ufffdok");
  EXPECT_EQ(Printable("naïve 很 🎁"), "naïve 很 🎁");
}

}  // namespace
}  // namespace upswing::report
