#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "server/analysis/analyze.hpp"

namespace upswing::analysis {

/// Analyses of live experiments, asked for again and again: like `Analyze`, to the last bit, but
/// with only those units recomputed that new records, an erasure, an expiry or the later time of
/// asking touch. What they added before is taken out of the sums again, exactly, so nothing has to
/// be kept per unit: their earlier records are read again from the earlier snapshot.
///
/// Starts anew when what all units are counted by has changed: the spec (but for `as_of_ms`), a cap
/// or a quantile, the first of the days; for specs with a fallback unit; when the earlier snapshot
/// can no longer be read (after an erasure or expiry, or because the store needed the room); and
/// when much of the data is new. Thread-safe; two calls for one experiment take turns.
class ResultCache {
 public:
  /// Remembers the results of this many experiments, those last asked for: some 100 KiB each (more
  /// with many segments), and a snapshot of the store, which may hold landed batches in memory.
  /// `most_changed`: the share of rows in new or replaced chunks from which starting anew is taken
  /// to be quicker.
  explicit ResultCache(std::size_t entries = 8, double most_changed = 0.25)
      : most_(entries), most_changed_(most_changed) {}
  ~ResultCache();

  /// Errors as of `Analyze`. All snapshots given to one cache must be of one store.
  absl::StatusOr<AnalysisResult> Analyze(std::shared_ptr<const store::RecordSource> source,
                                         const ExperimentSpec& spec,
                                         const AnalysisOptions& options = {});

  struct Stats {
    std::int64_t cold = 0;       ///< Analyses from all records.
    std::int64_t refreshed = 0;  ///< Analyses from what changed,
    std::int64_t units = 0;      ///< and the units recomputed for them.
  };
  Stats stats() const;

 private:
  struct Entry;
  std::shared_ptr<Entry> Find(const ExperimentSpec& spec);

  const std::size_t most_;
  const double most_changed_;
  mutable std::mutex mutex_;
  std::list<std::shared_ptr<Entry>> entries_;  // guarded by mutex_; the one last asked for first
  Stats stats_;                                // guarded by mutex_
};

}  // namespace upswing::analysis
