#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/analysis/result.hpp"
#include "server/analysis/unit_sample.hpp"
#include "server/report/plan.hpp"
#include "server/report/result.hpp"

namespace upswing::report {

/// Another experiment that the same units are in.
struct OtherExperiment {
  std::string key;
  std::vector<std::string> variants;              ///< The first is the control.
  std::vector<analysis::UnitSample::Unit> units;  ///< `variant` indexes `variants`; ascending keys.
};

struct UnitCheckInput {
  const analysis::ExperimentSpec* spec = nullptr;
  const analysis::UnitSample* sample = nullptr;
  std::string control;
  const Plan* plan = nullptr;
  std::vector<OtherExperiment> others;
  int splits = 200;        ///< Of each negative control.
  std::uint64_t seed = 1;  ///< Of the negative controls' salts.
};

/// Days since the exposure whose effects are compared: as many, up to 28, as at least half of the
/// units have behind them; 0 if these are fewer than 3.
int AgesToCompare(const analysis::AnalysisResult& result);

/// What the values of single units say about the numbers of the report. Pure, and slow: a second
/// for a million units and five metrics.
UnitChecks CheckUnits(const UnitCheckInput& input);

/// Puts the checks into the report's health.
void AddUnitChecks(const UnitChecks& checks, Report* report);

}  // namespace upswing::report
