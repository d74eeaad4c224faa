#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace upswing::analysis {

/// Where the order statistics that are looked for lie, as far as the passes made so far know.
/// Starts as "anywhere".
struct Narrowing {
  struct Range {
    std::uint64_t first = 0;  ///< Keys (see `Selection`), both inclusive.
    std::uint64_t last = ~std::uint64_t{0};
    std::int64_t below = 0;  ///< Numbers below the range.
  };
  std::vector<Range> ranges = {Range{}};  ///< Ascending and disjoint.
  int shift = 64;                         ///< A range spans 2^shift keys.
};

/// Exact order statistics of more numbers than memory holds. The same numbers are added in every
/// pass; a pass that cannot keep those in question counts them in buckets instead and narrows down
/// where the next one has to look. At most four passes: each settles 16 more bits.
///
/// Numbers are compared as doubles (-0 is 0); NaN must not be added.
class Selection {
 public:
  /// `narrowing` outlives this. Keeps up to `most` numbers (8 bytes each), or up to 2^16 counters
  /// per range.
  Selection(const Narrowing* narrowing, std::size_t most) : narrowing_(narrowing), most_(most) {}

  void Add(double value);
  /// Numbers of the same pass, added elsewhere.
  void Merge(Selection&& other);
  /// All numbers added, in question or not.
  std::int64_t count() const { return count_; }

  /// Looks up the numbers at `ranks` (1 = smallest; ascending, in [1, count()]). True: `values` has
  /// them. False: `next` says where the next pass has to look.
  bool Find(const std::vector<std::int64_t>& ranks, std::vector<double>* values, Narrowing* next);

 private:
  const Narrowing::Range* RangeOf(std::uint64_t key) const;
  void Count();
  int bucket_shift() const { return narrowing_->shift - 16; }

  const Narrowing* narrowing_;
  std::size_t most_;
  std::int64_t count_ = 0;
  std::vector<std::uint64_t> kept_;  // keys in question, unless they are counted
  bool counting_ = false;
  absl::flat_hash_map<std::uint64_t, std::int64_t> buckets_;  // key >> bucket_shift() -> numbers
};

/// Rank of the inverted CDF at `level` among `count` numbers: the smallest number with at least
/// that share of them at or below it. `count` must be at least 1.
std::int64_t RankAt(double level, std::int64_t count);

}  // namespace upswing::analysis
