// The words of all reports, in the languages of the domain's teams.
#include <cmath>
#include <iterator>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "server/report/words.hpp"

namespace upswing::report {
namespace {

struct Phrase {
  std::string_view en;
  std::string_view zh;
  std::string_view In(Language language) const { return language == Language::kChinese ? zh : en; }
};

// In the order of `Word`.
constexpr Phrase kWords[] = {
    {"Experiment report", "实验报告"},
    {"iteration", "迭代"},
    {"as of", "数据截至"},
    {"control", "对照组"},
    {"units", "样本数"},
    {"records", "条记录"},
    {"Verdict", "结论"},
    {"Health", "数据健康"},
    {"trustworthy", "数据可信"},
    {"not trustworthy", "数据不可信"},
    {"A blocking check failed. The numbers below are complete, but nothing should be concluded "
     "from "
     "them.",
     "有阻断性检查未通过。下面的数字完整列出，但不应据此得出任何结论。"},
    {"Metric", "指标"},
    {"Variant", "实验组"},
    {"Mean", "均值"},
    {"Lift", "提升"},
    {"interval", "置信区间"},
    {"corrected", "校正后"},
    {"valid at any look", "任意时刻有效"},
    {"fixed horizon", "固定时长"},
    {"Chance to win", "获胜概率"},
    {"Shrunken lift", "收缩后提升"},
    {"p-value", "p 值"},
    {"CUPED", "CUPED"},
    {"raw", "原始"},
    {"Detectable", "可检出提升"},
    {"still open", "窗口未结束"},
    {"What changed", "变化一览"},
    {"Lift over control. Thick bar: fixed horizon; thin line: valid at any look.",
     "相对对照组的提升。粗线：固定时长区间；细线：任意时刻有效的区间。"},
    {"Lift over time", "提升随时间变化"},
    {"All data up to the end of each day. The shaded band is valid at any look.",
     "截至每天结束的全部数据。阴影带在任意时刻均有效。"},
    {"Funnel", "漏斗"},
    {"Share of the exposed units that reached each step.", "曝光单位到达每一步的比例。"},
    {"Segments", "细分人群"},
    {"Exploratory: found by looking at many groups; confirm in an experiment of its own.",
     "探索性结果：来自对多个分组的查看，请用单独的实验确认。"},
    {"All numbers", "全部数字"},
    {"Day by day", "每日"},
    {"Variants", "各组"},
    {"planned", "计划"},
    {"Share", "占比"},
    {"Check", "检查项"},
    {"Severity", "级别"},
    {"Finding", "说明"},
    {"blocks", "阻断"},
    {"warns", "警告"},
    {"ok", "通过"},
    {"Account of questions", "检验账目"},
    {"How many questions were asked of these data, and how they are corrected for each other.",
     "对这些数据提出了多少个问题，以及如何相互校正。"},
    {"Questions", "问题数"},
    {"Discoveries", "显著数"},
    {"Correction", "校正方法"},
    {"primary", "主要指标"},
    {"secondary", "次要指标"},
    {"guardrail", "护栏指标"},
    {"guardrails", "护栏指标"},
    {"not in the plan", "计划外"},
    {"left out, seen in several variants", "因进入多个组而剔除"},
    {"forced", "强制分组"},
    {"events without unit", "无单位的事件"},
    {"erased", "已擦除"},
    {"Difference between segments", "人群间差异"},
    {"the variants part here", "从这一步开始分化"},
    {"Where the split is off", "流量偏差位置"},
    {"New units per day", "每日新增样本"},
    {"Method", "方法"},
    {"With all units, by the first variant seen", "按首次进入的组计入全部单位"},
    {"exploratory", "探索性"},
    {"Looks: one, at the planned end.", "查看次数：仅在计划结束时一次。"},
    {"Looks: any number; anytime results stay valid.", "查看次数：不限；任意时刻结果始终有效。"},
    {"Looks: those of the plan (group sequential).", "查看次数：按计划（成组序贯）。"},
    {"Trend by day", "每日趋势"},
    {"no data", "暂无数据"},
    {"How the plan judges", "按计划如何评判"},
    {"The plan's own tests, which the verdict reads: its looks, direction, margin and covariates.",
     "计划自身的检验，也是结论所依据的：计划的查看时间、方向、允许损失与协变量。"},
    {"Test", "检验"},
    {"two-sided", "双侧"},
    {"one-sided: higher", "单侧：更高"},
    {"one-sided: lower", "单侧：更低"},
    {"planned looks", "计划内查看"},
    {"margin", "允许损失"},
    {"Look", "查看"},
    {"z, bound", "z，界限"},
    {"Error spent", "已用误差"},
    {"Next look, day", "下次查看（天）"},
    {"What more data would bring", "更多数据能带来什么"},
    {"Planned effect", "计划效应"},
    {"Power now", "当前功效"},
    {"Units needed", "所需样本数"},
    {"Share of the planned length", "占计划时长"},
    {"Conditional power", "条件功效"},
    {"From decision to record", "从决策到记录"},
    {"Counted by the clients. They count decisions, not units, and one unit decides many times: "
     "the first column is shown and not tested. What is lost after it is tested, and so are the "
     "units that arrived.",
     "由客户端计数。客户端统计的是决策次数而非样本，同一样本会多次决策：第一列仅展示，不做检验；其"
     "后的丢失与到达的样本均有检验。"},
    {"Decisions", "决策次数"},
    {"New exposures", "新曝光"},
    {"Queued", "已入队"},
    {"Lost", "丢失"},
    {"Units that arrived", "到达的样本"},
    {"Checks of single units", "逐样本检查"},
    {"Splits at random", "随机划分"},
    {"The same units are split again and again at random, so that nothing can differ: the "
     "differences must spread as the standard errors say (ratio 1), with 5 % of them beyond 1.96 "
     "standard errors.",
     "对相同样本反复随机划分，两边不可能有差异：差异的离散程度应与标准误一致（比值为 1），并有 5 % "
     "超过 1.96 个标准误。"},
    {"Splits", "划分次数"},
    {"Beyond 1.96", "超过 1.96"},
    {"Variance over the formula's", "方差与公式之比"},
    {"Without one unit", "去掉个别样本"},
    {"The difference without the unit of each arm that is farthest from its mean.",
     "去掉各组中离均值最远的一个样本之后的差异。"},
    {"All units", "全部样本"},
    {"Without it", "去掉之后"},
    {"Effect by day since the exposure", "曝光后逐日效应"},
    {"The same units on every day, so that only the effect can change: novelty wears off, a habit "
     "grows.",
     "每天都是同一批样本，因此变化只来自效应：新奇感会消退，习惯会养成。"},
    {"Change per day", "每日变化"},
    {"With other experiments", "与其他实验"},
    {"How much the effect differs between a variant of the other experiment and its control.",
     "另一实验的实验组与其对照组之间，效应相差多少。"},
    {"Other experiment", "其他实验"},
    {"Effect differs by", "效应相差"},
    {"p, independent splits", "p（分流独立）"},
};
static_assert(std::size(kWords) == static_cast<std::size_t>(Word::kAssignmentP) + 1);

struct Named {
  std::string_view name;
  Phrase phrase;
};

constexpr Named kActions[] = {
    {"ship", {"Ship it", "建议上线"}},
    {"keep_running", {"Keep it running", "继续运行"}},
    {"stop_harm", {"Stop: harm", "停止：有害"}},
    {"stop_futile", {"Stop: futile", "停止：无望"}},
    {"blocked_unhealthy", {"Blocked: unhealthy", "已阻断：数据异常"}},
};

constexpr Named kReasons[] = {
    {"not_enough_data", {"not enough data", "数据不足"}},
    {"zero_variance", {"no variation", "无变异"}},
    {"control_mean_near_zero", {"control is too close to 0", "对照组均值接近 0"}},
    {"mean_not_positive", {"mean is not positive", "均值不为正"}},
    {"zero_denominator", {"denominator is 0", "分母为 0"}},
    {"non_finite_input", {"a value is not a number", "存在非数值"}},
    {"covariate_constant", {"covariate does not vary", "协变量无变异"}},
    {"quantile_not_identified", {"quantile is not identified", "分位数无法确定"}},
    {"not_supported", {"not supported", "不支持"}},
    {"not_significant", {"not significant", "不显著"}},
    {"open_window", {"window is open", "统计窗口未关闭"}},
    {"window_not_complete", {"window is not complete", "统计窗口未完成"}},
    {"only_between_variants", {"only between variants", "仅组间有值"}},
    {"not_applicable", {"not applicable", "不适用"}},
    {"before_first_look", {"before the first planned look", "尚未到首次计划查看"}},
    {"not_valid_before_the_end", {"not valid before the end", "结束前无效"}},
    {"no_planned_effect", {"the plan names no effect", "计划未写明效应"}},
    {"no_planned_end", {"the plan names no end", "计划未写明结束时间"}},
    {"weights_changed", {"the weights changed", "权重有变化"}},
    {"out_of_range", {"out of range", "超出范围"}},
    {"planned_end_reached", {"the planned end has come", "已到计划结束时间"}},
};

constexpr Named kChecks[] = {
    {"srm", {"Sample ratio", "样本比例"}},
    {"srm_sequential", {"Sample ratio, every day", "样本比例（逐日）"}},
    {"srm_segments", {"Sample ratio by segment", "样本比例（分人群）"}},
    {"srm_over_time", {"Sample ratio over time", "样本比例（随时间）"}},
    {"crossovers", {"Units in several variants", "跨组单位"}},
    {"erasures", {"Erased units", "已擦除单位"}},
    {"pre_period", {"Before the exposure", "曝光前平衡"}},
    {"effect_over_time", {"Effect over time", "效应随时间"}},
    {"winsorising", {"Capped values", "截尾"}},
    {"losses", {"Exposures lost on devices", "设备端丢失的曝光"}},
    {"lost_events", {"Events lost on devices", "设备端丢失的事件"}},
    {"negative_controls", {"Negative controls", "阴性对照"}},
    {"outlier", {"One unit carries the effect", "单个样本主导效应"}},
    {"effect_by_age", {"Effect by day since the exposure", "效应随曝光后天数"}},
    {"interaction", {"Interaction with another experiment", "与其他实验的交互"}},
    {"logged_variant", {"Logged variant", "上报分组核对"}},
    {"unreadable_data", {"Damaged data", "数据损坏"}},
    {"unknown_variants", {"Unknown variants", "未知分组"}},
};

// {0}, {1}, ... are the decision's terms.
constexpr Named kCauses[] = {
    {"unhealthy",
     {"The numbers cannot be trusted until this is resolved: {0}",
      "在解决以下问题前数据不可信：{0}"}},
    {"primary_harm", {"{0} got worse: {1} {2}.", "{0} 变差：{1} {2}。"}},
    {"guardrail_harm",
     {"The guardrail {0} lost more than its margin of {1}: {2}.",
      "护栏指标 {0} 的损失超过允许的 {1}：{2}。"}},
    {"too_early",
     {"Day {0} of the at least {1} that the plan asks for.", "第 {0} 天，计划要求至少 {1} 天。"}},
    {"too_few",
     {"{0} units of the at least {1} that the plan asks for.",
      "已有 {0} 个样本，计划要求至少 {1} 个。"}},
    {"undefined", {"{0} is not defined yet: {1}.", "{0} 暂无定义：{1}。"}},
    {"guardrail_undefined",
     {"{0} got better, but the guardrail {1} is not defined yet: {2}.",
      "{0} 变好，但护栏指标 {1} 暂无定义：{2}。"}},
    {"guardrail_open",
     {"{0} got better, but the guardrail {1} is not yet shown to lose less than its margin of {2}: "
      "{3}.",
      "{0} 变好，但尚不能证明护栏指标 {1} 的损失小于允许的 {2}：{3}。"}},
    {"gain", {"{0} got better: {1} {2}.", "{0} 变好：{1} {2}，护栏指标均未受损。"}},
    {"not_inferior",
     {"{0} is shown to lose less than its margin of {1}: {2} {3}.",
      "已证明 {0} 的损失小于允许的 {1}：{2} {3}。"}},
    {"not_shown",
     {"The plan is complete and {0} is not shown to lose less than its margin of {1}: {2}.",
      "计划已完成，但未能证明 {0} 的损失小于允许的 {1}：{2}。"}},
    {"no_gain",
     {"The plan is complete and {0} shows no gain: {1}.", "计划已完成，{0} 没有收益：{1}。"}},
    {"futile",
     {"Even if the planned effect on {0} is true, the chance to show it by the end is only {1}.",
      "即使 {0} 的计划效应为真，到结束时证明它的概率也只有 {1}。"}},
    {"not_at_end",
     {"{0} looks better ({1}), but this plan is judged at its end, not before.",
      "{0} 看起来更好（{1}），但按计划只在结束时评判。"}},
    {"unclear", {"No clear effect on {0} yet: {1}.", "{0} 尚无明确效应：{1}。"}},
    {"no_primary",
     {"The plan names no primary metric, so there is no verdict; the numbers are below.",
      "计划未指定主要指标，因此没有结论；数字见下。"}},
    {"nothing",
     {"There is nothing to compare with the control yet.", "目前没有可与对照组比较的数据。"}},
};

template <std::size_t N>
const Phrase* Find(const Named (&table)[N], std::string_view name) {
  for (const Named& row : table) {
    if (row.name == name) return &row.phrase;
  }
  return nullptr;
}

// How often chance alone does this, from a p-value: "1 of 70".
std::string Odds(double p, Language language) {
  const bool zh = language == Language::kChinese;
  if (p >= 0.1)
    return zh ? absl::StrFormat("每 100 次中 %.0f 次", p * 100)
              : absl::StrFormat("%.0f of 100", p * 100);
  if (p < 1e-6) return zh ? "每一百万次中不到 1 次" : "fewer than 1 of a million";
  const double one_in = 1 / p;
  const double step = std::pow(10, std::floor(std::log10(one_in)) - 1);
  const std::string count = Count(std::llround(std::round(one_in / step) * step));
  return zh ? absl::StrCat("每 ", count, " 次中 1 次") : absl::StrCat("1 of ", count);
}

}  // namespace

std::string_view Say(Word word, Language language) {
  return kWords[static_cast<std::size_t>(word)].In(language);
}

std::string_view SayAction(std::string_view action, Language language) {
  const Phrase* phrase = Find(kActions, action);
  return phrase == nullptr ? action : phrase->In(language);
}

std::string SayReason(std::string_view reason, Language language) {
  const Phrase* phrase = Find(kReasons, reason);
  return std::string(phrase == nullptr ? reason : phrase->In(language));
}

std::string SayCheck(std::string_view name, Language language) {
  const Phrase* phrase = Find(kChecks, name);
  return std::string(phrase == nullptr ? name : phrase->In(language));
}

std::string ReasonOf(const Decision& decision, Language language) {
  const Phrase* phrase = Find(kCauses, decision.cause);
  if (language == Language::kEnglish || phrase == nullptr) return decision.reason;
  std::vector<std::string_view> terms(decision.terms.begin(), decision.terms.end());
  // The term of an unhealthy decision is "check: what it found".
  std::string finding;
  if (const std::size_t colon = terms.empty() ? std::string_view::npos : terms[0].find(": ");
      decision.cause == "unhealthy" && colon != std::string_view::npos) {
    finding = absl::StrCat(SayCheck(terms[0].substr(0, colon), language), "：",
                           SayFinding(terms[0].substr(colon + 2), language));
    terms[0] = finding;
  }
  return FillIn(phrase->In(language), terms);
}

std::string Sentence(const Comparison& comparison, Language language) {
  const bool zh = language == Language::kChinese;
  const Interval& lift = comparison.relative;
  const std::string metric = Printable(comparison.metric);
  const std::string variant = Printable(comparison.variant);
  const std::string subject =
      zh ? absl::StrCat(variant, " 的 ", metric, " ") : absl::StrCat(metric, " of ", variant, " ");
  if (!lift.estimate.value) {
    if (!comparison.absolute.estimate.value) {
      const std::string why = SayReason(comparison.absolute.estimate.reason, language);
      return zh ? absl::StrCat(subject, "暂无定义（", why, "）。")
                : absl::StrCat(metric, " of ", variant, ": not defined (", why, ").");
    }
    const Interval& absolute = comparison.absolute;
    const std::string range =
        !absolute.low || !absolute.high
            ? ""
            : absl::StrCat(zh ? "（" : " (", Number(*absolute.low), zh ? " 至 " : " to ",
                           Number(*absolute.high), zh ? "）" : ")");
    const std::string why = SayReason(lift.estimate.reason, language);
    return zh ? absl::StrCat(subject, "相差 ", Number(*absolute.estimate.value), range,
                             "；无法给出相对提升（", why, "）。")
              : absl::StrCat(subject, "differs by ", Number(*absolute.estimate.value), range,
                             "; no relative lift (", why, ").");
  }
  const double estimate = *lift.estimate.value;
  const std::string range = PercentRange(lift, language);
  std::string sentence = subject;
  absl::StrAppend(&sentence, estimate < 0 ? (zh ? "下降 " : "fell ") : (zh ? "上升 " : "rose "),
                  Percent(std::fabs(estimate)));
  if (!range.empty()) absl::StrAppend(&sentence, zh ? "（" : " (", range, zh ? "）" : ")");
  if (comparison.p_value.value) {
    const std::string odds = Odds(*comparison.p_value.value, language);
    absl::StrAppend(
        &sentence,
        zh ? "；仅凭偶然，A/A 测试中" : "; by chance alone a result like this comes up in ", odds,
        zh ? "会出现这样的结果" : " A/A tests");
  }
  return sentence + (zh ? "。" : ".");
}

}  // namespace upswing::report
