#pragma once

#include <optional>
#include <string>
#include <vector>

namespace upswing::report {

/// What the experiment's plan says about judging it: DESIGN section 8, `plan`.
struct Plan {
  std::string primary;
  std::vector<std::string> secondary;
  struct Guardrail {
    std::string metric;
    std::optional<double> relative_margin;
    std::optional<double> absolute_margin;
  };
  std::vector<Guardrail> guardrails;
  double alpha = 0.05;            ///< In (0, 1).
  std::string correction = "bh";  ///< Over the secondary metrics: none, bonferroni, holm, bh.
  bool anytime = false;           ///< Decisions may be taken at any look: the anytime
                                  ///< intervals count.
  bool ended = false;             ///< The experiment was stopped, or its planned end has come.
  double min_days = 0;
};

}  // namespace upswing::report
