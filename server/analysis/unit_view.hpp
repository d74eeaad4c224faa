#pragma once

#include <cstdint>
#include <vector>

#include "server/analysis/cursor.hpp"

namespace upswing::analysis {

/// One unit's events of one stream, in order, each event id once (the earliest). Columns point into
/// a block or into the view's own copies; they last until the next `Gather`.
struct UnitView {
  std::size_t size = 0;
  const std::int64_t* time = nullptr;
  const std::uint64_t* event_id = nullptr;  ///< Null = none has one.
  const std::uint64_t* ref_id = nullptr;
  std::vector<const double*> values;
  std::vector<const std::uint8_t*> pass;
  std::vector<const std::uint64_t*> identity;
};

/// Brings the events of one unit together from all runs of a stream.
class StreamReader {
 public:
  StreamReader(const store::RecordSource* source, const BlockContext* context, const Stream* stream,
               const std::vector<store::ChunkRef>& chunks);

  /// Units must rise from call to call.
  absl::Status Gather(std::uint32_t unit, std::vector<std::string>* unreadable);
  /// Narrows the view to events of the gathered unit that stand beside `companion`; may be called
  /// again for another. The context must ask for companions.
  void Filter(std::uint64_t companion);

  const UnitView& view() const { return view_; }
  std::int64_t records() const { return records_; }

 private:
  struct Copy {  // columns of the rows that came from several blocks
    std::vector<std::int64_t> time;
    std::vector<std::uint32_t> order;
    std::vector<std::uint64_t> event_id, ref_id, companion;
    std::vector<std::vector<double>> values;
    std::vector<std::vector<std::uint8_t>> pass;
    std::vector<std::vector<std::uint64_t>> identity;
  };
  void Append(EventBlock* block, std::size_t begin, std::size_t end);
  void TakeCopies(const std::vector<std::uint32_t>& rows);
  void ClearGathered();

  bool companions_;
  std::vector<Cursor<EventBlock>> cursors_;
  std::vector<std::uint32_t> at_;  // unit at which each cursor stands
  std::size_t first_ = 0;          // cursor and row that the view points at
  std::size_t first_begin_ = 0;
  Copy gathered_, sorted_;
  std::vector<std::uint32_t> rows_;  // of gathered_, in order
  UnitView view_;
  std::int64_t records_ = 0;
};

}  // namespace upswing::analysis
