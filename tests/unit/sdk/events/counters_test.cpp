#include "sdk/events/counters.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace upswing::events {
namespace {

using wire::DropReason;

class Counting : public ::testing::Test {
 protected:
  // As a server does.
  const wire::Batch& Sent() {
    wire::Encoder encoder;
    counters_.WriteTo(&encoder);
    wire::BatchHeader header;
    header.id = {1, 2, 3};
    const absl::Status status = decoder_.Decode(encoder.Finish(header), wire::Limits(), &batch_);
    EXPECT_TRUE(status.ok()) << status;
    return batch_;
  }
  std::size_t Rows() const {
    return batch_.decisions.size() + batch_.dropped_exposures.size() + batch_.dropped_events.size();
  }
  // Of the dropped events whose names there was no room for.
  std::uint64_t Nameless(DropReason reason) {
    std::uint64_t count = 0;
    for (const wire::DroppedEvents& row : batch_.dropped_events)
      if (row.name == 0 && row.reason == static_cast<std::uint8_t>(reason)) count += row.count;
    return count;
  }

  Counters counters_;
  wire::Decoder decoder_;
  wire::Batch batch_;
};

TEST_F(Counting, SendsWhatChangedAndAllOfItAgainWhenAsked) {
  counters_.DropEvent("purchase", DropReason::kQueueFull, 2);
  counters_.AddDecision("exp", "on", 3, 2, 1);
  Sent();
  EXPECT_EQ(Rows(), 2u);
  Sent();
  EXPECT_EQ(Rows(), 0u);
  counters_.DropEvent("purchase", DropReason::kQueueFull);
  ASSERT_EQ(Sent().dropped_events.size(), 1u);
  EXPECT_EQ(batch_.dropped_events[0].count, 3u);
  EXPECT_EQ(Rows(), 1u);
  counters_.WriteAllAgain();
  Sent();
  EXPECT_EQ(Rows(), 2u);
}

TEST_F(Counting, StaysWithinWhatAServerTakesWhateverCallersName) {
  constexpr std::uint64_t kNames = 10'000;
  for (std::uint64_t i = 0; i < kNames; ++i) {
    const std::string name = "name " + std::to_string(i);
    counters_.AddDecision(name, "on", 1, 1, 1);
    for (const DropReason reason : {DropReason::kQueueFull, DropReason::kConflict}) {
      counters_.DropExposure(name, "on", reason);
      counters_.DropEvent(name, reason);
    }
  }
  Sent();
  EXPECT_LE(Rows(), wire::Limits().counter_rows);
  EXPECT_GT(Rows(), wire::Limits().counter_rows - 100) << "names stay apart while there is room";
  EXPECT_EQ(counters_.dropped(), 4 * kNames);
  std::uint64_t evaluated = 0;
  for (const wire::DecisionCounter& row : batch_.decisions) evaluated += row.evaluated;
  EXPECT_EQ(evaluated, kNames) << "what has no name any more is counted all the same";
  std::uint64_t dropped = 0;
  for (const wire::DroppedExposures& row : batch_.dropped_exposures) dropped += row.count;
  for (const wire::DroppedEvents& row : batch_.dropped_events) dropped += row.count;
  EXPECT_EQ(dropped, 4 * kNames);
}

TEST_F(Counting, TakesLittleRoomForLongNames) {
  constexpr std::uint64_t kNames = 1'000;
  for (std::uint64_t i = 0; i < kNames; ++i)
    counters_.DropEvent(std::string(4'000, 'n') + std::to_string(i), DropReason::kInvalid);
  Sent();
  EXPECT_GT(Nameless(DropReason::kInvalid), kNames / 2);
  EXPECT_LT(Nameless(DropReason::kInvalid), kNames);
}

// A server refuses the whole batch for such a name, and the caller's mistake would cost the records
// of others.
TEST_F(Counting, LeavesOutNamesThatAreTooLongOrNoText) {
  counters_.DropEvent(std::string(5'000, 'n'), DropReason::kInvalid, 2);
  counters_.DropEvent("\xff\xfe", DropReason::kInvalid, 3);
  counters_.DropExposure("\xff", "on", DropReason::kInvalid);
  counters_.AddDecision("exp", "\xff", 1, 1, 1);
  Sent();
  EXPECT_EQ(Rows(), 3u);
  EXPECT_EQ(Nameless(DropReason::kInvalid), 5u);
}

}  // namespace
}  // namespace upswing::events
