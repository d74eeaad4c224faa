#include "server/analysis/cache.hpp"

#include <optional>
#include <utility>

#include "server/analysis/run.hpp"
#include "server/analysis/touched.hpp"

namespace upswing::analysis {
namespace {

/// An analysis and what it found.
struct Known {
  std::shared_ptr<const store::RecordSource> source;
  std::unique_ptr<Analysis> analysis;
  PassState state;
};

// Moves `known` on to `next`; false if that does not work or does not pay.
bool Refresh(const Analysis& next, double most_changed, Known* known, std::int64_t* units) {
  if (!known->state.unreadable.empty() || !next.CountsLike(*known->analysis)) return false;
  const absl::StatusOr<std::optional<Touched>> touched =
      FindTouched(*known->analysis, next, most_changed);
  if (!touched.ok() || !touched->has_value()) return false;
  absl::StatusOr<PassState> before = known->analysis->Pass(&(*touched)->before);
  if (!before.ok() || !before->unreadable.empty()) return false;
  absl::StatusOr<PassState> after = next.Pass(&(*touched)->after);
  if (!after.ok() || !after->unreadable.empty()) return false;
  known->state.Widen(next.calendar().days());
  before->Widen(next.calendar().days());
  known->state.Merge(*std::move(after));
  known->state.Subtract(*before);
  for (const auto& shard : (*touched)->after) *units += static_cast<std::int64_t>(shard.size());
  return true;
}

bool SameButTime(const ExperimentSpec& a, ExperimentSpec b) {
  b.as_of_ms = a.as_of_ms;
  return a == b;
}

}  // namespace

struct ResultCache::Entry {
  ExperimentSpec spec;
  std::mutex mutex;
  std::optional<Known> known;  // guarded by mutex
};

ResultCache::~ResultCache() = default;

std::shared_ptr<ResultCache::Entry> ResultCache::Find(const ExperimentSpec& spec) {
  const std::lock_guard lock(mutex_);
  // A spec that changed replaces what was known of the experiment.
  std::shared_ptr<Entry> found;
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if ((*it)->spec.experiment != spec.experiment) continue;
    found = *it;
    entries_.erase(it);
    break;
  }
  if (found == nullptr || !SameButTime(found->spec, spec)) {
    found = std::make_shared<Entry>();
    found->spec = spec;
  }
  entries_.push_front(found);
  if (entries_.size() > most_) entries_.pop_back();
  return found;
}

absl::StatusOr<AnalysisResult> ResultCache::Analyze(
    std::shared_ptr<const store::RecordSource> source, const ExperimentSpec& spec,
    const AnalysisOptions& options) {
  absl::StatusOr<std::unique_ptr<Analysis>> next = Analysis::Create(source.get(), spec, options);
  if (!next.ok()) return next.status();
  if (absl::Status status = (*next)->Prepare(); !status.ok()) return status;
  const std::shared_ptr<Entry> entry = Find(spec);
  const std::lock_guard lock(entry->mutex);
  std::int64_t units = 0;
  const bool refreshed =
      entry->known.has_value() && Refresh(**next, most_changed_, &*entry->known, &units);
  if (refreshed) {
    entry->known->analysis = *std::move(next);
    entry->known->source = std::move(source);
  } else {
    entry->known.reset();
    absl::StatusOr<PassState> state = (*next)->Pass(nullptr);
    if (!state.ok()) return state.status();
    entry->known.emplace(Known{std::move(source), *std::move(next), *std::move(state)});
  }
  absl::StatusOr<AnalysisResult> result = entry->known->analysis->Result(entry->known->state);
  const std::lock_guard counting(mutex_);
  (refreshed ? stats_.refreshed : stats_.cold) += 1;
  stats_.units += units;
  return result;
}

ResultCache::Stats ResultCache::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace upswing::analysis
