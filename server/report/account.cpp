#include "server/report/account.hpp"

#include <algorithm>
#include <cmath>

#include "server/statistics/multiple_testing.hpp"

namespace upswing::report {
namespace {

statistics::Correction CorrectionOf(const std::string& name) {
  if (name == "none") return statistics::Correction::kNone;
  if (name == "bonferroni") return statistics::Correction::kBonferroni;
  if (name == "holm") return statistics::Correction::kHolm;
  if (name == "hochberg") return statistics::Correction::kHochberg;
  if (name == "by") return statistics::Correction::kBenjaminiYekutieli;
  return statistics::Correction::kBenjaminiHochberg;
}

// The plan's own p-values, corrected, and the intervals that agree with them.
void CorrectJudgements(const Plan& plan, const std::vector<Asked>& asked,
                       statistics::BoundsCache* cache, Family* family) {
  const bool looks = plan.anytime || plan.group_sequential;
  family->correction_judged = looks && family->correction == "bh" ? "by" : family->correction;
  std::vector<double> p_values;
  for (const Asked& one : asked) {
    if (one.comparison->judged)
      p_values.push_back(one.comparison->judged->p_value.value.value_or(NAN));
  }
  const statistics::Correction method = CorrectionOf(family->correction_judged);
  const auto adjusted = statistics::AdjustPValues(p_values, method);
  const auto levels = statistics::IntervalLevels(p_values, plan.alpha, method);
  std::size_t i = 0;
  for (const Asked& one : asked) {
    if (!one.comparison->judged) continue;
    Judgement& judged = *one.comparison->judged;
    const std::size_t at = i++;
    if (!adjusted.ok() || !levels.ok() || std::isnan((*adjusted)[at])) {
      judged.p_value_adjusted.reason = judged.p_value.reason;
      continue;
    }
    const double p = *judged.p_value.value;
    if ((*levels)[at] > 0 && (*levels)[at] != plan.alpha) {
      judged = Judge(*one.planned, (*levels)[at], cache);
      judged.p_value.value = p;
    }
    judged.p_value_adjusted.value = (*adjusted)[at];
    for (Judgement& other : judged.opposite) {
      // The harm of one variant among several: as if it were the smallest p-value.
      if (other.p_value.value)
        other.p_value_adjusted.value =
            std::min(1.0, *other.p_value.value * plan.alpha / (*levels)[at]);
    }
    family->discoveries_judged += (*adjusted)[at] <= plan.alpha;
  }
}

Family CorrectFamily(const std::string& name, const std::string& correction, double alpha,
                     const std::vector<Asked>& asked) {
  Family family{name, correction};
  std::vector<double> p_values;
  std::vector<double> log_e_values;
  for (const Asked& one : asked) {
    p_values.push_back(one.comparison->p_value.value.value_or(NAN));
    log_e_values.push_back(one.comparison->anytime.log_e_value.value.value_or(NAN));
    ++(std::isnan(p_values.back()) ? family.undefined : family.questions);
  }
  const statistics::Correction method = CorrectionOf(correction);
  const auto adjusted = statistics::AdjustPValues(p_values, method);
  const auto levels = statistics::IntervalLevels(p_values, alpha, method);
  const std::vector<double> by_e = statistics::AdjustEValues(log_e_values);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    Comparison& comparison = *asked[i].comparison;
    comparison.family = name;
    if (adjusted.ok() && !std::isnan((*adjusted)[i])) {
      comparison.p_value_adjusted.value = (*adjusted)[i];
      family.discoveries += (*adjusted)[i] <= alpha;
    }
    if (levels.ok() && !std::isnan((*levels)[i])) {
      comparison.adjusted_confidence = 1 - (*levels)[i];
      if ((*levels)[i] != alpha) AdjustIntervals(*asked[i].question, (*levels)[i], &comparison);
    }
    if (!std::isnan(log_e_values[i])) {
      // Alone, an anytime p-value is at least as good as one from the e-value
      // at this look.
      if (method != statistics::Correction::kNone && asked.size() > 1)
        comparison.anytime.p_value_adjusted.value = by_e[i];
      family.discoveries_anytime += *comparison.anytime.p_value_adjusted.value <= alpha;
    }
  }
  return family;
}

}  // namespace

Account Correct(const Plan& plan, const std::vector<Asked>& main,
                const std::vector<Asked>& segments, statistics::BoundsCache* cache) {
  std::vector<Asked> primary, others, guardrails;
  for (const Asked& one : main) {
    const std::string& role = one.comparison->role;
    (role == "primary" ? primary : role == "guardrail" ? guardrails : others).push_back(one);
  }
  Account account;
  account.alpha = plan.alpha;
  account.looks = plan.anytime ? "anytime" : plan.group_sequential ? "group_sequential" : "fixed";
  const auto add = [&](const char* name, const std::string& correction,
                       const std::vector<Asked>& asked) {
    if (asked.empty()) return;
    account.families.push_back(CorrectFamily(name, correction, plan.alpha, asked));
    CorrectJudgements(plan, asked, cache, &account.families.back());
  };
  add("primary", plan.correction_primary, primary);
  add("guardrails", "none", guardrails);
  add("secondary", plan.correction, others);
  add("segments", plan.correction_segments, segments);
  return account;
}

}  // namespace upswing::report
