#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace upswing::client {

/// Remembers the latest exposure of each (unit, experiment), so that a repeat is not logged again:
/// variant, iteration and compiled experiment must be the same, and the last log less than 24 h
/// ago. So A -> B -> A logs three times.
///
/// A 4-way set of single 64-bit words: 24 bits tell entries of a set apart, 24 bits are a
/// fingerprint of what was exposed, 16 bits the time. Reading and writing are one atomic step each,
/// without a lock; two threads that expose the same unit at the same moment may both log it, which
/// the server takes for one. A word is mistaken for another with probability 2^-46 per look-up.
/// When a set is full, its oldest entry goes.
class ExposureMemory {
 public:
  /// `entries`: a power of two, at least 4; 8 bytes each, touched as they are used.
  explicit ExposureMemory(std::size_t entries);

  /// `who` is a hash of unit and experiment, `what` one of variant, iteration and compiled
  /// experiment.
  bool IsRepeat(std::uint64_t who, std::uint64_t what, std::int64_t boot_ms) const;

  /// To be called once the queue has taken the record.
  void Remember(std::uint64_t who, std::uint64_t what, std::int64_t boot_ms);

  void Clear();

 private:
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::size_t kWays = 4;
  struct Free {
    void operator()(Word* words) const { std::free(words); }
  };

  Word* SetOf(std::uint64_t who) const;

  std::size_t set_mask_;
  std::unique_ptr<Word, Free> words_;
};

}  // namespace upswing::client
