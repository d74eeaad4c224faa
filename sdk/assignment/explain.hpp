#pragma once

#include <string>
#include <string_view>

#include "sdk/assignment/evaluate.hpp"
#include "sdk/assignment/trace.hpp"

namespace upswing::assignment {

/// A decision and how it came about.
struct Explanation {
  Decision decision;
  Trace trace;
  /// The trace for people: one line per step, with the values compared. Ids of subjects are not in
  /// it, attribute values are: treat it as you treat the attributes.
  std::string text;
};

/// Decides as `DecideExperiment` and `DecideFlag` do (the same code), and records every step.
/// Allocates; not for the hot path.
Explanation ExplainExperiment(const catalog::View& view, std::string_view key,
                              const Subject& subject, const Environment& environment);
Explanation ExplainFlag(const catalog::View& view, std::string_view key, const Subject& subject,
                        const Environment& environment);

}  // namespace upswing::assignment
