#include "server/report/account.hpp"

#include <cmath>

#include "server/statistics/multiple_testing.hpp"

namespace upswing::report {
namespace {

statistics::Correction CorrectionOf(const std::string& name) {
  if (name == "none") return statistics::Correction::kNone;
  if (name == "bonferroni") return statistics::Correction::kBonferroni;
  if (name == "holm") return statistics::Correction::kHolm;
  return statistics::Correction::kBenjaminiHochberg;
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
                const std::vector<Asked>& segments) {
  std::vector<Asked> primary, others, guardrails;
  for (const Asked& one : main) {
    const std::string& role = one.comparison->role;
    (role == "primary" ? primary : role == "guardrail" ? guardrails : others).push_back(one);
  }
  Account account;
  account.alpha = plan.alpha;
  account.looks = plan.anytime ? "anytime" : "fixed";
  const auto add = [&](const char* name, const std::string& correction,
                       const std::vector<Asked>& asked) {
    if (!asked.empty())
      account.families.push_back(CorrectFamily(name, correction, plan.alpha, asked));
  };
  add("primary", "holm", primary);
  add("guardrails", "none", guardrails);
  add("secondary", plan.correction, others);
  add("segments", "bh", segments);
  return account;
}

}  // namespace upswing::report
