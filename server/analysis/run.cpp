#include "server/analysis/run.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <set>
#include <utility>

#include "server/analysis/parallel.hpp"
#include "server/analysis/reducer.hpp"

namespace upswing::analysis {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Range of time that the chunks say exposures and events lie in.
struct TimeRange {
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = std::numeric_limits<std::int64_t>::min();
};

TimeRange RangeOf(const store::RecordSource& source, const Plan& plan) {
  TimeRange range;
  const ExperimentSpec& spec = *plan.spec;
  for (const std::string& type : {spec.unit_type, spec.fallback_unit}) {
    if (type.empty()) continue;
    if (const auto exposures = source.TimeRange(type, store::Lane::kExposures, spec.experiment)) {
      range.first = std::min(range.first, exposures->first);
      range.last = std::max(range.last, exposures->second);
    }
    for (const Stream& stream : plan.streams)
      if (const auto events = source.TimeRange(type, store::Lane::kEvents, stream.event))
        range.last = std::max(range.last, events->second);
  }
  range.last = std::min(range.last, spec.as_of_ms);
  return range;
}

Cell ToCell(const CellState& state) {
  Cell cell;
  cell.sums = state.sums.ToMomentSums();
  cell.units = state.units;
  cell.pending = state.pending;
  cell.events = state.events;
  return cell;
}

// The series of one arm and metric: running sums of the changes.
void FillDays(const DayState& state, bool has_daily, MetricCells* cells) {
  if (state.cumulative.empty()) return;
  CellSums sums(state.cumulative[0].dimension());
  std::int64_t present = 0;
  for (std::size_t day = 0; day < state.cumulative.size(); ++day) {
    sums.Merge(state.cumulative[day]);
    Cell& cell = cells->cumulative.emplace_back();
    cell.sums = sums.ToMomentSums();
    cell.units = sums.n();
    if (!has_daily) continue;
    present += state.entered[day];
    CellSums daily = state.daily[day];
    daily.AddUnits(present);
    Cell& of_day = cells->daily.emplace_back();
    of_day.sums = daily.ToMomentSums();
    of_day.units = present;
    // `entered` counts units out on the first day after their window.
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Analysis>> Analysis::Create(const store::RecordSource* source,
                                                           const ExperimentSpec& spec,
                                                           const AnalysisOptions& options) {
  if (options.threads < 1 || options.threads > 64)
    return absl::InvalidArgumentError("threads: must be in [1, 64]");
  std::unique_ptr<Analysis> analysis(new Analysis(source, spec, options));
  absl::StatusOr<Plan> plan = Plan::Compile(analysis->spec_);
  if (!plan.ok()) return plan.status();
  analysis->plan_ = *std::move(plan);
  return analysis;
}

absl::Status Analysis::Prepare() {
  TimeRange range = RangeOf(source_, plan_);
  if (range.first <= range.last) {
    first_exposure_ms_ = range.first;
    last_record_ms_ = range.last;
  } else {
    range.first = range.last = spec_.as_of_ms;
  }
  absl::StatusOr<Calendar> calendar = Calendar::Create(spec_.timezone, range.first, range.last);
  if (!calendar.ok()) return calendar.status();
  calendar_ = *std::move(calendar);
  history_start_ms_ = spec_.history_start_ms.value_or(
      source_.EarliestEventMs().value_or(std::numeric_limits<std::int64_t>::min()));
  if (absl::Status status = FindAllFallbacks(); !status.ok()) return status;
  return FindPooled();
}

bool Analysis::CountsLike(const Analysis& other) const {
  const auto looks_back = [](const CompiledMetric& metric) {
    return metric.covariates > 0 && !metric.definition->covariate->complete_history;
  };
  return calendar_->Continues(*other.calendar_) && pooled_ == other.pooled_ &&
         fallback_since_ == other.fallback_since_ &&
         (history_start_ms_ == other.history_start_ms_ ||
          std::none_of(plan_.metrics.begin(), plan_.metrics.end(), looks_back));
}

absl::Status Analysis::FindAllFallbacks() {
  if (spec_.fallback_unit.empty()) return absl::OkStatus();
  PassOptions pass;
  pass.plan = &plan_;
  pass.source = &source_;
  std::mutex mutex;
  return InParallel(options_.threads, source_.shards(), [&](int, int shard) {
    absl::flat_hash_map<std::uint64_t, std::int64_t> found;
    absl::Status status = FindFallbacks(pass, shard, &found);
    const std::lock_guard lock(mutex);
    fallback_since_.insert(found.begin(), found.end());
    return status;
  });
}

PassOptions Analysis::OptionsOfPass() const {
  PassOptions pass;
  pass.plan = &plan_;
  pass.calendar = &*calendar_;
  pass.source = &source_;
  pass.pooled = &pooled_;
  pass.fallback_since = &fallback_since_;
  pass.history_start_ms = history_start_ms_;
  return pass;
}

// Of all chunks that the given metrics need (null: all).
std::int64_t Analysis::BytesToRead(const std::vector<bool>* metrics) const {
  const std::vector<bool> read = plan_.StreamsOf(
      metrics == nullptr ? std::vector<bool>(plan_.metrics.size(), true) : *metrics);
  std::int64_t bytes = 0;
  const auto add = [&](store::Lane lane, const std::string& name) {
    for (const std::string& type : {spec_.unit_type, spec_.fallback_unit})
      for (int shard = 0; !type.empty() && shard < source_.shards(); ++shard)
        for (const store::ChunkRef& chunk : source_.Chunks(type, shard, lane, name))
          bytes += chunk.bytes;
  };
  add(store::Lane::kExposures, spec_.experiment);
  std::set<std::string> events;
  for (std::size_t s = 0; s < plan_.streams.size(); ++s)
    if (read[s]) events.insert(plan_.streams[s].event);
  for (const std::string& event : events) add(store::Lane::kEvents, event);
  return bytes;
}

absl::StatusOr<PassState> Analysis::RunShards(const Search* search,
                                              const std::vector<std::vector<std::uint32_t>>* only,
                                              const SampledRows* sample,
                                              const std::vector<bool>* metrics) const {
  PassOptions pass = OptionsOfPass();
  pass.sample = sample != nullptr;
  pass.search = search;
  pass.metrics = metrics;
  const int shards = source_.shards();
  const int tasks = spec_.fallback_unit.empty() ? shards : 2 * shards;
  if (only == nullptr) source_.WillRead(BytesToRead(metrics));
  std::vector<PassState> states(static_cast<std::size_t>(options_.threads),
                                PassState(plan_, calendar_->days(), search));
  if (sample != nullptr)
    for (PassState& state : states) state.sampled = *sample;
  absl::Status status = InParallel(options_.threads, tasks, [&](int thread, int task) {
    const bool fallback = task >= shards;
    const int shard = task % shards;
    return RunShard(pass, fallback ? spec_.fallback_unit : spec_.unit_type, fallback, shard,
                    only == nullptr ? nullptr : &(*only)[static_cast<std::size_t>(shard)],
                    &states[static_cast<std::size_t>(thread)]);
  });
  if (!status.ok()) return status;
  for (std::size_t i = 1; i < states.size(); ++i) states[0].Merge(std::move(states[i]));
  return std::move(states[0]);
}

absl::StatusOr<PassState> Analysis::Pass(
    const std::vector<std::vector<std::uint32_t>>* only) const {
  if (only == nullptr && options_.reducer != nullptr) return PassReduced();
  return RunShards(nullptr, only);
}

// What the reducer knows is reduced there, the rest here.
absl::StatusOr<PassState> Analysis::PassReduced() const {
  Reducer::Wanted wanted;
  wanted.metrics = options_.reducer->Knows(plan_, *calendar_);
  std::vector<bool> here = wanted.metrics;
  here.flip();
  const bool all = std::find(here.begin(), here.end(), true) == here.end();
  if (std::find(here.begin(), here.end(), false) == here.end() && !here.empty())
    return RunShards(nullptr, nullptr);
  wanted.units = all;
  wanted.streams = plan_.StreamsOf(here);
  wanted.streams.flip();
  absl::StatusOr<PassState> state = options_.reducer->Reduce(OptionsOfPass(), wanted);
  if (absl::IsAborted(state.status())) return RunShards(nullptr, nullptr);
  if (!state.ok() || all) return state;
  absl::StatusOr<PassState> rest = RunShards(nullptr, nullptr, nullptr, &here);
  if (!rest.ok()) return rest;
  rest->Merge(*std::move(state));
  return rest;
}

absl::StatusOr<SampledRows> Analysis::Sample(std::uint64_t last_key, int ages) const {
  SampledRows sample;
  sample.last_key = last_key;
  sample.by_age.resize(plan_.metrics.size());
  for (std::size_t m = 0; m < plan_.metrics.size(); ++m) {
    const CompiledMetric& metric = plan_.metrics[m];
    const bool clusters = !spec_.observation_unit.empty();
    sample.widths.push_back(
        static_cast<std::size_t>(clusters && metric.components == 1 ? 2 : metric.components));
    if (clusters || !Evaluator::HasDaily(metric)) continue;
    sample.by_age[m].assign(
        spec_.variants.size(),
        std::vector<CellSums>(static_cast<std::size_t>(ages),
                              CellSums(static_cast<std::size_t>(metric.components))));
  }
  // Only the shards' units in the sample have to be read.
  std::vector<std::vector<std::uint32_t>> only;
  const bool all = last_key == std::numeric_limits<std::uint64_t>::max();
  for (int shard = 0; !all && shard < source_.shards(); ++shard) {
    const auto keys = source_.Keys(spec_.unit_type, shard);
    if (!keys.ok()) return keys.status();
    std::vector<std::uint32_t>& units = only.emplace_back();
    for (std::size_t unit = 0; unit < keys->size(); ++unit)
      if ((*keys)[unit] <= last_key) units.push_back(static_cast<std::uint32_t>(unit));
  }
  // Fallback units are numbered for themselves.
  const bool narrow = !all && spec_.fallback_unit.empty();
  absl::StatusOr<PassState> state = RunShards(nullptr, narrow ? &only : nullptr, &sample);
  if (!state.ok()) return state.status();
  return std::move(state->sampled);
}

// Passes over the records until every slot is found.
absl::Status Analysis::RunSearch(Search* search) const {
  search->kept = std::max<std::size_t>(
      4, options_.pooled_numbers /
             (search->slots.size() * static_cast<std::size_t>(options_.threads)));
  std::vector<bool> asked(plan_.metrics.size(), false);
  for (std::size_t m = 0; m < asked.size(); ++m) {
    asked[m] = search->cap[m] >= 0 || search->covariate_cap[m] >= 0;
    for (const std::vector<int>& slots : search->quantile) asked[m] = asked[m] || slots[m] >= 0;
  }
  for (bool open = true; open;) {
    absl::StatusOr<PassState> state = RunShards(search, nullptr, nullptr, &asked);
    if (!state.ok()) return state.status();
    open = false;
    for (std::size_t i = 0; i < search->slots.size(); ++i) {
      Search::Slot& slot = search->slots[i];
      if (slot.found) continue;
      slot.count = state->selections[i].count();
      std::vector<std::int64_t> ranks;
      if (slot.count > 0) {
        const double margin =
            slot.bounds ? statistics::QuantileMargin(slot.level, static_cast<double>(slot.count))
                        : 0;
        if (slot.bounds) ranks.push_back(RankAt(slot.level - margin, slot.count));
        ranks.push_back(RankAt(slot.level, slot.count));
        if (slot.bounds) ranks.push_back(RankAt(slot.level + margin, slot.count));
      }
      slot.found = state->selections[i].Find(ranks, &slot.values, &slot.narrowing);
      open |= !slot.found;
    }
  }
  return absl::OkStatus();
}

// Caps that nobody gave, and the quantiles of arms with the bounds around them.
absl::Status Analysis::FindPooled() {
  const std::size_t metrics = plan_.metrics.size();
  const std::size_t variants = spec_.variants.size();
  pooled_.cap.assign(metrics, kInfinity);
  pooled_.covariate_cap.assign(metrics, kInfinity);
  frozen_.assign(metrics, false);
  covariate_frozen_.assign(metrics, false);
  quantiles_.assign(variants, std::vector<std::optional<statistics::QuantileSummary>>(metrics));
  Search search;
  search.cap.assign(metrics, -1);
  search.covariate_cap.assign(metrics, -1);
  search.quantile.assign(variants, std::vector<int>(metrics, -1));
  const auto look_for = [&](double level, bool bounds, int* slot) {
    *slot = static_cast<int>(search.slots.size());
    search.slots.push_back({level, bounds, {}, false, 0, {}});
  };
  for (std::size_t m = 0; m < metrics; ++m) {
    const auto& definition = *plan_.metrics[m].definition;
    if (definition.type == metrics::MetricType::kQuantile) {
      pooled_.quantile.assign(
          variants, std::vector<double>(metrics, std::numeric_limits<double>::quiet_NaN()));
      for (std::size_t v = 0; v < variants; ++v)
        look_for(definition.quantile, true, &search.quantile[v][m]);
    }
    if (!definition.winsorize.has_value()) continue;
    const auto set = [&](const std::map<std::string, double>& given, std::vector<bool>* frozen,
                         double* cap, int* slot) {
      const auto found = given.find(definition.key);
      if (definition.winsorize->value.has_value()) {
        *cap = *definition.winsorize->value;
      } else if (found != given.end()) {
        (*frozen)[m] = true;
        *cap = found->second;
      } else {
        look_for(*definition.winsorize->percentile_nonzero, false, slot);
      }
    };
    set(spec_.caps, &frozen_, &pooled_.cap[m], &search.cap[m]);
    if (plan_.metrics[m].covariates > 0)
      set(spec_.covariate_caps, &covariate_frozen_, &pooled_.covariate_cap[m],
          &search.covariate_cap[m]);
  }
  if (search.slots.empty()) return absl::OkStatus();
  if (absl::Status status = RunSearch(&search); !status.ok()) return status;

  const auto found = [&](int slot) -> const Search::Slot* {
    if (slot < 0 || search.slots[static_cast<std::size_t>(slot)].values.empty()) return nullptr;
    return &search.slots[static_cast<std::size_t>(slot)];
  };
  for (std::size_t m = 0; m < metrics; ++m) {
    const auto fill = [&](int slot, double* cap) {
      // A cap of 0 or below would make every unit alike.
      if (found(slot) != nullptr && found(slot)->values[0] > 0) *cap = found(slot)->values[0];
    };
    fill(search.cap[m], &pooled_.cap[m]);
    fill(search.covariate_cap[m], &pooled_.covariate_cap[m]);
    for (std::size_t v = 0; v < variants; ++v) {
      const Search::Slot* slot = found(search.quantile[v][m]);
      if (slot == nullptr) continue;
      quantiles_[v][m] = {slot->level,
                          slot->values[1],
                          slot->values[0],
                          slot->values[2],
                          static_cast<double>(slot->count),
                          slot->count};
      pooled_.quantile[v][m] = slot->values[1];
    }
  }
  return absl::OkStatus();
}

VariantResult Analysis::Arm(std::size_t index, const ArmState& arm,
                            const std::vector<std::uint32_t>& phases) const {
  VariantResult variant;
  variant.key = spec_.variants[index].key;
  variant.crossovers = arm.crossovers;
  variant.units_by_day = arm.units_by_day;
  for (const std::uint32_t phase : phases) {
    const auto found = arm.phases.find(phase);
    const std::int64_t units = found == arm.phases.end() ? 0 : found->second.units_first_variant;
    variant.units_by_phase.push_back(units);
    variant.units_first_variant += units;
  }
  variant.units = variant.units_first_variant - variant.crossovers;
  for (std::size_t m = 0; m < plan_.metrics.size(); ++m) {
    const CompiledMetric& metric = plan_.metrics[m];
    MetricCells& cells = variant.metrics.emplace_back();
    cells.metric = metric.definition->key;
    cells.quantile = quantiles_[index][m];
    const std::size_t dimension = plan_.CellDimension(m);
    CellState total{CellSums(dimension)};
    for (const std::uint32_t phase : phases) {
      const auto found = arm.phases.find(phase);
      if (found == arm.phases.end()) {
        cells.phases.push_back(ToCell(CellState{CellSums(dimension)}));
        continue;
      }
      total.Merge(found->second.metrics[m]);
      cells.phases.push_back(ToCell(found->second.metrics[m]));
    }
    cells.total = ToCell(total);
    if (!arm.crossed.empty()) total.Merge(arm.crossed[m]);
    cells.first_variant = ToCell(total);
    cells.histogram = arm.values[m].Bins();
    FillDays(arm.days[m], Evaluator::HasDaily(metric), &cells);
    if (arm.looks.empty()) continue;
    CellSums seen(dimension);
    for (const CellSums& since : arm.looks[m]) {
      seen.Merge(since);
      Cell& cell = cells.looks.emplace_back();
      cell.sums = seen.ToMomentSums();
      cell.units = seen.n();
    }
  }
  for (const auto& [key, state] : arm.segments) {
    SegmentCells& segment = variant.segments.emplace_back();
    segment.attribute = key.first < spec_.report_by.size()
                            ? spec_.report_by[key.first]
                            : spec_.cuts[key.first - spec_.report_by.size()].key;
    segment.value = key.second;
    segment.units_first_variant = state.units_first_variant;
    for (const CellState& cell : state.metrics) segment.metrics.push_back(ToCell(cell));
  }
  std::sort(variant.segments.begin(), variant.segments.end(),
            [](const SegmentCells& a, const SegmentCells& b) {
              return std::pair(a.attribute, a.value) < std::pair(b.attribute, b.value);
            });
  return variant;
}

absl::Status Analysis::AddClientCounts(AnalysisResult* result) const {
  int first_day = calendar_->days();
  for (const VariantResult& variant : result->variants)
    for (int day = 0; day < first_day; ++day)
      if (variant.units_by_day[static_cast<std::size_t>(day)] > 0) first_day = day;
  if (first_day == calendar_->days()) return absl::OkStatus();
  const std::int64_t from_ms = calendar_->Start(first_day);
  auto decisions = source_.Decisions(spec_.experiment, from_ms, spec_.as_of_ms);
  if (!decisions.ok()) return decisions.status();
  for (VariantResult& variant : result->variants) variant.decisions = (*decisions)[variant.key];
  for (const Stream& stream : plan_.streams) {
    auto dropped = source_.DroppedEvents(stream.event, from_ms, spec_.as_of_ms);
    if (!dropped.ok()) return dropped.status();
    if (!dropped->empty()) result->dropped_events[stream.event] = *std::move(dropped);
  }
  return absl::OkStatus();
}

absl::StatusOr<AnalysisResult> Analysis::Result(const PassState& state) const {
  AnalysisResult result;
  for (const ArmState& arm : state.arms)
    for (const auto& [phase, of_phase] : arm.phases) result.phases.push_back(phase);
  std::sort(result.phases.begin(), result.phases.end());
  result.phases.erase(std::unique(result.phases.begin(), result.phases.end()), result.phases.end());
  for (int day = 0; day < calendar_->days(); ++day) result.days.push_back(calendar_->Date(day));
  for (std::size_t a = 0; a < state.arms.size(); ++a) {
    result.variants.push_back(Arm(a, state.arms[a], result.phases));
    result.crossover_units += state.arms[a].crossovers;
  }
  result.first_exposure_ms = first_exposure_ms_;
  result.last_record_ms = last_record_ms_;
  result.exposures = state.exposures;
  result.events = state.events;
  result.forced_units = state.forced_units;
  result.unknown_variant_records = state.unknown_variant_records;
  std::vector<std::string> types = {spec_.unit_type};
  if (!spec_.fallback_unit.empty()) types.push_back(spec_.fallback_unit);
  for (const Stream& stream : plan_.streams)
    result.events_without_unit += source_.EventsWithout(stream.event, types);
  for (std::size_t m = 0; m < plan_.metrics.size(); ++m) {
    const auto& definition = *plan_.metrics[m].definition;
    if (!definition.winsorize.has_value()) continue;
    const auto add = [&](double cap, std::int64_t nonzero, bool frozen, const FastSum& removed,
                         std::size_t component, std::map<std::string, CapResult>* to) {
      if (!std::isfinite(cap)) return;
      CapResult& found = (*to)[definition.key];
      found.cap = cap;
      found.nonzero_units = nonzero;
      found.frozen = frozen;
      double kept = 0;
      for (const VariantResult& variant : result.variants)
        kept += variant.metrics[m].total.sums.sum(component).Round();
      const double gone = removed.Value().Round();
      found.removed_share = kept + gone > 0 ? gone / (kept + gone) : 0;
    };
    add(pooled_.cap[m], state.nonzero[m], frozen_[m], state.removed[m], 0, &result.caps);
    if (plan_.metrics[m].covariates > 0 && spec_.observation_unit.empty())
      add(pooled_.covariate_cap[m], state.covariate_nonzero[m], covariate_frozen_[m],
          state.covariate_removed[m], static_cast<std::size_t>(plan_.metrics[m].components),
          &result.covariate_caps);
  }
  for (const auto& [variant, count] : source_.Erased(spec_.experiment)) {
    result.erased_units += count;
    for (VariantResult& of : result.variants)
      if (of.key == variant) of.erased = count;
  }
  result.unreadable = source_.Unreadable();
  result.unreadable.insert(result.unreadable.end(), state.unreadable.begin(),
                           state.unreadable.end());
  std::sort(result.unreadable.begin(), result.unreadable.end());
  result.unreadable.erase(std::unique(result.unreadable.begin(), result.unreadable.end()),
                          result.unreadable.end());
  if (absl::Status status = AddClientCounts(&result); !status.ok()) return status;
  return result;
}

}  // namespace upswing::analysis
