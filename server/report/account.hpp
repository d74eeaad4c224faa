#pragma once

#include <vector>

#include "server/report/judgement.hpp"

namespace upswing::report {

/// A comparison and the question that it answers.
struct Asked {
  Comparison* comparison = nullptr;
  const Question* question = nullptr;
  const PlannedQuestion* planned = nullptr;  ///< Null where the plan does not ask.
};

/// Corrects all questions of the report in one account: p-values, the intervals
/// that agree with them, and, for anytime results, e-values by e-BH.
///
///  - The primary metric over its variants: Holm.
///  - Secondary metrics and those outside the plan, over metrics and variants:
///  as the plan says.
///  - Guardrails: each by itself, since all of them must hold for a variant to
///  ship.
///  - Segments, over metrics, variants and segments: Benjamini-Hochberg;
///  exploratory.
///
/// Looks: fixed plans are read once, at the planned end; anytime p-values and
/// e-BH hold at every look, so that looks cost nothing more. What the plan judges
/// is corrected by its own p-values; where it may be looked at more than once,
/// Benjamini-Yekutieli takes the place of Benjamini-Hochberg, which needs to know
/// how the questions depend on each other.
Account Correct(const Plan& plan, const std::vector<Asked>& main,
                const std::vector<Asked>& segments, statistics::BoundsCache* cache);

}  // namespace upswing::report
