// What the plan's looks said and what more data would bring, in plain words with the technical
// names beside them.
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/report/words.hpp"

namespace upswing::report {
namespace {

std::string Subject(const Comparison& comparison, bool zh) {
  const std::string metric = Printable(comparison.metric);
  const std::string variant = Printable(comparison.variant);
  return zh ? absl::StrCat(variant, " 的 ", metric, "：")
            : absl::StrCat(metric, " of ", variant, ": ");
}

// Whether the look stopped the question: the same comparison of z with its bound as the p-value's.
bool Crossed(const Judgement& judged) {
  const double z = judged.alternative == "two_sided" ? std::fabs(judged.look->z) : judged.look->z;
  return z >= judged.look->z_bound;
}

}  // namespace

std::string LookSentence(const Comparison& comparison, Language language) {
  if (!comparison.judged || !comparison.judged->look) return "";
  const Judgement& judged = *comparison.judged;
  const Judgement::Look& look = *judged.look;
  const bool zh = language == Language::kChinese;
  std::string text = Subject(comparison, zh);
  if (look.number == 0) {
    return text +
           (zh ? absl::StrCat("尚未到首次计划查看，首次在第 ", look.next_day, " 天结束时。")
               : absl::StrCat("no planned look has come yet; the first is at the end of day ",
                              look.next_day, "."));
  }
  text += zh ? absl::StrCat("计划的 ", look.of, " 次查看中的第 ", look.number, " 次（第 ", look.day,
                            " 天结束时）")
             : absl::StrCat("look ", look.number, " of ", look.of, ", at the end of day ", look.day,
                            ", ");
  if (!judged.p_value.value) {
    const std::string why = SayReason(judged.p_value.reason, language);
    text += zh ? absl::StrCat("无法判定（", why, "）") : absl::StrCat("could not tell (", why, ")");
  } else if (zh) {
    text += absl::StrFormat("效应%s本次查看的界限：z = %.3f，界限 %.3f",
                            Crossed(judged) ? "越过了" : "没有越过", look.z, look.z_bound);
  } else {
    text += absl::StrFormat("the effect %s this look's bound: z = %.3f against %.3f",
                            Crossed(judged) ? "crossed" : "did not cross", look.z, look.z_bound);
  }
  if (look.next_day > 0) {
    text += zh ? absl::StrCat("；下一次在第 ", look.next_day, " 天结束时")
               : absl::StrCat("; the next is at the end of day ", look.next_day);
  } else {
    text += zh ? "；这是最后一次" : "; it was the last";
  }
  return text + (zh ? "。" : ".");
}

std::string OutlookSentence(const Comparison& comparison, const Plan& plan, Language language) {
  if (!comparison.outlook) return "";
  const Outlook& outlook = *comparison.outlook;
  const bool zh = language == Language::kChinese;
  std::string text = Subject(comparison, zh);
  // A plan without an effect asks for no power.
  if (outlook.power_now.reason == "no_planned_effect") return "";
  if (!outlook.power_now.value) {
    const std::string why = SayReason(outlook.power_now.reason, language);
    return text + (zh ? absl::StrCat("无法给出把握（", why, "）。")
                      : absl::StrCat("no power can be given (", why, ")."));
  }
  const std::string now = Percent(*outlook.power_now.value);
  text +=
      zh ? absl::StrCat("若计划的效应为真，现有数据发现它的概率为 ", now, "（功效）")
         : absl::StrCat("if the planned effect is true, the data so far find it with a chance of ",
                        now, " (power)");
  if (outlook.conditional_power.value) {
    const std::string end = Percent(*outlook.conditional_power.value);
    text += zh ? absl::StrCat("；结合已有结果，到计划结束时证明它的概率为 ", end, "（条件功效）")
               : absl::StrCat("; given what they show, it is shown by the planned end with ", end,
                              " (conditional power)");
  }
  if (outlook.units_needed.value) {
    const std::string units = Count(static_cast<std::int64_t>(*outlook.units_needed.value));
    const std::string power = Percent(plan.power);
    text += zh ? absl::StrCat("；要达到 ", power, " 需两组共 ", units, " 个样本")
               : absl::StrCat("; ", power, " take ", units, " units of both variants");
  }
  return text + (zh ? "。" : ".");
}

}  // namespace upswing::report
