#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sdk/wire/batch_encoder.hpp"
#include "sdk/wire/batch_id.hpp"
#include "server/simulation/life.hpp"
#include "server/simulation/world.hpp"

namespace upswing::simulation {

/// Ids of a user: the same seed and number are the same user for ever.
struct Identity {
  std::string user, device;
};
Identity IdentityOf(std::uint64_t seed, std::uint64_t number);

/// Names of what properties hold.
class Vocabulary {
 public:
  explicit Vocabulary(const World& world);

  struct Detail {
    std::string_view name;
    std::string_view text;  ///< Empty = it is a number:
    std::int64_t number = 0;
  };
  /// Properties of an event; returns their number.
  std::size_t Details(const Happening& happening, std::array<Detail, 4>* details) const;

 private:
  std::vector<std::string> categories_, creators_, products_, rooms_, topics_;
};

/// By how much the user's device is off, up to three days either way; nothing for a right clock.
/// Milliseconds.
std::optional<std::int64_t> ClockErrorOf(const World& world, std::uint64_t seed,
                                         std::uint64_t number);

/// What the experiment's catalog decided for a user at the first session.
struct Assigned {
  std::size_t variant = 0;  ///< Of `World::variants`.
  std::uint32_t iteration = 1;
  std::uint32_t phase = 0;
  std::uint8_t reason = 0;
  std::uint64_t catalog_version = 0;
};
/// Nothing if the user is not in the experiment.
using Assign =
    std::function<std::optional<Assigned>(const Person&, const Identity&, std::int64_t time_ms)>;

struct Batch {
  wire::BatchId id;
  std::string bytes;
  std::int64_t records = 0;
  /// The sender's wall clock is ahead by this.
  std::int64_t clock_error_ms = 0;
};

/// Turns a world into batches, as devices send them: users in order, offline devices later, some
/// events twice. The same world, seed and decisions make the same bytes.
class BatchMaker {
 public:
  using Take = std::function<absl::Status(Batch)>;

  /// `report_by`: attributes that exposures carry. Everything referred to outlives this.
  BatchMaker(const World& world, std::uint64_t seed, std::vector<std::string> report_by,
             Assign assign, Take take);

  /// Users [first, first + count). Returns how many came and were exposed.
  absl::StatusOr<std::int64_t> Add(std::uint64_t first, std::uint64_t count);
  /// Sends what is left.
  absl::Status Finish();

 private:
  struct Lane {
    wire::Encoder encoder;
    std::uint64_t sequence = 0;
  };
  void AddEvent(const Happening& happening, const Person& person, Lane* lane, std::uint32_t subject,
                bool with_id);
  wire::RecordTime TimeOf(const Lane* lane, std::int64_t time_ms) const;
  absl::Status Flush(Lane* lane, std::uint64_t number, std::int64_t clock_error_ms = 0);

  const World& world_;
  const std::uint64_t seed_;
  const std::vector<std::string> report_by_;
  const Assign assign_;
  const Take take_;
  const Calendar calendar_;
  const Portraits portraits_;
  const RateTable rates_;
  const Vocabulary vocabulary_;
  std::optional<std::uint64_t> first_;  // names the epoch, together with the seed
  Lane prompt_, late_;
  Lane own_;                     // of one device with a wrong clock: a batch has one clock
  std::vector<Happening> life_;  // of the user at hand
};

}  // namespace upswing::simulation
