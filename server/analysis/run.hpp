#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/analysis/analyze.hpp"
#include "server/analysis/shard_pass.hpp"

namespace upswing::analysis {

/// One analysis, step by step: what `Analyze` does in one go and `ResultCache` in parts.
class Analysis {
 public:
  /// Errors as of `Analyze`. `source` outlives this.
  static absl::StatusOr<std::unique_ptr<Analysis>> Create(const store::RecordSource* source,
                                                          const ExperimentSpec& spec,
                                                          const AnalysisOptions& options);

  /// Finds what units are counted by: the days, fallback units, caps and quantiles.
  absl::Status Prepare();

  /// What all units add up to or, with `only` (ascending unit numbers, by shard), these alone.
  absl::StatusOr<PassState> Pass(const std::vector<std::vector<std::uint32_t>>* only) const;

  /// The units with keys up to `last_key`, one by one, and their first `ages` days; see
  /// `UnitSample`.
  absl::StatusOr<SampledRows> Sample(std::uint64_t last_key, int ages) const;

  absl::StatusOr<AnalysisResult> Result(const PassState& state) const;

  /// True if a unit with the same records adds the same to both, but for windows that closed after
  /// the last day of `other`: they were prepared alike, and this has all days of `other`.
  bool CountsLike(const Analysis& other) const;

  const store::RecordSource& source() const { return source_; }
  const Plan& plan() const { return plan_; }
  const ExperimentSpec& spec() const { return spec_; }
  const Calendar& calendar() const { return *calendar_; }
  int threads() const { return options_.threads; }

 private:
  Analysis(const store::RecordSource* source, const ExperimentSpec& spec,
           const AnalysisOptions& options)
      : source_(*source), spec_(spec), options_(options) {}
  absl::Status FindAllFallbacks();
  absl::Status FindPooled();
  absl::Status RunSearch(Search* search) const;
  absl::StatusOr<PassState> PassReduced() const;
  PassOptions OptionsOfPass() const;
  std::int64_t BytesToRead(const std::vector<bool>* metrics) const;
  absl::StatusOr<PassState> RunShards(const Search* search,
                                      const std::vector<std::vector<std::uint32_t>>* only,
                                      const SampledRows* sample = nullptr,
                                      const std::vector<bool>* metrics = nullptr) const;
  absl::Status AddClientCounts(AnalysisResult* result) const;
  VariantResult Arm(std::size_t index, const ArmState& arm,
                    const std::vector<std::uint32_t>& phases) const;

  const store::RecordSource& source_;
  const ExperimentSpec spec_;
  const AnalysisOptions options_;
  Plan plan_;
  std::optional<Calendar> calendar_;
  std::optional<std::int64_t> first_exposure_ms_, last_record_ms_;
  std::int64_t history_start_ms_ = 0;
  Pooled pooled_;
  std::vector<bool> frozen_, covariate_frozen_;
  std::vector<std::vector<std::optional<statistics::QuantileSummary>>> quantiles_;
  absl::flat_hash_map<std::uint64_t, std::int64_t> fallback_since_;
};

}  // namespace upswing::analysis
