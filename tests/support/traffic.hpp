#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "sdk/wire/batch_encoder.hpp"

namespace upswing::testing {

/// Synthetic records of a short-video shop, for measuring and training: what a device or a server
/// would put into batches.
struct TrafficOptions {
  std::uint64_t seed = 1;
  /// Device traffic: one user and device, records in the order of a session. Server traffic: every
  /// record of another user.
  bool one_user = true;
  /// Names of events, properties and experiments: the metric pack's; made of words that the
  /// dictionary was trained with; or made of words that it never saw.
  enum class Names { kPack, kTraining, kUnseen };
  Names names = Names::kPack;
};

/// One record with strings of its own.
struct TrafficRecord {
  bool is_exposure = false;
  std::vector<std::pair<std::string, std::string>> units;
  std::string name;     ///< Of the experiment or the event.
  std::string variant;  ///< Of an exposure.
  double value = 1;
  std::int64_t boot_ms = 0;
  struct Property {
    std::string name;
    wire::ValueType type;
    std::string text;
    std::int64_t integer = 0;
    double number = 0;
  };
  std::vector<Property> properties;
  std::uint64_t event_id = 0;
  std::uint64_t ref_id = 0;
  /// Entropy of ids inside properties and of event ids, in bits: what no codec can save.
  double id_bits = 0;
};

class Traffic {
 public:
  explicit Traffic(const TrafficOptions& options);
  TrafficRecord Next();

  /// A header as a client would write it, for a batch formed now.
  wire::BatchHeader Header();

  /// Entropy of one record's unit ids in bits, for server traffic.
  static constexpr double kServerIdBits = 40;

 private:
  struct EventKind;
  std::string Name(const std::string& pack_name);
  std::uint64_t Pick(std::uint64_t n) { return random_() % n; }

  TrafficOptions options_;
  std::mt19937_64 random_;
  std::uint64_t word_seed_;
  std::string user_;
  std::string device_;
  std::int64_t boot_ms_;
  std::uint64_t sequence_ = 0;
  std::uint64_t epoch_hi_, epoch_lo_, boot_id_;
  std::int64_t wall_offset_;
};

/// Adds a record to an encoder.
void AddTo(const TrafficRecord& record, wire::Encoder* encoder);

}  // namespace upswing::testing
