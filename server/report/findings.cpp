// What health checks found, in the languages of the domain's teams. Checks write English; the other
// languages are looked up by its pattern, so that a check is written once and its terms (names,
// counts) pass through untouched.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/report/words.hpp"

namespace upswing::report {
namespace {

// {0}, {1}, ... stand for the terms, in this order in the English text.
struct Finding {
  std::string_view en;
  std::string_view zh;
};

constexpr Finding kFindings[] = {
    {"the units of the variants fit the planned weights", "各组单位数与计划权重一致"},
    {"{0} has {1} units where {2} were planned (p = {3})",
     "{0} 有 {1} 个单位，计划应为 {2} 个（p = {3}）"},
    {"few units saw several variants, equally many from each",
     "进入多个组的单位很少，且各组比例相同"},
    {"{0} of the units saw several variants; more than {1} is a defect of the assignment",
     "{0} 的单位进入了多个组；超过 {1} 说明分流有缺陷"},
    {"units of some variants are left out more often than others' (p = {0})",
     "部分组的单位被剔除得比其他组多（p = {0}）"},
    {"damaged data was left out: {0}; run `upswing store verify`",
     "有损坏的数据未计入：{0}；请运行 `upswing store verify`"},
    {"{0} exposures name a variant that the experiment does not have",
     "{0} 条曝光记录的分组不属于本实验"},
    {"at no day so far did the units leave the planned weights", "至今没有一天偏离计划权重"},
    {"the split left the plan for good by {0}", "分流自 {0} 起持续偏离计划"},
    {"the split left the plan", "分流偏离了计划"},
    {"every day's units fit the planned weights", "每天的单位数都与计划权重一致"},
    {"every segment's units fit the planned weights", "每个人群的单位数都与计划权重一致"},
    {"{0}: control's share is {1} off the plan among {2} units",
     "{0}：在 {2} 个单位中，对照组占比偏离计划 {1}"},
    {"the variants were alike before the exposure", "曝光之前各组没有差异"},
    {"{0} of {1} differed from control already before the exposure; its CUPED numbers must not be "
     "used",
     "{1} 的 {0} 在曝光之前就与对照组不同；不得使用其 CUPED 数字"},
    {"the daily effect on {0} of {1} has no trend", "{1} 对 {0} 的逐日效应没有趋势"},
    {"the daily effect on {0} of {1} went from {2} to {3}; the average says little about the "
     "future",
     "{1} 对 {0} 的逐日效应从 {2} 变为 {3}；平均值难以代表将来"},
    {"{0} units were erased, evenly over the variants", "已擦除 {0} 个单位，各组均匀"},
    {"{0} units were erased, of some variants more than of others",
     "已擦除 {0} 个单位，各组不均匀"},
    {"the cap of {0} takes away {1} of the sum of {2}", "上限 {0} 去掉了 {2} 总和的 {1}"},
    {"{0} of {1} exposures that were re-evaluated since the server started name another variant "
     "than the catalog gives the unit",
     "服务器启动以来复核的 {1} 条曝光中，有 {0} 条的分组与目录给出的不同"},
    {"the split left the weights of its phases", "分流偏离了各阶段的权重"},
    {"clients lost {0} of the exposures, of each variant alike",
     "客户端丢失了 {0} 的曝光，各组相同"},
    {"clients lost {0} of the exposures, of some variants more than of others (p = {1})",
     "客户端丢失了 {0} 的曝光，各组不同（p = {1}）"},
    {"clients lost {0} of the exposures", "客户端丢失了 {0} 的曝光"},
    {"clients lost {0} of the metrics' events, most of \"{1}\"",
     "客户端丢失了 {0} 的指标事件，最多的是“{1}”"},
    {"there are too few units to split again", "单位太少，无法再次随机划分"},
    {"splits at random of the same units spread as the standard errors say",
     "对相同单位的随机划分，其离散程度与标准误一致"},
    {"in {0} splits at random the variance of {1} is {2} times what its standard error says",
     "在 {0} 次随机划分中，{1} 的方差是标准误所示的 {2} 倍"},
    {"one unit of an arm carries the effect on {0} of {1}: without the farthest of each it is {2} "
     "(p "
     "= {3}) instead of {4} (p = {5})",
     "{1} 对 {0} 的效应由个别单位主导：去掉各组最远的单位后为 {2}（p = {3}），原为 {4}（p = {5}）"},
    {"the effect on {0} of {1} does not change with the days since the exposure",
     "{1} 对 {0} 的效应不随曝光后的天数变化"},
    {"the effect on {0} of {1} wears off (novelty): {2} on the first day after the exposure, {3} "
     "on "
     "day {4}",
     "{1} 对 {0} 的效应逐渐消退（新奇效应）：曝光后第一天为 {2}，第 {4} 天为 {3}"},
    {"the effect on {0} of {1} grows (primacy): {2} on the first day after the exposure, {3} on "
     "day "
     "{4}",
     "{1} 对 {0} 的效应逐渐增强（学习效应）：曝光后第一天为 {2}，第 {4} 天为 {3}"},
    {"no effect depends on the variant of another experiment", "没有效应取决于其他实验的分组"},
    {"the effect on {0} of {1} depends on {2}: it differs by {3} between {4} and its control",
     "{1} 对 {0} 的效应取决于 {2}：在 {4} 与其对照组之间相差 {3}"},
};

// How a finding from a part of the units ends.
constexpr std::string_view kSample = " (a sample of ";
constexpr std::string_view kSampleEnd = " units)";

// The terms of `text` if it is the pattern with something in each place.
std::optional<std::vector<std::string_view>> Match(std::string_view pattern,
                                                   std::string_view text) {
  std::vector<std::string_view> terms;
  for (;;) {
    const std::size_t place = pattern.find('{');
    if (text.substr(0, place) != pattern.substr(0, place)) return std::nullopt;
    if (place == std::string_view::npos) return terms;
    text.remove_prefix(place);
    pattern.remove_prefix(place + 3);
    // The term ends where the pattern goes on; the last one ends with the text.
    const std::string_view next = pattern.substr(0, pattern.find('{'));
    const std::size_t end =
        next.size() == pattern.size()
            ? (text.ends_with(next) ? text.size() - next.size() : std::string_view::npos)
            : text.find(next);
    if (end == std::string_view::npos || end == 0) return std::nullopt;
    terms.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

}  // namespace

std::string FillIn(std::string_view pattern, const std::vector<std::string_view>& terms) {
  // Written in one pass, so that a name that looks like a placeholder stays a name.
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool place = pattern[i] == '{' && i + 2 < pattern.size() && pattern[i + 2] == '}';
    if (!place) {
      text += pattern[i];
      continue;
    }
    const auto term = static_cast<std::size_t>(pattern[i + 1] - '0');
    if (term < terms.size()) text += terms[term];
    i += 2;
  }
  return text;
}

std::string SayFinding(std::string_view detail, Language language) {
  if (language == Language::kEnglish) return std::string(detail);
  if (const std::size_t sample = detail.rfind(kSample);
      sample != std::string_view::npos && detail.ends_with(kSampleEnd)) {
    const std::size_t from = sample + kSample.size();
    return absl::StrCat(SayFinding(detail.substr(0, sample), language), "（抽样 ",
                        std::string(detail.substr(from, detail.size() - kSampleEnd.size() - from)),
                        " 个单位）");
  }
  for (const Finding& finding : kFindings) {
    if (const auto terms = Match(finding.en, detail)) return FillIn(finding.zh, *terms);
  }
  return std::string(detail);
}

}  // namespace upswing::report
