#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "platform/port/clock.hpp"
#include "platform/port/file_system.hpp"
#include "sdk/assignment/evaluate.hpp"
#include "sdk/catalog/interner.hpp"
#include "upswing/decision.hpp"

namespace upswing::client {

/// Assignments that experiments with `sticky` keep on this device: 8,192 of them, in a file of at
/// most 256 KiB. Reading and keeping take one atomic step each, allocate nothing and wait for
/// nobody; only `Load`, `Save` and `Clear` touch the file.
///
/// A 16-way set of single 64-bit words: 40 bits tell entries of a set apart, 12 bits number the
/// pair (variant, version), 12 bits the day of last use. In a full set the entry that was not used
/// for longest goes. An entry is mistaken for another once in 2^36 look-ups. Ids are hashed: the
/// file holds none.
class StickyStore final : public assignment::StickyReader {
 public:
  static constexpr std::size_t kEntries = 8192;
  static constexpr std::size_t kMaxFileBytes = std::size_t{256} << 10;

  /// An empty `path` keeps assignments in memory only. `interner` outlives the store.
  StickyStore(std::string path, port::FileSystem* files, const port::Clock* clock,
              catalog::Interner* interner);

  /// Adds what the file holds; a file that is damaged or of another format is an error and changes
  /// nothing.
  absl::Status Load();

  /// Any thread. An assignment that is stored under `version` or a later one stays as it is and is
  /// marked as used; an older one is replaced.
  void Keep(std::string_view unit_type, std::string_view unit_id, std::string_view experiment,
            Symbol variant, std::uint32_t version);

  std::optional<assignment::StickyAssignment> Find(std::string_view unit_type,
                                                   std::string_view unit_id,
                                                   std::string_view experiment) const override;

  /// Writes the file if anything changed since. Assignments that another process has put there
  /// meanwhile are kept, and were first. One thread at a time, as for `Load` and `Clear`.
  absl::Status Save();

  /// Forgets everything and removes the file.
  void Clear();

 private:
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::size_t kWays = 16;
  static constexpr std::size_t kSets = kEntries / kWays;
  static constexpr std::size_t kMaxPairs = 4096;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  struct Pair {
    Symbol variant;
    std::uint32_t version = 0;
  };
  struct Place {
    std::size_t set;
    std::uint64_t tag;
  };

  static Place PlaceOf(std::string_view unit_type, std::string_view unit_id,
                       std::string_view experiment);
  std::optional<std::uint64_t> NumberOf(Symbol variant, std::uint32_t version);
  std::uint64_t Today() const;
  void Put(std::size_t set, std::uint64_t word);

  const std::string path_;
  port::FileSystem* const files_;
  const port::Clock* const clock_;
  catalog::Interner* const interner_;

  // Zero pages until they are used. A word of 0 is free.
  std::unique_ptr<Word, Free> words_;
  std::unique_ptr<Pair, Free> pairs_;  // kMaxPairs; [0, pair_count_) never change
  std::atomic<std::uint32_t> pair_count_{0};
  std::mutex pairs_mutex_;  // adding a pair, which happens once per variant
  std::atomic<bool> changed_{false};
};

}  // namespace upswing::client
