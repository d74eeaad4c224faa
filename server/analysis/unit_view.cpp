#include "server/analysis/unit_view.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "absl/container/flat_hash_set.h"

namespace upswing::analysis {
namespace {

constexpr std::size_t kFewRows = 16;

// True if an event id (not 0) comes twice.
bool HasRepeats(const std::uint64_t* ids, std::size_t size) {
  if (size < 2) return false;
  if (size <= kFewRows) {
    for (std::size_t i = 1; i < size; ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (ids[i] != 0 && ids[i] == ids[j]) return true;
    return false;
  }
  absl::flat_hash_set<std::uint64_t> seen;
  for (std::size_t i = 0; i < size; ++i)
    if (ids[i] != 0 && !seen.insert(ids[i]).second) return true;
  return false;
}

}  // namespace

StreamReader::StreamReader(const store::RecordSource* source, const BlockContext* context,
                           const Stream* stream, const std::vector<store::ChunkRef>& chunks)
    : companions_(!context->companion_type.empty()) {
  std::size_t begin = 0;
  while (begin < chunks.size()) {
    std::size_t end = begin;
    while (end < chunks.size() && chunks[end].run == chunks[begin].run) ++end;
    cursors_.emplace_back(
        source, context, stream,
        std::vector<store::ChunkRef>(chunks.begin() + static_cast<std::ptrdiff_t>(begin),
                                     chunks.begin() + static_cast<std::ptrdiff_t>(end)));
    begin = end;
  }
  at_.assign(cursors_.size(), 0);
  for (Copy* copy : {&gathered_, &sorted_}) {
    copy->values.resize(stream->values.size());
    copy->pass.resize(stream->filters.size());
    copy->identity.resize(stream->identities.size());
  }
  view_.values.resize(stream->values.size());
  view_.pass.resize(stream->filters.size());
  view_.identity.resize(stream->identities.size());
}

void StreamReader::Append(EventBlock* block, std::size_t begin, std::size_t end) {
  const auto append = [&](auto* to, const auto& from) {
    to->insert(to->end(), from.begin() + static_cast<std::ptrdiff_t>(begin),
               from.begin() + static_cast<std::ptrdiff_t>(end));
  };
  const std::size_t rows = end - begin;
  append(&gathered_.time, block->time);
  append(&gathered_.order, block->Order());
  for (auto [to, from] : {std::pair(&gathered_.event_id, &block->event_id),
                          std::pair(&gathered_.ref_id, &block->ref_id),
                          std::pair(&gathered_.companion, &block->companion)}) {
    if (from->empty()) {
      to->resize(to->size() + rows, 0);
    } else {
      append(to, *from);
    }
  }
  for (std::size_t i = 0; i < block->values.size(); ++i)
    append(&gathered_.values[i], block->values[i]);
  for (std::size_t i = 0; i < block->pass.size(); ++i) append(&gathered_.pass[i], block->pass[i]);
  for (std::size_t i = 0; i < block->identity.size(); ++i)
    append(&gathered_.identity[i], block->identity[i]);
}

// Points the view at copies of the given rows of `gathered_`, without repeated event ids.
void StreamReader::TakeCopies(const std::vector<std::uint32_t>& rows) {
  std::vector<std::uint32_t> kept;
  absl::flat_hash_set<std::uint64_t> seen;
  for (const std::uint32_t row : rows) {
    const std::uint64_t id = gathered_.event_id[row];
    if (id == 0 || seen.insert(id).second) kept.push_back(row);
  }
  const auto take = [&](auto* to, const auto& from) {
    to->resize(kept.size());
    for (std::size_t i = 0; i < kept.size(); ++i) (*to)[i] = from[kept[i]];
  };
  take(&sorted_.time, gathered_.time);
  take(&sorted_.event_id, gathered_.event_id);
  take(&sorted_.ref_id, gathered_.ref_id);
  for (std::size_t i = 0; i < sorted_.values.size(); ++i)
    take(&sorted_.values[i], gathered_.values[i]);
  for (std::size_t i = 0; i < sorted_.pass.size(); ++i) take(&sorted_.pass[i], gathered_.pass[i]);
  for (std::size_t i = 0; i < sorted_.identity.size(); ++i)
    take(&sorted_.identity[i], gathered_.identity[i]);
  view_.size = kept.size();
  view_.time = sorted_.time.data();
  view_.event_id = sorted_.event_id.data();
  view_.ref_id = sorted_.ref_id.data();
  for (std::size_t i = 0; i < sorted_.values.size(); ++i)
    view_.values[i] = sorted_.values[i].data();
  for (std::size_t i = 0; i < sorted_.pass.size(); ++i) view_.pass[i] = sorted_.pass[i].data();
  for (std::size_t i = 0; i < sorted_.identity.size(); ++i)
    view_.identity[i] = sorted_.identity[i].data();
}

absl::Status StreamReader::Gather(std::uint32_t unit, std::vector<std::string>* unreadable) {
  view_.size = 0;
  rows_.clear();
  bool copied = false;
  bool found = false;
  for (std::size_t c = 0; c < cursors_.size(); ++c) {
    Cursor<EventBlock>& cursor = cursors_[c];
    if (at_[c] > unit) continue;
    absl::Status status = cursor.Seek(unit, unreadable, &at_[c]);
    if (!status.ok()) return status;
    if (at_[c] != unit) continue;
    std::size_t begin = cursor.position;
    std::size_t end = cursor.EndOf(unit);
    records_ += static_cast<std::int64_t>(end - begin);
    EventBlock& block = cursor.block;
    if (!found && !companions_ && end < block.rows() &&
        (block.event_id.empty() || !HasRepeats(block.event_id.data() + begin, end - begin))) {
      // The usual case: all in one block and sorted there. Whether another run has some is seen
      // later.
      view_.size = end - begin;
      view_.time = block.time.data() + begin;
      view_.event_id = block.event_id.empty() ? nullptr : block.event_id.data() + begin;
      view_.ref_id = block.ref_id.empty() ? nullptr : block.ref_id.data() + begin;
      for (std::size_t i = 0; i < block.values.size(); ++i)
        view_.values[i] = block.values[i].data() + begin;
      for (std::size_t i = 0; i < block.pass.size(); ++i)
        view_.pass[i] = block.pass[i].data() + begin;
      for (std::size_t i = 0; i < block.identity.size(); ++i)
        view_.identity[i] = block.identity[i].data() + begin;
      found = true;
      first_ = c;
      first_begin_ = begin;
      cursor.position = end;
      at_[c] = block.unit[end];
      continue;
    }
    if (!copied) {
      ClearGathered();
      copied = true;
      if (found) Append(&cursors_[first_].block, first_begin_, first_begin_ + view_.size);
    }
    found = true;
    // A unit's rows may go on in the run's next chunk.
    while (begin < end) {
      Append(&block, begin, end);
      cursor.position = end;
      status = cursor.Seek(unit, unreadable, &at_[c]);
      if (!status.ok()) return status;
      if (at_[c] != unit) break;
      begin = cursor.position;
      end = cursor.EndOf(unit);
      records_ += static_cast<std::int64_t>(end - begin);
    }
  }
  if (!copied) return absl::OkStatus();
  std::vector<std::uint32_t> rows(gathered_.time.size());
  std::iota(rows.begin(), rows.end(), 0);
  // The order of `store::SortRows`, so that it cannot be seen how records were spread over runs.
  std::sort(rows.begin(), rows.end(), [&](std::uint32_t a, std::uint32_t b) {
    const Copy& g = gathered_;
    if (g.time[a] != g.time[b]) return g.time[a] < g.time[b];
    if (g.order[a] != g.order[b]) return g.order[a] < g.order[b];
    if (g.event_id[a] != g.event_id[b]) return g.event_id[a] < g.event_id[b];
    if (g.ref_id[a] != g.ref_id[b]) return g.ref_id[a] < g.ref_id[b];
    return std::bit_cast<std::uint64_t>(g.values[0][a]) <
           std::bit_cast<std::uint64_t>(g.values[0][b]);
  });
  rows_ = std::move(rows);
  TakeCopies(rows_);
  return absl::OkStatus();
}

void StreamReader::ClearGathered() {
  Copy& g = gathered_;
  g.time.clear();
  g.order.clear();
  g.event_id.clear();
  g.ref_id.clear();
  g.companion.clear();
  for (auto& column : g.values) column.clear();
  for (auto& column : g.pass) column.clear();
  for (auto& column : g.identity) column.clear();
  rows_.clear();
}

void StreamReader::Filter(std::uint64_t companion) {
  std::vector<std::uint32_t> rows;
  for (const std::uint32_t row : rows_)
    if (gathered_.companion[row] == companion) rows.push_back(row);
  TakeCopies(rows);
}

}  // namespace upswing::analysis
