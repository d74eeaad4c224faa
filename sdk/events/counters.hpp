#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "sdk/wire/batch.hpp"
#include "sdk/wire/batch_encoder.hpp"

namespace upswing::events {

/// The cumulative counters of an epoch: what was decided, and what was dropped and why. Any thread
/// may call.
class Counters {
 public:
  void AddDecision(std::string_view experiment, std::string_view variant, std::uint64_t evaluated,
                   std::uint64_t exposed, std::uint64_t queued);
  void DropExposure(std::string_view experiment, std::string_view variant, wire::DropReason reason,
                    std::uint64_t count = 1);
  void DropEvent(std::string_view name, wire::DropReason reason, std::uint64_t count = 1);

  /// Counts every record of a batch as dropped; for bytes that do not decode, as `records` records
  /// without a name.
  void DropBatch(std::string_view bytes, wire::DropReason reason, std::uint32_t exposures,
                 std::uint32_t events);
  /// Counts records [first, first + count) of a batch (numbered as in the answer) as dropped.
  void DropRange(const wire::Batch& batch, std::uint32_t first, std::uint32_t count,
                 wire::DropReason reason);

  /// Writes the rows that changed since they were last written. They are cumulative, so that the
  /// server keeps the largest value of a row and a lost batch loses nothing for longer than until
  /// the next change or `Reset`.
  void WriteTo(wire::Encoder* encoder);
  /// Makes the next `WriteTo` write all rows.
  void WriteAllAgain();

  /// Sum of all drops for `reason`.
  std::uint64_t dropped(wire::DropReason reason) const;
  std::uint64_t dropped() const;

 private:
  /// What the rows of all tables may take, so that a batch can carry all of them at once. Of these
  /// some are kept for rows without a name, a few per table.
  static constexpr std::size_t kMaxRows = wire::Limits().counter_rows - 64;
  static constexpr std::size_t kMaxNameBytes = wire::Limits().counter_name_bytes;

  struct Decisions {
    std::uint64_t evaluated = 0;
    std::uint64_t exposed = 0;
    std::uint64_t queued = 0;
    bool changed = false;
  };
  struct Drops {
    std::uint64_t count = 0;
    bool changed = false;
  };
  using DecisionKey = std::tuple<std::string, std::string>;
  /// (name or experiment, variant, reason); the variant is empty for events.
  using DropKey = std::tuple<std::string, std::string, std::uint8_t>;
  /// Compares keys with views of keys; Clang 14 cannot with `std::less<>` over tuples of both.
  struct Less {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      const int first = std::string_view(std::get<0>(a)).compare(std::get<0>(b));
      if (first != 0) return first < 0;
      const int second = std::string_view(std::get<1>(a)).compare(std::get<1>(b));
      if (second != 0) return second < 0;
      if constexpr (std::tuple_size_v < A >> 2) return std::get<2>(a) < std::get<2>(b);
      return false;
    }
  };
  using DropTable = std::map<DropKey, Drops, Less>;

  void Drop(DropTable* table, std::string_view name, std::string_view variant,
            wire::DropReason reason, std::uint64_t count);
  /// Whether there may be one more row of this name, which no batch has to be refused for: it comes
  /// from callers. Without, it is counted in a row without a name.
  bool Admit(std::string_view name, std::string_view variant);

  mutable std::mutex mutex_;  // all below
  std::map<DecisionKey, Decisions, Less> decisions_;
  DropTable exposures_;
  DropTable events_;
  std::size_t rows_ = 0;        // that have a name
  std::size_t name_bytes_ = 0;  // of those
};

}  // namespace upswing::events
