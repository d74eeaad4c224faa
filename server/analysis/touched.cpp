#include "server/analysis/touched.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <string>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "sdk/base/hash.hpp"
#include "server/analysis/block.hpp"
#include "server/analysis/calendar.hpp"
#include "server/analysis/evaluate.hpp"
#include "server/analysis/parallel.hpp"

namespace upswing::analysis {
namespace {

using store::ChunkRef;
using store::Lane;

// Times beyond this (285 million years) are left to the cold path, so that sums do not overflow.
constexpr std::int64_t kFar = std::int64_t{1} << 62;

/// Sums per unit of hashes of its rows: equal for equal sets of rows, in whatever chunks.
using Prints = absl::flat_hash_map<std::uint32_t, std::uint64_t>;

class RowHash {
 public:
  void Add(std::uint64_t bits) { state_ = base::Mix(state_ ^ bits) + 0x9e3779b97f4a7c15ULL; }
  void Add(double value) { Add(std::bit_cast<std::uint64_t>(value)); }
  std::uint64_t Value() const { return base::Mix(state_); }

 private:
  std::uint64_t state_ = 1;
};

void AddPrints(EventBlock* block, std::uint64_t sign, std::uint32_t below, Prints* prints) {
  const std::vector<std::uint32_t>& order = block->Order();
  for (std::size_t i = 0; i < block->rows() && block->unit[i] < below; ++i) {
    RowHash hash;
    hash.Add(static_cast<std::uint64_t>(block->time[i]));
    hash.Add(std::uint64_t{order[i]});
    hash.Add(block->event_id.empty() ? 0 : block->event_id[i]);
    hash.Add(block->ref_id.empty() ? 0 : block->ref_id[i]);
    hash.Add(block->companion.empty() ? 0 : block->companion[i]);
    for (const auto& column : block->values) hash.Add(column[i]);
    for (const auto& column : block->pass) hash.Add(std::uint64_t{column[i]});
    for (const auto& column : block->identity) hash.Add(column[i]);
    (*prints)[block->unit[i]] += sign * hash.Value();
  }
}

void AddPrints(ExposureBlock* block, std::uint64_t sign, std::uint32_t below, Prints* prints) {
  std::vector<std::uint64_t> texts;
  for (const std::string& text : block->strings) texts.push_back(base::Hash64(text));
  for (std::size_t i = 0; i < block->rows() && block->unit[i] < below; ++i) {
    RowHash hash;
    hash.Add(static_cast<std::uint64_t>(block->time[i]));
    hash.Add(std::uint64_t{block->order[i]});
    hash.Add(texts[block->variant_text[i]]);
    hash.Add(std::uint64_t{block->iteration[i]});
    hash.Add(std::uint64_t{block->phase[i]});
    hash.Add(std::uint64_t{block->reason[i]});
    hash.Add(block->companion.empty() ? 0 : block->companion[i]);
    for (const auto& column : block->attributes) hash.Add(texts[column[i]]);
    (*prints)[block->unit[i]] += sign * hash.Value();
  }
}

class Finder {
 public:
  Finder(const Analysis& before, const Analysis& after) : before_(before), after_(after) {
    std::tie(from_, to_) = std::minmax(before.spec().as_of_ms, after.spec().as_of_ms);
    // What happened beyond the last day was counted on that day, and has one of its own now.
    if (after.calendar().days() > before.calendar().days())
      from_ = std::min(from_, before.calendar().Start(before.calendar().days()) - 1);
    context_.plan = &after.plan();
    context_.companion_type = after.spec().observation_unit;
    for (const CompiledMetric& metric : after.plan().metrics) AddTurns(metric);
    turns_.push_back({from_ + 1, to_ + 1});  // records that come into sight
  }

  // The share of rows that lie in chunks which one snapshot alone has.
  double Changed() const;
  absl::Status Shard(int shard, std::vector<std::uint32_t>* before,
                     std::vector<std::uint32_t>* after) const;

 private:
  struct Difference {
    std::vector<ChunkRef> gone, added, kept;
  };

  void AddTurns(const CompiledMetric& metric);
  std::vector<ChunkRef> Chunks(const Analysis& of, int shard, Lane lane,
                               const std::string& name) const {
    return of.source().Chunks(of.spec().unit_type, shard, lane, name);
  }
  Difference Compare(int shard, Lane lane, const std::string& name) const;
  template <typename Block>
  absl::Status AddDifference(const Difference& difference, const Stream& stream,
                             std::uint32_t below, Prints* prints) const;
  absl::Status AddInTime(const std::vector<ChunkRef>& chunks, const std::vector<Interval>& times,
                         std::uint32_t below, absl::flat_hash_set<std::uint32_t>* units) const;

  const Analysis& before_;
  const Analysis& after_;
  std::int64_t from_ = 0;
  std::int64_t to_ = 0;
  BlockContext context_;
  // Exposures at these times may begin windows whose state changes.
  std::vector<Interval> turns_;
};

// Times of first exposure whose window closes, or is taken as complete, in (from_, to_].
void Finder::AddTurns(const CompiledMetric& metric) {
  const Evaluator evaluator(&after_.plan(), &after_.calendar());
  if (evaluator.Closes(metric, 0) == std::numeric_limits<std::int64_t>::max()) return;
  // Closing times never fall with the time of exposure, so that the times asked for are a stretch.
  const auto first_after = [&](std::int64_t time) {
    std::int64_t low = time - Calendar::kDayMs * 4000;
    std::int64_t high = time + 1;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (evaluator.Closes(metric, middle) > time) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  };
  for (const std::int64_t later : {std::int64_t{0}, after_.spec().lateness_ms}) {
    const Interval turn{first_after(from_ - later), first_after(to_ - later)};
    if (turn.from < turn.to) turns_.push_back(turn);
  }
}

Finder::Difference Finder::Compare(int shard, Lane lane, const std::string& name) const {
  Difference difference;
  absl::flat_hash_set<std::uint64_t> old;
  for (const ChunkRef& chunk : Chunks(before_, shard, lane, name)) old.insert(chunk.id);
  for (const ChunkRef& chunk : Chunks(after_, shard, lane, name))
    (old.erase(chunk.id) > 0 ? difference.kept : difference.added).push_back(chunk);
  for (const ChunkRef& chunk : Chunks(before_, shard, lane, name))
    if (old.contains(chunk.id)) difference.gone.push_back(chunk);
  return difference;
}

double Finder::Changed() const {
  std::int64_t changed = 0;
  std::int64_t all = 0;
  const auto add = [&](int shard, Lane lane, const std::string& name) {
    const Difference difference = Compare(shard, lane, name);
    for (const auto* list : {&difference.gone, &difference.added, &difference.kept})
      for (const ChunkRef& chunk : *list) all += chunk.rows;
    for (const auto* list : {&difference.gone, &difference.added})
      for (const ChunkRef& chunk : *list) changed += chunk.rows;
  };
  for (int shard = 0; shard < after_.source().shards(); ++shard) {
    add(shard, Lane::kExposures, after_.spec().experiment);
    for (const Stream& stream : after_.plan().streams) add(shard, Lane::kEvents, stream.event);
  }
  return static_cast<double>(changed) / static_cast<double>(std::max<std::int64_t>(1, all));
}

template <typename Block>
absl::Status Finder::AddDifference(const Difference& difference, const Stream& stream,
                                   std::uint32_t below, Prints* prints) const {
  Block block;
  const auto add = [&](const Analysis& of, const std::vector<ChunkRef>& chunks,
                       std::uint64_t sign) -> absl::Status {
    for (const ChunkRef& chunk : chunks) {
      absl::StatusOr<std::string> bytes = of.source().Read(chunk);
      if (!bytes.ok()) return bytes.status();
      absl::Status status = block.Load(context_, stream, *std::move(bytes));
      if (!status.ok()) return status;
      AddPrints(&block, sign, below, prints);
    }
    return absl::OkStatus();
  };
  if (absl::Status status = add(before_, difference.gone, ~std::uint64_t{0}); !status.ok())
    return status;
  return add(after_, difference.added, 1);
}

// Units with records at these times.
absl::Status Finder::AddInTime(const std::vector<ChunkRef>& chunks,
                               const std::vector<Interval>& times, std::uint32_t below,
                               absl::flat_hash_set<std::uint32_t>* units) const {
  std::vector<std::uint32_t> unit;
  std::vector<std::int64_t> time;
  for (const ChunkRef& chunk : chunks) {
    const auto meets = [&](const Interval& in) {
      return chunk.max_time_ms >= in.from && chunk.min_time_ms < in.to;
    };
    if (chunk.min_unit >= below || std::none_of(times.begin(), times.end(), meets)) continue;
    const absl::StatusOr<std::string> bytes = after_.source().Read(chunk);
    if (!bytes.ok()) return bytes.status();
    const absl::StatusOr<store::ChunkReader> reader = store::ChunkReader::Open(*bytes);
    absl::Status status = reader.status();
    if (status.ok()) status = reader->Read(store::ColumnId::kUnit, &unit);
    if (status.ok()) status = reader->Read(store::ColumnId::kTime, &time);
    if (!status.ok()) return status;
    for (std::size_t i = 0; i < unit.size() && unit[i] < below; ++i)
      for (const Interval& in : times)
        if (time[i] >= in.from && time[i] < in.to) units->insert(unit[i]);
  }
  return absl::OkStatus();
}

absl::Status Finder::Shard(int shard, std::vector<std::uint32_t>* before,
                           std::vector<std::uint32_t>* after) const {
  const std::string& type = after_.spec().unit_type;
  // From here on a number may mean different units in the two snapshots: all of these are touched.
  const std::uint32_t stable =
      std::min(before_.source().StableUnits(type, shard), after_.source().StableUnits(type, shard));
  Prints prints;
  absl::flat_hash_set<std::uint32_t> units;
  const auto look = [&](Lane lane, const std::string& name, const Stream& stream,
                        const std::vector<Interval>& times) -> absl::Status {
    const Difference difference = Compare(shard, lane, name);
    absl::Status status = lane == Lane::kEvents
                              ? AddDifference<EventBlock>(difference, stream, stable, &prints)
                              : AddDifference<ExposureBlock>(difference, stream, stable, &prints);
    if (status.ok()) status = AddInTime(difference.kept, times, stable, &units);
    if (status.ok()) status = AddInTime(difference.added, times, stable, &units);
    for (const auto& [unit, print] : prints)
      if (print != 0) units.insert(unit);
    prints.clear();
    return status;
  };
  absl::Status status = look(Lane::kExposures, after_.spec().experiment, {}, turns_);
  for (const Stream& stream : after_.plan().streams)
    if (status.ok()) status = look(Lane::kEvents, stream.event, stream, {turns_.back()});
  if (!status.ok()) return status;
  before->assign(units.begin(), units.end());
  std::sort(before->begin(), before->end());
  *after = *before;
  for (std::uint32_t unit = stable; unit < before_.source().Units(type, shard); ++unit)
    before->push_back(unit);
  for (std::uint32_t unit = stable; unit < after_.source().Units(type, shard); ++unit)
    after->push_back(unit);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<Touched>> FindTouched(const Analysis& before, const Analysis& after,
                                                   double most_changed) {
  for (const Analysis* analysis : {&before, &after})
    if (std::abs(analysis->spec().as_of_ms) > kFar || !analysis->spec().fallback_unit.empty())
      return std::optional<Touched>();
  const Finder finder(before, after);
  if (finder.Changed() > most_changed) return std::optional<Touched>();
  Touched touched;
  const int shards = after.source().shards();
  touched.before.resize(static_cast<std::size_t>(shards));
  touched.after.resize(static_cast<std::size_t>(shards));
  absl::Status status = InParallel(after.threads(), shards, [&](int, int shard) {
    return finder.Shard(shard, &touched.before[static_cast<std::size_t>(shard)],
                        &touched.after[static_cast<std::size_t>(shard)]);
  });
  if (!status.ok()) return status;
  return touched;
}

}  // namespace upswing::analysis
