#include "server/analysis/shard_pass.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "server/analysis/cursor.hpp"

namespace upswing::analysis {
namespace {

using metrics::MetricType;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// One exposure of the unit at hand.
struct Exposure {
  std::int64_t time;
  std::uint32_t order;
  std::uint32_t phase;
  std::int32_t variant;
  std::string_view variant_key;
  std::uint64_t companion;
  std::size_t attributes;  // row of held_attributes_
};

/// A unit that is in the experiment.
struct Enrolment {
  std::int64_t t0 = 0;
  std::int32_t variant = 0;
  std::uint32_t phase = 0;
  bool crossed = false;
};

class ShardRun {
 public:
  ShardRun(const PassOptions& options, const std::string& unit_type, bool fallback, int shard,
           const std::vector<std::uint32_t>* only, PassState* state);
  absl::Status Run();

 private:
  bool clustered() const { return !spec_.observation_unit.empty(); }
  bool Skips(std::size_t m) const { return options_.metrics != nullptr && !(*options_.metrics)[m]; }
  absl::Status NextUnit(std::uint32_t* unit);
  absl::Status GatherExposures(std::uint32_t unit);
  std::optional<Enrolment> Enrol() const;
  void AddUnit(const Enrolment& enrolment);
  void AddCluster(const Enrolment& enrolment);
  bool Mature(const CompiledMetric& metric, std::int64_t t0) const;
  bool Evaluate(std::size_t m, std::int64_t t0, double* values, std::int64_t* events);
  void Cap(std::size_t m, double* values);
  void CollectNumbers(std::size_t m, const Enrolment& enrolment, std::int64_t t0,
                      const double* values);
  void CountValue(std::size_t m, const Enrolment& enrolment, std::int64_t t0, double value);
  void AddDays(std::size_t m, const Enrolment& enrolment, const double* values);
  std::size_t LookOf(std::size_t m, std::int64_t t0) const;
  CellSums& AtLook(const Enrolment& enrolment, std::size_t m, std::size_t look) {
    return state_->arms[static_cast<std::size_t>(enrolment.variant)].looks[m][look];
  }
  template <typename Function>
  void ForEachCell(const Enrolment& enrolment, std::size_t m, Function&& function);
  void FindCells(const Enrolment& enrolment);
  bool InSample(std::uint32_t unit, const Enrolment& enrolment);
  void TakeDown(std::size_t m, const double* values);
  void AddAges(std::size_t m, const Enrolment& enrolment);

  const PassOptions& options_;
  const Plan& plan_;
  const ExperimentSpec& spec_;
  const bool fallback_;
  const int shard_;
  const std::vector<std::uint32_t>* only_;  // null = all units
  PassState* state_;
  BlockContext exposure_context_;
  BlockContext event_context_;
  Stream no_stream_;
  std::vector<Cursor<ExposureBlock>> cursors_;
  std::vector<std::uint32_t> at_;
  std::vector<StreamReader> streams_;
  std::vector<const UnitView*> views_;
  std::vector<std::uint64_t> keys_;  // of the fallback type's units, or where units are sampled
  bool sampling_ = false;            // the unit at hand
  Evaluator evaluator_;
  std::int64_t end_of_time_;             // exclusive end of what is observed
  std::vector<std::int64_t> look_ends_;  // exclusive; empty where immature units are in

  std::vector<Exposure> exposures_;
  std::vector<std::vector<std::string>> held_attributes_;
  std::vector<std::string> attributes_;  // of the first exposure, by report_by; then by cut
  bool only_forced_ = false;
  PhaseState* phase_ = nullptr;
  std::vector<SegmentState*> segments_;
  std::vector<DayValue> by_day_;
};

ShardRun::ShardRun(const PassOptions& options, const std::string& unit_type, bool fallback,
                   int shard, const std::vector<std::uint32_t>* only, PassState* state)
    : options_(options),
      plan_(*options.plan),
      spec_(*plan_.spec),
      fallback_(fallback),
      shard_(shard),
      only_(only),
      state_(state),
      evaluator_(&plan_, options.calendar),
      end_of_time_(spec_.as_of_ms == kNever ? kNever : spec_.as_of_ms + 1) {
  exposure_context_.plan = event_context_.plan = &plan_;
  if (clustered()) {
    exposure_context_.companion_type = event_context_.companion_type = spec_.observation_unit;
  } else if (!spec_.fallback_unit.empty()) {
    exposure_context_.companion_type = fallback ? spec_.unit_type : spec_.fallback_unit;
  }
  const store::RecordSource& source = *options.source;
  const std::vector<store::ChunkRef> chunks =
      source.Chunks(unit_type, shard, store::Lane::kExposures, spec_.experiment);
  std::size_t begin = 0;
  while (begin < chunks.size()) {
    std::size_t end = begin;
    while (end < chunks.size() && chunks[end].run == chunks[begin].run) ++end;
    cursors_.emplace_back(
        &source, &exposure_context_, &no_stream_,
        std::vector<store::ChunkRef>(chunks.begin() + static_cast<std::ptrdiff_t>(begin),
                                     chunks.begin() + static_cast<std::ptrdiff_t>(end)));
    begin = end;
  }
  at_.assign(cursors_.size(), 0);
  streams_.reserve(plan_.streams.size());
  const std::vector<bool> read =
      plan_.StreamsOf(options.metrics == nullptr ? std::vector<bool>(plan_.metrics.size(), true)
                                                 : *options.metrics);
  for (std::size_t s = 0; s < plan_.streams.size(); ++s) {
    const Stream& stream = plan_.streams[s];
    streams_.emplace_back(&source, &event_context_, &stream,
                          read[s]
                              ? source.Chunks(unit_type, shard, store::Lane::kEvents, stream.event)
                              : std::vector<store::ChunkRef>());
  }
  for (const StreamReader& stream : streams_) views_.push_back(&stream.view());
  evaluator_.SetUnit(views_);
  attributes_.resize(spec_.report_by.size());
  for (const int day : spec_.looks)
    if (spec_.mature_only)
      look_ends_.push_back(options.calendar->StartOfDayAfter(options.calendar->Start(0), day));
}

// All exposures of one unit that can count, in order; every cursor moves past the unit.
absl::Status ShardRun::GatherExposures(std::uint32_t unit) {
  exposures_.clear();
  only_forced_ = false;
  bool any = false;
  bool any_free = false;
  held_attributes_.clear();
  for (std::size_t c = 0; c < cursors_.size(); ++c) {
    while (at_[c] == unit) {
      Cursor<ExposureBlock>& cursor = cursors_[c];
      const ExposureBlock& block = cursor.block;
      const std::size_t end = cursor.EndOf(unit);
      for (std::size_t i = cursor.position; i < end; ++i) {
        ++state_->exposures;
        if (block.iteration[i] != spec_.iteration || block.time[i] > spec_.as_of_ms) continue;
        if (spec_.end_ms.has_value() && block.time[i] >= *spec_.end_ms) continue;
        const std::uint64_t companion = block.companion.empty() ? 0 : block.companion[i];
        if (!spec_.fallback_unit.empty()) {
          // A fallback unit keeps everything from its first exposure without the main id on; what
          // came before belongs to the main id, if there was one.
          const std::uint64_t key = fallback_ ? keys_[unit] : companion;
          const auto since = options_.fallback_since->find(key);
          const bool is_fallbacks =
              since != options_.fallback_since->end() && block.time[i] >= since->second;
          if (is_fallbacks != fallback_) continue;
        }
        any = true;
        if (block.reason[i] == store::kForcedReason) continue;
        any_free = true;
        if (block.variant[i] < 0) {
          ++state_->unknown_variant_records;
          continue;
        }
        exposures_.push_back({block.time[i], block.order[i], block.phase[i], block.variant[i],
                              spec_.variants[static_cast<std::size_t>(block.variant[i])].key,
                              companion, held_attributes_.size()});
        if (block.attributes.empty()) continue;
        auto& attributes = held_attributes_.emplace_back();
        for (const auto& column : block.attributes) attributes.push_back(block.strings[column[i]]);
      }
      cursor.position = end;
      if (absl::Status status = cursor.Seek(unit, &state_->unreadable, &at_[c]); !status.ok())
        return status;
    }
  }
  only_forced_ = any && !any_free;
  if (exposures_.size() > 1)
    std::sort(exposures_.begin(), exposures_.end(), [](const Exposure& a, const Exposure& b) {
      if (a.time != b.time) return a.time < b.time;
      if (a.order != b.order) return a.order < b.order;
      if (a.variant_key != b.variant_key) return a.variant_key < b.variant_key;
      return a.phase < b.phase;
    });
  return absl::OkStatus();
}

std::optional<Enrolment> ShardRun::Enrol() const {
  if (exposures_.empty()) return std::nullopt;
  const Exposure& first = exposures_.front();
  Enrolment enrolment{first.time, first.variant, first.phase, false};
  const std::int64_t until =
      first.time > kNever - plan_.longest_window_ms ? kNever : first.time + plan_.longest_window_ms;
  for (const Exposure& exposure : exposures_)
    enrolment.crossed |= exposure.variant != first.variant && exposure.time < until;
  return enrolment;
}

bool ShardRun::Mature(const CompiledMetric& metric, std::int64_t t0) const {
  if (!spec_.mature_only) return true;
  const std::int64_t closes = evaluator_.Closes(metric, t0);
  return closes == kNever || closes <= spec_.as_of_ms - spec_.lateness_ms;
}

// The metric's components and covariates, before caps. False: no value.
bool ShardRun::Evaluate(std::size_t m, std::int64_t t0, double* values, std::int64_t* events) {
  const CompiledMetric& metric = plan_.metrics[m];
  if (!evaluator_.Value(metric, t0, evaluator_.Window(metric, t0, end_of_time_), values, events))
    return false;
  if (metric.covariates == 0) return true;
  const metrics::Covariate& covariate = *metric.definition->covariate;
  double* before = values + metric.components;
  std::fill(before, before + metric.covariates, 0.0);
  const Interval in{t0 - covariate.window_ms, t0};
  if (!covariate.complete_history && in.from < options_.history_start_ms) {
    before[metric.covariates - 1] = 1;
    return true;
  }
  std::int64_t unused = 0;
  if (!covariate.selector.events.empty()) {
    before[0] = evaluator_.SumOf(metric.covariate, in);
  } else if (!evaluator_.Value(metric, in.from, in, before, &unused)) {
    before[0] = 0;
    before[metric.covariates - 1] = 1;
  }
  return true;
}

// The numbers of one observation that the search asks for; `values` as `Evaluate` gave them.
void ShardRun::CollectNumbers(std::size_t m, const Enrolment& enrolment, std::int64_t t0,
                              const double* values) {
  const CompiledMetric& metric = plan_.metrics[m];
  const Search& search = *options_.search;
  const auto open = [&](int slot) -> Selection* {
    if (slot < 0 || search.slots[static_cast<std::size_t>(slot)].found) return nullptr;
    return &state_->selections[static_cast<std::size_t>(slot)];
  };
  if (Selection* caps = open(search.cap[m]); caps != nullptr && values[0] != 0)
    caps->Add(values[0]);
  if (Selection* caps = open(search.covariate_cap[m]);
      caps != nullptr && values[metric.components] != 0)
    caps->Add(values[metric.components]);
  if (Selection* numbers = open(search.quantile[static_cast<std::size_t>(enrolment.variant)][m]);
      numbers != nullptr)
    evaluator_.ForEachNumber(metric.events, evaluator_.Window(metric, t0, end_of_time_),
                             [&](double value) { numbers->Add(value); });
}

void ShardRun::Cap(std::size_t m, double* values) {
  const CompiledMetric& metric = plan_.metrics[m];
  if (!metric.definition->winsorize.has_value()) return;
  const auto cap = [](double limit, double* value, FastSum* removed, std::int64_t* nonzero) {
    if (*value != 0) ++*nonzero;
    if (*value <= limit) return;
    removed->Add(*value);
    removed->Add(-limit);
    *value = limit;
  };
  cap(options_.pooled->cap[m], &values[0], &state_->removed[m], &state_->nonzero[m]);
  if (metric.covariates > 0)
    cap(options_.pooled->covariate_cap[m], &values[metric.components],
        &state_->covariate_removed[m], &state_->covariate_nonzero[m]);
}

// Into the arm's histogram: the value of one observation, or its events' numbers for a quantile.
void ShardRun::CountValue(std::size_t m, const Enrolment& enrolment, std::int64_t t0,
                          double value) {
  const CompiledMetric& metric = plan_.metrics[m];
  Histogram& values = state_->arms[static_cast<std::size_t>(enrolment.variant)].values[m];
  if (Evaluator::HasHistogram(metric)) {
    values.Add(value);
  } else if (metric.definition->type == MetricType::kQuantile) {
    evaluator_.ForEachNumber(metric.events, evaluator_.Window(metric, t0, end_of_time_),
                             [&](double number) { values.Add(number); });
  }
}

// The cells that the unit's arm, phase and segments give it.
void ShardRun::FindCells(const Enrolment& enrolment) {
  ArmState& arm = state_->arms[static_cast<std::size_t>(enrolment.variant)];
  phase_ = &arm.phases[enrolment.phase];
  if (phase_->metrics.empty()) phase_->metrics = CellsOf(plan_);
  if (enrolment.crossed && arm.crossed.empty()) arm.crossed = CellsOf(plan_);
  segments_.clear();
  for (std::size_t a = 0; a < attributes_.size(); ++a) {
    const std::size_t cut_by = spec_.report_by.size() - spec_.carried;
    if (a >= cut_by && a < spec_.report_by.size()) continue;
    SegmentState& segment = arm.segments[{static_cast<std::uint32_t>(a), attributes_[a]}];
    if (segment.metrics.empty()) segment.metrics = CellsOf(plan_);
    segments_.push_back(&segment);
  }
}

template <typename Function>
void ShardRun::ForEachCell(const Enrolment& enrolment, std::size_t m, Function&& function) {
  if (enrolment.crossed) {
    function(state_->arms[static_cast<std::size_t>(enrolment.variant)].crossed[m]);
    return;
  }
  function(phase_->metrics[m]);
  for (SegmentState* segment : segments_) function(segment->metrics[m]);
}

void ShardRun::AddDays(std::size_t m, const Enrolment& enrolment, const double* values) {
  const CompiledMetric& metric = plan_.metrics[m];
  DayState& days = state_->arms[static_cast<std::size_t>(enrolment.variant)].days[m];
  const Calendar& calendar = *options_.calendar;
  const std::int64_t closes = evaluator_.Closes(metric, enrolment.t0);
  const double limit = metric.definition->winsorize.has_value()
                           ? options_.pooled->cap[m]
                           : std::numeric_limits<double>::infinity();
  const bool once = spec_.mature_only && closes != kNever;
  if (Evaluator::HasDaily(metric)) {
    ++days.entered[static_cast<std::size_t>(calendar.Day(enrolment.t0))];
    if (closes <= spec_.as_of_ms) {
      const int last = calendar.Day(closes - 1) + 1;
      --days.entered[static_cast<std::size_t>(last)];
    }
  }
  const bool mature = Mature(metric, enrolment.t0);
  if (once && mature) {
    // The value is final when it enters: on the first day whose end sees the window closed.
    const std::int64_t seen = closes + spec_.lateness_ms;
    int day = calendar.Day(seen);
    // The end of a day is its last millisecond, that of the last day is `as_of`.
    if (day + 1 < calendar.days() && calendar.Start(day + 1) - 1 < seen) ++day;
    CellSums& cell = days.cumulative[static_cast<std::size_t>(day)];
    cell.AddUnits(1);
    cell.AddValues(values);
  }
  if (once && !Evaluator::HasDaily(metric)) return;

  const std::size_t size = evaluator_.ByDay(
      metric, enrolment.t0, evaluator_.Window(metric, enrolment.t0, end_of_time_), &by_day_);
  // What the unit has without any event (kTimeTo, kLast with `missing`) holds until the first one.
  double before[kMostComponents];
  const auto components = static_cast<std::size_t>(metric.components);
  std::fill_n(before, components, 0.0);
  bool counted = once;
  if (!once) {
    std::int64_t unused = 0;
    if (Evaluator::StartsAtZero(metric) ||
        evaluator_.Value(metric, enrolment.t0, {enrolment.t0, enrolment.t0}, before, &unused)) {
      before[0] = std::min(before[0], limit);
      CellSums& cell = days.cumulative[static_cast<std::size_t>(calendar.Day(enrolment.t0))];
      cell.AddUnits(1);
      cell.AddValues(before);
      counted = true;
    }
  }
  for (std::size_t i = 0; i < size; ++i) {
    DayValue& value = by_day_[i];
    value.cumulative[0] = std::min(value.cumulative[0], limit);
    value.daily[0] = std::min(value.daily[0], limit);
    const auto day = static_cast<std::size_t>(value.day);
    if (!once) {
      CellSums& cell = days.cumulative[day];
      if (!counted) cell.AddUnits(1);
      counted = true;
      if (!std::equal(before, before + components, value.cumulative)) {
        cell.AddValues(before, -1);
        cell.AddValues(value.cumulative);
        std::copy_n(value.cumulative, components, before);
      }
    }
    if (Evaluator::HasDaily(metric)) days.daily[day].AddValues(value.daily);
  }
}

// The first look that sees the final value of a unit of this first exposure; their number if none
// does.
std::size_t ShardRun::LookOf(std::size_t m, std::int64_t t0) const {
  const std::int64_t closes = look_ends_.empty() ? kNever : evaluator_.Closes(plan_.metrics[m], t0);
  if (closes == kNever) return look_ends_.size();
  const auto look =
      std::upper_bound(look_ends_.begin(), look_ends_.end(), closes + spec_.lateness_ms);
  return static_cast<std::size_t>(look - look_ends_.begin());
}

// Begins the row of a unit that is to be taken down.
bool ShardRun::InSample(std::uint32_t unit, const Enrolment& enrolment) {
  if (!options_.sample || enrolment.crossed) return false;
  SampledRows& sampled = state_->sampled;
  if (keys_[unit] > sampled.last_key) return false;
  sampled.keys.push_back(keys_[unit]);
  sampled.variants.push_back(enrolment.variant);
  return true;
}

// `values`: null where the unit has none.
void ShardRun::TakeDown(std::size_t m, const double* values) {
  std::vector<double>& rows = state_->sampled.values;
  const std::size_t width = state_->sampled.widths[m];
  if (values != nullptr) {
    rows.insert(rows.end(), values, values + width);
  } else {
    rows.insert(rows.end(), width, std::numeric_limits<double>::quiet_NaN());
  }
}

// The unit's days since its exposure, if it has seen all of them.
void ShardRun::AddAges(std::size_t m, const Enrolment& enrolment) {
  auto& by_age = state_->sampled.by_age[m];
  if (by_age.empty()) return;
  std::vector<CellSums>& ages = by_age[static_cast<std::size_t>(enrolment.variant)];
  const auto days = static_cast<std::int64_t>(ages.size());
  if (enrolment.t0 > spec_.as_of_ms - spec_.lateness_ms - days * Calendar::kDayMs) return;
  const CompiledMetric& metric = plan_.metrics[m];
  const double limit = metric.definition->winsorize.has_value()
                           ? options_.pooled->cap[m]
                           : std::numeric_limits<double>::infinity();
  double values[2 * kMostComponents + 1];
  for (std::int64_t day = 0; day < days; ++day) {
    const Interval in{enrolment.t0 + day * Calendar::kDayMs,
                      enrolment.t0 + (day + 1) * Calendar::kDayMs};
    std::int64_t unused = 0;
    std::fill_n(values, metric.components, 0.0);
    CellSums& cell = ages[static_cast<std::size_t>(day)];
    cell.AddUnits(1);
    if (!evaluator_.Value(metric, enrolment.t0, in, values, &unused)) continue;
    values[0] = std::min(values[0], limit);
    cell.AddValues(values);
  }
}

void ShardRun::AddUnit(const Enrolment& enrolment) {
  double values[2 * kMostComponents + 1];
  for (std::size_t m = 0; m < plan_.metrics.size(); ++m) {
    if (Skips(m)) continue;
    const CompiledMetric& metric = plan_.metrics[m];
    if (sampling_) AddAges(m, enrolment);
    if (!Mature(metric, enrolment.t0)) {
      if (sampling_) TakeDown(m, nullptr);
      if (options_.search == nullptr) {
        ForEachCell(enrolment, m, [](CellState& cell) { ++cell.pending; });
        if (spec_.by_day && !enrolment.crossed) AddDays(m, enrolment, nullptr);
      }
      continue;
    }
    std::int64_t events = 0;
    if (!Evaluate(m, enrolment.t0, values, &events)) {
      if (sampling_) TakeDown(m, nullptr);
      continue;
    }
    if (options_.search != nullptr) {
      if (!enrolment.crossed) CollectNumbers(m, enrolment, enrolment.t0, values);
      continue;
    }
    if (enrolment.crossed) {
      // Capped like the others, but not part of what the caps are said to have removed.
      values[0] = std::min(values[0], options_.pooled->cap[m]);
      if (metric.covariates > 0)
        values[metric.components] =
            std::min(values[metric.components], options_.pooled->covariate_cap[m]);
    } else {
      Cap(m, values);
    }
    if (sampling_) TakeDown(m, values);
    ForEachCell(enrolment, m, [&](CellState& cell) {
      ++cell.units;
      cell.events += events;
      cell.sums.AddUnits(1);
      cell.sums.AddValues(values);
    });
    if (!enrolment.crossed) {
      CountValue(m, enrolment, enrolment.t0, values[0]);
      if (const std::size_t look = LookOf(m, enrolment.t0); look < look_ends_.size()) {
        CellSums& cell = AtLook(enrolment, m, look);
        cell.AddUnits(1);
        cell.AddValues(values);
      }
    }
    if (spec_.by_day && !enrolment.crossed) AddDays(m, enrolment, values);
  }
}

// One row per cluster: sums over its observation units.
void ShardRun::AddCluster(const Enrolment& enrolment) {
  std::map<std::uint64_t, std::int64_t> observed;  // observation unit -> first exposure
  for (const Exposure& exposure : exposures_)
    if (exposure.companion != 0) observed.try_emplace(exposure.companion, exposure.time);
  struct Row {
    std::vector<UnitSum> sums;
    std::int64_t units = 0;
    std::int64_t pending = 0;
    std::int64_t events = 0;
    // Observation units by the look that sees them first.
    std::multimap<std::size_t, std::vector<double>> looks;
  };
  std::vector<Row> rows(plan_.metrics.size());
  for (std::size_t m = 0; m < rows.size(); ++m)
    rows[m].sums.resize(static_cast<std::size_t>(plan_.metrics[m].dimension()));
  double values[2 * kMostComponents + 1];
  for (const auto& [key, t0] : observed) {
    for (StreamReader& stream : streams_) stream.Filter(key);
    for (std::size_t m = 0; m < rows.size(); ++m) {
      if (Skips(m)) continue;
      if (!Mature(plan_.metrics[m], t0)) {
        ++rows[m].pending;
        continue;
      }
      if (!Evaluate(m, t0, values, &rows[m].events)) continue;
      if (options_.search != nullptr) {
        if (!enrolment.crossed) CollectNumbers(m, enrolment, t0, values);
        continue;
      }
      Cap(m, values);
      ++rows[m].units;
      if (!enrolment.crossed) CountValue(m, enrolment, t0, values[0]);
      const std::size_t size = rows[m].sums.size();
      for (std::size_t i = 0; i < size; ++i) rows[m].sums[i].Add(values[i]);
      if (const std::size_t look = LookOf(m, t0); look < look_ends_.size() && !enrolment.crossed)
        rows[m].looks.emplace(look, std::vector<double>(values, values + size));
    }
  }
  if (options_.search != nullptr) return;
  for (std::size_t m = 0; m < rows.size(); ++m) {
    const CompiledMetric& metric = plan_.metrics[m];
    for (std::size_t i = 0; i < rows[m].sums.size(); ++i) values[i] = rows[m].sums[i].Round();
    if (metric.components == 1) values[1] = static_cast<double>(rows[m].units);
    if (sampling_) TakeDown(m, rows[m].units == 0 ? nullptr : values);
    ForEachCell(enrolment, m, [&](CellState& cell) {
      cell.units += rows[m].units;
      cell.pending += rows[m].pending;
      cell.events += rows[m].events;
      if (rows[m].units == 0) return;
      cell.sums.AddUnits(1);
      cell.sums.AddValues(values);
    });
    // A cluster's row takes the place of the one that the look before saw.
    double before[2 * kMostComponents + 1];
    std::vector<UnitSum> sums(rows[m].sums.size());
    std::int64_t units = 0;
    for (auto it = rows[m].looks.begin(); it != rows[m].looks.end();) {
      const std::size_t look = it->first;
      const bool first = units == 0;
      for (; it != rows[m].looks.end() && it->first == look; ++it, ++units)
        for (std::size_t i = 0; i < sums.size(); ++i) sums[i].Add(it->second[i]);
      for (std::size_t i = 0; i < sums.size(); ++i) values[i] = sums[i].Round();
      if (metric.components == 1) values[1] = static_cast<double>(units);
      CellSums& cell = AtLook(enrolment, m, look);
      if (first) cell.AddUnits(1);
      if (!first) cell.AddValues(before, -1);
      cell.AddValues(values);
      std::copy_n(values, cell.dimension(), before);
    }
  }
}

// The next exposed unit to look at, where at least one cursor stands; kEnd if there is none.
absl::Status ShardRun::NextUnit(std::uint32_t* unit) {
  constexpr std::uint32_t kEnd = Cursor<ExposureBlock>::kEnd;
  for (std::size_t next = 0;;) {
    *unit = kEnd;
    for (const std::uint32_t at : at_) *unit = std::min(*unit, at);
    if (*unit == kEnd || only_ == nullptr) return absl::OkStatus();
    const auto wanted =
        std::lower_bound(only_->begin() + static_cast<std::ptrdiff_t>(next), only_->end(), *unit);
    if (wanted == only_->end()) {
      *unit = kEnd;
      return absl::OkStatus();
    }
    if (*wanted == *unit) return absl::OkStatus();
    next = static_cast<std::size_t>(wanted - only_->begin());
    for (std::size_t c = 0; c < cursors_.size(); ++c) {
      if (at_[c] >= *wanted) continue;
      absl::Status status = cursors_[c].Seek(*wanted, &state_->unreadable, &at_[c]);
      if (!status.ok()) return status;
    }
  }
}

absl::Status ShardRun::Run() {
  if (only_ != nullptr && only_->empty()) return absl::OkStatus();
  const std::uint32_t first = only_ == nullptr ? 0 : only_->front();
  for (std::size_t c = 0; c < cursors_.size(); ++c)
    if (absl::Status status = cursors_[c].Seek(first, &state_->unreadable, &at_[c]); !status.ok())
      return status;
  if ((fallback_ || options_.sample) && !cursors_.empty()) {
    absl::StatusOr<std::vector<std::uint64_t>> keys =
        options_.source->Keys(fallback_ ? spec_.fallback_unit : spec_.unit_type, shard_);
    if (!keys.ok()) return keys.status();
    keys_ = *std::move(keys);
  }
  for (;;) {
    std::uint32_t unit = 0;
    if (absl::Status status = NextUnit(&unit); !status.ok()) return status;
    if (unit == Cursor<ExposureBlock>::kEnd) break;
    if (absl::Status status = GatherExposures(unit); !status.ok()) return status;
    if (only_forced_) ++state_->forced_units;
    const std::optional<Enrolment> enrolment = Enrol();
    if (!enrolment.has_value()) continue;
    if (!spec_.report_by.empty()) attributes_ = held_attributes_[exposures_.front().attributes];
    for (const SegmentCut& cut : spec_.cuts) {
      const bool in = cut.holds(absl::MakeConstSpan(attributes_).first(spec_.report_by.size()));
      attributes_.push_back(in ? "in" : "out");
    }
    if (!options_.pooled->quantile.empty())
      evaluator_.SetQuantiles(
          &options_.pooled->quantile[static_cast<std::size_t>(enrolment->variant)]);
    if (options_.search == nullptr) {
      FindCells(*enrolment);
      ArmState& arm = state_->arms[static_cast<std::size_t>(enrolment->variant)];
      ++phase_->units_first_variant;
      ++arm.units_by_day[static_cast<std::size_t>(options_.calendar->Day(enrolment->t0))];
      if (enrolment->crossed) ++arm.crossovers;
      for (SegmentState* segment : segments_) ++segment->units_first_variant;
    }
    for (StreamReader& stream : streams_)
      if (absl::Status status = stream.Gather(unit, &state_->unreadable); !status.ok())
        return status;
    sampling_ = InSample(unit, *enrolment);
    if (clustered()) {
      AddCluster(*enrolment);
    } else {
      AddUnit(*enrolment);
    }
  }
  for (const StreamReader& stream : streams_) state_->events += stream.records();
  return absl::OkStatus();
}

}  // namespace

void CellState::Subtract(const CellState& other) {
  sums.Subtract(other.sums);
  units -= other.units;
  pending -= other.pending;
  events -= other.events;
}

std::vector<CellState> CellsOf(const Plan& plan) {
  std::vector<CellState> cells;
  for (std::size_t m = 0; m < plan.metrics.size(); ++m)
    cells.push_back({CellSums(plan.CellDimension(m))});
  return cells;
}

void CellState::Merge(const CellState& other) {
  sums.Merge(other.sums);
  units += other.units;
  pending += other.pending;
  events += other.events;
}

void PassState::Widen(int days) {
  const auto width = static_cast<std::size_t>(days);
  for (ArmState& arm : arms) {
    arm.units_by_day.resize(width);
    for (DayState& of : arm.days) {
      if (of.cumulative.empty()) continue;
      const CellSums none(of.cumulative[0].dimension());
      of.cumulative.resize(width, none);
      of.daily.resize(width, none);
      of.entered.resize(width + 1);
    }
  }
}

PassState::PassState(const Plan& plan, int days, const Search* search) {
  const std::size_t metrics = plan.metrics.size();
  arms.resize(plan.spec->variants.size());
  const auto width = static_cast<std::size_t>(days);
  for (ArmState& arm : arms) {
    arm.units_by_day.assign(width, 0);
    arm.days.resize(metrics);
    arm.values.resize(metrics);
    for (std::size_t m = 0; plan.spec->mature_only && m < metrics; ++m)
      arm.looks.emplace_back(plan.spec->looks.size(), CellSums(plan.CellDimension(m)));
    if (!plan.spec->by_day || !plan.spec->observation_unit.empty()) continue;
    for (std::size_t m = 0; m < metrics; ++m) {
      const auto components = static_cast<std::size_t>(plan.metrics[m].components);
      arm.days[m].cumulative.assign(width, CellSums(components));
      arm.days[m].daily.assign(width, CellSums(components));
      arm.days[m].entered.assign(width + 1, 0);
    }
  }
  removed.resize(metrics);
  covariate_removed.resize(metrics);
  nonzero.assign(metrics, 0);
  covariate_nonzero.assign(metrics, 0);
  if (search == nullptr) return;
  for (const Search::Slot& slot : search->slots)
    selections.emplace_back(&slot.narrowing, search->kept);
}

namespace {

void MergeCells(std::vector<CellState>* into, std::vector<CellState>&& from) {
  if (into->empty()) {
    *into = std::move(from);
    return;
  }
  for (std::size_t i = 0; i < from.size(); ++i) (*into)[i].Merge(from[i]);
}

template <typename T>
void Concatenate(std::vector<T>* into, std::vector<T>&& from) {
  into->insert(into->end(), from.begin(), from.end());
}

}  // namespace

void SampledRows::Merge(SampledRows&& other) {
  Concatenate(&keys, std::move(other.keys));
  Concatenate(&variants, std::move(other.variants));
  Concatenate(&values, std::move(other.values));
  for (std::size_t m = 0; m < by_age.size(); ++m)
    for (std::size_t v = 0; v < by_age[m].size(); ++v)
      for (std::size_t day = 0; day < by_age[m][v].size(); ++day)
        by_age[m][v][day].Merge(other.by_age[m][v][day]);
}

void PassState::Merge(PassState&& other) {
  for (std::size_t a = 0; a < arms.size(); ++a) {
    ArmState& arm = arms[a];
    ArmState& from = other.arms[a];
    for (auto& [phase, state] : from.phases) {
      PhaseState& into = arm.phases[phase];
      into.units_first_variant += state.units_first_variant;
      MergeCells(&into.metrics, std::move(state.metrics));
    }
    if (!from.crossed.empty()) MergeCells(&arm.crossed, std::move(from.crossed));
    arm.crossovers += from.crossovers;
    for (std::size_t d = 0; d < arm.units_by_day.size(); ++d)
      arm.units_by_day[d] += from.units_by_day[d];
    for (std::size_t m = 0; m < arm.days.size(); ++m) {
      for (std::size_t d = 0; d < arm.days[m].cumulative.size(); ++d) {
        arm.days[m].cumulative[d].Merge(from.days[m].cumulative[d]);
        arm.days[m].daily[d].Merge(from.days[m].daily[d]);
      }
      for (std::size_t d = 0; d < arm.days[m].entered.size(); ++d)
        arm.days[m].entered[d] += from.days[m].entered[d];
    }
    for (std::size_t m = 0; m < arm.looks.size(); ++m)
      for (std::size_t k = 0; k < arm.looks[m].size(); ++k) arm.looks[m][k].Merge(from.looks[m][k]);
    for (std::size_t m = 0; m < arm.values.size(); ++m) arm.values[m].Merge(from.values[m]);
    for (auto& [key, segment] : from.segments) {
      SegmentState& into = arm.segments[key];
      into.units_first_variant += segment.units_first_variant;
      MergeCells(&into.metrics, std::move(segment.metrics));
    }
  }
  exposures += other.exposures;
  events += other.events;
  forced_units += other.forced_units;
  unknown_variant_records += other.unknown_variant_records;
  for (std::size_t m = 0; m < removed.size(); ++m) {
    removed[m].Merge(other.removed[m]);
    covariate_removed[m].Merge(other.covariate_removed[m]);
    nonzero[m] += other.nonzero[m];
    covariate_nonzero[m] += other.covariate_nonzero[m];
  }
  for (std::size_t i = 0; i < selections.size(); ++i)
    selections[i].Merge(std::move(other.selections[i]));
  Concatenate(&unreadable, std::move(other.unreadable));
  sampled.Merge(std::move(other.sampled));
}

void PassState::Subtract(const PassState& other) {
  const auto cells = [](std::vector<CellState>* from, const std::vector<CellState>& what) {
    for (std::size_t i = 0; i < what.size(); ++i) (*from)[i].Subtract(what[i]);
  };
  const auto counts = [](std::vector<std::int64_t>* from, const std::vector<std::int64_t>& what) {
    for (std::size_t i = 0; i < what.size(); ++i) (*from)[i] -= what[i];
  };
  for (std::size_t a = 0; a < arms.size(); ++a) {
    ArmState& arm = arms[a];
    const ArmState& of = other.arms[a];
    for (const auto& [phase, state] : of.phases) {
      const auto from = arm.phases.find(phase);
      from->second.units_first_variant -= state.units_first_variant;
      cells(&from->second.metrics, state.metrics);
      // What no unit is in is not there.
      if (from->second.units_first_variant == 0) arm.phases.erase(from);
    }
    for (const auto& [key, segment] : of.segments) {
      const auto from = arm.segments.find(key);
      from->second.units_first_variant -= segment.units_first_variant;
      cells(&from->second.metrics, segment.metrics);
      if (from->second.units_first_variant == 0) arm.segments.erase(from);
    }
    cells(&arm.crossed, of.crossed);
    arm.crossovers -= of.crossovers;
    counts(&arm.units_by_day, of.units_by_day);
    for (std::size_t m = 0; m < arm.values.size(); ++m) arm.values[m].Subtract(of.values[m]);
    for (std::size_t m = 0; m < arm.looks.size(); ++m)
      for (std::size_t k = 0; k < arm.looks[m].size(); ++k)
        arm.looks[m][k].Subtract(of.looks[m][k]);
    for (std::size_t m = 0; m < arm.days.size(); ++m) {
      for (std::size_t d = 0; d < arm.days[m].cumulative.size(); ++d) {
        arm.days[m].cumulative[d].Subtract(of.days[m].cumulative[d]);
        arm.days[m].daily[d].Subtract(of.days[m].daily[d]);
      }
      counts(&arm.days[m].entered, of.days[m].entered);
    }
  }
  exposures -= other.exposures;
  events -= other.events;
  forced_units -= other.forced_units;
  unknown_variant_records -= other.unknown_variant_records;
  for (std::size_t m = 0; m < removed.size(); ++m) {
    removed[m].Subtract(other.removed[m]);
    covariate_removed[m].Subtract(other.covariate_removed[m]);
  }
  counts(&nonzero, other.nonzero);
  counts(&covariate_nonzero, other.covariate_nonzero);
}

absl::Status RunShard(const PassOptions& options, const std::string& unit_type, bool fallback,
                      int shard, const std::vector<std::uint32_t>* only, PassState* state) {
  ShardRun run(options, unit_type, fallback, shard, only, state);
  return run.Run();
}

absl::Status FindFallbacks(const PassOptions& options, int shard,
                           absl::flat_hash_map<std::uint64_t, std::int64_t>* since) {
  const ExperimentSpec& spec = *options.plan->spec;
  BlockContext context;
  context.plan = options.plan;
  context.companion_type = spec.unit_type;
  const Stream no_stream;
  const std::vector<store::ChunkRef> chunks =
      options.source->Chunks(spec.fallback_unit, shard, store::Lane::kExposures, spec.experiment);
  if (chunks.empty()) return absl::OkStatus();
  const absl::StatusOr<std::vector<std::uint64_t>> keys =
      options.source->Keys(spec.fallback_unit, shard);
  if (!keys.ok()) return keys.status();
  for (const store::ChunkRef& chunk : chunks) {
    Cursor<ExposureBlock> cursor(options.source, &context, &no_stream, {chunk});
    std::uint32_t found = 0;
    // Damaged chunks are named by the pass itself.
    std::vector<std::string> seen_again;
    if (absl::Status status = cursor.Seek(0, &seen_again, &found); !status.ok()) return status;
    const ExposureBlock& block = cursor.block;
    for (std::size_t i = 0; i < block.rows(); ++i) {
      if (block.companion[i] != 0 || block.iteration[i] != spec.iteration ||
          block.time[i] > spec.as_of_ms ||
          (spec.end_ms.has_value() && block.time[i] >= *spec.end_ms))
        continue;
      std::int64_t& first = since->try_emplace((*keys)[block.unit[i]], kNever).first->second;
      first = std::min(first, block.time[i]);
    }
  }
  return absl::OkStatus();
}

}  // namespace upswing::analysis
