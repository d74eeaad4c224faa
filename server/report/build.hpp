#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/analysis/result.hpp"
#include "server/analysis/spec.hpp"
#include "server/report/result.hpp"

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

/// What a report is made of.
struct Input {
  std::string hypothesis;
  std::string control;  ///< Key of a variant of `spec`.
  Plan plan;
  /// Weights of the variants, in the spec's order, by phase; where weights never changed, empty.
  std::map<std::uint32_t, std::vector<double>> phase_weights;
  const analysis::ExperimentSpec* spec = nullptr;
  const analysis::AnalysisResult* result = nullptr;
};

/// Turns sufficient statistics into a report. Pure. A metric that a method
/// cannot judge has a reason in the place of the number; nothing here fails.
Report Build(const Input& input);

/// Milliseconds since 1970 as "2026-11-22T00:00:00Z", with ".250" where there
/// are milliseconds.
std::string FormatTime(std::int64_t millis);

}  // namespace upswing::report
