#include "server/analysis/analyze.hpp"

#include "server/analysis/run.hpp"

namespace upswing::analysis {

absl::StatusOr<AnalysisResult> Analyze(const store::RecordSource& source,
                                       const ExperimentSpec& spec, const AnalysisOptions& options) {
  absl::StatusOr<std::unique_ptr<Analysis>> analysis = Analysis::Create(&source, spec, options);
  if (!analysis.ok()) return analysis.status();
  if (absl::Status status = (*analysis)->Prepare(); !status.ok()) return status;
  const absl::StatusOr<PassState> state = (*analysis)->Pass(nullptr);
  if (!state.ok()) return state.status();
  return (*analysis)->Result(*state);
}

}  // namespace upswing::analysis
